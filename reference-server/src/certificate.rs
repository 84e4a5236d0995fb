//! The certificate of a result as text: what it says for people, and the same signed for machines.
//!
//! The signed part is a JSON Web Signature in its compact form (ES256); its key is published at
//! `/v1/certificates/jwks.json`.

use serde_json::json;

use crate::entry::{Outcome, Record, TestKind};
use crate::keys::SigningKey;
use crate::results::rfc3339;
use crate::store::StoredResult;
use crate::{receipt, token};

/// The certificate of a result; `None` when it could not be signed.
pub(crate) fn text(key: &SigningKey, issuer: &str, result: &StoredResult, record: &Record) -> Option<String> {
    let Record { patient, test } = record;
    let id = receipt::id_text(result.id);
    let header = json!({ "alg": "ES256", "kid": key.id(), "typ": "test-result+jwt" });
    let payload = json!({ "iss": issuer, "jti": id, "iat": result.received.seconds(), "patient": {
        "family_name": patient.family_name, "given_name": patient.given_name, "birth_date": patient.birth_date,
    }, "test": test });
    let signed = token::compact(key, &header, &payload)?;
    Some(format!(
        "CERTIFICAT DE RÉSULTAT DE TEST - DONNÉES SYNTHÉTIQUES, SANS VALEUR\n\n\
         Nom : {}\nPrénom : {}\nNé(e) le : {}\n\n\
         Test : {} (LOINC {})\nPrélèvement : {}\nAnalyse : {}\nRésultat : {}\n\n\
         Certificat {id}, reçu le {}\n\n{signed}\n",
        patient.family_name,
        patient.given_name,
        patient.birth_date,
        kind(test.kind),
        test.loinc,
        test.sampled_at,
        test.analysed_at,
        outcome(test.result),
        rfc3339(result.received),
    ))
}

/// The kind of a test in French.
pub(crate) fn kind(kind: TestKind) -> &'static str {
    match kind {
        TestKind::Antigen => "test antigénique",
        TestKind::Pcr => "test RT-PCR",
    }
}

/// A result in French.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Negative => "négatif",
        Outcome::Positive => "positif",
        Outcome::Indeterminate => "indéterminé",
    }
}
