//! The shape of a file of a plain queueing system, table by table; the doc lines are the schema's descriptions.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Value;

use super::super::key::{Found, Key, List, Map, Read, Wrong, table};
use super::super::leaf::{LawText, Name, Word, Words};
use super::super::shape::{ExponentialTable, LogNormalTable, TextOr, TriangularTable};
use crate::scenario::server_model::{Leaving, Per};
use crate::units::{Rate, Span, TimeOfDay};

/// A plain queueing system: stations, and customers who go from one to the next.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QueueingSystem")]
pub(super) struct SystemTable {
    /// One sentence for people.
    pub(super) about: Key<String>,
    /// The root of every random draw. Default 1.
    pub(super) seed: Option<Key<u64>>,
    /// How long it is watched, and how often.
    pub(super) run: Key<WatchTable>,
    /// Where customers wait and are served.
    pub(super) station: List<StationTable>,
    /// Who comes.
    pub(super) customers: List<CustomersTable>,
    /// Counts who is present at instants.
    pub(super) observe: Option<Key<ObserveTable>>,
}

/// How long it is watched, and how often.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Watch")]
pub(super) struct WatchTable {
    /// Time before the measured part. Default "0s": watched from its initial state on.
    pub(super) run_in: Option<Key<Span>>,
    /// Length of the measured part.
    pub(super) duration: Key<Span>,
    /// Independent runs, at least 1. Default 8.
    pub(super) replications: Option<Key<u32>>,
    /// Whether queues may grow for as long as it is watched. Default false: a load above the servers that nobody leaves is
    /// refused.
    pub(super) may_grow: Option<Key<bool>>,
}

/// Counts who is present at instants, in every replication.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Observe")]
pub(super) struct ObserveTable {
    /// Instants since the beginning of the measured part.
    pub(super) at: List<Span>,
    /// The instants are phases of cycles of this length, from the beginning of the measured part on; all whole cycles count.
    pub(super) cycle: Option<Key<Span>>,
}

/// Where customers wait and are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Station")]
pub(in super::super) struct StationTable {
    /// `[a-z0-9-]+`.
    pub(super) name: Key<Name>,
    /// Servers (of each instance). Default: as many as customers.
    pub(super) servers: Option<Key<u32>>,
    /// Waiting places (of each instance), those in service not counted. Default: without bound.
    pub(super) queue: Option<Key<u32>>,
    /// Who is served next. "fifo" (default), "lifo", "sharing" (all at once, the servers are cores), "priority" (the
    /// smallest `priority` first; who is in service finishes), "preemptive-priority" (resuming), "groups" (all who wait are
    /// served together, for the work of the first of them; without `servers`).
    pub(super) discipline: Option<Key<Word<Order>>>,
    /// With discipline "groups": so much longer for each who is served. Default "0s".
    pub(super) each: Option<Key<Span>>,
    /// Stations alike behind a dispatcher. Default 1.
    pub(super) instances: Option<Key<u32>>,
    /// "random" (default), "round-robin", "shortest-queue", "power-of-two" (the shorter of two at random, with
    /// repetition), "power-of-three", "power-of-four".
    pub(super) dispatch: Option<Key<Word<Choice>>>,
    /// Who loses patience: "drop" (default) leaves the queue or the server; "serve" is served all the same.
    pub(super) abandoned: Option<Key<Word<Leaving>>>,
    /// Who has waited longer when the turn comes is turned away.
    pub(super) longest_wait: Option<Key<Span>>,
    /// Token bucket before the queue.
    pub(super) bucket: Option<Key<BucketTable>>,
    /// Changes of the number of servers; of plain queueing systems.
    pub(in super::super) capacity: Option<List<CapacityTable>>,
    /// The same at times of day; of models of servers.
    pub(super) schedule: Option<List<ScheduleTable>>,
    /// A bound on the requests present that goes by how long they take.
    pub(super) limit: Option<Key<LimitTable>>,
    /// How long who is turned away is asked to stay away; of models of servers.
    pub(super) retry_after: Option<Key<Span>>,
}

impl StationTable {
    /// Its name, if it can be read.
    pub(in super::super) fn name_if_read(&self) -> Option<String> {
        match &self.name {
            Key::Read(found) => Some(found.value.0.clone()),
            _ => None,
        }
    }
}

/// From a time of day on there are so many servers; who is in service finishes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Schedule")]
pub(in super::super) struct ScheduleTable {
    /// Time of day.
    pub(super) at: Key<TimeOfDay>,
    /// Servers of each instance.
    pub(super) servers: Key<u32>,
}

/// An adaptive limit: additive increase while requests are served within the target, multiplicative decrease else.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AdaptiveLimit")]
pub(in super::super) struct LimitTable {
    /// Never fewer requests present, at least 1. Default 1.
    pub(super) least: Option<Key<u32>>,
    /// Never more; it begins here.
    pub(super) most: Key<u32>,
    /// The time from coming to leaving that it keeps to.
    pub(super) target: Key<Span>,
}

/// A token bucket: who finds none is turned away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Bucket")]
pub(in super::super) struct BucketTable {
    /// Tokens that come, above 0.
    pub(super) rate: Key<Rate>,
    /// Most tokens, at least 1; full at the beginning.
    pub(super) burst: Key<u32>,
    /// "station" (default): one for all; "account": one for each account of a population that has accounts; "software": one
    /// for all accounts of a population of kind "software"; "address": one for each address that clients come from.
    pub(super) per: Option<Key<Word<Per>>>,
}

/// From an instant on there are so many servers; who is in service finishes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Capacity")]
pub(in super::super) struct CapacityTable {
    /// Since the beginning of the measured part.
    pub(super) at: Key<Span>,
    /// Servers of each instance.
    pub(super) servers: Key<u32>,
}

/// A kind of customers: `station` and `work`, or `step`s.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Customers")]
pub(super) struct CustomersTable {
    /// `[a-z0-9-]+`.
    pub(super) name: Key<Name>,
    /// How they come.
    pub(super) arrivals: Key<ComingTable>,
    /// How many come together; the rate is of batches. Default 1.
    pub(super) batch: Option<Key<f64>>,
    /// "fixed" (default): always so many; "geometric": from 1 on, with `batch` as mean.
    pub(super) batch_law: Option<Key<Word<BatchLaw>>>,
    /// So many are there at the beginning, at the first station, with all of their work before them. Default 0.
    pub(super) initial: Option<Key<u32>>,
    /// The only station they go to; its name is not needed where there is only one.
    pub(super) station: Option<Key<String>>,
    /// Their work there.
    pub(super) work: Option<Key<WorkForm>>,
    /// Their priority there. Default 0.
    pub(super) priority: Option<Key<u16>>,
    /// The stations they go to.
    pub(super) step: Option<List<LegTable>>,
    /// How long they wait at each station. Default: for ever.
    pub(super) patience: Option<Key<WorkForm>>,
    /// "service" (default): patience is with waiting; "answer": it lasts until service ends.
    pub(super) patience_until: Option<Key<Word<Until>>>,
    /// What they do when turned away or out of patience. Default: they leave.
    pub(super) retry: Option<Key<ComebackTable>>,
}

/// One station of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RouteStep")]
pub(super) struct LegTable {
    /// `[a-z0-9-]+`, unique among these customers.
    pub(super) name: Key<Name>,
    /// Where.
    pub(super) station: Option<Key<String>>,
    /// The work there.
    pub(super) work: Key<WorkForm>,
    /// The priority there. Default 0.
    pub(super) priority: Option<Key<u16>>,
    /// Relative weights of the steps that may follow, by name; "end" is the way out. Default: the following step.
    pub(super) next: Option<Map<f64>>,
}

/// How customers come: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Coming")]
pub(super) struct ComingTable {
    /// Poisson: a rate, or one that changes.
    pub(super) poisson: Option<Key<ProfileForm>>,
    /// Evenly spaced: a rate, or one that changes.
    pub(super) even: Option<Key<ProfileForm>>,
    /// Independent times from one to the next, of this law.
    pub(super) renewal: Option<Key<WorkForm>>,
    /// A closed number of customers, who think and come again.
    pub(super) closed: Option<Key<ClosedTable>>,
}

/// Customers who think and come again for ever.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Closed")]
pub(super) struct ClosedTable {
    /// How many.
    pub(super) count: Key<u32>,
    /// How long one thinks, before the first time too.
    pub(super) think: Key<WorkForm>,
}

/// What they do when turned away or out of patience.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CustomersRetry")]
pub(super) struct ComebackTable {
    /// Time until the next try.
    pub(super) after: Key<WorkForm>,
    /// Chance of coming back, each time. Default 1.
    pub(super) persistence: Option<Key<f64>>,
    /// Most tries after the first. Default: without end.
    pub(super) attempts: Option<Key<u32>>,
}

/// A rate, or one that changes.
pub(super) type ProfileForm = TextOr<Rate, ProfileTable>;

/// A rate that changes: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Profile")]
pub(super) struct ProfileTable {
    /// From each time on another rate; the first holds before it too.
    pub(super) steps: Option<List<RateStepTable>>,
    /// base + amplitude sin(2 pi t / period), t since the beginning of the measured part.
    pub(super) sinusoid: Option<Key<SinusoidTable>>,
}

/// From a time on this rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RateStep")]
pub(super) struct RateStepTable {
    /// Since the beginning of the measured part.
    pub(super) from: Key<Span>,
    /// The rate from then on.
    pub(super) rate: Key<Rate>,
}

/// A sinusoid.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sinusoid")]
pub(super) struct SinusoidTable {
    /// The mean rate.
    pub(super) base: Key<Rate>,
    /// Largest deviation from it, at most the mean.
    pub(super) amplitude: Key<Rate>,
    /// Length of a cycle.
    pub(super) period: Key<Span>,
}

/// A law of work: "1s", "1s..2s" (uniform), or a table.
pub(in super::super) type WorkForm = TextOr<LawText, WorkTable>;

/// A law of work: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Work", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in super::super) struct WorkTable {
    /// Exponential.
    pub(super) exponential: Option<Key<ExponentialTable>>,
    /// Lognormal.
    pub(super) lognormal: Option<Key<LogNormalTable>>,
    /// Triangular density.
    pub(super) triangular: Option<Key<TriangularTable>>,
    /// Hyperexponential: `mean` and `scv` (balanced means), or `share` and `means`.
    pub(super) hyperexponential: Option<Key<HyperTable>>,
    /// Sum of exponential stages.
    pub(super) erlang: Option<Key<ErlangTable>>,
    /// One of these values, each as likely as the others.
    pub(super) empirical: Option<List<Span>>,
    /// Straight lines through points of the quantile function, the first at share 0, the last at 1.
    pub(super) quantiles: Option<List<QuantileTable>>,
}

/// A hyperexponential law: `mean` and `scv`, or `share` and `means`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Hyperexponential")]
pub(in super::super) struct HyperTable {
    /// The mean, of two branches that carry half of the work each.
    pub(super) mean: Option<Key<Span>>,
    /// Squared coefficient of variation, at least 1.
    pub(super) scv: Option<Key<f64>>,
    /// Probability of the first branch.
    pub(super) share: Option<Key<f64>>,
    /// The means of the two branches.
    pub(super) means: Option<List<Span>>,
}

/// A sum of exponential stages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Erlang")]
pub(in super::super) struct ErlangTable {
    /// How many, at least 1.
    pub(super) stages: Key<u32>,
    /// The mean of the sum.
    pub(super) mean: Key<Span>,
}

/// A point of a quantile function.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuantilePoint")]
pub(in super::super) struct QuantileTable {
    /// Share of all values that are not above, 0 to 1.
    pub(super) share: Key<f64>,
    /// The value.
    pub(super) value: Key<Span>,
}

/// Disciplines, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Order {
    Fifo,
    Lifo,
    Sharing,
    Priority,
    PreemptivePriority,
    Groups,
}

/// Dispatchers, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Choice {
    Random,
    RoundRobin,
    ShortestQueue,
    PowerOfTwo,
    PowerOfThree,
    PowerOfFour,
}

/// Laws of the size of a batch, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchLaw {
    Fixed,
    Geometric,
}

/// What patience is with, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Service,
    Answer,
}

impl Words for Order {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fifo", Self::Fifo),
        ("lifo", Self::Lifo),
        ("sharing", Self::Sharing),
        ("priority", Self::Priority),
        ("preemptive-priority", Self::PreemptivePriority),
        ("groups", Self::Groups),
    ];
}

impl Words for Choice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("random", Self::Random),
        ("round-robin", Self::RoundRobin),
        ("shortest-queue", Self::ShortestQueue),
        ("power-of-two", Self::PowerOfTwo),
        ("power-of-three", Self::PowerOfThree),
        ("power-of-four", Self::PowerOfFour),
    ];
}

impl Words for BatchLaw {
    const WORDS: &'static [(&'static str, Self)] = &[("fixed", Self::Fixed), ("geometric", Self::Geometric)];
}

impl Words for Until {
    const WORDS: &'static [(&'static str, Self)] = &[("service", Self::Service), ("answer", Self::Answer)];
}

impl Words for Per {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("station", Self::Station),
        ("account", Self::Account),
        ("software", Self::Software),
        ("address", Self::Address),
    ];
}

impl Words for Leaving {
    const WORDS: &'static [(&'static str, Self)] = &[("drop", Self::Drop), ("serve", Self::Serve)];
}

macro_rules! tables {
    ($($shape:ty),* $(,)?) => {$(
        impl Read for $shape {
            fn read(value: Value) -> Result<Found<Self>, Wrong> {
                table(value)
            }
        }
    )*};
}

tables!(
    SystemTable,
    WatchTable,
    ObserveTable,
    StationTable,
    BucketTable,
    CapacityTable,
    ScheduleTable,
    LimitTable,
    CustomersTable,
    LegTable,
    ComingTable,
    ClosedTable,
    ComebackTable,
    ProfileTable,
    RateStepTable,
    SinusoidTable,
    WorkTable,
    HyperTable,
    ErlangTable,
    QuantileTable,
);
