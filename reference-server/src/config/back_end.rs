//! Modelled parts of a back end: a pool of connections behind the slots (`[pool]`) and a commit that takes its time
//! (`[commit]`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Law;
use super::build::{class_laws, count, law};
use super::read::Reader;
use super::units::duration_text;
use crate::class::Class;

/// A pool of connections behind the slots (`[pool]`): a request that has its slot also takes a connection, for
/// max(a drawn time, its work); while it waits for one, it keeps its slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    /// Connections, taken first come, first served.
    pub connections: usize,
    /// Seed of the draws; every class draws from a stream of its own. Default 1.
    pub seed: u64,
    /// How long a connection is held at least, by the classes that have no law of their own; `None`: they take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<Law>,
    /// Laws of single classes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class: BTreeMap<Class, Law>,
}

/// How long a commit of the store takes at least (`[commit]`); what comes meanwhile is in the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// However much is in it.
    #[serde(serialize_with = "duration_text")]
    pub cycle: Duration,
    /// For each change in it, beyond that.
    #[serde(serialize_with = "duration_text")]
    pub each: Duration,
}

impl Pool {
    /// The law of the time for which a request of this class holds a connection at least; `None`: it takes none.
    pub fn law(&self, class: Class) -> Option<&Law> {
        match class {
            Class::SignIn => None,
            other => self.class.get(&other).or(self.law.as_ref()),
        }
    }
}

impl Commit {
    /// How long a commit with so many changes takes at least.
    pub fn of(self, changes: usize) -> Duration {
        self.cycle + self.each.saturating_mul(u32::try_from(changes).unwrap_or(u32::MAX))
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == Commit::default()
    }
}

pub(super) fn pool(read: Reader<'_>) -> Pool {
    read.required("connections", "how many there are");
    let pool = Pool {
        connections: count(&read, "connections", 1, 1),
        seed: read.whole("seed", 0..=i64::MAX.unsigned_abs()).unwrap_or(1),
        law: law(&read, "law"),
        class: read.section("class").map(class_laws).unwrap_or_default(),
    };
    if pool.law.is_none() && pool.class.is_empty() {
        read.reject_here(
            "has no law",
            "write how long a connection is held: law = { exponential = { mean = \"20ms\" } }",
        );
    }
    read.finish();
    pool
}

pub(super) fn commit(read: Reader<'_>) -> Commit {
    let commit = Commit {
        cycle: read.duration("cycle").unwrap_or_default(),
        each: read.duration("each").unwrap_or_default(),
    };
    read.finish();
    commit
}
