//! The rules that every field of an entry must keep. All problems are found, none stops the search.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::entry::{Entry, Outcome, Patient, Record, Sex, Test, TestKind, is_letter};
use crate::intake::{RawEntry, RawPatient, RawTest, Text};
use crate::moment::Moment;
use crate::problem::Problem;

/// Stands for a value whose type was reported already; no valid value looks like it.
pub(crate) const WRONG_TYPE: &str = "\u{0}";

/// Longest reference, sample number or name, in characters.
const LONGEST_REFERENCE: usize = 64;
const LONGEST_NAME: usize = 80;

/// Mobile numbers that no one has: 06 39 98 is set aside for fiction (ARCEP decision 2018-0881).
pub(crate) const FICTION: &str = "+3363998";

/// How far in the future a time may lie: clocks differ, and so do time zones that people mistake.
const AHEAD: i64 = 86_400;

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Its index in a batch.
    pub(crate) entry: Option<usize>,
}

impl Place {
    /// `entries/3/patient/sex`.
    pub(crate) fn path(self, at: &str, key: &str) -> String {
        let entry = self.entry.map(|index| format!("entries/{index}"));
        let parts = [entry.as_deref().unwrap_or_default(), at, key];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

/// Checks an entry; `problems` are those of its shape.
pub(crate) fn entry(
    raw: RawEntry<'_>,
    place: Place,
    problems: Vec<Problem>,
    now: Moment,
) -> Result<Entry, Vec<Problem>> {
    let mut check = Check { place, problems };
    let reference = check.required("", "ref", raw.reference, identifier_text);
    let sample = check.required("", "sample", raw.sample, identifier_text);
    let patient = match raw.patient {
        Some(patient) => check.patient(patient, now),
        None => check.missing("", "patient"),
    };
    let test = match raw.test {
        Some(test) => check.test(test, now),
        None => check.missing("", "test"),
    };
    match (reference, sample, patient, test) {
        (Some(reference), Some(sample), Some(patient), Some(test)) if check.problems.is_empty() => {
            Ok(Entry { reference, sample, record: Record { patient, test } })
        }
        _ => Err(check.problems),
    }
}

/// Checks what is there of a draft's patient.
pub(crate) fn draft(raw: &RawPatient<'_>, place: Place, problems: &mut Vec<Problem>, now: Moment) {
    let mut check = Check { place, problems: std::mem::take(problems) };
    let borrowed = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.0.to_string());
    let rules: [(&str, Option<String>, Rule<'_>); 6] = [
        ("family_name", borrowed(&raw.family_name), &|text| name(text).map(drop)),
        ("given_name", borrowed(&raw.given_name), &|text| name(text).map(drop)),
        ("birth_date", borrowed(&raw.birth_date), &|text| birth_date(text, now).map(drop)),
        ("sex", borrowed(&raw.sex), &|text| sex(text).map(drop)),
        ("mobile", borrowed(&raw.mobile), &|text| mobile(text).map(drop)),
        ("identifier", borrowed(&raw.identifier), &|text| ins(text).map(drop)),
    ];
    for (key, text, rule) in rules {
        if let Some(text) = text {
            check.apply("", key, &text, rule);
        }
    }
    *problems = check.problems;
}

/// What is wrong with a value, and what to write instead.
type Fault = (&'static str, String);
type Rule<'r> = &'r dyn Fn(&str) -> Result<(), Fault>;

struct Check {
    place: Place,
    problems: Vec<Problem>,
}

impl Check {
    fn patient(&mut self, raw: RawPatient<'_>, now: Moment) -> Option<Patient> {
        const AT: &str = "patient";
        let family_name = self.required(AT, "family_name", raw.family_name, name);
        let given_name = self.required(AT, "given_name", raw.given_name, name);
        let birth_date = self.required(AT, "birth_date", raw.birth_date, |text| birth_date(text, now));
        let sex = self.required(AT, "sex", raw.sex, sex);
        let mobile = self.required(AT, "mobile", raw.mobile, mobile);
        let identifier = self.required(AT, "identifier", raw.identifier, ins);
        Some(Patient {
            family_name: family_name?,
            given_name: given_name?,
            birth_date: birth_date?,
            sex: sex?,
            mobile: mobile?,
            identifier: identifier?,
        })
    }

    fn test(&mut self, raw: RawTest<'_>, now: Moment) -> Option<Test> {
        const AT: &str = "test";
        let kind = self.required(AT, "kind", raw.kind, kind);
        let loinc = self.required(AT, "loinc", raw.loinc, |text| loinc(text, kind));
        let device = raw.device.map(|text| self.required(AT, "device", Some(text), device));
        let sampled = self.required(AT, "sampled_at", raw.sampled_at, |text| time(text, now));
        let analysed = self.required(AT, "analysed_at", raw.analysed_at, |text| time(text, now));
        let result = self.required(AT, "result", raw.result, outcome);
        if let (Some((sampled, _)), Some((analysed, _))) = (&sampled, &analysed)
            && analysed < sampled
        {
            self.fault::<()>(
                AT,
                "analysed_at",
                ("is before sampled_at", "a sample is taken first".to_owned()),
            );
        }
        Some(Test {
            kind: kind?,
            loinc: loinc?,
            device: match device {
                Some(device) => Some(device?),
                None => None,
            },
            sampled_at: sampled?.1,
            analysed_at: analysed?.1,
            result: result?,
        })
    }

    fn required<T>(
        &mut self,
        at: &str,
        key: &str,
        raw: Option<Text<'_>>,
        rule: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        match raw {
            Some(text) => self.apply(at, key, &text.0, rule),
            None => self.missing(at, key),
        }
    }

    fn apply<T>(
        &mut self,
        at: &str,
        key: &str,
        text: &str,
        rule: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        if text == WRONG_TYPE {
            return None;
        }
        match rule(text) {
            Ok(value) => Some(value),
            Err(fault) => self.fault(at, key, fault),
        }
    }

    fn missing<T>(&mut self, at: &str, key: &str) -> Option<T> {
        self.fault(at, key, ("is missing", String::new()))
    }

    fn fault<T>(&mut self, at: &str, key: &str, (problem, hint): Fault) -> Option<T> {
        self.problems.push(Problem { path: self.place.path(at, key), problem: problem.to_owned(), hint });
        None
    }
}

fn identifier_text(text: &str) -> Result<String, Fault> {
    let usual = !text.is_empty() && text.chars().count() <= LONGEST_REFERENCE;
    if usual && text.chars().all(|letter| !letter.is_control()) && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err(("is not a reference", format!("1 to {LONGEST_REFERENCE} characters, no space around them")))
    }
}

fn name(text: &str) -> Result<String, Fault> {
    let letters = |letter: char| is_letter(letter) || " -'’.".contains(letter);
    if text.chars().any(is_letter) && text.chars().count() <= LONGEST_NAME && text.chars().all(letters) {
        Ok(text.to_owned())
    } else {
        let hint =
            format!("letters (Latin or Cyrillic), spaces, hyphens and apostrophes, at most {LONGEST_NAME}");
        Err(("is not a name", hint))
    }
}

/// A date on which somebody can have been born.
pub(crate) fn birth_date(text: &str, now: Moment) -> Result<String, Fault> {
    let hint = || "write YYYY-MM-DD, from 1900 to today".to_owned();
    let date = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse::<NaiveDate>().ok());
    let today = DateTime::from_timestamp_millis(now.millis()).map(|now| now.date_naive());
    match date {
        None => Err(("is not a date", hint())),
        Some(date) if date.year() < 1900 || today.is_some_and(|today| date > today) => {
            Err(("cannot be a birth date", hint()))
        }
        Some(_) => Ok(text.to_owned()),
    }
}

fn sex(text: &str) -> Result<Sex, Fault> {
    match text {
        "F" => Ok(Sex::F),
        "M" => Ok(Sex::M),
        "U" => Ok(Sex::U),
        _ => Err(("is not a sex", "write F, M or U".to_owned())),
    }
}

fn mobile(text: &str) -> Result<String, Fault> {
    let number = text.strip_prefix('+').unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(("is not a telephone number", "write it as +33639980042".to_owned()));
    }
    if text.starts_with(FICTION) && text.len() == 12 {
        return Ok(text.to_owned());
    }
    Err((
        "is not a test number",
        "only +33639980000 to +33639989999 are accepted: the range 06 39 98 is set aside for fiction"
            .to_owned(),
    ))
}

/// Format and key of an identity number: 13 digits (2A or 2B for Corsica) and 97 - (number mod 97).
fn ins(text: &str) -> Result<String, Fault> {
    let fault = |problem| {
        Err((problem, "13 digits (2A or 2B for Corsica) and the key 97 - (number mod 97)".to_owned()))
    };
    if !text.is_ascii() || text.len() != 15 {
        return fault("is not an identity number");
    }
    let (number, key) = text.split_at(13);
    // Corsica: 2A counts as 19 and 2B as 18.
    let digits = match &number[5..7] {
        "2A" => format!("{}19{}", &number[..5], &number[7..]),
        "2B" => format!("{}18{}", &number[..5], &number[7..]),
        _ => number.to_owned(),
    };
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(key) || !numeric(&digits) {
        return fault("is not an identity number");
    }
    match (digits.parse::<u64>(), key.parse::<u64>()) {
        (Ok(number), Ok(key)) if 97 - number % 97 == key => Ok(text.to_owned()),
        _ => fault("has a wrong key"),
    }
}

fn kind(text: &str) -> Result<TestKind, Fault> {
    match text {
        "antigen" => Ok(TestKind::Antigen),
        "pcr" => Ok(TestKind::Pcr),
        _ => Err(("is not a kind of test", "write antigen or pcr".to_owned())),
    }
}

fn loinc(text: &str, kind: Option<TestKind>) -> Result<String, Fault> {
    let codes = match kind {
        Some(kind) => kind.loinc().to_vec(),
        None => [TestKind::Antigen.loinc(), TestKind::Pcr.loinc()].concat(),
    };
    if codes.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(("is not a code of this kind of test", format!("one of {}", codes.join(", "))))
}

fn device(text: &str) -> Result<String, Fault> {
    if (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(("is not a device", "write its number in the list of the Joint Research Centre".to_owned()))
}

/// A time, in seconds since 1970, and as it was written.
fn time(text: &str, now: Moment) -> Result<(i64, String), Fault> {
    match DateTime::parse_from_rfc3339(text) {
        Err(_) => {
            Err(("is not a time", "write RFC 3339 with its offset: 2022-01-05T18:00:00+01:00".to_owned()))
        }
        Ok(time) if time.timestamp() > now.seconds() + AHEAD => {
            Err(("is in the future", "write when it was".to_owned()))
        }
        Ok(time) => Ok((time.timestamp(), text.to_owned())),
    }
}

fn outcome(text: &str) -> Result<Outcome, Fault> {
    match text {
        "negative" => Ok(Outcome::Negative),
        "positive" => Ok(Outcome::Positive),
        "indeterminate" => Ok(Outcome::Indeterminate),
        _ => Err(("is not a result", "write negative, positive or indeterminate".to_owned())),
    }
}
