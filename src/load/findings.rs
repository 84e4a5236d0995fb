//! What the generator noticed of itself that bears on whether the numbers may be believed.

use super::audit::Found;
use super::lane::Floor;
use super::recorder::Aside;
use std::time::Duration;

use crate::arrivals::in_words;
use crate::record::{Event, Severity, What};
use crate::scenario::Pacing;
use crate::units::Offset;

/// Share of the offered requests that may fail for a want of this machine before the run is not to be believed.
const OURS: f64 = 0.001;

/// Tells the record.
pub(super) fn tell(floor: &Floor, descriptors: Option<u64>, at: Offset, to: &Aside) {
    let finding = |code: &str, severity, detail| {
        to.event(Event { at, what: What::Finding { code: code.to_owned(), detail, severity } });
    };
    instants(floor, &finding);
    if floor.plan.scenario.run.pacer == Pacing::Spin {
        let detail = "the pacer spins: it keeps its processor busy whatever the load, so how busy that was says nothing";
        finding("spin", Severity::Note, detail.to_owned());
    }
    let offered = floor.dispatch().offered();
    let (ours, kinds) = {
        let errors = floor.errors();
        let ours = errors.ours();
        (ours.iter().map(|(_, count)| count).sum::<u64>(), ours)
    };
    if ours > 0 {
        let share = ours as f64 / offered.max(1) as f64;
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
        let severity = if share > OURS { Severity::Invalid } else { Severity::Degraded };
        let detail = format!(
            "{ours} of {offered} requests failed here and not at the system under test: {}",
            kinds.join(", ")
        );
        finding("generator-errors", severity, detail);
    }
    let (opened, waited) = (floor.places.opened(), floor.places.waited());
    if waited > 0 {
        let detail = format!(
            "{waited} of {opened} connections waited until others of their population were open (`opening`): the system \
             was slow to take them"
        );
        finding("opening", Severity::Note, detail);
    }
    let (shaken, resumed) = floor.places.handshakes();
    if shaken + resumed > 0 {
        let detail =
            format!("{shaken} TLS sessions were begun with a full handshake, {resumed} were resumed");
        finding("handshakes", Severity::Note, detail);
    }
    if let Some(limit) = descriptors {
        let lanes = floor.dispatch().idle() as u64;
        if limit < lanes {
            let detail = format!(
                "this process may open {limit} files and has {lanes} lanes: raise the limit (ulimit -n) or lower `lanes`"
            );
            finding("file-descriptors", Severity::Note, detail);
        }
    }
}

/// Whether the intended instants are those of the planned process.
fn instants(floor: &Floor, finding: &impl Fn(&str, Severity, String)) {
    for (well, detail) in in_words(&floor.dispatch().fits(), &floor.plan.scenario) {
        finding("arrivals", if well { Severity::Note } else { Severity::Invalid }, detail);
    }
}

/// Tells the record what the server has from earlier in the day: entries, and those that could not be made.
pub(super) fn preloaded((entries, left_out): (u64, u64), took: Duration, at: Offset, to: &Aside) {
    to.event(Event { at, what: What::Preloaded { entries, seconds: took.as_secs_f64() } });
    if left_out > 0 {
        let detail = format!(
            "{left_out} entries of before the run could not be made: their populations have no accounts, or no \
             generator knows how; their readers do not come"
        );
        let code = "preload".to_owned();
        to.event(Event { at, what: What::Finding { code, detail, severity: Severity::Degraded } });
    }
}

/// Tells the record what the audit found. One that got no answer about something is no audit.
pub(super) fn audited(found: &Found, at: Offset, to: &Aside) {
    let Found { acknowledged, lost, duplicated, unanswered } = *found;
    let what = if unanswered == 0 {
        What::Audit { acknowledged, lost, duplicated }
    } else {
        let detail = format!(
            "the system gave no answer about {unanswered} of {acknowledged} receipts; of the others {lost} are not \
             stored and {duplicated} are stored more than once"
        );
        What::Finding { code: "audit".to_owned(), detail, severity: Severity::Invalid }
    };
    to.event(Event { at, what });
}

/// Tells the record that nothing was asked for again: the target wants no more requests.
pub(super) fn not_audited(at: Offset, to: &Aside) {
    let detail =
        "the target withdrew its consent, so what it acknowledged was not asked for again".to_owned();
    let what = What::Finding { code: "audit".to_owned(), detail, severity: Severity::Degraded };
    to.event(Event { at, what });
}
