//! What incidents do to a simulated server: changes of what it can do, in order of time.

use reference_server::class::Class;

use crate::scenario::{IncidentKind, Scenario, ServerModel, Timeline, occurrences};
use crate::units::Span;

/// A change of what a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Each instance of a station has so many servers; who is in service finishes.
    Servers { station: u16, servers: u32 },
    /// The server is killed: all that is at its stations is lost, and who comes finds nobody. Or it is back, empty.
    Down(bool),
    /// Requests of a class are refused at once, or no longer, but those of clients who have an entrance of their own.
    Closed { class: u16, closed: bool },
    /// A server is busy with a request of a class for so many nanoseconds longer, of those whose service begins.
    Longer { class: u16, by: i64 },
    /// So many instances of every station that has more take nobody new; who is there is served.
    Away(u32),
}

/// What incidents do in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// In order of time.
    pub(super) changes: Vec<(i64, Change)>,
    /// From when until when the server is not there, in order; they do not touch.
    pub(super) outages: Vec<(i64, i64)>,
}

/// The faults of a scenario's incidents.
pub(super) fn faults(scenario: &Scenario, timeline: &Timeline, model: &ServerModel) -> Faults {
    let mut faults = Faults::default();
    let sign_in = model.class(Class::SignIn.name());
    for (at, begins, incident) in occurrences(&scenario.incidents, timeline) {
        let at = at.nanos();
        let change = match incident.kind {
            IncidentKind::ServerKilled { back_after } => {
                let back = at.saturating_add_unsigned(back_after.nanos());
                match faults.outages.last_mut() {
                    Some((_, until)) if *until >= at => *until = back.max(*until),
                    _ => faults.outages.push((at, back)),
                }
                continue;
            }
            IncidentKind::IssuerDown => sign_in.map(|class| Change::Closed { class, closed: begins }),
            IncidentKind::IssuerSlow { delay } => {
                let by = if begins { delay.nanos() as i64 } else { 0 };
                sign_in.map(|class| Change::Longer { class, by })
            }
            IncidentKind::InstanceLeaves { instances } => {
                Some(Change::Away(if begins { instances } else { 0 }))
            }
            IncidentKind::StoreSlow { commit, read } => {
                let parts = [
                    (ServerModel::COMMIT, commit),
                    (ServerModel::RECEIPT, commit),
                    (ServerModel::ERASE, commit),
                    (ServerModel::READ, read),
                ];
                for (name, by) in parts.into_iter().filter(|(_, by)| *by > Span::ZERO) {
                    let by = if begins { by.nanos() as i64 } else { 0 };
                    let change = model.class(name).map(|class| Change::Longer { class, by });
                    faults.changes.extend(change.map(|change| (at, change)));
                }
                None
            }
            IncidentKind::PopulationStarts { .. } | IncidentKind::PopulationStops { .. } => None,
        };
        faults.changes.extend(change.map(|change| (at, change)));
    }
    for (from, until) in &faults.outages {
        faults.changes.extend([(*from, Change::Down(true)), (*until, Change::Down(false))]);
    }
    faults.changes.sort_by_key(|(at, _)| *at);
    faults
}

/// Incidents that cannot happen to this server, in words, each with the reason.
pub(super) fn impossible(scenario: &Scenario, model: &ServerModel) -> Vec<String> {
    let several = model.stations.iter().map(|station| station.instances).max().unwrap_or(1);
    let problem = |kind: &IncidentKind| match kind {
        IncidentKind::StoreSlow { .. } => {
            let none =
                [ServerModel::COMMIT, ServerModel::READ].iter().any(|name| model.class(name).is_none());
            none.then(|| "the model has no classes store-commit and store-read".to_owned())
        }
        IncidentKind::IssuerDown | IncidentKind::IssuerSlow { .. } => {
            let none = model.class(Class::SignIn.name()).is_none();
            none.then(|| "the model has no class sign-in".to_owned())
        }
        IncidentKind::InstanceLeaves { instances } => (several <= *instances)
            .then(|| format!("it needs a server of more than {instances} instances, this one has {several}")),
        _ => None,
    };
    let of = |incident: &crate::scenario::Incident| {
        Some(format!("{}: {} ({})", incident.at, incident.kind, problem(&incident.kind)?))
    };
    scenario.incidents.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Incident, example};

    #[test]
    fn kills_while_the_server_is_down_keep_it_down_until_the_last_is_over() {
        let mut scenario = example::scenario(Vec::new());
        let kill = |at: &str, seconds| Incident {
            at: at.parse().unwrap(),
            until: None,
            kind: IncidentKind::ServerKilled { back_after: Span::from_secs(seconds) },
        };
        scenario.incidents = vec![kill("18:51", 3), kill("18:52", 1), kill("18:55", 2)];
        let model = ServerModel::default();
        let faults = faults(&scenario, &example::timeline("18:50", "20:05", 60.0), &model);
        let seconds: Vec<(i64, i64)> =
            faults.outages.iter().map(|(from, to)| (from / 1_000_000_000, to / 1_000_000_000)).collect();
        assert_eq!(seconds, [(1, 4), (5, 7)]);
        let changes: Vec<Change> = faults.changes.iter().map(|(_, change)| *change).collect();
        assert_eq!(
            changes,
            [Change::Down(true), Change::Down(false), Change::Down(true), Change::Down(false)]
        );
    }
}
