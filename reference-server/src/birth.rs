//! The hash of a birth date: keyed, since dates are few enough to try them all, and bound to its link.

use crate::keys::Secret;
use crate::link::LinkKey;
use crate::store::Birth;

/// Of a date written `YYYY-MM-DD`.
pub(crate) fn hash(secret: &Secret, link: LinkKey, date: &str) -> Birth {
    let mac = secret.mac("birth date", &[&link.0, date.as_bytes()]);
    let mut hash = [0; 16];
    hash.copy_from_slice(&mac[..16]);
    Birth(hash)
}
