//! What a test certificate says: schema 1.3.0 of the EU Digital COVID Certificate, one test entry.

use serde::Serialize;

use super::names::transliterate;
use crate::entry::{Outcome, Record, TestKind};

/// Longest text that the schema lets through, in characters.
const LONGEST: usize = 80;

/// The body of a certificate. Field names are the schema's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Payload {
    ver: &'static str,
    nam: Name,
    dob: String,
    t: [TestEntry; 1],
}

/// Family and given names, as written and as on a passport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Name {
    #[serde(rename = "fn")]
    family: String,
    #[serde(rename = "fnt")]
    family_transliterated: String,
    #[serde(rename = "gn")]
    given: String,
    #[serde(rename = "gnt")]
    given_transliterated: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TestEntry {
    /// Disease: SNOMED CT.
    tg: &'static str,
    /// Kind of test: LOINC part.
    tt: &'static str,
    /// Name of a nucleic acid test.
    #[serde(skip_serializing_if = "Option::is_none")]
    nm: Option<String>,
    /// Device of an antigen test: its number in the list of the Joint Research Centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    ma: Option<String>,
    /// When the sample was taken.
    sc: String,
    /// Result: SNOMED CT.
    tr: &'static str,
    /// Where it was tested.
    tc: String,
    co: &'static str,
    is: &'static str,
    ci: String,
}

/// The payload of a record's certificate; `None` for an indeterminate result, which certifies nothing.
///
/// `centre` is who entered the result, `uvci` the certificate's own identifier.
pub(crate) fn payload(record: &Record, centre: &str, uvci: String) -> Option<Payload> {
    let Record { patient, test } = record;
    let tr = match test.result {
        Outcome::Negative => "260415000",
        Outcome::Positive => "260373001",
        Outcome::Indeterminate => return None,
    };
    let (tt, nm, ma) = match test.kind {
        TestKind::Pcr => ("LP6464-4", Some(format!("SARS-CoV-2 RT-PCR (LOINC {})", test.loinc)), None),
        TestKind::Antigen => ("LP217198-3", None, test.device.clone()),
    };
    Some(Payload {
        ver: "1.3.0",
        nam: Name {
            family: shortened(&patient.family_name),
            family_transliterated: transliterate(&patient.family_name),
            given: shortened(&patient.given_name),
            given_transliterated: transliterate(&patient.given_name),
        },
        dob: patient.birth_date.clone(),
        t: [TestEntry {
            tg: "840539006",
            tt,
            nm,
            ma,
            sc: test.sampled_at.clone(),
            tr,
            tc: shortened(centre),
            co: "FR",
            is: "Peakday (test data)",
            ci: uvci,
        }],
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
pub(crate) fn sample_record() -> Record {
    serde_json::from_value(serde_json::json!({
        "patient": { "family_name": "Exemple-Été", "given_name": "Zoé", "birth_date": "1984-05-15", "sex": "F",
                     "mobile": "+33639980001", "identifier": "284059900000179" },
        "test": { "kind": "antigen", "loinc": "94558-4", "device": "1304",
                  "sampled_at": "2022-01-05T18:00:00+01:00", "analysed_at": "2022-01-05T18:20:00+01:00",
                  "result": "negative" },
    }))
    .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_antigen_test_names_its_device_and_a_pcr_its_method() {
        let mut record = sample_record();
        let antigen = serde_json::to_value(payload(&record, "pharmacy", "ci".to_owned())).unwrap();
        assert_eq!(
            antigen,
            serde_json::json!({
                "ver": "1.3.0",
                "nam": { "fn": "Exemple-Été", "fnt": "EXEMPLE<ETE", "gn": "Zoé", "gnt": "ZOE" },
                "dob": "1984-05-15",
                "t": [{ "tg": "840539006", "tt": "LP217198-3", "ma": "1304", "sc": "2022-01-05T18:00:00+01:00",
                        "tr": "260415000", "tc": "pharmacy", "co": "FR", "is": "Peakday (test data)", "ci": "ci" }],
            })
        );
        record.test.kind = TestKind::Pcr;
        record.test.loinc = "94500-6".to_owned();
        record.test.result = Outcome::Positive;
        let pcr = serde_json::to_value(payload(&record, "lab", "ci".to_owned())).unwrap();
        assert_eq!(pcr["t"][0]["tt"], "LP6464-4");
        assert_eq!(pcr["t"][0]["nm"], "SARS-CoV-2 RT-PCR (LOINC 94500-6)");
        assert_eq!(pcr["t"][0]["tr"], "260373001");
        assert!(pcr["t"][0].get("ma").is_none());
    }

    #[test]
    fn an_indeterminate_result_certifies_nothing() {
        let mut record = sample_record();
        record.test.result = Outcome::Indeterminate;
        assert_eq!(payload(&record, "lab", "ci".to_owned()), None);
    }
}
