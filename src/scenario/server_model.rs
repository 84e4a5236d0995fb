//! What the simulation knows of a server: stations, and which class of work goes where.
//!
//! A [`ServerModel`] is made from the configuration of a real server ([`ServerModel::from_config`]), from a calibration,
//! or written as a plain queueing system. It can say more than the real server can be told.

mod twin;

use super::Work;
use crate::units::{Span, TimeOfDay};

/// A server, as queues.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerModel {
    /// Where work waits and is done.
    pub stations: Vec<StationModel>,
    /// What each class of work is and where it goes. A class that a step names and that is not here has no work.
    pub classes: Vec<ClassModel>,
    /// Most messages handed over per second, above 0: the others wait their turn; `None`: all at once.
    pub message_rate: Option<f64>,
    /// A message waits for a random time up to this before it is due.
    pub message_jitter: Span,
    /// Index of the class of the change that every message makes when it has gone; `None`: none.
    pub erases: Option<u16>,
    /// Token buckets before all stations, which requests pass in this order.
    pub gates: Vec<Gate>,
    /// Waiting rooms behind them and before all stations.
    pub rooms: Vec<RoomModel>,
    /// Entries that are accepted first and worked on later.
    pub intake: Option<IntakeModel>,
    /// What the server has in memory, so that requests need not ask for it again.
    pub memories: Vec<Memory>,
    /// What the server it is made from does and this does not, in words.
    pub left_out: Vec<String>,
}

/// A token bucket before all stations.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The bucket.
    pub bucket: Bucket,
    /// Indices of the classes of which every request takes a token.
    pub classes: Vec<u16>,
}

/// Asynchronous intake: a request is answered when it is accepted, and its work goes on at another station, in the order of
/// acceptance. What is accepted outlives the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeModel {
    /// Pairs of indices: a class of requests that are accepted, and the class of the work that goes on.
    pub classes: Vec<(u16, u16)>,
    /// Most that are accepted and have not got what they need; one more is turned away when its server has been busy with it.
    pub queue: u64,
}

/// Things in memory, by the entry that they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// How many there are at most, at least 1.
    pub places: u32,
    /// For how long one is believed; `None`: for ever.
    pub lifetime: Option<Span>,
}

/// What a request need not ask for while it is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spared {
    /// Index of the memory.
    pub memory: u16,
    /// The first of what its class needs that is not needed then ...
    pub from: u16,
    /// ... and how many. After the last of them it is in memory.
    pub count: u16,
}

/// A waiting room before a class of requests: sessions begin at a rate, and whoever comes faster is told to ask again.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomModel {
    /// Index of the class that it stands before.
    pub before: u16,
    /// Index of the class as which those who wait in it are shown, at a station without servers.
    pub shown: u16,
    /// Whose a place is.
    pub place: PlaceOf,
    /// Sessions that may begin per second, above 0.
    pub rate: f64,
    /// Most who wait at once; whoever comes then is turned away without a place.
    pub places: u32,
    /// Who waits asks again after this to twice this; a place that nobody has asked for in three times as long is void.
    pub poll: Span,
}

/// Whose a place in a waiting room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceOf {
    /// The link's that is asked for.
    Link,
    /// The account's; requests without an account do not wait.
    Account,
}

/// One station, or several alike behind a dispatcher.
#[derive(Debug, Clone, PartialEq)]
pub struct StationModel {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Servers of each instance: requests in service at once. `None`: as many as come.
    pub servers: Option<u32>,
    /// Waiting places of each instance; `None`: as many as come. One request more is turned away.
    pub queue: Option<u32>,
    /// Who is served next.
    pub discipline: Discipline,
    /// How many stations alike there are, at least 1, each with its own queue.
    pub instances: u32,
    /// How one of them is chosen.
    pub dispatch: Dispatch,
    /// What becomes of a request whose client has left.
    pub abandoned: Leaving,
    /// A request that has waited longer than this when its turn comes is turned away instead of served: the deadline of
    /// the work less the reserve that the work itself takes.
    pub longest_wait: Option<Span>,
    /// How long a client that is turned away is asked to stay away.
    pub retry_after: Option<Span>,
    /// A bound on the rate at which requests are let in.
    pub bucket: Option<Bucket>,
    /// Changes of the number of servers of each instance: wall time since the beginning of the measured part in
    /// nanoseconds, and the number from then on. Ordered by time. Who is in service finishes.
    pub capacity: Vec<(i64, u32)>,
    /// The same, at times of day: a run of a part of the day makes it `capacity`.
    pub schedule: Vec<(TimeOfDay, u32)>,
    /// A bound on the requests present that goes by how long they take.
    pub limit: Option<Adaptive>,
}

/// A bound on the requests present at a station, all instances together: it grows while they are served within the target
/// and shrinks when they are not (additive increase, multiplicative decrease).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    /// Never fewer, at least 1.
    pub least: u32,
    /// Never more; the limit begins here.
    pub most: u32,
    /// The time from coming to leaving that it keeps to.
    pub target: Span,
}

/// Who is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Last come, first served; who is in service finishes.
    Lifo,
    /// All at once: the servers are cores, which n requests share equally, none getting more than one core.
    Sharing,
    /// The class of the lowest number first, first come first served within a class.
    Priority {
        /// A request of a lower number interrupts one of the highest number in service, which goes on later from where it
        /// stopped, before others of its class.
        preemptive: bool,
    },
    /// All who wait are served together, as one group, for the work of the first of them and so much more for each; who
    /// comes meanwhile waits for the next group. There is no number of servers.
    Groups {
        /// For each of the group, as often as it counts.
        each: Span,
        /// Once a group counts so many, the others wait for the next; `None`: all are taken.
        most: Option<u32>,
    },
}

/// How one of several instances is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Uniformly at random.
    Random,
    /// In turn.
    RoundRobin,
    /// The one with the fewest requests present; the first of them.
    ShortestQueue,
    /// The one with fewer requests present of so many chosen at random (with repetition); the first chosen of equals.
    PowerOf(u32),
}

/// What becomes of a request whose client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It is served all the same: wasted work.
    Serve,
    /// It gives back its waiting place or its server at once.
    Drop,
}

/// A token bucket: refuses what comes faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Tokens per second, above 0.
    pub per_second: f64,
    /// Most tokens, at least 1; the bucket is full at the beginning.
    pub burst: u32,
    /// Whose it is.
    pub per: Per,
}

/// Whose a token bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Per {
    /// One for all.
    #[default]
    Station,
    /// One for each account; requests without an account are not limited.
    Account,
    /// One for each entry software: all accounts of a population whose kind of account is "software"; others are not limited.
    Software,
    /// One for each address that clients come from: where a population has `sources`, its account's or its person's; all
    /// others come from the same.
    Address,
}

/// A class of work.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassModel {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Index of its station.
    pub station: u16,
    /// How long a server is busy with it.
    pub work: Work,
    /// 0 is served first, where the station has priorities.
    pub priority: u8,
    /// In a group a request counts as often as it has entries, not once.
    pub by_entries: bool,
    /// Indices of classes of which a request in service needs one each, one after the other. It keeps its server until its
    /// own work and the last of them are done.
    pub behind: Vec<u16>,
    /// Which of these a request is spared, in order.
    pub spared: Vec<Spared>,
}

impl ClassModel {
    /// Work of a class at a station, which needs nothing behind it.
    pub fn new(name: impl Into<String>, station: u16, work: Work) -> Self {
        Self {
            name: name.into(),
            station,
            work,
            priority: 0,
            by_entries: false,
            behind: Vec::new(),
            spared: Vec::new(),
        }
    }
}

impl StationModel {
    /// A station of `servers` servers with a queue without bounds, first come first served.
    pub fn new(name: impl Into<String>, servers: Option<u32>) -> Self {
        Self {
            name: name.into(),
            servers,
            queue: None,
            discipline: Discipline::Fifo,
            instances: 1,
            dispatch: Dispatch::Random,
            abandoned: Leaving::Serve,
            longest_wait: None,
            retry_after: None,
            bucket: None,
            capacity: Vec::new(),
            schedule: Vec::new(),
            limit: None,
        }
    }
}

impl ServerModel {
    /// The index of a class of work.
    pub fn class(&self, name: &str) -> Option<u16> {
        self.classes.iter().position(|class| class.name == name).map(|index| index as u16)
    }
}
