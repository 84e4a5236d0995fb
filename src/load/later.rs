//! What is not due yet: thinking journeys, and arrivals that an answer or a message brought.

use std::cmp::Ordering;
use std::sync::Arc;

use super::live::Live;
use super::vars::Vars;
use crate::journey::Due;
use crate::scenario::Arrival;
use crate::units::Offset;

/// Something that becomes due. The greatest is the earliest, as a binary heap gives out its greatest first; of equal
/// instants, that of the lower number.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) at: Offset,
    pub(super) number: u64,
    pub(super) what: Pending,
}

/// What becomes due.
#[derive(Debug)]
pub(super) enum Pending {
    /// A journey begins, perhaps with variables of the message that brought it.
    Arriving(Arrival, Option<Arc<Vars>>),
    /// A journey goes on.
    Thinking(Box<Live>, Due),
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Later {}
