//! What the event engine foresees: ends of service and of patience.

use crate::sim::calendar::Ranked;
use crate::sim::jobs::Ticket;
use crate::sim::shelf::Kept;

/// An end of service that is foreseen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// Of this job, unless it was interrupted since.
    Job(Ticket, u32),
    /// Of the first of those who share this desk, unless someone came or left since.
    Desk(u32, u32),
}

/// An end of service or of patience, ranked by its client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead<T> {
    pub(super) rank: u64,
    pub(super) what: T,
}

impl Kept for Ending {
    fn save(&self, words: &mut Vec<u32>) {
        match *self {
            Self::Job(ticket, epoch) => {
                let [place, generation] = ticket.to_words();
                words.extend([place, generation, epoch]);
            }
            // No place has this number.
            Self::Desk(number, epoch) => words.extend([u32::MAX, number, epoch]),
        }
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        match next() {
            u32::MAX => Self::Desk(next(), next()),
            place => Self::Job(Ticket::from_words([place, next()]), next()),
        }
    }
}

impl Kept for Ticket {
    fn save(&self, words: &mut Vec<u32>) {
        words.extend(self.to_words());
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        Self::from_words([next(), next()])
    }
}

impl<T: Kept> Kept for Ahead<T> {
    fn save(&self, words: &mut Vec<u32>) {
        self.rank.save(words);
        self.what.save(words);
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        Self { rank: u64::load(next), what: T::load(next) }
    }
}

impl<T: Kept> Ranked for Ahead<T> {
    fn rank(&self) -> u64 {
        self.rank
    }
}
