//! Several processes behind one address (`[instances]`), and the store that they share (`[store]`).

use serde::Serialize;

use super::Config;
use super::read::Reader;

/// The most processes that one machine is asked for.
const MOST: u64 = 64;

/// Several processes behind one address (`[instances]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instances {
    /// How many. More than one share a store, which is PostgreSQL then. Default 1.
    pub count: usize,
    /// How one of them is chosen for a request.
    pub dispatch: Dispatch,
}

/// How one of several instances is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dispatch {
    /// The one with the fewest requests under way.
    #[default]
    ShortestQueue,
    /// In turn.
    RoundRobin,
}

/// Where results are kept (`[store]`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Store {
    /// What keeps them.
    pub backend: Backend,
    /// Of the database, for PostgreSQL; `None`: one of its own in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What keeps results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// SQLite in the data folder, for one process.
    #[default]
    Sqlite,
    /// PostgreSQL, for any number.
    Postgres,
}

impl Default for Instances {
    fn default() -> Self {
        Instances { count: 1, dispatch: Dispatch::default() }
    }
}

pub(super) fn instances(read: Reader<'_>) -> Instances {
    let default = Instances::default();
    let count = read.whole("count", 1..=MOST).and_then(|count| usize::try_from(count).ok());
    let instances = Instances {
        count: count.unwrap_or(default.count),
        dispatch: match read.text("dispatch").as_deref() {
            None => default.dispatch,
            Some("shortest-queue") => Dispatch::ShortestQueue,
            Some("round-robin") => Dispatch::RoundRobin,
            Some(other) => read
                .reject("dispatch", format!("is '{other}'"), "write \"shortest-queue\" or \"round-robin\"")
                .unwrap_or(default.dispatch),
        },
    };
    read.finish();
    instances
}

pub(super) fn store(read: Reader<'_>) -> Store {
    let store = Store {
        backend: match read.text("backend").as_deref() {
            None | Some("sqlite") => Backend::Sqlite,
            Some("postgres") => Backend::Postgres,
            Some(other) => read
                .reject("backend", format!("is '{other}'"), "write \"sqlite\" or \"postgres\"")
                .unwrap_or_default(),
        },
        url: read.text("url"),
    };
    if store.url.is_some() && store.backend == Backend::Sqlite {
        read.reject::<()>("url", "is for PostgreSQL", "write backend = \"postgres\" beside it");
    }
    read.finish();
    store
}

/// What several instances must have in common, and cannot have.
pub(super) fn together(root: &Reader<'_>, config: &Config) {
    if config.instances.count == 1 {
        return;
    }
    if config.store.backend == Backend::Sqlite {
        let hint = "several instances share one: write [store] backend = \"postgres\"";
        root.reject::<()>("store.backend", "is a store for one process", hint);
    }
    let hint = "leave it out, or write instances.count = 1";
    if config.tls.is_some() {
        root.reject::<()>("tls", "is not spoken in front of several instances", hint);
    }
    if config.bucket.address.is_some() {
        root.reject::<()>("bucket.address", "would see the balancer only", hint);
    }
}
