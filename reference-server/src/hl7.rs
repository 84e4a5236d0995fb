//! HL7 v2.5.1: `ORU^R01`, one message or a batch, answered by one `ACK^R01` a message.
//!
//! One message carries one result. The sender's reference is the control id (MSH-10), the number of the sample is the
//! filler's number (OBR-3). Whatever the fields say is checked by `validate`, like an entry that comes as JSON.

mod ack;
mod answer;
mod entry;
mod envelope;
mod split;
mod time;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::answer::read;
pub(crate) use self::answer::{MEDIA_TYPE, answer};
pub(crate) use self::split::is_batch;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
