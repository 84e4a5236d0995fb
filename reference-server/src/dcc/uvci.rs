//! The unique identifier of a certificate, as SI-DEP formed it: `URN:UVCI:01:FR:`, 12 characters, `#`, check character.

use crate::keys::Secret;

/// Values of the check's characters: their places here (eHealth Network, interoperability of vaccination certificates,
/// annex 2).
const ALPHABET: &[u8; 38] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:";

/// Letters and digits of the opaque part, which are the first of [`ALPHABET`].
const DIGITS: u64 = 36;
const LENGTH: usize = 12;

/// The identifier of the certificate of a result: always the same one, from which the result's id cannot be found.
pub(crate) fn uvci(secret: &Secret, id: i64) -> String {
    let mac = secret.mac("uvci", &[&id.to_be_bytes()]);
    let mut bits = mac.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = String::from("URN:UVCI:01:FR:");
    for _ in 0..LENGTH {
        let digit = usize::try_from(bits % DIGITS).unwrap_or_default();
        text.push(char::from(ALPHABET[digit]));
        bits /= DIGITS;
    }
    let check = check_character(&text);
    text.push('#');
    text.push(check);
    text
}

/// Luhn's check modulo 38: from the right, every other value is doubled, and a value is the sum of its base-38 digits.
fn check_character(text: &str) -> char {
    let n = ALPHABET.len();
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or_default();
    let sum: usize = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| value(byte) * if place % 2 == 0 { 2 } else { 1 })
        .map(|product| product / n + product % n)
        .sum();
    char::from(ALPHABET[(n - sum % n) % n])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_is_that_of_the_specification_and_of_a_french_sample() {
        for issued in ["URN:UVCI:01:SE:EHM/C878/123456789ABC#B", "URN:UVCI:01:FR:AZERTY123456#7"] {
            let (text, check) = issued.split_once('#').unwrap();
            assert_eq!(check_character(text).to_string(), check, "{issued}");
        }
    }

    #[test]
    fn an_identifier_belongs_to_one_result_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let secret = crate::keys::Keys::open(folder.path()).unwrap().secret;
        let first = uvci(&secret, 1);
        assert_eq!(first.len(), 29);
        assert_eq!(uvci(&secret, 1), first);
        assert_ne!(uvci(&secret, 2), first);
    }
}
