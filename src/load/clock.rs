//! The clock of a run: monotonic time, counted from the beginning of the measured part.

use tokio::time::Instant;

use crate::units::{Offset, Span};

/// Reads wall time as an [`Offset`] of the run.
///
/// It is tokio's clock, which is the machine's monotonic clock unless a test has paused it; so a test of timing needs
/// no other code than a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    zero: Instant,
}

impl Clock {
    /// The clock on which the instant `at` is now.
    pub(super) fn reading(at: Offset) -> Self {
        let now = Instant::now();
        let zero = if at.nanos() < 0 {
            now + std::time::Duration::from_nanos(at.nanos().unsigned_abs())
        } else {
            now - std::time::Duration::from_nanos(at.nanos().unsigned_abs())
        };
        Self { zero }
    }

    /// Now.
    pub(super) fn now(&self) -> Offset {
        let now = Instant::now();
        match now.checked_duration_since(self.zero) {
            Some(after) => Offset::ZERO + span(after),
            None => Offset::ZERO - span(self.zero.duration_since(now)),
        }
    }

    /// The instant of the runtime's timers that is `at`.
    pub(super) fn instant(&self, at: Offset) -> Instant {
        let nanos = std::time::Duration::from_nanos(at.nanos().unsigned_abs());
        if at.nanos() < 0 { self.zero - nanos } else { self.zero + nanos }
    }
}

/// A machine's duration in the run's integer nanoseconds (584 years at most).
pub(super) fn span(duration: std::time::Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_in_counts_up_to_zero() {
        let clock = Clock::reading(Offset::from_secs_f64(-2.0));
        assert_eq!(clock.now(), Offset::from_secs_f64(-2.0));
        tokio::time::advance(Span::from_secs(3).into()).await;
        assert_eq!(clock.now(), Offset::from_secs_f64(1.0));
        assert_eq!(clock.instant(Offset::from_secs_f64(1.0)), Instant::now());
    }
}
