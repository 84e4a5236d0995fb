//! Worker slots with their queue (`[slots]`), and lanes: slots of their own for some classes (`[lane.NAME]`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::build::{count, positive};
use super::read::Reader;
use super::units::{duration_text, optional_duration_text};
use crate::class::Class;

/// Worker slots and the queue before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slots {
    /// Requests in service at once. Default 4,096.
    pub workers: usize,
    /// Waiting places; one request more is answered 503. Default 16,384.
    pub queue: usize,
    /// Who is served next. Default: first come, first served.
    pub discipline: Discipline,
    /// With `discipline = "priority"`: the number of each class, 0 first; a class that is not here has that of
    /// [`Class::priority`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub priority: BTreeMap<Class, u8>,
    /// Deadline drop with reserve: a request that has waited longer than this when its turn comes is answered 503 at
    /// once. It is the clients' deadline less the reserve that the work itself takes. `None`: everyone is served.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_duration_text")]
    pub longest_wait: Option<Duration>,
    /// A bound on the requests present that goes by how long they take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Adaptive>,
    /// What a 503 says in `Retry-After` (rounded up to whole seconds). Default 5 s.
    #[serde(serialize_with = "duration_text")]
    pub retry_after: Duration,
    /// What becomes of a request whose client has left. Default: it is served.
    pub abandoned: Abandoned,
}

/// Who is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Last come, first served; who is in service finishes.
    Lifo,
    /// The class of the lowest number first, first come, first served within a number; who is in service finishes.
    Priority,
}

/// What becomes of a request whose client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Abandoned {
    /// It waits its turn, does its work and holds its slot: wasted work.
    Serve,
    /// It gives back its waiting place or its slot at once (what was already handed to the store is still stored).
    Drop,
}

/// An adaptive limit on the requests present, waiting or in service (`[slots.limit]`): additive increase while they are
/// served within the target, multiplicative decrease while they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Adaptive {
    /// Never fewer, at least 1. Default 1.
    pub least: usize,
    /// Never more; the limit begins here.
    pub most: usize,
    /// The time from coming to leaving that it keeps to.
    #[serde(serialize_with = "duration_text")]
    pub target: Duration,
}

/// Slots of their own for some classes (`[lane.NAME]`): what happens to the others does not reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// The classes that go through it, whichever listener they come by.
    pub classes: BTreeSet<Class>,
    /// An address for a listener of its own, which serves these classes and sign-in; `None`: the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Connections open at once on its own listener. Default 1,024.
    pub connections: usize,
    /// Its slots; the keys are those of `[slots]`.
    #[serde(flatten)]
    pub slots: Slots,
}

impl Slots {
    /// The number of a class under `discipline = "priority"`, 0 first.
    pub fn priority_of(&self, class: Class) -> u8 {
        self.priority.get(&class).copied().unwrap_or(class.priority())
    }
}

impl Default for Slots {
    fn default() -> Self {
        Slots {
            workers: 4_096,
            queue: 16_384,
            discipline: Discipline::Fifo,
            priority: BTreeMap::new(),
            longest_wait: None,
            limit: None,
            retry_after: Duration::from_secs(5),
            abandoned: Abandoned::Serve,
        }
    }
}

pub(super) fn slots(read: Reader<'_>) -> Slots {
    let slots = keys(&read);
    read.finish();
    slots
}

fn keys(read: &Reader<'_>) -> Slots {
    let default = Slots::default();
    let discipline = match read.text("discipline").as_deref() {
        None => default.discipline,
        Some("fifo") => Discipline::Fifo,
        Some("lifo") => Discipline::Lifo,
        Some("priority") => Discipline::Priority,
        Some(other) => read
            .reject("discipline", format!("is '{other}'"), "write \"fifo\", \"lifo\" or \"priority\"")
            .unwrap_or(default.discipline),
    };
    let priority = read.section("priority").map(priorities).unwrap_or_default();
    if !priority.is_empty() && discipline != Discipline::Priority {
        read.reject::<()>("priority", "has no effect", "write discipline = \"priority\" too");
    }
    Slots {
        workers: count(read, "workers", 1, default.workers),
        queue: count(read, "queue", 0, default.queue),
        discipline,
        priority,
        longest_wait: read.duration("longest_wait"),
        limit: read.section("limit").and_then(limit),
        retry_after: read.duration("retry_after").unwrap_or(default.retry_after),
        abandoned: match read.text("abandoned").as_deref() {
            None => default.abandoned,
            Some("serve") => Abandoned::Serve,
            Some("drop") => Abandoned::Drop,
            Some(other) => read
                .reject("abandoned", format!("is '{other}'"), "write \"serve\" or \"drop\"")
                .unwrap_or(default.abandoned),
        },
    }
}

fn priorities(read: Reader<'_>) -> BTreeMap<Class, u8> {
    let number = |class: Class| read.whole(class.name(), 0..=u64::from(u8::MAX)).map(|value| value as u8);
    let numbers = Class::ALL
        .into_iter()
        .filter(|class| *class != Class::SignIn)
        .filter_map(|class| Some((class, number(class)?)))
        .collect();
    read.finish();
    numbers
}

fn limit(read: Reader<'_>) -> Option<Adaptive> {
    for (key, hint) in
        [("most", "the most requests present, where it begins"), ("target", "the time to keep to")]
    {
        read.required(key, hint);
    }
    let least = count(&read, "least", 1, 1);
    let most = count(&read, "most", 1, least);
    let target = positive(&read, "target", Duration::from_secs(1));
    if most < least {
        read.reject::<()>("most", "is below least", "make it at least as large");
    }
    read.finish();
    Some(Adaptive { least, most, target })
}

/// The lanes by name; a class stands in one of them at most.
pub(super) fn lanes(tables: Vec<(String, Reader<'_>)>) -> BTreeMap<String, Lane> {
    let mut lanes: BTreeMap<String, Lane> = BTreeMap::new();
    for (name, read) in tables {
        if ["main", "issuer"].contains(&name.as_str()) {
            read.reject_here("is the name of other slots", "choose another one");
        }
        read.name(&name);
        read.required("classes", "the classes that go through the lane, as in [\"lab\"]");
        let classes = read.classes("classes").unwrap_or_default();
        if classes.contains(&Class::SignIn) {
            read.reject::<()>("classes", "has sign-in", "it has slots of its own: [issuer]");
        }
        for (other, lane) in &lanes {
            for class in lane.classes.intersection(&classes) {
                let problem = format!("{class} is in lane.{other} too");
                read.reject::<()>("classes", problem, "a class goes through one lane");
            }
        }
        let listen = read.address("listen");
        let connections = count(&read, "connections", 1, 1_024);
        let slots = slots(read);
        lanes.insert(name, Lane { classes, listen, connections, slots });
    }
    lanes
}
