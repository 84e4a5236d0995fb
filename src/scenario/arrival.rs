//! A journey that is due: what arrivals hand to an engine.

use super::Subject;
use crate::rng::Key;
use crate::units::Offset;

/// The arrival of one journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The intended instant of its first request.
    pub at: Offset,
    /// Index of its population in the scenario.
    pub population: u16,
    /// What it is about: its own entry, or the entry whose message brought it.
    pub subject: Subject,
    /// The root of all draws of this journey.
    pub key: Key,
}
