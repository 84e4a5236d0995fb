//! When journeys come: seeded, with no clock, the same for both engines to the nanosecond.
//!
//! [`planned`] merges the populations that come by themselves (a curve of the day, a constant rate); [`Followers`] says
//! which journeys a success or a message brings; [`earlier`] is what happened before the run starts and still sends
//! readers into it. Every draw hangs on the seed and on what it is for, so no population's arrivals depend on another's.
//!
//! A run warped K times keeps the instantaneous wall rates: its planned counts are those of the day divided by K.

mod conformance;
mod earlier;
mod exponential;
mod followers;
mod forecast;
mod merge;
mod stream;
#[cfg(test)]
mod tests;

pub use conformance::{Conformance, Fit, in_words};
pub use earlier::{Earlier, earlier};
pub use followers::Followers;
pub use forecast::per_minute;
pub use merge::{Planned, planned};
pub use stream::{expected, key_of};
