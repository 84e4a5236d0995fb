//! The incidents of a run as a list of what is done when, and the faults that a server is told.

use serde::Serialize;

use super::plan::Plan;
use crate::scenario::{Incident, IncidentKind, occurrences};
use crate::units::{Offset, Span};

/// Something to do at an instant of the run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    /// When, as planned.
    pub(super) at: Offset,
    pub(super) what: Doing,
    /// Name and words of the event that tells it.
    pub(super) told: (String, String),
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing: arrivals do it.
    Tell,
    /// The server is told its faults, which are these from now on.
    Faults(Faults),
    /// So many instances of the server are killed, and away until they are told to be back.
    Leave {
        /// All that are away from now on.
        away: u32,
    },
    /// The server is killed.
    Kill {
        /// From the kill to the new start.
        back_after: Span,
    },
    /// It is started again.
    Start,
}

/// The faults of a server, as it is told them: the whole state each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Faults {
    issuer_down: bool,
    sign_in_us: u64,
    commit_us: u64,
    read_us: u64,
}

impl Faults {
    /// As the server reads it.
    pub(super) fn order(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Sets (or ends) what an incident does to the server; false where it does nothing of this kind.
    fn set(&mut self, kind: &IncidentKind, lasts: bool) -> bool {
        let micros = |span: &Span| {
            if lasts { span.nanos().div_ceil(1_000) } else { 0 }
        };
        match kind {
            IncidentKind::IssuerDown => self.issuer_down = lasts,
            IncidentKind::IssuerSlow { delay } => self.sign_in_us = micros(delay),
            IncidentKind::StoreSlow { commit, read } => {
                (self.commit_us, self.read_us) = (micros(commit), micros(read));
            }
            _ => return false,
        }
        true
    }
}

/// What is done in this run, in order of time.
pub(super) fn acts(plan: &Plan) -> Vec<Act> {
    let incidents = plan.scenario.incidents.iter().filter(|incident| concerns(plan, incident));
    let times = occurrences(incidents, &plan.timeline);
    let mut faults = Faults::default();
    let mut away = 0;
    let acts = times.into_iter().filter_map(|(at, begins, incident)| {
        let word = incident.kind.word();
        let told = if begins {
            (word.to_owned(), incident.kind.to_string())
        } else {
            (format!("{word} over"), incident.over()?)
        };
        let what = match incident.kind {
            IncidentKind::ServerKilled { back_after } => Doing::Kill { back_after },
            IncidentKind::InstanceLeaves { instances } => {
                away = if begins { away + instances } else { away - instances };
                Doing::Leave { away }
            }
            _ if faults.set(&incident.kind, begins) => Doing::Faults(faults),
            _ => Doing::Tell,
        };
        Some(Act { at, what, told })
    });
    acts.collect()
}

/// Whether anybody who plays, or the server, has to do with it.
fn concerns(plan: &Plan, incident: &Incident) -> bool {
    match incident.kind {
        IncidentKind::PopulationStarts { population, .. }
        | IncidentKind::PopulationStops { population, .. } => {
            plan.populations[usize::from(population)].played
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::example;
    use crate::units::TimeOfDay;

    fn time(text: &str) -> TimeOfDay {
        text.parse().unwrap()
    }

    fn incident(at: &str, until: Option<&str>, kind: IncidentKind) -> Incident {
        Incident { at: time(at), until: until.map(time), kind }
    }

    fn plan(incidents: Vec<Incident>) -> Plan {
        let population = example::population("visitor", vec![example::step("home")]);
        let mut scenario = example::scenario(vec![population]);
        scenario.incidents = incidents;
        Plan::new(Arc::new(scenario), example::timeline("18:50", "20:05", 60.0), 1, &[], 8).unwrap()
    }

    #[test]
    fn incidents_are_done_at_their_time_of_day_and_undone_at_their_end() {
        let slow = IncidentKind::StoreSlow { commit: Span::from_millis(50), read: Span::ZERO };
        let acts = acts(&plan(vec![
            incident("19:00", Some("19:30"), IncidentKind::IssuerDown),
            incident("19:10", Some("19:20"), slow),
            incident("19:15", None, IncidentKind::ServerKilled { back_after: Span::from_secs(5) }),
        ]));
        let done: Vec<(f64, &str)> =
            acts.iter().map(|act| (act.at.secs_f64(), act.told.0.as_str())).collect();
        let expected = [
            (10.0, "issuer-down"),
            (20.0, "store-slow"),
            (25.0, "server-killed"),
            (30.0, "store-slow over"),
            (40.0, "issuer-down over"),
        ];
        assert_eq!(done, expected);
        let Doing::Faults(both) = acts[1].what else { panic!("{acts:?}") };
        assert_eq!(both.order(), r#"{"issuer_down":true,"sign_in_us":0,"commit_us":50000,"read_us":0}"#);
        assert_eq!(acts[4].what, Doing::Faults(Faults::default()));
    }

    #[test]
    fn what_began_before_the_run_holds_from_its_start_and_what_is_over_is_over() {
        let kill = IncidentKind::ServerKilled { back_after: Span::from_secs(5) };
        let acts = acts(&plan(vec![
            incident("8:00", Some("9:00"), IncidentKind::IssuerDown),
            incident("8:00", None, kill.clone()),
            incident("18:00", None, IncidentKind::IssuerSlow { delay: Span::from_secs(1) }),
            incident("20:05", None, kill),
        ]));
        assert_eq!(acts.len(), 1);
        assert_eq!((acts[0].at.secs_f64(), acts[0].told.0.as_str()), (-15.0, "issuer-slow"));
    }
}
