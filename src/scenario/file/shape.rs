//! The shape of a scenario file, table by table: what may stand where. The doc lines are the schema's descriptions.
//!
//! `Key<T>` must be there, `Option<Key<T>>` may be absent.

mod incident;
mod population;
mod step;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use toml::Value;

use super::key::{Found, Key, List, Map, Read, Wrong, table};
use super::leaf::{Date, LawText, Name, Window, Word, Words};
use crate::scenario::{Expect, FeederOrder, Pacing};
use crate::units::{Rate, Span, TimeOfDay};

pub(super) use incident::*;
pub(super) use population::*;
pub(super) use step::*;

/// A scenario of Peakday: one day, who comes when and does what, against which servers, and what is promised.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Scenario")]
pub(super) struct ScenarioTable {
    /// A scenario beside this one, of which this one says only what is different.
    pub(super) extends: Option<Key<String>>,
    /// One sentence for people.
    pub(super) about: Key<String>,
    /// The day that is played, in synthetic data too. Default 2022-01-05.
    pub(super) date: Option<Key<Date>>,
    /// The root of every random draw. Default 1.
    pub(super) seed: Option<Key<u64>>,
    /// Base URL of a server that already runs; loopback, or one that gives its consent.
    pub(super) target: Option<Key<String>>,
    /// A file beside the scenario with the certificates (PEM) that the target's is checked against.
    pub(super) ca: Option<Key<String>>,
    /// The promises, as in "clean{legitimate=true} >= 99%".
    pub(super) slos: Option<List<String>>,
    /// When `run` ends before its time, as in "error_rate > 50% for 10s" (wall time).
    pub(super) abort: Option<List<String>>,
    /// What a day is counted in, and how many there are.
    pub(super) unit: Option<Key<UnitTable>>,
    /// What `run` plays of the day.
    pub(super) run: Key<RunTable>,
    /// Shapes of the day, by name.
    pub(super) curves: Option<Map<CurveTable>>,
    /// Tables whose rows go into templates.
    pub(super) feeder: Option<List<FeederTable>>,
    /// The kinds of clients.
    pub(super) population: List<PopulationTable>,
    /// The server configurations that are compared.
    pub(super) server: Option<List<ServerTable>>,
    /// The request that shows that an acknowledged thing is there, once.
    pub(super) audit: Option<Key<AuditTable>>,
    /// The messages that the system under test posts to the tool.
    pub(super) messages: Option<Key<MessagesTable>>,
    /// What happens at a time of the day.
    pub(super) incident: Option<List<IncidentTable>>,
}

/// What a day is counted in, and how many there are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Unit")]
pub(super) struct UnitTable {
    /// The singular: "test".
    pub(super) name: Key<String>,
    /// How many in the day, as in "1.85M/day"; the volume of populations that say none.
    pub(super) volume: Key<Rate>,
}

/// What `run` plays of the day. Give `window`, or `duration`, or both: the window's beginning, and how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Run")]
pub(super) struct RunTable {
    /// The measured part, in scenario time: "18:50-20:05". Default: from 00:00 for `duration`.
    pub(super) window: Option<Key<Window>>,
    /// Length of the measured part in wall time: "30s".
    pub(super) duration: Option<Key<Span>>,
    /// How many times faster scenario time runs than wall time, at least 1. Rates stay, counts are divided. Default 1.
    pub(super) time_warp: Option<Key<f64>>,
    /// Multiplies every planned rate. Default 1.
    pub(super) scale: Option<Key<f64>>,
    /// Wall time before the measured part, recorded and not judged. Default "0s".
    pub(super) run_in: Option<Key<Span>>,
    /// Longest wall time after it in which answers are still awaited. Default "5s".
    pub(super) drain: Option<Key<Span>>,
    /// Journeys are judged that arrive at least this long (wall time) before its end. Default "0s".
    pub(super) settle: Option<Key<Span>>,
    /// How a load run waits for the instants at which requests are due: "timerfd" rests until then, "spin" is more exact and
    /// keeps a processor busy, "bunch" rests for half a millisecond at least, which costs less. Default "timerfd".
    pub(super) pacer: Option<Key<Word<Pacing>>>,
}

/// The shape of a day: `hours` or `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Curve", extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct CurveTable {
    /// Share of each clock hour, 0 to 23; any sum (it is made 1), absent hours are 0.
    pub(super) hours: Option<Map<f64>>,
    /// A CSV file with the columns time,weight and one row for each hour or each minute of the day.
    pub(super) file: Option<Key<String>>,
}

/// A table in a CSV file (a line with the names of the columns, then the rows): ${name.column} in templates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Feeder")]
pub(super) struct FeederTable {
    /// `[a-z0-9-]+`.
    pub(super) name: Key<Name>,
    /// The CSV file, relative to the scenario.
    pub(super) file: Key<String>,
    /// "sequential" (default): one row after the other, and from the beginning again; "random"; "once": each row once.
    pub(super) order: Option<Key<Word<FeederOrder>>>,
    /// "journey" (default): each journey has a row; "account": an account keeps its row over all journeys.
    pub(super) by: Option<Key<Word<FedBy>>>,
}

/// Who has a row of a feeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FedBy {
    Journey,
    Account,
}

/// A server configuration that is compared.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Server")]
pub(super) struct ServerTable {
    /// `[a-z0-9-]+`.
    pub(super) name: Key<Name>,
    /// The reference server's configuration file, relative to the scenario.
    pub(super) config: Option<Key<String>>,
    /// Instead of it a model of a server, relative to the scenario: for the simulation only.
    pub(super) model: Option<Key<String>>,
    /// "hold" (default): all SLOs pass; "fail": it is there to be seen falling.
    pub(super) expect: Option<Key<Word<Expect>>>,
}

/// The request that shows that an acknowledged thing is there, once. Pointers are JSON pointers (RFC 6901).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Audit")]
pub(super) struct AuditTable {
    /// Path of a GET request, with ${receipt}.
    pub(super) path: Key<crate::scenario::Template>,
    /// Pointer to the state in the answer.
    pub(super) state: Key<String>,
    /// The state of a thing that is there.
    pub(super) stored: Key<String>,
    /// Pointer to the number of copies; more than one is a duplicate.
    pub(super) copies: Option<Key<String>>,
}

/// The messages (JSON objects) that the system under test posts to the tool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Messages")]
pub(super) struct MessagesTable {
    /// JSON pointer to the sender's reference, as `${ref}` gave it.
    pub(super) reference: Key<String>,
    /// What the journeys that a message brings remember of it, by variable.
    pub(super) keep: Option<Map<ExtractTable>>,
    /// The longest that a healthy server holds a message back; what the simulation uses. Default "0s".
    pub(super) delay: Option<Key<Span>>,
    /// Generator of the entries of earlier in the day that the server has before the run, for readers who come in it.
    pub(super) preload: Option<Key<String>>,
}

/// A text or a table.
#[derive(Debug)]
pub(super) enum TextOr<A, B> {
    Text(A),
    Table(B),
}

impl<A: Read, B: Read> Read for TextOr<A, B> {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        fn widen<T, U>(found: Found<T>, wrap: fn(T) -> U) -> Found<U> {
            Found { value: wrap(found.value), written: found.written, unknown: found.unknown }
        }
        match value {
            Value::Table(_) => B::read(value).map(|found| widen(found, Self::Table)),
            _ => A::read(value).map(|found| widen(found, Self::Text)),
        }
    }
}

impl<A: JsonSchema, B: JsonSchema> JsonSchema for TextOr<A, B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}_or_{}", A::schema_name(), B::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<A>(), generator.subschema_for::<B>()] })
    }
}

/// A law of random times: "100ms", "20s..30s" (uniform), or a table.
pub(super) type LawForm = TextOr<LawText, LawTable>;

/// A law of random times: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Law", extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct LawTable {
    /// Exponential.
    pub(super) exponential: Option<Key<ExponentialTable>>,
    /// Lognormal.
    pub(super) lognormal: Option<Key<LogNormalTable>>,
    /// Triangular density.
    pub(super) triangular: Option<Key<TriangularTable>>,
}

/// An exponential law.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Exponential")]
pub(super) struct ExponentialTable {
    /// The mean.
    pub(super) mean: Key<Span>,
}

/// A lognormal law: `mean` and `cv`, or `median` and `sigma`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LogNormal")]
pub(super) struct LogNormalTable {
    /// The mean.
    pub(super) mean: Option<Key<Span>>,
    /// Coefficient of variation: standard deviation / mean.
    pub(super) cv: Option<Key<f64>>,
    /// The median.
    pub(super) median: Option<Key<Span>>,
    /// Standard deviation of the logarithm.
    pub(super) sigma: Option<Key<f64>>,
}

/// A triangular density between `from` and `to`, highest at `mode`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Triangular")]
pub(super) struct TriangularTable {
    /// Shortest.
    pub(super) from: Key<Span>,
    /// Most frequent.
    pub(super) mode: Key<Span>,
    /// Longest.
    pub(super) to: Key<Span>,
}

/// A triangular density over the day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TimeOfDayLaw")]
pub(super) struct TimeOfDayTable {
    /// Earliest.
    pub(super) from: Key<TimeOfDay>,
    /// Most frequent.
    pub(super) mode: Key<TimeOfDay>,
    /// Latest.
    pub(super) to: Key<TimeOfDay>,
}

impl Words for Pacing {
    const WORDS: &'static [(&'static str, Self)] =
        &[("timerfd", Self::Timerfd), ("spin", Self::Spin), ("bunch", Self::Bunch)];
}

impl Words for FeederOrder {
    const WORDS: &'static [(&'static str, Self)] =
        &[("sequential", Self::Sequential), ("random", Self::Random), ("once", Self::Once)];
}

impl Words for FedBy {
    const WORDS: &'static [(&'static str, Self)] = &[("journey", Self::Journey), ("account", Self::Account)];
}

impl Words for Expect {
    const WORDS: &'static [(&'static str, Self)] = &[("hold", Self::Hold), ("fail", Self::Fail)];
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
    UnitTable,
    RunTable,
    CurveTable,
    FeederTable,
    ServerTable,
    AuditTable,
    MessagesTable,
    IncidentTable,
    LawTable,
    ExponentialTable,
    LogNormalTable,
    TriangularTable,
    TimeOfDayTable,
    ScenarioTable,
    PopulationTable,
    PoolTable,
    ArrivalsTable,
    DelayTable,
    AccountsTable,
    RetryTable,
    BackoffTable,
    FullJitterTable,
    StepTable,
    BodyTable,
    KeepTable,
    ExtractTable,
    SuccessTable,
    NextTable,
);
