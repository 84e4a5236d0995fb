//! What goes into the store and what comes out of it.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::link::{Link, LinkKey};
use crate::moment::Moment;

/// A checked result, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewResult {
    /// Account that sends it.
    pub sender: Arc<str>,
    /// The sender's reference of the entry, unique per sender.
    pub reference: String,
    /// The sender's number of the sample.
    pub sample: String,
    /// From the sender's idempotency key, if it gave one.
    pub idempotency: Option<Fingerprint>,
    /// The patient's family name, folded for the search.
    pub name: String,
    /// Hash of the patient's link.
    pub link: LinkKey,
    /// Hash of the patient's birth date.
    pub birth: Birth,
    /// Everything else, as the caller writes it.
    pub body: Vec<u8>,
    /// Whether it is kept as long as positive results are.
    pub positive: bool,
    /// When it was received.
    pub received: Moment,
    /// The message to the patient; `None` for results that were there before.
    pub message: Option<NewMessage>,
}

/// A message to a patient. Its link is kept until the message is delivered, and nowhere else.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Telephone number.
    pub to: String,
    /// The link itself.
    pub link: String,
    /// Not to be delivered before.
    pub due: Moment,
}

/// What became of a [`NewResult`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Its id, ordered by time.
    pub id: i64,
    /// The sender's reference of what is stored under that id.
    pub reference: String,
    /// False when it was there already.
    pub fresh: bool,
}

/// A result as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// Its id, ordered by time.
    pub id: i64,
    /// Account that sent it.
    pub sender: String,
    /// The sender's reference of the entry.
    pub reference: String,
    /// The sender's number of the sample.
    pub sample: String,
    /// When it was received.
    pub received: Moment,
    /// Everything else, as the caller wrote it.
    pub body: Vec<u8>,
}

/// A saved draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Account that saved it.
    pub sender: String,
    /// What it saved, as the caller wrote it.
    pub body: Vec<u8>,
}

/// A keyed hash of a birth date, bound to its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth(pub [u8; 16]);

/// When wrong birth dates lock a link and when they kill it.
#[derive(Debug, Clone, Copy)]
pub struct Lockout {
    /// Failures from which on each one locks the link.
    pub lock_after: u32,
    /// How long.
    pub lock_for: Duration,
    /// Failures after which the link is dead.
    pub dead_after: u32,
}

/// What came of trying a birth date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is the right one, of the result with this id.
    Right(i64),
    /// It is wrong, or there is no such link: the two cannot be told apart.
    Wrong,
    /// The link is locked or dead; the date was not looked at.
    Locked,
}

/// What has been kept long enough: everything that was received before these moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Results that are not positive.
    pub results: Moment,
    /// Positive results.
    pub positives: Moment,
    /// Drafts.
    pub drafts: Moment,
    /// How accepted messages ended, for their receipts.
    pub receipts: Moment,
}

/// What a step of a purge has erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// The results, with everything that leads to them.
    pub results: Vec<i64>,
    /// How many of them were positive.
    pub positives: usize,
    /// Drafts.
    pub drafts: usize,
    /// Messages that were never delivered.
    pub messages: usize,
    /// Accepted messages of whose receipts nothing is known any more.
    pub receipts: usize,
    /// Whether another step may find more.
    pub more: bool,
}

/// Position of a message in the order of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it is to be sent.
    pub at: Moment,
    /// The result that it is about.
    pub id: i64,
}

/// A message that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its position.
    pub due: Due,
    /// Failed deliveries so far.
    pub attempts: u32,
    /// Telephone number.
    pub to: String,
    /// The sender's reference of the entry.
    pub reference: String,
    /// The link itself.
    pub link: String,
}

impl Message {
    /// When its result was entered: the link was drawn then.
    pub fn entered(&self) -> Moment {
        Link::parse(&self.link).map_or(self.due.at, |link| link.drawn())
    }
}

/// What was handed in, accepted before it is stored.
#[derive(Debug, Clone)]
pub struct NewAccepted {
    /// Account that sent it.
    pub sender: Arc<str>,
    /// The sender's idempotency key, if it gave one.
    pub key: Option<String>,
    /// How many entries it has, each with a receipt.
    pub entries: u32,
    /// When it was received.
    pub received: Moment,
    /// It itself.
    pub body: Vec<u8>,
}

/// A message that was accepted and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The id of its first receipt; the others follow.
    pub id: i64,
    /// How many entries it has.
    pub entries: u32,
    /// Account that sent it.
    pub sender: String,
    /// The sender's idempotency key.
    pub key: Option<String>,
    /// When it was received.
    pub received: Moment,
    /// It itself.
    pub body: Vec<u8>,
}

/// A hash by which a result is found again: 16 bytes of a SHA-256 over its kind, its sender and a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Of a sender's reference.
    pub fn reference(sender: &str, reference: &str) -> Fingerprint {
        Fingerprint::of("reference", sender, reference)
    }

    /// Of a sender's sample number.
    pub fn sample(sender: &str, sample: &str) -> Fingerprint {
        Fingerprint::of("sample", sender, sample)
    }

    /// Of a sender's idempotency key and the entry's place in the message.
    pub fn idempotency(sender: &str, key: &str, place: usize) -> Fingerprint {
        Fingerprint::of("idempotency", sender, &format!("{place}/{key}"))
    }

    fn of(kind: &str, sender: &str, text: &str) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in [kind, sender, text] {
            // The length in front keeps ("ab", "c") apart from ("a", "bc").
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        Fingerprint(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_keep_kinds_senders_and_texts_apart() {
        let all = [
            Fingerprint::reference("a", "bc"),
            Fingerprint::reference("ab", "c"),
            Fingerprint::sample("a", "bc"),
            Fingerprint::idempotency("a", "bc", 0),
            Fingerprint::idempotency("a", "bc", 1),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
        assert_eq!(Fingerprint::reference("a", "bc"), all[0]);
    }
}
