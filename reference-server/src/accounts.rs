//! The accounts: synthetic ones only, whose secret follows from their name.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest, Sha256};

use crate::hex;

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A professional: an RPPS number of 11 digits that begins with 899, which no real one does.
    Person,
    /// An entry software: `sw-…`.
    Software,
    /// A laboratory: `lab-…`.
    Lab,
    /// Whoever counts: `stat-…`. It sees the statistics and nothing else.
    Statistics,
}

impl Kind {
    /// The kind of the account with this client id; `None`: there is no such account.
    pub fn of(client: &str) -> Option<Kind> {
        let name = |rest: &str| {
            let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=60).contains(&rest.len()) && rest.bytes().all(usual)
        };
        if client.len() == 11 && client.starts_with("899") && client.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Some(Kind::Person);
        }
        match client.split_once('-')? {
            ("sw", rest) if name(rest) => Some(Kind::Software),
            ("lab", rest) if name(rest) => Some(Kind::Lab),
            ("stat", rest) if name(rest) => Some(Kind::Statistics),
            _ => None,
        }
    }

    /// Whether it has an entrance of its own and signs in while the issuer is down. Laboratories have: on 13 August 2021,
    /// when the identity provider of the professions was down, they went on.
    pub fn has_own_entrance(self) -> bool {
        self == Kind::Lab
    }
}

/// The secret of a synthetic account: the first 32 hexadecimal digits of `SHA-256("peakday-synthetic:" + client_id)`.
/// There is no real account, and anybody may know these.
pub fn secret(client: &str) -> String {
    let digest = Sha256::digest(format!("peakday-synthetic:{client}"));
    hex::encode(&digest[..16])
}

/// The kind of the account, if it exists and this is its secret.
pub fn verify(client: &str, given: &str) -> Option<Kind> {
    let right = verify_slices_are_equal(secret(client).as_bytes(), given.as_bytes()).is_ok();
    Kind::of(client).filter(|_| right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_synthetic_names_are_accounts() {
        assert_eq!(Kind::of("89900000001"), Some(Kind::Person));
        assert_eq!(Kind::of("sw-fastcovid-1"), Some(Kind::Software));
        assert_eq!(Kind::of("lab-00-000007"), Some(Kind::Lab));
        assert_eq!(Kind::of("stat-1"), Some(Kind::Statistics));
        for wrong in ["10000000001", "8990000000", "sw-", "lab", "doctor-1", "sw-A", "sw-a b", ""] {
            assert_eq!(Kind::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_secret_follows_from_the_name() {
        // printf 'peakday-synthetic:sw-1' | sha256sum | cut -c1-32
        assert_eq!(secret("sw-1"), "d3c4d9f7f8364a5c6cdd59e9d8427036");
        assert_eq!(verify("sw-1", &secret("sw-1")), Some(Kind::Software));
        assert_eq!(verify("sw-1", &secret("sw-2")), None);
        assert_eq!(verify("admin", &secret("admin")), None);
    }
}
