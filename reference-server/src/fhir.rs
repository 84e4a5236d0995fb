//! FHIR R4: a Bundle of type `transaction` or `batch`, answered by a Bundle of the type that belongs to it.
//!
//! One DiagnosticReport is one result: with the Patient, the Observation and the Specimen that it refers to, in entries of
//! their own or contained. The sender's reference is its identifier. Of a transaction all results are stored or none; in
//! a batch a bad one does not stop the good ones. What fields say is checked by `validate`, whatever format they came in.

mod answer;
mod bundle;
mod entry;
mod outcome;
mod resource;
mod shape;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::answer::read;
pub(crate) use self::answer::{MEDIA_TYPE, answer};
pub(crate) use self::bundle::is_batch;
pub(crate) use self::outcome::refuse;

#[cfg(test)]
mod tests;
