//! What was typed into the form of an entry, and the entry that it makes: checked by the same rules as any other.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::paris;
use crate::entry::{Entry, Patient, TestKind};
use crate::hex;
use crate::intake::{self, RawEntry, RawPatient, RawTest, Text};
use crate::moment::Moment;
use crate::pages::{Wrong, joined, parted};
use crate::problem::Problem;
use crate::validate::{self, Place};

/// What was typed, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    /// Drawn when the form is shown: sent twice, it is still one entry.
    #[serde(rename = "ref")]
    pub(crate) reference: String,
    pub(crate) family_name: String,
    pub(crate) given_name: String,
    pub(crate) day: String,
    pub(crate) month: String,
    pub(crate) year: String,
    pub(crate) sex: String,
    pub(crate) mobile: String,
    pub(crate) identifier: String,
    pub(crate) sample: String,
    pub(crate) kind: String,
    pub(crate) device: String,
    pub(crate) sampled_at: String,
    pub(crate) analysed_at: String,
    pub(crate) result: String,
}

impl Typed {
    /// A form that nobody has typed into yet.
    pub(super) fn fresh(now: Moment) -> Option<Typed> {
        let mut id = [0; 12];
        aws_lc_rs::rand::fill(&mut id).ok()?;
        let (reference, now) = (format!("portal-{}", hex::encode(&id)), paris::local(now));
        Some(Typed { reference, sampled_at: now.clone(), analysed_at: now, ..Typed::default() })
    }

    /// With the patient of a draft, of which anything may be missing.
    pub(super) fn with_draft(self, draft: &Value) -> Typed {
        let text = |key: &str| draft.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let [day, month, year] = parted(&text("birth_date"));
        Typed {
            family_name: text("family_name"),
            given_name: text("given_name"),
            day,
            month,
            year,
            sex: text("sex"),
            mobile: text("mobile"),
            identifier: text("identifier"),
            ..self
        }
    }

    /// With the patient of an earlier result.
    pub(super) fn with_patient(self, patient: &Patient) -> Typed {
        self.with_draft(&serde_json::to_value(patient).unwrap_or_default())
    }

    /// The entry, or what is wrong with it, in the order of the form.
    pub(super) fn entry(&self, now: Moment) -> Result<Entry, Vec<Wrong>> {
        validate::entry(self.raw(), Place { entry: None }, Vec::new(), now)
            .map_err(|problems| wrong(&problems))
    }

    /// The patient as a draft is stored, or what is wrong with what is there.
    pub(super) fn draft(&self, now: Moment) -> Result<Vec<u8>, Vec<Wrong>> {
        let there = self.patient().into_iter().filter(|(_, text)| !text.is_empty());
        let patient = there.map(|(key, text)| (key.to_owned(), text.into())).collect::<Map<_, _>>();
        let draft = Value::Object(patient).to_string().into_bytes();
        intake::read_draft(&draft, now).map(|_| draft).map_err(|problems| wrong(&problems))
    }

    fn birth_date(&self) -> String {
        if [&self.day, &self.month, &self.year].iter().all(|part| part.trim().is_empty()) {
            return String::new();
        }
        let joined = joined(&self.day, &self.month, &self.year);
        // What is no date is refused as one, and not as missing.
        if joined.is_empty() { "-".to_owned() } else { joined }
    }

    fn patient(&self) -> [(&'static str, String); 6] {
        let identifier: String = self.identifier.chars().filter(|letter| !letter.is_whitespace()).collect();
        [
            ("family_name", self.family_name.trim().to_owned()),
            ("given_name", self.given_name.trim().to_owned()),
            ("birth_date", self.birth_date()),
            ("sex", self.sex.clone()),
            ("mobile", international(&self.mobile)),
            ("identifier", identifier.to_uppercase()),
        ]
    }

    /// As a program would have handed it in.
    fn raw(&self) -> RawEntry<'static> {
        let [family_name, given_name, birth_date, sex, mobile, identifier] =
            self.patient().map(|(_, value)| text(value));
        let loinc = match self.kind.as_str() {
            "antigen" => TestKind::Antigen.loinc().first(),
            "pcr" => TestKind::Pcr.loinc().first(),
            _ => None,
        };
        RawEntry {
            reference: text(self.reference.clone()),
            sample: text(self.sample.trim().to_owned()),
            patient: Some(RawPatient { family_name, given_name, birth_date, sex, mobile, identifier }),
            test: Some(RawTest {
                kind: text(self.kind.clone()),
                loinc: loinc.map(|loinc| Text(Cow::Borrowed(*loinc))),
                device: text(self.device.trim().to_owned()),
                sampled_at: text(paris::rfc3339(&self.sampled_at)),
                analysed_at: text(paris::rfc3339(&self.analysed_at)),
                result: text(self.result.clone()),
            }),
        }
    }
}

fn text(value: String) -> Option<Text<'static>> {
    (!value.is_empty()).then_some(Text(Cow::Owned(value)))
}

/// A French number as people write it, with its country's code.
fn international(number: &str) -> String {
    let plain: String = number.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
    match plain.strip_prefix('0') {
        Some(rest) => format!("+33{rest}"),
        None if plain.is_empty() => number.trim().to_owned(),
        None => plain,
    }
}

/// Keys of an entry that people type, in the order of the form: which field is wrong then, and what to do.
const FIELDS: [(&str, &str, (&str, &str)); 12] = [
    (
        "family_name",
        "family_name",
        ("Indiquez le nom de naissance, en lettres", "Enter the family name at birth, in letters"),
    ),
    ("given_name", "given_name", ("Indiquez le prénom, en lettres", "Enter the given name, in letters")),
    (
        "birth_date",
        "day",
        (
            "Indiquez la date de naissance, par exemple 27 3 1985",
            "Enter the date of birth, for example 27 3 1985",
        ),
    ),
    ("sex", "sex", ("Choisissez le sexe", "Choose the sex")),
    (
        "mobile",
        "mobile",
        (
            "Indiquez un numéro de test\u{a0}: 06 39 98 suivi de quatre chiffres",
            "Enter a test number: 06 39 98 and four more digits",
        ),
    ),
    (
        "identifier",
        "identifier",
        (
            "Indiquez les 13 chiffres et la clé du matricule\u{a0}; la clé vaut 97 − (nombre modulo 97)",
            "Enter the 13 digits and the key of the identity number; the key is 97 − (number modulo 97)",
        ),
    ),
    ("kind", "kind", ("Choisissez le type de test", "Choose the kind of test")),
    (
        "device",
        "device",
        (
            "Indiquez le numéro du dispositif, par exemple 1232",
            "Enter the number of the device, for example 1232",
        ),
    ),
    ("sample", "sample", ("Indiquez le numéro de prélèvement", "Enter the sample number")),
    (
        "sampled_at",
        "sampled_at",
        (
            "Indiquez l’heure du prélèvement, qui ne peut pas être dans le futur",
            "Enter the time of sampling, which cannot be in the future",
        ),
    ),
    (
        "analysed_at",
        "analysed_at",
        (
            "Indiquez l’heure du résultat, après le prélèvement et pas dans le futur",
            "Enter the time of the result, after the sampling and not in the future",
        ),
    ),
    ("result", "result", ("Choisissez le résultat", "Choose the result")),
];

fn wrong(problems: &[Problem]) -> Vec<Wrong> {
    let is_wrong = |key: &str| problems.iter().any(|problem| problem.path.rsplit('/').next() == Some(key));
    let fields = FIELDS.iter().filter(|(key, ..)| is_wrong(key));
    fields.map(|(_, field, text)| Wrong { field, text: *text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_millis(1_641_405_600_000);

    fn typed() -> Typed {
        let text = |text: &str| text.to_owned();
        Typed {
            family_name: text(" Exemple "),
            given_name: text("Zoé"),
            day: text("4"),
            month: text("5"),
            year: text("1985"),
            sex: text("F"),
            mobile: text("06 39 98 00 42"),
            identifier: text("2850575000000 95"),
            sample: text("P-1"),
            kind: text("antigen"),
            device: text("1232"),
            result: text("negative"),
            ..Typed::fresh(NOW).unwrap()
        }
    }

    fn fields(wrong: &[Wrong]) -> Vec<&'static str> {
        wrong.iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn what_people_write_becomes_an_entry_of_the_usual_form() {
        let entry = typed().entry(NOW).unwrap();
        let patient = &entry.record.patient;
        assert_eq!((&*patient.family_name, &*patient.birth_date), ("Exemple", "1985-05-04"));
        assert_eq!((&*patient.mobile, &*patient.identifier), ("+33639980042", "285057500000095"));
        assert_eq!(entry.record.test.sampled_at, "2022-01-05T19:00:00+01:00");
        assert!(entry.reference.starts_with("portal-"));
        let again = Typed::fresh(NOW).unwrap().with_patient(patient);
        assert_eq!((&*again.day, &*again.year, &*again.mobile), ("04", "1985", "+33639980042"));
    }

    #[test]
    fn everything_that_is_wrong_is_found_in_the_order_of_the_form() {
        let nothing = Typed::default().entry(NOW).unwrap_err();
        let expected: Vec<_> =
            FIELDS.iter().map(|(_, field, _)| *field).filter(|field| *field != "device").collect();
        assert_eq!(fields(&nothing), expected);
        let text = |text: &str| text.to_owned();
        let typed = Typed {
            day: text("31"),
            month: text("2"),
            mobile: text("06 12 34 56 78"),
            analysed_at: text("2022-01-05T18:59"),
            device: text("x"),
            ..typed()
        };
        assert_eq!(fields(&typed.entry(NOW).unwrap_err()), ["day", "mobile", "device", "analysed_at"]);
    }

    #[test]
    fn a_draft_may_lack_anything_but_what_is_there_is_checked() {
        assert_eq!(Typed::default().draft(NOW).unwrap(), b"{}");
        let draft: Value = serde_json::from_slice(&typed().draft(NOW).unwrap()).unwrap();
        assert_eq!(draft["birth_date"], "1985-05-04");
        assert_eq!(Typed::default().with_draft(&draft).draft(NOW).unwrap(), typed().draft(NOW).unwrap());
        let half = Typed { family_name: "Exemple".to_owned(), day: "4".to_owned(), ..Typed::default() };
        assert_eq!(fields(&half.draft(NOW).unwrap_err()), ["day"]);
    }
}
