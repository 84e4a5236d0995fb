//! Incidents: what happens to the system, or who starts and stops, at a time of the day.

use std::fmt;

use super::Timeline;
use crate::units::{Offset, Span, TimeOfDay};

/// Something that happens at a time of the scenario's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// When it begins, scenario time.
    pub at: TimeOfDay,
    /// When it is over, scenario time; `None`: not in this day, or, of a killed server, when it is back.
    pub until: Option<TimeOfDay>,
    /// What happens.
    pub kind: IncidentKind,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentKind {
    /// A population begins to come; before, nobody of it did.
    PopulationStarts {
        /// Its index.
        population: u16,
        /// Its name.
        name: String,
    },
    /// Nobody new of a population comes; journeys under way go on.
    PopulationStops {
        /// Its index.
        population: u16,
        /// Its name.
        name: String,
    },
    /// The server is killed (SIGKILL) and started again on the same data and port.
    ServerKilled {
        /// From the kill to the new start, wall time. What the server needs to be ready comes on top.
        back_after: Span,
    },
    /// Sign-in is refused at once.
    IssuerDown,
    /// Sign-in takes longer.
    IssuerSlow {
        /// So much longer, wall time.
        delay: Span,
    },
    /// The store takes longer.
    StoreSlow {
        /// So much longer for each commit (of however many results), wall time.
        commit: Span,
        /// So much longer for each read, wall time.
        read: Span,
    },
    /// Instances of the server leave, and return at the end.
    InstanceLeaves {
        /// How many, at least 1 and fewer than there are.
        instances: u32,
    },
}

impl Incident {
    /// The instant of a run at which it begins.
    pub fn begins(&self, timeline: &Timeline) -> Offset {
        timeline.offset_at(self.at.nanos() as i64)
    }

    /// The instant of a run at which it is over, where a time of day says so.
    pub fn ends(&self, timeline: &Timeline) -> Option<Offset> {
        self.until.map(|until| timeline.offset_at(until.nanos() as i64))
    }

    /// Whether it happens to the server (and not among its clients): only who runs the server can make it happen.
    pub const fn is_of_server(&self) -> bool {
        !matches!(self.kind, IncidentKind::PopulationStarts { .. } | IncidentKind::PopulationStops { .. })
    }

    /// What is over when it is over: "the issuer answers again"; `None` where nothing is to be told.
    pub fn over(&self) -> Option<String> {
        Some(match &self.kind {
            IncidentKind::PopulationStarts { name, .. } => format!("{name}: nobody new comes any more"),
            IncidentKind::PopulationStops { name, .. } => format!("{name}: comes again"),
            IncidentKind::ServerKilled { .. } => return None,
            IncidentKind::IssuerDown => "the issuer answers again".to_owned(),
            IncidentKind::IssuerSlow { .. } => "the issuer is as fast as before".to_owned(),
            IncidentKind::StoreSlow { .. } => "the store is as fast as before".to_owned(),
            IncidentKind::InstanceLeaves { instances: 1 } => "the instance is back".to_owned(),
            IncidentKind::InstanceLeaves { instances } => format!("{instances} instances are back"),
        })
    }
}

/// What happens in a run: when, whether it begins then or is over, and which incident; in order of time, and of one instant
/// what ends before what begins. What began before the run and lasts begins at its start; a server that was killed before is
/// there again.
pub fn occurrences<'a>(
    incidents: impl IntoIterator<Item = &'a Incident>,
    timeline: &Timeline,
) -> Vec<(Offset, bool, &'a Incident)> {
    let (start, end) = (timeline.start(), timeline.end());
    let mut times = Vec::new();
    for incident in incidents {
        let (begins, ends) = (incident.begins(timeline), incident.ends(timeline));
        let before = begins < start && matches!(incident.kind, IncidentKind::ServerKilled { .. });
        if begins >= end || before || ends.is_some_and(|ends| ends <= start) {
            continue;
        }
        times.push((begins.max(start), true, incident));
        times.extend(ends.filter(|ends| *ends < end).map(|ends| (ends, false, incident)));
    }
    times.sort_by_key(|(at, begins, _)| (*at, *begins));
    times
}

impl IncidentKind {
    /// The word for it in scenarios and records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::PopulationStarts { .. } => "population-starts",
            Self::PopulationStops { .. } => "population-stops",
            Self::ServerKilled { .. } => "server-killed",
            Self::IssuerDown => "issuer-down",
            Self::IssuerSlow { .. } => "issuer-slow",
            Self::StoreSlow { .. } => "store-slow",
            Self::InstanceLeaves { .. } => "instance-leaves",
        }
    }
}

/// What happens, in words: "the server is killed, and started again after 5s".
impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PopulationStarts { name, .. } => write!(f, "{name}: begins to come"),
            Self::PopulationStops { name, .. } => write!(f, "{name}: nobody new comes"),
            Self::ServerKilled { back_after } => {
                write!(f, "the server is killed, and started again after {back_after}")
            }
            Self::IssuerDown => f.write_str("the issuer is down"),
            Self::IssuerSlow { delay } => write!(f, "the issuer takes {delay} longer"),
            Self::StoreSlow { commit, read } => {
                f.write_str("the store takes ")?;
                match (*commit, *read) {
                    (commit, Span::ZERO) => write!(f, "{commit} longer for each commit"),
                    (Span::ZERO, read) => write!(f, "{read} longer for each read"),
                    (commit, read) => write!(f, "{commit} longer for each commit, {read} for each read"),
                }
            }
            Self::InstanceLeaves { instances: 1 } => f.write_str("an instance leaves"),
            Self::InstanceLeaves { instances } => write!(f, "{instances} instances leave"),
        }
    }
}
