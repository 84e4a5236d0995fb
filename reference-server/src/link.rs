//! A patient's link: a secret of which only a hash stays at rest, ordered by time.

use std::fmt;

use aws_lc_rs::rand;
use sha2::{Digest, Sha256};

use crate::hex;
use crate::moment::Moment;

/// What a patient is sent: 8 hexadecimal digits of time (seconds since 1970, not secret) and 32 random ones
/// (128 bits).
///
/// The time in front keeps the index of links in the order of insertion: with random keys every result would touch
/// a page of its own, which was measured to halve the rate of the store and to grow its file fivefold.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Length of a link in characters.
    pub const LENGTH: usize = 40;

    /// Draws a new link.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn draw(now: Moment) -> Result<Link, NoRandomness> {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&u32::try_from(now.seconds()).unwrap_or(u32::MAX).to_be_bytes());
        rand::fill(&mut bytes[4..]).map_err(|_| NoRandomness)?;
        Ok(Link(hex::encode(&bytes)))
    }

    /// Reads a link as it stands in a URL: 40 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Link> {
        let well_formed = text.len() == Link::LENGTH
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        well_formed.then(|| Link(text.to_owned()))
    }

    /// The link as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When it was drawn, to the second.
    pub fn drawn(&self) -> Moment {
        Moment::from_millis(i64::from(self.seconds()) * 1_000)
    }

    fn seconds(&self) -> u32 {
        // The characters were checked when the link was made.
        u32::from_str_radix(&self.0[..8], 16).unwrap_or_default()
    }

    /// What the store keeps of it.
    pub fn key(&self) -> LinkKey {
        let mut key = [0; 20];
        key[..4].copy_from_slice(&self.seconds().to_be_bytes());
        key[4..].copy_from_slice(&Sha256::digest(self.0.as_bytes())[..16]);
        LinkKey(key)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}…)", &self.0[..8])
    }
}

/// What the store keeps of a link: its seconds, big-endian, and the first 16 bytes of the SHA-256 of its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkKey(pub [u8; 20]);

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_one_second_differ_and_their_keys_begin_with_the_second() {
        let now = Moment::from_millis(1_641_405_600_000);
        let (one, other) = (Link::draw(now).unwrap(), Link::draw(now).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.key().0[..4], 1_641_405_600_u32.to_be_bytes());
        assert_ne!(one.key(), other.key());
        assert_eq!(Link::parse(one.as_str()).unwrap().key(), one.key());
    }

    #[test]
    fn a_text_that_is_no_link_is_not_read() {
        for text in ["", "61d5db80", &"g".repeat(40), &"A".repeat(40), &"0".repeat(41), &"é".repeat(20)] {
            assert_eq!(Link::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_debug_form_keeps_the_secret() {
        let link = Link::parse(&"1234567890".repeat(4)).unwrap();
        assert_eq!(format!("{link:?}"), "Link(12345678…)");
    }
}
