//! What the generator noticed of itself that bears on whether the numbers may be believed.

use super::lane::Floor;
use super::recorder::Aside;
use crate::record::{Event, Severity, What};
use crate::units::Offset;

/// Share of the offered requests that may fail for a want of this machine before the run is not to be believed.
const OURS: f64 = 0.001;

/// Tells the record.
pub(super) fn tell(floor: &Floor, descriptors: Option<u64>, at: Offset, to: &Aside) {
    let finding = |code: &str, severity, detail| {
        to.event(Event { at, what: What::Finding { code: code.to_owned(), detail, severity } });
    };
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
