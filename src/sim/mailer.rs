//! When messages go: while the server is there, and one after the other where their rate is bounded.

use crate::rng::Key;
use crate::scenario::{ServerModel, Subject};
use crate::units::Offset;

/// Hands messages over while the server is there, and one after the other where their rate is bounded.
#[derive(Debug, Clone)]
pub(super) struct Mailer {
    /// Nanoseconds between two messages; 0 without a bound.
    gap: i64,
    /// When the next may go.
    free: i64,
    /// From when until when the server is not there.
    outages: Vec<(i64, i64)>,
    /// The longest that a message waits before it is due.
    jitter: u64,
}

impl Mailer {
    /// Of a server that is not there at these times.
    pub(super) fn new(model: &ServerModel, outages: &[(i64, i64)]) -> Self {
        Self {
            gap: model.message_rate.map_or(0, |rate| (1e9 / rate).round() as i64),
            free: i64::MIN,
            outages: outages.to_vec(),
            jitter: model.message_jitter.nanos(),
        }
    }

    /// When a message that is ready at `at` goes. The random wait comes after the turn: which of the two comes first makes no
    /// difference to a message while the other is short, and messages become known in the order of their turns.
    pub(super) fn hand_over(&mut self, at: Offset, seed: u64, subject: Subject) -> Offset {
        let mut goes = at.nanos();
        if self.gap > 0 {
            goes = self.when_there(goes.max(self.free));
            self.free = goes.saturating_add(self.gap);
        }
        if self.jitter > 0 {
            let key = Key::root(seed).word("jitter").with(u64::from(subject.population));
            let key = key.with(subject.journey).with(u64::from(subject.item));
            goes = goes.saturating_add_unsigned(key.below(self.jitter));
        }
        Offset::from_nanos(self.when_there(goes))
    }

    /// The first instant from `at` on at which the server is there.
    fn when_there(&self, at: i64) -> i64 {
        let within = self.outages.iter().find(|(from, until)| (*from..*until).contains(&at));
        within.map_or(at, |(_, until)| *until)
    }
}
