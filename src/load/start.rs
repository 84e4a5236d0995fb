//! When a run begins: as soon as all is ready, or at an instant of the wall clock that several generators share.

use std::time::{Duration, SystemTime};

use super::clock::{Clock, span};
use super::interrupt;
use super::request::RunError;
use crate::scenario::Timeline;
use crate::units::Span;

/// From the moment when all lanes are ready to the first instant of the plan.
const LEAD: Span = Span::from_millis(50);

/// The clock of a run whose run-in begins at `at`, or [`LEAD`] from now. Returns when little more than that is left, or
/// when somebody presses Ctrl-C.
///
/// # Errors
/// The instant has passed.
pub(super) async fn clock(timeline: &Timeline, at: Option<SystemTime>) -> Result<Clock, RunError> {
    let Some(at) = at else { return Ok(Clock::reading(timeline.start() - LEAD)) };
    let wait = until(at)?.saturating_sub(LEAD.into());
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = interrupt::wait() => {}
    }
    // Read again: the wall clock may have been set while we slept.
    Ok(Clock::reading(timeline.start() - span(until(at)?)))
}

fn until(at: SystemTime) -> Result<Duration, RunError> {
    at.duration_since(SystemTime::now()).map_err(|error| RunError::TooLate { late: error.duration() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example::timeline;

    #[tokio::test]
    async fn the_run_in_begins_at_the_instant_that_was_agreed() {
        let timeline = timeline("18:00", "18:01", 1.0);
        let at = SystemTime::now() + Duration::from_millis(200);
        let clock = clock(&timeline, Some(at)).await.unwrap();
        let by_the_wall = || at.duration_since(SystemTime::now()).unwrap_or_default().as_secs_f64();
        let before = by_the_wall();
        let left = timeline.start().since(clock.now()).secs_f64();
        let after = by_the_wall();
        // A millisecond for what the two clocks part in so short a time.
        assert!(before + 1e-3 > left && left > after - 1e-3, "{before} {left} {after}");
    }

    #[tokio::test]
    async fn an_instant_that_has_passed_is_an_error() {
        let timeline = timeline("18:00", "18:01", 1.0);
        let late = clock(&timeline, Some(SystemTime::now() - Duration::from_secs(3))).await.unwrap_err();
        assert!(late.to_string().contains("--start-at"), "{late}");
    }
}
