//! The table of an incident.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::key::Key;
use super::super::leaf::{Name, Word, Words};
use crate::units::{Span, TimeOfDay};

/// Something that happens at a time of the day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Incident")]
pub(in super::super) struct IncidentTable {
    /// What happens.
    pub(in super::super) kind: Key<Word<Occurrence>>,
    /// When it begins, scenario time.
    pub(in super::super) at: Key<TimeOfDay>,
    /// When it is over, scenario time. Default: not in this day.
    pub(in super::super) until: Option<Key<TimeOfDay>>,
    /// Instead of `until`: how long it lasts, scenario time.
    pub(in super::super) lasts: Option<Key<Span>>,
    /// With "population-starts" and "population-stops": which one.
    pub(in super::super) population: Option<Key<Name>>,
    /// With "server-killed": after how long it is started again, wall time.
    pub(in super::super) back_after: Option<Key<Span>>,
    /// With "issuer-slow": how much longer a sign-in takes, wall time.
    pub(in super::super) delay: Option<Key<Span>>,
    /// With "store-slow": how much longer each commit takes, wall time.
    pub(in super::super) commit: Option<Key<Span>>,
    /// With "store-slow": how much longer each read takes, wall time.
    pub(in super::super) read: Option<Key<Span>>,
    /// With "instance-leaves": how many leave. Default 1.
    pub(in super::super) instances: Option<Key<u32>>,
}

/// The kinds of incidents, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Occurrence {
    PopulationStarts,
    PopulationStops,
    ServerKilled,
    IssuerDown,
    IssuerSlow,
    StoreSlow,
    InstanceLeaves,
}

impl Occurrence {
    pub(in super::super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, meaning)| *meaning == self).map_or("", |(word, _)| word)
    }
}

impl Words for Occurrence {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("population-starts", Self::PopulationStarts),
        ("population-stops", Self::PopulationStops),
        ("server-killed", Self::ServerKilled),
        ("issuer-down", Self::IssuerDown),
        ("issuer-slow", Self::IssuerSlow),
        ("store-slow", Self::StoreSlow),
        ("instance-leaves", Self::InstanceLeaves),
    ];
}
