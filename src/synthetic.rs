//! The domain's data: invented people, their results, and the bodies that carry them, in test number ranges only.
//!
//! The one module that both engines share and that knows what the scenario is about. Everything about a person is drawn
//! from the seed and the [`Subject`] of the entry, so that the reader of a message, who knows no more than the reference
//! in it, has the birth date that the sender wrote. What a journey sends is the same in all its tries: reference, sample
//! number and idempotency key do not change when a client repeats itself.

mod account;
mod body;
mod calendar;
mod facts;
mod fhir;
mod hl7;
mod json;
mod person;
mod preload;
#[cfg(test)]
mod tests;
mod value;

pub use account::AccountId;
pub use body::{GENERATORS, entries, generate, is_generator};
pub use facts::{DEVICES, POSITIVE_SHARE};
pub use person::Person;
pub use preload::preload_line;
pub use value::{VALUES, is_value, value};

use crate::rng::Key;
use crate::scenario::Subject;

/// For whom and when something is made.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The seed of the run.
    pub seed: u64,
    /// The entry in question; of a batch, its first item.
    pub subject: Subject,
    /// The journey's own key ([`crate::scenario::Arrival::key`]): the same in all its tries.
    pub key: Key,
    /// The key of the present request (`Journey::key`): another at every try.
    pub visit: Key,
    /// Index of the step whose request is made: two steps of a journey have two idempotency keys.
    pub step: u16,
    /// The account the journey is made with.
    pub account: Option<AccountId<'a>>,
    /// The scenario's day, `2022-01-05`.
    pub date: &'a str,
    /// Scenario time of the journey's arrival (not of this try), nanoseconds since midnight of that day; may lie outside
    /// of the day.
    pub arrived: i64,
}
