//! `summary.json`, field by field: the interface that other programs read (CONTRACT.md, schema version 1).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Engine;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Version of this form, 1.
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of the scenario as resolved, in hex.
    pub scenario_digest: String,
    /// Which engine ran.
    pub engine: Engine,
    /// Name of the run's folder.
    pub run_id: String,
    /// The root of every random draw.
    pub seed: u64,
    /// Wall-clock time of the start, RFC 3339.
    pub started_at: String,
    /// How many times faster than wall time the day was played.
    pub time_warp: f64,
    /// What every planned rate was multiplied by.
    pub scale: f64,
    /// The server configurations, in the order in which they ran.
    pub servers: Vec<ServerSummary>,
    /// Of the expectations: fail if one was not met, undecided if one cannot be told.
    pub verdict: Verdict,
}

/// One server configuration's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSummary {
    /// Its name.
    pub name: String,
    /// SHA-256 of its configuration, in hex; empty for a target that runs elsewhere.
    pub config_digest: String,
    /// Wall time of the measured part in seconds; of a record that was cut off, what there is of it.
    pub duration_s: f64,
    /// Of a simulated run: how many independent replications. Counts and record are of the first; response times and
    /// shares of requests are means over all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replications: Option<u32>,
    /// What was expected of it.
    pub expect: Expectation,
    /// Whether that came out; null when it cannot be told.
    pub as_expected: Option<bool>,
    /// Whether the numbers may be believed.
    pub validity: Validity,
    /// All requests of the measured part.
    pub totals: Counts,
    /// Good requests (ok, and within the step's SLO where it has one) per second of the measured part.
    pub goodput_per_s: f64,
    /// Requests of the measured part that were answered (ok, failed or shed) per second of it.
    pub throughput_per_s: f64,
    /// Offered requests per second of the measured part.
    pub offered_per_s: f64,
    /// Offered requests per second in the minute of wall time in which most were offered (the whole measured part,
    /// where it is shorter).
    pub peak_minute_offered_per_s: f64,
    /// The legitimate populations together.
    pub legitimate: Legitimate,
    /// By population.
    pub populations: Vec<PopulationSummary>,
    /// Of simulated runs: the queues inside.
    pub stations: Vec<Station>,
    /// Of simulated queueing systems: who was present at the instants asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
    /// What became of acknowledged things; null when nothing was audited.
    pub audit: Option<Audit>,
    /// What the processes used.
    pub resources: ResourceTotals,
    /// The promises.
    pub slos: Vec<SloResult>,
}

/// What is expected of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expectation {
    /// All SLOs pass.
    Hold,
    /// At least one SLO fails.
    Fail,
}

/// A judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// The record cannot tell.
    Undecided,
}

/// May the numbers be believed?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// The answer.
    pub state: ValidityState,
    /// Why it is not `valid`, and what else is worth knowing.
    pub reasons: Vec<Reason>,
}

/// How far the numbers may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValidityState {
    /// They may.
    Valid,
    /// They are less certain, or worse than the truth, for the reasons given.
    Degraded,
    /// They may not: a number is a bound at best.
    Invalid,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A short name, `[a-z-]+`.
    pub code: String,
    /// What was seen, with numbers, and what to do.
    pub detail: String,
    /// What this alone makes of the run.
    pub state: ValidityState,
}

/// What became of offered requests: offered = ok + failed + shed + timed_out + not_sent + in_flight_at_end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Due in the measured part.
    pub offered: u64,
    /// Of those, sent (offered − not_sent).
    pub sent: u64,
    /// The step's success condition held.
    pub ok: u64,
    /// An answer that was no success, or none because the connection failed.
    pub failed: u64,
    /// Refused by the server: status 429 or 503.
    pub shed: u64,
    /// The client's patience ended first.
    pub timed_out: u64,
    /// Still waiting in the generator at the end.
    pub not_sent: u64,
    /// Without an outcome at the end of the run, or of the record.
    pub in_flight_at_end: u64,
}

/// The legitimate populations of a configuration together: what its row in the table says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Legitimate {
    /// Their requests.
    pub totals: Counts,
    /// Good requests / offered requests; null when nothing was offered.
    pub goodput_share: Option<f64>,
    /// Their journeys.
    pub journeys: Journeys,
    /// done − intended, over all their offered requests: those without a success stand above every value.
    pub response_us: Quantiles,
    /// Of several replications: 95 % intervals of the means above, from the spread between replications, by the name of
    /// the field ("response_us.p99", "goodput_share", also "error_rate" and "clean_share").
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ci95: BTreeMap<String, [f64; 2]>,
}

/// One population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PopulationSummary {
    /// Its name.
    pub name: String,
    /// False for clients that the operator does not want.
    pub legitimate: bool,
    /// Its requests.
    pub totals: Counts,
    /// Good requests / offered requests; null when nothing was offered.
    pub goodput_share: Option<f64>,
    /// Its journeys.
    pub journeys: Journeys,
    /// By step.
    pub steps: Vec<StepSummary>,
    /// Of several replications: 95 % intervals of the means above, from the spread between replications, by the name of
    /// the field ("response_us.p99" of all steps together, "goodput_share", also "error_rate" and "clean_share").
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ci95: BTreeMap<String, [f64; 2]>,
}

/// Journeys that arrived in the measured part at least `settle` before its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Journeys {
    /// Their first request was offered.
    pub started: u64,
    /// They reached their end.
    pub completed: u64,
    /// Of those, with nothing in them that failed, was shed or timed out.
    pub clean: u64,
    /// They ended early.
    pub gave_up: u64,
    /// Neither, at the end of the run.
    pub unfinished: u64,
    /// What the share of clean journeys is of: started − unfinished ones in which nothing has failed yet.
    pub judged: u64,
}

/// One step of a population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepSummary {
    /// Its name.
    pub name: String,
    /// Its requests.
    pub totals: Counts,
    /// done − intended, over all offered requests: those without a success stand above every value.
    pub response_us: Quantiles,
    /// done − sent, of those answered (ok, failed or shed).
    pub service_us: Quantiles,
    /// sent − intended, of those sent.
    pub send_lag_us: Quantiles,
    /// Of several replications: 95 % intervals of the means above, from the spread between replications, by the name of
    /// the field ("response_us.p99", "error_rate").
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ci95: BTreeMap<String, [f64; 2]>,
}

/// A distribution in whole microseconds. A quantile q is the value that at least the share q of `count` does not
/// exceed; null when it falls among those that stand over every value, or when there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// How many, those over every value included.
    pub count: u64,
    /// How many stand over every value (no success).
    pub over: u64,
    /// Mean of the others.
    pub mean: Option<u64>,
    /// Median.
    pub p50: Option<u64>,
    /// 90 %.
    pub p90: Option<u64>,
    /// 95 %.
    pub p95: Option<u64>,
    /// 99 %.
    pub p99: Option<u64>,
    /// 99.9 %.
    pub p999: Option<u64>,
    /// Largest of the others.
    pub max: Option<u64>,
}

/// What became of acknowledged things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// How many were acknowledged.
    pub acknowledged: u64,
    /// Of those, not there afterwards.
    pub lost: u64,
    /// Of those, there more than once.
    pub duplicated: u64,
}

/// What the processes used over the whole record, run-in and drain included; null where nothing was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceTotals {
    /// CPU seconds of the generator.
    pub generator_cpu_s: Option<f64>,
    /// CPU seconds of the server.
    pub server_cpu_s: Option<f64>,
    /// Largest resident memory of the server in bytes.
    pub server_rss_bytes_max: Option<u64>,
}

/// A promise and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SloResult {
    /// As written.
    pub expression: String,
    /// What was seen, in `unit`; of a promise about windows the worst of them. Null where there is no number: a
    /// quantile that falls among requests without a success, or nothing to look at.
    pub observed: Option<f64>,
    /// What was promised, in `unit`.
    pub bound: f64,
    /// What both numbers are.
    pub unit: SloUnit,
    /// In words: the number with its unit, which window, or why there is no number.
    pub detail: String,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// The unit of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SloUnit {
    /// Microseconds.
    Us,
    /// A share, 0 to 1.
    Share,
    /// So many in a second.
    PerS,
    /// So many.
    Count,
}

/// A queue inside a simulated server. Counts are of replication 0; the other figures are means over replications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Station {
    /// Its name.
    pub name: String,
    /// Class of work; empty for all classes of the station together.
    pub class: String,
    /// Requests that came in the measured part.
    pub arrivals: u64,
    /// Of those, served.
    pub served: u64,
    /// Of those, turned away.
    pub blocked: u64,
    /// Of those, gone before they were served.
    pub abandoned: u64,
    /// Share of those let in that waited; null when none was.
    pub p_wait: Option<f64>,
    /// Waiting time of those let in.
    pub wait_us: Quantiles,
    /// Waiting and service time of those served.
    pub sojourn_us: Quantiles,
    /// Standard deviations of both, in microseconds; null without values.
    pub deviation_us: [Option<u64>; 2],
    /// Mean number waiting.
    pub queue_mean: f64,
    /// Mean number present.
    pub present_mean: f64,
    /// Mean number of busy servers.
    pub busy_mean: f64,
    /// busy_mean / servers; null where there are as many servers as requests.
    pub utilization: Option<f64>,
    /// Mean number of clients between two tries; null where clients are journeys.
    pub orbit_mean: Option<f64>,
    /// Share of those who came that were turned away; null when nobody came.
    pub p_block: Option<f64>,
    /// Share of those let in that lost patience; null when none was.
    pub p_abandon: Option<f64>,
    /// Served in the measured part per second of it.
    pub throughput_per_s: f64,
    /// Why requests were turned away.
    pub refused: Refusals,
    /// Of those served, whose client had gone: where abandoned work is done all the same.
    #[serde(default)]
    pub gone: u64,
    /// Server time that was spent on requests whose client had gone, in seconds.
    pub wasted_s: f64,
    /// The longest queue of the station.
    pub longest_queue: LongestQueue,
    /// How many independent runs.
    pub replications: u32,
    /// 95 % intervals of the means, from the spread between replications, by the name of the field ("p_wait",
    /// "wait_us.p99"); empty of one replication.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ci95: BTreeMap<String, [f64; 2]>,
}

/// Who was present at an instant, or in a phase of a cycle: means over replications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Name of the station.
    pub station: String,
    /// Class of work; empty for all classes of the station together.
    pub class: String,
    /// The instant or phase, in seconds.
    pub at: f64,
    /// Mean number present.
    pub mean: f64,
    /// Its 95 % interval; null of one replication.
    pub mean_ci95: Option<[f64; 2]>,
    /// Probability that none is present.
    pub p_empty: f64,
    /// Its 95 % interval; null of one replication.
    pub p_empty_ci95: Option<[f64; 2]>,
}

/// Requests turned away, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusals {
    /// No waiting place was free.
    pub full: u64,
    /// A token bucket was empty, or an adaptive limit was reached.
    pub limited: u64,
    /// They had waited too long when their turn came.
    pub late: u64,
    /// The server, or what it needs, was down, or it died while they were there.
    #[serde(default)]
    pub down: u64,
    /// A waiting room told them to ask again.
    #[serde(default)]
    pub room: u64,
}

/// The longest queue of a station (of one of its instances).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LongestQueue {
    /// The most that waited at once.
    pub most: f64,
    /// When, in seconds since the beginning of the measured part; null where nobody waited.
    pub at_s: Option<f64>,
    /// When so many waited for the last time before nobody did; null where nobody waited. From then on the queue drained.
    #[serde(default)]
    pub last_s: Option<f64>,
    /// Since when anyone had been waiting then.
    pub since_s: Option<f64>,
    /// When nobody waited any more; null: not before the end.
    pub until_s: Option<f64>,
}
