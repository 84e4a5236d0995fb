//! The tables of a step: one request of a journey, as data.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::key::{Key, List, Map};
use super::super::leaf::{Name, StatusRanges, Word, Words};
use super::{LawForm, TextOr};
use crate::scenario::{OnFailure, Template};
use crate::units::Span;

/// One request of a journey. Exactly one of `get`, `post`, `put`, `patch`, `delete` and `head` gives method and path.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Step")]
pub(in super::super) struct StepTable {
    /// `[a-z0-9-]+`, unique in its population; "end" is taken.
    pub(in super::super) name: Key<Name>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) get: Option<Key<Template>>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) post: Option<Key<Template>>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) put: Option<Key<Template>>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) patch: Option<Key<Template>>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) delete: Option<Key<Template>>,
    /// Path below the base URL, with ${variables}.
    pub(in super::super) head: Option<Key<Template>>,
    /// Request headers, with ${variables}.
    pub(in super::super) headers: Option<Map<Template>>,
    /// The body: a text with ${variables}, { generator = "entry" } or { file = "body.json" }. Default: none.
    pub(in super::super) body: Option<Key<BodyForm>>,
    /// What is remembered of the answer, by variable.
    pub(in super::super) keep: Option<Map<KeepTable>>,
    /// What counts as success. Default: status 200-299.
    pub(in super::super) success: Option<Key<SuccessTable>>,
    /// The server's class of work. Default: the step's name.
    pub(in super::super) class: Option<Key<Name>>,
    /// Think time before this step (wall time; not before the journey's first request). Default: the population's.
    pub(in super::super) think: Option<Key<LawForm>>,
    /// Patience with this request (wall time). Default: the population's.
    pub(in super::super) timeout: Option<Key<LawForm>>,
    /// Chance that the step is played when the journey comes to it, 0 to 1. Default 1.
    pub(in super::super) chance: Option<Key<f64>>,
    /// Played only when the account's last success of it is this many journeys ago, or there was none.
    pub(in super::super) every: Option<Key<u32>>,
    /// Where the journey goes after a success: weighted steps, or "end". Default: to the following step.
    pub(in super::super) next: Option<List<NextTable>>,
    /// Where it goes when the request did not succeed: "retry" (default), "continue" or "give-up".
    pub(in super::super) on_failure: Option<Key<Word<OnFailure>>>,
    /// Latency within which a success is good (goodput).
    pub(in super::super) slo: Option<Key<Span>>,
    /// Counts as a request of the unit in sizing; false for what does not go through the worker slots. Default true.
    pub(in super::super) counted: Option<Key<bool>>,
    /// Messages that a success makes the system send. Default 0.
    pub(in super::super) messages: Option<Key<u32>>,
    /// Where the answer says the receipts of what it acknowledged.
    pub(in super::super) acknowledges: Option<Key<ExtractTable>>,
}

/// A body: a text, or a table.
pub(in super::super) type BodyForm = TextOr<Template, BodyTable>;

/// A body that is not written out: exactly one of `generator` and `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Body")]
pub(in super::super) struct BodyTable {
    /// Name of a generator of synthetic data.
    pub(in super::super) generator: Option<Key<String>>,
    /// With `generator`: how many items the body holds, 1 to 1000. Default 1.
    pub(in super::super) items: Option<Key<u16>>,
    /// A text file with ${variables}, relative to the scenario.
    pub(in super::super) file: Option<Key<String>>,
}

/// Where something stands in an answer: exactly one of its keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Extract", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in super::super) struct ExtractTable {
    /// JSON pointer (RFC 6901) into the body; * stands for every element of a list.
    pub(in super::super) json: Option<Key<String>>,
    /// Name of a response header.
    pub(in super::super) header: Option<Key<String>>,
    /// Name of a cookie that the answer sets.
    pub(in super::super) cookie: Option<Key<String>>,
    /// Regular expression over the body: its first group, or the whole match.
    pub(in super::super) regex: Option<Key<String>>,
}

/// Something remembered of an answer: where it stands, and who remembers it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Keep")]
pub(in super::super) struct KeepTable {
    /// JSON pointer (RFC 6901) into the body; * stands for every element of a list.
    pub(in super::super) json: Option<Key<String>>,
    /// Name of a response header.
    pub(in super::super) header: Option<Key<String>>,
    /// Name of a cookie that the answer sets.
    pub(in super::super) cookie: Option<Key<String>>,
    /// Regular expression over the body: its first group, or the whole match.
    pub(in super::super) regex: Option<Key<String>>,
    /// "journey" (default), or "account": remembered over journeys.
    pub(in super::super) by: Option<Key<Word<KeptBy>>>,
}

/// Who remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeptBy {
    Journey,
    Account,
}

/// What counts as success; all conditions that are given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Success")]
pub(in super::super) struct SuccessTable {
    /// Status codes: "200-299,403". Default "200-299".
    pub(in super::super) status: Option<Key<StatusRanges>>,
    /// Text that the body must contain.
    pub(in super::super) contains: Option<Key<String>>,
}

/// Where a journey goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Next")]
pub(in super::super) struct NextTable {
    /// Relative weight. Default 1.
    pub(in super::super) weight: Option<Key<f64>>,
    /// Name of a step of this population, or "end".
    pub(in super::super) step: Key<String>,
}

impl Words for KeptBy {
    const WORDS: &'static [(&'static str, Self)] = &[("journey", Self::Journey), ("account", Self::Account)];
}

impl Words for OnFailure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("retry", Self::Retry), ("continue", Self::Continue), ("give-up", Self::GiveUp)];
}
