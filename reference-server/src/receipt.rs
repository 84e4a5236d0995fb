//! Ids and receipts as clients see them.
//!
//! A receipt is the id of a result and a keyed hash of it, so that nobody can make one up, and none has to be stored.

use crate::hex;
use crate::keys::Secret;

const PURPOSE: &str = "receipt";

/// Bytes of the keyed hash in a receipt.
const MAC: usize = 8;

/// An id as clients see it: 16 hexadecimal digits.
pub(crate) fn id_text(id: i64) -> String {
    hex::encode(&id.to_be_bytes())
}

/// The id behind such a text.
pub(crate) fn id_of(text: &str) -> Option<i64> {
    hex::decode(text).map(i64::from_be_bytes)
}

/// The receipt of a result: 32 hexadecimal digits.
pub(crate) fn receipt(secret: &Secret, id: i64) -> String {
    let id = id.to_be_bytes();
    let mac = secret.mac(PURPOSE, &[&id]);
    hex::encode(&id) + &hex::encode(&mac[..MAC])
}

/// The id of a result whose receipt this is; `None`: this server never gave it.
pub(crate) fn id_of_receipt(secret: &Secret, text: &str) -> Option<i64> {
    let bytes: [u8; 8 + MAC] = hex::decode(text)?;
    let mut id = [0; 8];
    id.copy_from_slice(&bytes[..8]);
    secret.matches(PURPOSE, &[&id], &bytes[8..]).then(|| i64::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    #[test]
    fn a_receipt_names_its_result_and_cannot_be_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Keys::open(folder.path()).unwrap().secret;
        let text = receipt(&secret, 77);
        assert_eq!(id_of_receipt(&secret, &text), Some(77));
        assert_eq!(id_of(&id_text(77)), Some(77));
        let mut forged = text.clone();
        forged.replace_range(15..16, "e");
        assert_eq!(id_of_receipt(&secret, &forged), None);
        assert_eq!(id_of_receipt(&secret, &text[..31]), None);
        assert_eq!(id_of_receipt(&secret, ""), None);
    }
}
