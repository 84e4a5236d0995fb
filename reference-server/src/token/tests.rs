//! Which tokens are good, and which are not for each single reason.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{hmac, rand};
use serde_json::{Value, json};

use super::*;
use crate::keys::Keys;

const ISSUER: &str = "http://127.0.0.1:1";

/// An issuer, its keys, and a moment at which they are good.
struct Place {
    keys: Keys,
    verifier: Verifier,
    now: Moment,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::open(folder.path()).unwrap();
    Place { keys, verifier: Verifier::new(ISSUER.to_owned()), now: Moment::now(), _folder: folder }
}

impl Place {
    fn key(&self) -> Arc<SigningKey> {
        self.keys.issuer.signing(self.now).unwrap()
    }

    fn token(&self, client: &str, from: Moment) -> String {
        let end = from.after(Duration::from_secs(60));
        issue(&self.key(), ISSUER, client, "result:write", "1".to_owned(), from, end).unwrap()
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.key().id(), "typ": "at+jwt" })
    }

    /// Claims of a token that is good, with one of them changed.
    fn claims(&self, name: &str, value: Value) -> Value {
        let now = self.now.seconds();
        let mut claims = json!({
            "iss": ISSUER, "sub": "sw-1", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 60,
            "scope": "result:write", "jti": "1",
        });
        claims[name] = value;
        claims
    }

    fn good(&self, token: &str) -> bool {
        self.verifier.verify(&self.keys.issuer, token, self.now).is_some()
    }

    /// Panics if the token is taken; twice, since the outcome is remembered.
    fn refuse(&self, what: &str, token: &str) {
        assert!(!self.good(token) && !self.good(token), "{what}: {token}");
    }
}

/// Header and payload as they are signed.
fn message(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn joined(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_token_is_good_until_it_expires() {
    let place = place();
    let token = place.token("89900000001", place.now);
    for _ in 0..2 {
        let identity = place.verifier.verify(&place.keys.issuer, &token, place.now).unwrap();
        assert_eq!(&*identity.client, "89900000001");
        assert_eq!(identity.kind, Kind::Person);
        assert!(identity.may(Scope::Write) && !identity.may(Scope::Read));
    }
    let end = place.now.after(Duration::from_secs(60));
    assert_eq!(place.verifier.verify(&place.keys.issuer, &token, end), None);
    // To one who never saw it before, too.
    assert_eq!(Verifier::new(ISSUER.to_owned()).verify(&place.keys.issuer, &token, end), None);
}

#[test]
fn a_token_that_is_not_good_yet_is_not_remembered_as_bad() {
    let place = place();
    let token = place.token("sw-1", place.now.after(Duration::from_secs(100)));
    place.refuse("not before", &token);
    let then = place.now.after(Duration::from_secs(90));
    assert!(place.verifier.verify(&place.keys.issuer, &token, then).is_some());
}

#[test]
fn another_algorithm_is_refused_whatever_signs() {
    let place = place();
    let claims = place.claims("jti", json!("2"));
    let good = message(&place.header(), &claims);
    let signature = place.key().sign(good.as_bytes()).unwrap();
    assert!(place.good(&joined(&good, &signature)), "what the others differ from");
    for algorithm in [
        "none", "None", "NONE", "", "HS256", "HS512", "RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA",
        "es256",
    ] {
        let mut header = place.header();
        header["alg"] = json!(algorithm);
        let message = message(&header, &claims);
        place.refuse(algorithm, &format!("{message}."));
        place.refuse(algorithm, &joined(&message, &place.key().sign(message.as_bytes()).unwrap()));
        // The public key as the secret of an HMAC: as it is published, as a point, and as text.
        let jwk = place.key().jwk();
        let texts = [jwk["x"].as_str().unwrap().as_bytes(), place.key().public(), jwk.to_string().as_bytes()]
            .map(<[u8]>::to_vec);
        for secret in texts {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            place.refuse(algorithm, &joined(&message, tag.as_ref()));
        }
    }
    // No algorithm at all.
    place.refuse("no alg", &joined(&message(&json!({ "kid": place.key().id() }), &claims), &signature));
}

#[test]
fn a_key_of_another_curve_or_of_another_hand_is_refused() {
    let place = place();
    let claims = place.claims("jti", json!("3"));
    let random = rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
    let other = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    for algorithm in ["ES384", "ES256"] {
        let mut header = place.header();
        header["alg"] = json!(algorithm);
        let message = message(&header, &claims);
        let signature = other.sign(&random, message.as_bytes()).unwrap();
        place.refuse("P-384", &joined(&message, signature.as_ref()));
        place.refuse("the first 64 bytes of it", &joined(&message, &signature.as_ref()[..64]));
    }
    // The server's other key, and a stranger's that is sent along.
    let stranger = Keys::open(tempfile::tempdir().unwrap().path()).unwrap();
    let stranger = stranger.issuer.signing(place.now).unwrap();
    for key in [&place.keys.document, &*stranger] {
        let mut header = place.header();
        header["jwk"] = key.jwk();
        header["jku"] = json!("http://127.0.0.1:2/keys");
        let message = message(&header, &claims);
        place.refuse("signed by another", &joined(&message, &key.sign(message.as_bytes()).unwrap()));
        header["kid"] = json!(key.id());
        let message = self::message(&header, &claims);
        place.refuse("by its own name", &joined(&message, &key.sign(message.as_bytes()).unwrap()));
    }
    place.refuse("zeros", &joined(&message(&place.header(), &claims), &[0; 64]));
}

#[test]
fn each_claim_must_be_right() {
    let place = place();
    let now = place.now.seconds();
    let signed = |claims: &Value| {
        let message = message(&place.header(), claims);
        joined(&message, &place.key().sign(message.as_bytes()).unwrap())
    };
    for (name, wrong) in [
        ("iss", json!("http://127.0.0.1:2")),
        ("iss", json!("")),
        ("iss", Value::Null),
        ("aud", json!("portal")),
        ("aud", json!("")),
        ("aud", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now - 3_600)),
        ("exp", json!("tomorrow")),
        ("exp", Value::Null),
        ("exp", json!(i64::MIN)),
        ("nbf", json!(now + 31)),
        ("nbf", Value::Null),
        ("sub", json!("admin")),
        ("sub", json!("10000000001")),
        ("sub", Value::Null),
        ("scope", Value::Null),
    ] {
        place.refuse(name, &signed(&place.claims(name, wrong)));
    }
    for (name, right) in [("nbf", json!(now + 30)), ("exp", json!(now + 1)), ("exp", json!(i64::MAX))] {
        assert!(place.good(&signed(&place.claims(name, right))), "{name}");
    }
    let none = signed(&place.claims("scope", json!("result:writer xresult:read")));
    let identity = place.verifier.verify(&place.keys.issuer, &none, place.now).unwrap();
    assert!(!identity.may(Scope::Write) && !identity.may(Scope::Read), "scopes are whole words");
}

#[test]
fn tampered_and_broken_tokens_are_refused() {
    let place = place();
    let good = place.token("sw-1", place.now);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let mut other = payload.to_owned();
    other.replace_range(10..11, if &other[10..11] == "A" { "B" } else { "A" });
    let critical = json!({ "alg": "ES256", "kid": place.key().id(), "crit": ["x"] });
    let critical = message(&critical, &place.claims("jti", json!("4")));
    for bad in [
        String::new(),
        "a.b.c".to_owned(),
        signed.to_owned(),
        format!("{header}.{other}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        joined(&critical, &place.key().sign(critical.as_bytes()).unwrap()),
    ] {
        place.refuse("tampered", &bad);
    }
    assert!(place.good(&good));
}

#[test]
fn tokens_of_an_earlier_key_stay_good_until_they_expire() {
    let mut place = place();
    let issuer =
        crate::config::Issuer { token_lifetime: Duration::from_secs(60), ..crate::config::Issuer::default() };
    place.keys.issuer.follow(crate::keyring::Schedule::of(&issuer));
    let (old, first) = (place.token("sw-1", place.now), place.key().id().to_owned());
    let start = place.now;
    place.keys.issuer.look_after(start.after(issuer.rotate_keys)).unwrap();
    // A minute before the change nothing has changed; after it a new key signs.
    place.now = start.after(issuer.rotate_keys).after(crate::keyring::AHEAD);
    assert_ne!(place.key().id(), first);
    let last = message(&json!({ "alg": "ES256", "kid": first }), &place.claims("jti", json!("5")));
    let key = place.keys.issuer.verifying(&first, place.now).unwrap();
    let last = joined(&last, &key.sign(last.as_bytes()).unwrap());
    assert!(place.good(&last) && !place.good(&old), "one has expired, the other has not");
    // When every token of the old key must have expired, the key is worth nothing.
    place.now = place.now.after(Duration::from_secs(60 + 30));
    let late = message(&json!({ "alg": "ES256", "kid": first }), &place.claims("jti", json!("6")));
    place.refuse("an old key", &joined(&late, &key.sign(late.as_bytes()).unwrap()));
    assert!(place.good(&place.token("sw-1", place.now)));
}
