//! The tables of a population: who comes when, with which patience, and what they try again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::key::{Key, List, Map};
use super::super::leaf::{LawText, Name, Window, Word, Words};
use super::{ExponentialTable, LawForm, LogNormalTable, StepTable, TextOr, TimeOfDayTable, TriangularTable};
use crate::scenario::{ByteRate, Connection, Http, RetryFrom, Sources};
use crate::units::{Rate, Span};

/// A kind of client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Population")]
pub(in super::super) struct PopulationTable {
    /// `[a-z0-9-]+`.
    pub(in super::super) name: Key<Name>,
    /// False for clients that the operator does not want (robots, attackers). Default true.
    pub(in super::super) legitimate: Option<Key<bool>>,
    /// How its journeys come.
    pub(in super::super) arrivals: Key<ArrivalsTable>,
    /// The pool of accounts its journeys are made with; without one every journey is its own.
    pub(in super::super) accounts: Option<Key<AccountsTable>>,
    /// "new" (default): opened by each journey; "kept": the account's; "pool": a lane's; or { pool = 4 }: so many.
    pub(in super::super) connection: Option<Key<ConnectionForm>>,
    /// Most connections that are being opened at once; further ones wait. Default 64.
    pub(in super::super) opening: Option<Key<u32>>,
    /// Where its connections come from, a range within 127.0.0.0/8: each account, else each client, has an address.
    pub(in super::super) sources: Option<Key<Sources>>,
    /// "1.1" (default) or "2"; over TLS as the server agrees, in cleartext to a server that is known to speak it.
    pub(in super::super) http: Option<Key<Word<Http>>>,
    /// Whether its clients resume TLS sessions. Default true.
    pub(in super::super) resumption: Option<Key<bool>>,
    /// The fastest that its clients read: "200B/s". Default: as fast as they can.
    pub(in super::super) read_rate: Option<Key<ByteRate>>,
    /// Most requests of this population under way at once. Default: more than the server can hold.
    pub(in super::super) lanes: Option<Key<u32>>,
    /// A client's patience with one request, drawn once a journey. Wall time.
    pub(in super::super) timeout: Key<LawForm>,
    /// Time between an answer and the next request, unless the step says otherwise. Wall time. Default "0s".
    pub(in super::super) think: Option<Key<LawForm>>,
    /// What a client does when a request does not succeed. Default: it gives up.
    pub(in super::super) retry: Option<Key<RetryTable>>,
    /// The whole journey's patience: no retry starts later than this after its arrival. Wall time. Default: endless.
    pub(in super::super) patience: Option<Key<LawForm>>,
    /// What is done, in order.
    pub(in super::super) step: List<StepTable>,
}

/// Whose a connection is: a word, or a table.
pub(in super::super) type ConnectionForm = TextOr<Word<Connection>, PoolTable>;

/// Connections that the whole population shares.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectionPool")]
pub(in super::super) struct PoolTable {
    /// How many there are at most; whoever finds none free waits.
    pub(in super::super) pool: Key<u32>,
}

/// How journeys come: exactly one of `curve`, `rate` and `after`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Arrivals")]
pub(in super::super) struct ArrivalsTable {
    /// Along a curve of the day: a name of `[curves]`. Journeys a day = volume x all shares / batch.
    pub(in super::super) curve: Option<Key<String>>,
    /// With `curve`: how many units in the day. Default: the volume of `[unit]`.
    pub(in super::super) volume: Option<Key<Rate>>,
    /// With `curve`: what part of the volume is this population's; the numbers are multiplied, the names are for people.
    pub(in super::super) shares: Option<Map<f64>>,
    /// With `curve`: units that one journey brings. Default 1.
    pub(in super::super) batch: Option<Key<u32>>,
    /// At a constant rate of journeys: "20/s".
    pub(in super::super) rate: Option<Key<Rate>>,
    /// With `rate`: only in this stretch of the day, in whole minutes: "18:30-19:30". Default: all day.
    pub(in super::super) between: Option<Key<Window>>,
    /// After something: "message" (of the system under test), or "population.step" (its success).
    pub(in super::super) after: Option<Key<String>>,
    /// With `after`: share of the causes that bring any journey, 0 to 1. Default 1.
    pub(in super::super) share: Option<Key<f64>>,
    /// With `after`: mean journeys of a cause that brings any, at least 1. Default 1.
    pub(in super::super) journeys: Option<Key<f64>>,
    /// With `after`: when they come, in scenario time. Default: at once.
    pub(in super::super) delay: Option<List<DelayTable>>,
}

/// When a journey comes after its cause, in scenario time: exactly one law, and its weight among the delays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Delay")]
pub(in super::super) struct DelayTable {
    /// Relative weight. Default 1.
    pub(in super::super) weight: Option<Key<f64>>,
    /// So long after: "4min", "1min..5min".
    pub(in super::super) time: Option<Key<LawText>>,
    /// So long after, exponential.
    pub(in super::super) exponential: Option<Key<ExponentialTable>>,
    /// So long after, lognormal.
    pub(in super::super) lognormal: Option<Key<LogNormalTable>>,
    /// So long after, of triangular density.
    pub(in super::super) triangular: Option<Key<TriangularTable>>,
    /// At a time of day, but after the cause (the law is cut off there; a cause after its end brings them at once).
    pub(in super::super) time_of_day: Option<Key<TimeOfDayTable>>,
}

/// A pool of accounts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Accounts")]
pub(in super::super) struct AccountsTable {
    /// The kind of account, from which its ids are made.
    pub(in super::super) kind: Key<Name>,
    /// How many in life; a run of warp K has 1/K of them, as it has of the journeys.
    pub(in super::super) count: Key<u32>,
}

/// What a client does when a request does not succeed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry")]
pub(in super::super) struct RetryTable {
    /// Tries of the journey after the first. Default: for ever.
    pub(in super::super) attempts: Option<Key<u32>>,
    /// "step" (default): goes on from the step that did not succeed; "start": from the first.
    pub(in super::super) from: Option<Key<Word<RetryFrom>>>,
    /// Time before the next try, wall time: a law, or { full_jitter = { base = "1s", cap = "10min" } }.
    pub(in super::super) backoff: Key<BackoffForm>,
    /// When the attempts are used up: a pause in scenario time, then they start anew. Default: gives up.
    pub(in super::super) pause: Option<Key<LawForm>>,
    /// Waits at least as long as the server's Retry-After says. Default false.
    pub(in super::super) honour_retry_after: Option<Key<bool>>,
}

/// The time before a retry.
pub(in super::super) type BackoffForm = TextOr<LawText, BackoffTable>;

/// The time before a retry: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Backoff", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in super::super) struct BackoffTable {
    /// Uniform between zero and min(cap, base x 2^attempt).
    pub(in super::super) full_jitter: Option<Key<FullJitterTable>>,
    /// Exponential.
    pub(in super::super) exponential: Option<Key<ExponentialTable>>,
    /// Lognormal.
    pub(in super::super) lognormal: Option<Key<LogNormalTable>>,
    /// Triangular density.
    pub(in super::super) triangular: Option<Key<TriangularTable>>,
}

/// Exponential back-off with full jitter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FullJitter")]
pub(in super::super) struct FullJitterTable {
    /// Bound of the first.
    pub(in super::super) base: Key<Span>,
    /// Bound of all.
    pub(in super::super) cap: Key<Span>,
}

impl Words for Connection {
    const WORDS: &'static [(&'static str, Self)] =
        &[("new", Self::New), ("kept", Self::Kept), ("pool", Self::Pool)];
}

impl Words for Http {
    const WORDS: &'static [(&'static str, Self)] = &[("1.1", Self::One), ("2", Self::Two)];
}

impl Words for RetryFrom {
    const WORDS: &'static [(&'static str, Self)] = &[("start", Self::Start), ("step", Self::Step)];
}
