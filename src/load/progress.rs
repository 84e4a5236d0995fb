//! What is said of a run while it goes on, once a second.

use std::fmt;
use std::sync::Arc;

use crate::record::{Layout, Sample};
use crate::scenario::Outcome;
use crate::units::{Offset, Span};

/// Which part of a run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server is started and preloaded.
    Starting,
    /// Requests are sent, the first of them not judged.
    Playing,
    /// The last answers are awaited.
    Draining,
    /// What was acknowledged is asked for again.
    Auditing,
}

/// The state of a run, for a line on a terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Name of the server configuration.
    pub server: String,
    /// The part that is under way.
    pub phase: Phase,
    /// Now; below zero in the run-in.
    pub at: Offset,
    /// Wall time to the end of the measured part.
    pub left: Span,
    /// Requests that became due in the last second.
    pub offered: u64,
    /// Requests that were answered with success in the last second.
    pub ok: u64,
    /// Of these, those within their step's latency promise, where it has one: goodput.
    pub good: u64,
    /// Requests that the server refused in the last second.
    pub shed: u64,
    /// Requests that failed or timed out in the last second.
    pub failed: u64,
    /// 99th percentile of response time of the last second's successes; `None` without any.
    pub response_p99: Option<Span>,
    /// 99th percentile of send lag in the last second; `None` when nothing ended.
    pub lag_p99: Option<Span>,
}

/// What a caller of the engine hears.
pub type Listener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Counts a second and tells the listener of it.
pub(super) struct Tally {
    listener: Option<Listener>,
    layout: Layout,
    progress: Progress,
    responses: Vec<Span>,
    lags: Vec<Span>,
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Tally {
    pub(super) fn new(server: &str, layout: &Layout, listener: Option<Listener>) -> Self {
        let timeline = &layout.timeline;
        let progress = Progress {
            server: server.to_owned(),
            phase: Phase::Starting,
            at: timeline.start(),
            left: timeline.end().since(timeline.start()),
            offered: 0,
            ok: 0,
            good: 0,
            shed: 0,
            failed: 0,
            response_p99: None,
            lag_p99: None,
        };
        Self { listener, layout: layout.clone(), progress, responses: Vec::new(), lags: Vec::new() }
    }

    pub(super) fn phase(&mut self, phase: Phase) {
        self.progress.phase = phase;
        self.tell();
    }

    pub(super) fn offered(&mut self) {
        self.progress.offered += 1;
    }

    pub(super) fn ended(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Ok => {
                let response = sample.done.since(sample.intended);
                let step =
                    &self.layout.populations[usize::from(sample.population)].steps[usize::from(sample.step)];
                self.progress.ok += 1;
                self.progress.good += u64::from(step.slo.is_none_or(|slo| response <= slo));
                self.responses.push(response);
            }
            Outcome::Shed => self.progress.shed += 1,
            Outcome::Failed | Outcome::TimedOut => self.progress.failed += 1,
            Outcome::NotSent | Outcome::InFlight => return,
        }
        self.lags.push(sample.sent.since(sample.intended));
    }

    /// A second is over.
    pub(super) fn second(&mut self, now: Offset) {
        self.progress.at = now;
        self.progress.left = self.layout.timeline.end().since(now);
        self.progress.response_p99 = p99(&mut self.responses);
        self.progress.lag_p99 = p99(&mut self.lags);
        self.tell();
        self.responses.clear();
        self.lags.clear();
        self.progress = Progress { offered: 0, ok: 0, good: 0, shed: 0, failed: 0, ..self.progress.clone() };
    }

    fn tell(&self) {
        if let Some(listener) = &self.listener {
            listener(&self.progress);
        }
    }
}

/// The smallest value that at least 99 % of the values do not exceed.
fn p99(values: &mut [Span]) -> Option<Span> {
    let rank = (values.len() * 99).div_ceil(100).checked_sub(1)?;
    Some(*values.select_nth_unstable(rank).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_a_value_that_occurred() {
        let mut values: Vec<Span> = (1..=200).map(Span::from_millis).collect();
        assert_eq!(p99(&mut values), Some(Span::from_millis(198)));
        assert_eq!(p99(&mut [Span::ZERO]), Some(Span::ZERO));
        assert_eq!(p99(&mut []), None);
    }
}
