//! What the parsers of everything that strangers send must keep, whatever they are given: the targets of `fuzz/`, and of
//! the tests here, which mutate good input.

use std::sync::OnceLock;

use crate::config::Config;
use crate::dcc;
use crate::entry::Entry;
use crate::intake::{self, Rejected};
use crate::keyring::Keyring;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::token::{self, Verifier};
use crate::{fhir, hl7};

/// A target, and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] =
    [("hl7", hl7), ("fhir", fhir), ("json", json), ("token", token), ("dcc", dcc), ("config", config)];

const NOW: Moment = Moment::from_millis(1_800_000_000_000);
const MOST: usize = 100;
/// When the certificate among the seeds is good.
const CERTIFIED: Moment = Moment::from_millis(1_795_836_011_000);

/// A body of HL7 messages.
pub fn hl7(data: &[u8]) {
    let batch = hl7::is_batch(data);
    match hl7::read(data, MOST, NOW) {
        Ok(read) => {
            assert!(batch || read.envelope.messages.len() == 1, "more than one message is a batch");
            read.entries.into_iter().for_each(check);
        }
        Err(problems) => told(&problems),
    }
}

/// A FHIR bundle.
pub fn fhir(data: &[u8]) {
    let _ = fhir::is_batch(data);
    match fhir::read(data, MOST, NOW) {
        Ok(read) => read.entries.into_iter().for_each(check),
        Err(problems) => told(&problems),
    }
}

/// An entry or a batch as JSON, or the draft of one.
pub fn json(data: &[u8]) {
    if let Err(problems) = intake::read_draft(data, NOW) {
        told(&problems);
    }
    match intake::read(data, MOST, NOW) {
        Ok(intake) => intake.entries.into_iter().for_each(check),
        Err(problems) => told(&problems),
    }
}

/// A token; and the claims of one that has been signed.
pub fn token(data: &[u8]) {
    static KEYS: OnceLock<Option<Keyring>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("sidep-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok()?;
        let keys = Keyring::open(&folder, NOW).ok();
        // It has read them.
        let _ = std::fs::remove_dir_all(folder);
        keys
    });
    let (Some(keys), verifier) = (keys, Verifier::new("http://sidep.test".to_owned())) else { return };
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(verifier.verify(keys, text, NOW), None, "nobody can sign but the issuer");
    }
    let (Some(key), Ok(claims)) = (keys.signing(NOW), serde_json::from_slice::<serde_json::Value>(data))
    else {
        return;
    };
    let header = serde_json::json!({ "alg": "ES256", "kid": key.id() });
    if let Some(signed) = token::compact(&key, &header, &claims)
        && let Some(identity) = verifier.verify(keys, &signed, NOW)
    {
        assert_eq!(
            (claims["aud"].as_str(), claims["sub"].as_str()),
            (Some("sidep"), Some(&*identity.client))
        );
    }
}

/// The text of a certificate.
pub fn dcc(data: &[u8]) {
    static VERIFIER: OnceLock<Option<dcc::Verifier>> = OnceLock::new();
    let signer = include_bytes!("../fuzz/signer.pem");
    let Some(verifier) = VERIFIER.get_or_init(|| dcc::Verifier::new(signer).ok()) else { return };
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = verifier.verify(text, CERTIFIED);
    }
}

/// The configuration of a server.
pub fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(errors) = Config::parse(text)
    {
        told(&errors.0);
    }
}

/// Whatever format lets an entry in, the form would let it in too, as the same; and whoever is rejected is told why.
fn check(entry: Result<Entry, Rejected>) {
    match entry {
        Ok(entry) => {
            let record = serde_json::to_value(&entry.record).unwrap_or_default();
            let form = serde_json::json!({
                "ref": entry.reference, "sample": entry.sample,
                "patient": record["patient"], "test": record["test"],
            });
            let again = intake::read(form.to_string().as_bytes(), 1, NOW);
            let again = again.map(|mut intake| intake.entries.remove(0));
            assert_eq!(again, Ok(Ok(entry)));
        }
        Err(rejected) => told(&rejected.problems),
    }
}

fn told(problems: &[Problem]) {
    assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.problem.is_empty()));
}

#[cfg(test)]
mod tests;
