//! Whether a text is a valid certificate of a given signer at a given time. Nothing in it is believed before its
//! signature is checked, and every step is bounded.

mod inflate;

use ciborium::Value;
use coset::{AsCborValue, CoseSign1, Header, RegisteredLabelWithPrivate, iana};

use self::inflate::inflate;
use super::signer::{Algorithm, SignerCertificate, Subject};
use super::{EU_DCC_V1, EXPIRES, HEALTH, ISSUED, PREFIX};
use crate::moment::Moment;

/// Longest text that is looked at, in bytes: the largest QR code holds 4,296 characters.
const LONGEST_TEXT: usize = 8_192;

/// Tags of a COSE_Sign1 message (RFC 9052) and of a CBOR Web Token around it (RFC 8392).
const COSE_SIGN1: u64 = 18;
const WEB_TOKEN: u64 = 61;

/// Why a text is not a valid certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotValid {
    /// It is no `HC1:` text.
    #[error("it does not begin with HC1:")]
    Prefix,
    /// It is too long to be one, or its message is.
    #[error("{0} is larger than any certificate: more than {1} bytes")]
    TooLarge(&'static str, usize),
    /// One of its layers is not what it must be.
    #[error("it is not {0}")]
    Malformed(&'static str),
    /// Its payload lacks something that every certificate has.
    #[error("its payload breaks the schema: {0}")]
    Schema(String),
    /// The signer's certificate is of another key.
    #[error("it names another key than that of this signer certificate")]
    OtherKey,
    /// It is signed in a way that is not allowed, or that the key cannot do.
    #[error("its algorithm is not {0}, that of the signer's key")]
    Algorithm(&'static str),
    /// It was changed, or another key signed it.
    #[error("its signature is wrong: it was changed, or another key signed it")]
    Signature,
    /// The moment is after its end.
    #[error("it has expired")]
    Expired,
    /// The moment is before its beginning.
    #[error("it is issued in the future")]
    NotYet,
    /// The moment is outside the validity of the signer's certificate.
    #[error("the signer certificate is not valid at that time")]
    Signer,
    /// The signer's certificate does not allow certificates of this kind.
    #[error("the signer certificate is not for certificates of this kind")]
    Usage,
}

/// Checks texts against one signer's certificate.
#[derive(Debug, Clone)]
pub struct Verifier(SignerCertificate);

impl Verifier {
    /// A verifier that trusts the certificate in this file: PEM, or base64 of DER.
    ///
    /// # Errors
    /// Why it is not a certificate, or not one of a key that signs certificates.
    pub fn new(certificate: &[u8]) -> Result<Verifier, String> {
        SignerCertificate::parse(certificate).map(Verifier)
    }

    /// The payload of a text that is valid at this moment.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn verify(&self, text: &str, at: Moment) -> Result<serde_json::Value, NotValid> {
        let message = message_of(text.trim())?;
        let Verifier(signer) = self;
        let kid = [&message.protected.header, &message.unprotected].map(|header| &header.key_id);
        // The protected one decides where there are both.
        let named = kid.into_iter().find(|kid| !kid.is_empty());
        if named.is_some_and(|kid| *kid != signer.key_id()) {
            return Err(NotValid::OtherKey);
        }
        check_header(&message.protected.header, signer.algorithm())?;
        let signed = |signature: &[u8], message: &[u8]| {
            if signer.verifies(message, signature) { Ok(()) } else { Err(NotValid::Signature) }
        };
        let token = message.payload.as_deref().ok_or(NotValid::Malformed("a message with a payload"))?;
        message.verify_signature(&[], signed)?;

        let claims = cbor(token, "a CBOR Web Token")?;
        let seconds = |claim| integer(&claims, claim).and_then(Value::as_integer);
        let seconds = |claim| seconds(claim).and_then(|value| i64::try_from(value).ok());
        let expires = seconds(EXPIRES).ok_or(NotValid::Malformed("a token with an expiration time"))?;
        let issued = seconds(ISSUED).ok_or(NotValid::Malformed("a token with a time of issue"))?;
        if at.seconds() >= expires {
            return Err(NotValid::Expired);
        }
        if at.seconds() < issued {
            return Err(NotValid::NotYet);
        }
        if !signer.is_valid_at(at) {
            return Err(NotValid::Signer);
        }
        let payload = integer(&claims, HEALTH).and_then(|health| integer(health, EU_DCC_V1));
        let payload = payload.ok_or(NotValid::Malformed("a health certificate"))?;
        if !signer.may_certify(subject(payload)?) {
            return Err(NotValid::Usage);
        }
        json(payload).ok_or_else(|| NotValid::Schema("it has no form in JSON".to_owned()))
    }
}

fn message_of(text: &str) -> Result<CoseSign1, NotValid> {
    if text.len() > LONGEST_TEXT {
        return Err(NotValid::TooLarge("the text", LONGEST_TEXT));
    }
    let encoded = text.strip_prefix(PREFIX).ok_or(NotValid::Prefix)?;
    let compressed = base45::decode(encoded).map_err(|_| NotValid::Malformed("base45 after HC1:"))?;
    let message = inflate(&compressed)?;
    let mut value = cbor(&message, "CBOR")?;
    for tag in [WEB_TOKEN, COSE_SIGN1] {
        match value {
            Value::Tag(found, inner) if found == tag => value = *inner,
            other => value = other,
        }
    }
    CoseSign1::from_cbor_value(value).map_err(|_| NotValid::Malformed("a COSE_Sign1 message"))
}

fn check_header(protected: &Header, algorithm: Algorithm) -> Result<(), NotValid> {
    let (expected, name) = match algorithm {
        Algorithm::Es256 => (iana::Algorithm::ES256, "ES256"),
        Algorithm::Ps256 => (iana::Algorithm::PS256, "PS256"),
    };
    if protected.alg != Some(RegisteredLabelWithPrivate::Assigned(expected)) {
        return Err(NotValid::Algorithm(name));
    }
    if !protected.crit.is_empty() {
        return Err(NotValid::Malformed("a message without critical headers, none of which is known here"));
    }
    Ok(())
}

/// One CBOR item and nothing after it.
fn cbor(mut bytes: &[u8], what: &'static str) -> Result<Value, NotValid> {
    let value = ciborium::from_reader(&mut bytes).map_err(|_| NotValid::Malformed(what))?;
    if bytes.is_empty() { Ok(value) } else { Err(NotValid::Malformed(what)) }
}

fn integer(map: &Value, key: i64) -> Option<&Value> {
    let key = Value::from(key);
    map.as_map()?.iter().find_map(|(found, value)| (*found == key).then_some(value))
}

fn text<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    map.as_map()?.iter().find_map(|(found, value)| (found.as_text() == Some(key)).then_some(value))
}

/// What the payload certifies, if it has what the schema asks of every certificate.
fn subject(payload: &Value) -> Result<Subject, NotValid> {
    let missing = |what: &str| NotValid::Schema(format!("{what} is missing"));
    for key in ["ver", "dob"] {
        text(payload, key).and_then(Value::as_text).ok_or_else(|| missing(key))?;
    }
    let name = text(payload, "nam").ok_or_else(|| missing("nam"))?;
    if !["fnt", "gnt"].iter().any(|key| text(name, key).is_some_and(Value::is_text)) {
        return Err(missing("nam.fnt"));
    }
    let kinds = [("t", Subject::Test), ("v", Subject::Vaccination), ("r", Subject::Recovery)];
    let mut found = kinds.iter().filter_map(|(key, kind)| Some((*key, *kind, text(payload, key)?)));
    let (key, kind, entries) = found.next().ok_or_else(|| missing("one of t, v and r"))?;
    if found.next().is_some() {
        return Err(NotValid::Schema("it has more than one of t, v and r".to_owned()));
    }
    let Some([entry]) = entries.as_array().map(Vec::as_slice) else {
        return Err(NotValid::Schema(format!("{key} has not exactly one entry")));
    };
    let required: &[&str] = match kind {
        Subject::Test => &["tg", "tt", "sc", "tr", "co", "is", "ci"],
        Subject::Vaccination => &["tg", "vp", "mp", "ma", "dn", "sd", "dt", "co", "is", "ci"],
        Subject::Recovery => &["tg", "fr", "co", "is", "df", "du", "ci"],
    };
    match required.iter().find(|key| text(entry, key).is_none()) {
        Some(lacking) => Err(missing(&format!("{key}/0/{lacking}"))),
        None => Ok(kind),
    }
}

/// A value as JSON; `None` for what JSON has not: bytes, keys that are no texts, numbers beyond 64 bits.
fn json(value: &Value) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Text(text) => Json::String(text.clone()),
        Value::Integer(number) => match i64::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => u64::try_from(*number).ok()?.into(),
        },
        Value::Float(number) => serde_json::Number::from_f64(*number).map(Json::Number)?,
        Value::Array(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| Some((key.as_text()?.to_owned(), json(value)?));
            Json::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        Value::Tag(_, inner) => json(inner)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
