//! What an engine tells the record: requests that ended, and what became of journeys.

use serde::{Deserialize, Serialize};

use crate::scenario::Outcome;
use crate::units::{Offset, Span};

/// One request, once nothing more will happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Index of its population in the layout.
    pub population: u16,
    /// Index of its step in the population.
    pub step: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was due. Response time counts from here.
    pub intended: Offset,
    /// When the pacer let it go.
    pub released: Offset,
    /// When a lane took it up, before connecting; of a request that was not sent, the end of its wait.
    pub sent: Offset,
    /// The last byte of the answer, or the end of the wait for it.
    pub done: Offset,
}

impl Sample {
    /// The length of this request by a clock, or `None` where the clock does not apply: a request that was not sent
    /// has no lag, and one without an answer has no service time (of a timed-out one it is the client's patience).
    pub fn length(&self, clock: Clock) -> Option<Span> {
        let sent = self.outcome != Outcome::NotSent;
        match clock {
            Clock::Response => Some(self.done.since(self.intended)),
            Clock::Service => (sent && self.outcome != Outcome::InFlight).then(|| self.done.since(self.sent)),
            Clock::Lag => sent.then(|| self.sent.since(self.intended)),
            Clock::Pacer => sent.then(|| self.released.since(self.intended)),
            Clock::Lane => sent.then(|| self.sent.since(self.released)),
        }
    }
}

/// Which length of a request: all are in the record, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// done − intended: what a client feels and an SLO judges.
    Response,
    /// done − sent: what the server and the way to it took.
    Service,
    /// sent − intended: what the generator took; the sum of the next two.
    Lag,
    /// released − intended: the wait for the pacer.
    Pacer,
    /// sent − released: the wait for a free lane.
    Lane,
}

impl Clock {
    /// All clocks, in the order of the record.
    pub const ALL: [Self; 5] = [Self::Response, Self::Service, Self::Lag, Self::Pacer, Self::Lane];

    /// The word for it in tags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::Pacer => "pacer",
            Self::Lane => "lane",
        }
    }
}

/// Something that happened to a journey; all events of a journey count in the second of its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JourneyEvent {
    /// The plan, or what brought it, says that it comes.
    Planned,
    /// Its first request was offered.
    Started,
    /// The first thing in it that was not ok; at most once a journey, before its end.
    Marred,
    /// It reached its end.
    Completed {
        /// Nothing in it failed, was shed or timed out.
        clean: bool,
    },
    /// It ended early; it was [`JourneyEvent::Marred`] before.
    GaveUp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(outcome: Outcome) -> Sample {
        let at = |millis: i64| Offset::from_nanos(millis * 1_000_000);
        Sample {
            population: 0,
            step: 0,
            outcome,
            intended: at(0),
            released: at(2),
            sent: at(5),
            done: at(15),
        }
    }

    #[test]
    fn send_lag_is_the_wait_for_the_pacer_and_the_wait_for_a_lane() {
        let lengths = Clock::ALL.map(|clock| sample(Outcome::Ok).length(clock).unwrap().micros());
        assert_eq!(lengths, [15_000, 10_000, 5_000, 2_000, 3_000]);
    }

    #[test]
    fn a_request_without_an_answer_still_has_waited() {
        assert_eq!(sample(Outcome::InFlight).length(Clock::Response), Some(Span::from_millis(15)));
        assert_eq!(sample(Outcome::InFlight).length(Clock::Service), None);
        assert_eq!(sample(Outcome::NotSent).length(Clock::Response), Some(Span::from_millis(15)));
        assert_eq!(sample(Outcome::NotSent).length(Clock::Lag), None);
    }
}
