//! Integer time and rates, with a unit in every printed and parsed value.
//!
//! Two clocks exist (scenarios/README.md): *scenario time* is the day that is played, *wall time* is what people,
//! machines and servers live in. [`Offset`] and [`Span`] are used for both; [`TimeOfDay`] is always scenario time.

mod rate;
mod span;
mod time_of_day;

pub use rate::Rate;
pub(crate) use span::rounded;
pub use span::{Offset, Span};
pub use time_of_day::TimeOfDay;

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: u64 = 1_000_000_000;

/// What is wrong with a written value, and how it should have been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (write {hint})")]
pub struct ParseError {
    /// What was found, quoted.
    pub problem: String,
    /// An example of the right form.
    pub hint: &'static str,
}

impl ParseError {
    pub(crate) fn new(problem: impl Into<String>, hint: &'static str) -> Self {
        Self { problem: problem.into(), hint }
    }
}
