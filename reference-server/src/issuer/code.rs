//! Authorization codes: good for one account, one client's proof (PKCE, RFC 7636) and one minute, and used once.
//!
//! A code carries what it stands for, under a keyed hash, so that another instance with the same keys can take it. Which
//! codes have been used, each instance remembers for itself: a code is worth nothing without the proof.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::keys::Secret;
use crate::moment::Moment;

const PURPOSE: &str = "authorization code";

/// How long a code is good.
const LIFETIME: Duration = Duration::from_secs(60);

/// Bytes before the account: the end of its life, a random name, the challenge, the keyed hash.
const FIXED: usize = 8 + 16 + 32 + 32;

/// What a proof is checked against: SHA-256 of it.
pub(crate) type Challenge = [u8; 32];

/// The challenge of a proof that the client has drawn.
pub(crate) fn challenge_of(verifier: &str) -> Challenge {
    Sha256::digest(verifier).into()
}

/// A new code; `None`: the system has no randomness to give.
pub(crate) fn issue(secret: &Secret, account: &str, challenge: Challenge, now: Moment) -> Option<String> {
    let mut name = [0; 16];
    aws_lc_rs::rand::fill(&mut name).ok()?;
    let end = now.after(LIFETIME).millis().to_be_bytes();
    let mac = secret.mac(PURPOSE, &[&end, &name, &challenge, account.as_bytes()]);
    Some(URL_SAFE_NO_PAD.encode([&end[..], &name, &challenge, &mac, account.as_bytes()].concat()))
}

/// The codes that were used, for as long as they would be good.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<[u8; 16], Moment>>);

impl Codes {
    /// The account that a code stands for, the first time that it comes with its proof.
    pub(crate) fn redeem(&self, secret: &Secret, code: &str, verifier: &str, now: Moment) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(code).ok()?;
        let (fixed, account) = bytes.split_at_checked(FIXED)?;
        let (signed, mac) = fixed.split_at(FIXED - 32);
        let (end, named) = signed.split_at(8);
        let (name, challenge) = named.split_at(16);
        let good = secret.matches(PURPOSE, &[end, name, challenge, account], mac);
        let end = Moment::from_millis(i64::from_be_bytes(end.try_into().ok()?));
        if !good || end <= now || challenge != challenge_of(verifier) {
            return None;
        }
        let account = String::from_utf8(account.to_vec()).ok()?;
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, end| *end > now);
        used.insert(name.try_into().ok()?, end).is_none().then_some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    #[test]
    fn a_code_is_good_once_with_its_proof_and_for_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Keys::open(folder.path()).unwrap().secret;
        let (codes, now) = (Codes::default(), Moment::from_millis(1_000));
        let draw = || issue(&secret, "89900000001", challenge_of("proof"), now).unwrap();
        let code = draw();
        assert_eq!(codes.redeem(&secret, &code, "another proof", now), None);
        assert_eq!(codes.redeem(&secret, &code, "proof", now.after(LIFETIME)), None);
        assert_eq!(codes.redeem(&secret, &code, "proof", now).as_deref(), Some("89900000001"));
        assert_eq!(codes.redeem(&secret, &code, "proof", now), None);
        assert_eq!(codes.redeem(&secret, &draw(), "proof", now).as_deref(), Some("89900000001"));
        let code = draw();
        for place in 0..code.len() {
            let mut spoilt = code.clone();
            let other = if &code[place..=place] == "A" { "B" } else { "A" };
            spoilt.replace_range(place..=place, other);
            assert_eq!(codes.redeem(&secret, &spoilt, "proof", now), None, "character {place}");
        }
        assert_eq!(codes.redeem(&secret, "", "proof", now), None);
        assert_eq!(codes.0.lock().unwrap().len(), 2);
        // Those that are over are forgotten.
        let later = now.after(LIFETIME * 2);
        let code = issue(&secret, "89900000002", challenge_of("proof"), later).unwrap();
        assert!(codes.redeem(&secret, &code, "proof", later).is_some());
        assert_eq!(codes.0.lock().unwrap().len(), 1);
    }
}
