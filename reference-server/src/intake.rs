//! Reads what a sender hands in: one entry or a batch, as JSON, with every problem found.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::entry::{Entry, Patient};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::validate::{self, Place};

/// What was handed in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Intake {
    /// Whether it came as a batch.
    pub(crate) batch: bool,
    /// Each entry checked, or what is wrong with it and the reference that it goes by.
    pub(crate) entries: Vec<Result<Entry, Rejected>>,
}

/// An entry that cannot be stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// The sender's reference, if it could be read.
    pub(crate) reference: Option<String>,
    /// Everything that is wrong.
    pub(crate) problems: Vec<Problem>,
}

/// Whether a body is a batch, told from its top-level keys without parsing the rest: the class of a request must be
/// known before it is served.
pub(crate) fn is_batch(body: &[u8]) -> bool {
    let (mut depth, mut at) = (0_u32, 0);
    while at < body.len() {
        match body[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at + 1;
                at = start;
                while at < body.len() && body[at] != b'"' {
                    at += if body[at] == b'\\' { 2 } else { 1 };
                }
                let is_key = || {
                    let after = body.get(at + 1..).unwrap_or_default();
                    after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
                };
                if depth == 1 && body.get(start..at) == Some(b"entries") && is_key() {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Reads a body; at most `most` entries.
///
/// # Errors
/// When the body as a whole is not what it should be.
pub(crate) fn read(body: &[u8], most: usize, now: Moment) -> Result<Intake, Vec<Problem>> {
    let batch = is_batch(body);
    // The usual case: the right keys with the right types. Anything else is read again, slowly, to say what is wrong.
    let quick = if batch {
        serde_json::from_slice::<RawBatch<'_>>(body).map(|batch| batch.entries)
    } else {
        serde_json::from_slice::<RawEntry<'_>>(body).map(|entry| vec![entry])
    };
    let raws: Vec<(RawEntry<'_>, Vec<Problem>)> = match quick {
        Ok(entries) => entries.into_iter().map(|entry| (entry, Vec::new())).collect(),
        Err(_) => shapes(body, batch)?,
    };
    let problem = |problem: String, hint: &str| {
        Err(vec![Problem { path: "entries".to_owned(), problem, hint: hint.to_owned() }])
    };
    if raws.is_empty() {
        return problem("is empty".to_owned(), "send at least one entry");
    }
    if raws.len() > most {
        return problem(format!("has {} entries", raws.len()), &format!("send at most {most} in one batch"));
    }
    let entries = raws.into_iter().enumerate().map(|(index, (raw, problems))| {
        let place = Place { entry: batch.then_some(index) };
        let reference = raw.reference.as_ref().map(|text| text.0.to_string());
        validate::entry(raw, place, problems, now).map_err(|problems| Rejected { reference, problems })
    });
    Ok(Intake { batch, entries: entries.collect() })
}

/// Reads the patient of a draft, of which anything may be missing.
///
/// # Errors
/// Every problem of what is there.
pub(crate) fn read_draft(body: &[u8], now: Moment) -> Result<Value, Vec<Problem>> {
    let value: Value = serde_json::from_slice(body).map_err(not_json)?;
    let patient = value.get("patient").cloned().unwrap_or(value);
    let mut problems = Vec::new();
    let place = Place { entry: None };
    let raw = raw_patient(&patient, place, &mut problems);
    validate::draft(&raw, place, &mut problems, now);
    if problems.is_empty() { Ok(patient) } else { Err(problems) }
}

/// A text that borrows from the body where it needs no unescaping.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// An entry as it was written: any part may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEntry<'a> {
    #[serde(borrow, rename = "ref")]
    pub(crate) reference: Option<Text<'a>>,
    pub(crate) sample: Option<Text<'a>>,
    pub(crate) patient: Option<RawPatient<'a>>,
    pub(crate) test: Option<RawTest<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPatient<'a> {
    #[serde(borrow)]
    pub(crate) family_name: Option<Text<'a>>,
    pub(crate) given_name: Option<Text<'a>>,
    pub(crate) birth_date: Option<Text<'a>>,
    pub(crate) sex: Option<Text<'a>>,
    pub(crate) mobile: Option<Text<'a>>,
    pub(crate) identifier: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTest<'a> {
    #[serde(borrow)]
    pub(crate) kind: Option<Text<'a>>,
    pub(crate) loinc: Option<Text<'a>>,
    pub(crate) device: Option<Text<'a>>,
    pub(crate) sampled_at: Option<Text<'a>>,
    pub(crate) analysed_at: Option<Text<'a>>,
    pub(crate) result: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBatch<'a> {
    #[serde(borrow)]
    entries: Vec<RawEntry<'a>>,
}

/// What is wrong with the shape of a body: not JSON, unknown keys, wrong types. The rest of it is still checked.
fn shapes(body: &[u8], batch: bool) -> Result<Vec<(RawEntry<'static>, Vec<Problem>)>, Vec<Problem>> {
    let value: Value = serde_json::from_slice(body).map_err(not_json)?;
    if !batch {
        let mut problems = Vec::new();
        let raw = raw_entry(&value, Place { entry: None }, &mut problems);
        return Ok(vec![(raw, problems)]);
    }
    let mut problems = Vec::new();
    let top = value.as_object();
    for key in top.into_iter().flat_map(Map::keys).filter(|key| *key != "entries") {
        problems.push(unknown(key.clone(), &["entries"]));
    }
    let Some(entries) = value.get("entries").and_then(Value::as_array) else {
        problems.push(wrong_type("entries".to_owned(), "a list of entries"));
        return Err(problems);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let read = |(index, value)| {
        let mut problems = Vec::new();
        let raw = raw_entry(value, Place { entry: Some(index) }, &mut problems);
        (raw, problems)
    };
    Ok(entries.iter().enumerate().map(read).collect())
}

fn raw_entry(value: &Value, place: Place, problems: &mut Vec<Problem>) -> RawEntry<'static> {
    let Some(map) = object(value, place, "", &["ref", "sample", "patient", "test"], problems) else {
        return RawEntry::default();
    };
    RawEntry {
        reference: text(map, place, "", "ref", problems),
        sample: text(map, place, "", "sample", problems),
        patient: map.get("patient").map(|value| raw_patient_at(value, place, "patient", problems)),
        test: map.get("test").map(|value| raw_test(value, place, problems)),
    }
}

fn raw_patient(value: &Value, place: Place, problems: &mut Vec<Problem>) -> RawPatient<'static> {
    raw_patient_at(value, place, "", problems)
}

fn raw_patient_at(value: &Value, place: Place, at: &str, problems: &mut Vec<Problem>) -> RawPatient<'static> {
    let Some(map) = object(value, place, at, &Patient::KEYS, problems) else { return RawPatient::default() };
    RawPatient {
        family_name: text(map, place, at, "family_name", problems),
        given_name: text(map, place, at, "given_name", problems),
        birth_date: text(map, place, at, "birth_date", problems),
        sex: text(map, place, at, "sex", problems),
        mobile: text(map, place, at, "mobile", problems),
        identifier: text(map, place, at, "identifier", problems),
    }
}

fn raw_test(value: &Value, place: Place, problems: &mut Vec<Problem>) -> RawTest<'static> {
    let keys = ["kind", "loinc", "device", "sampled_at", "analysed_at", "result"];
    let Some(map) = object(value, place, "test", &keys, problems) else { return RawTest::default() };
    RawTest {
        kind: text(map, place, "test", "kind", problems),
        loinc: text(map, place, "test", "loinc", problems),
        device: text(map, place, "test", "device", problems),
        sampled_at: text(map, place, "test", "sampled_at", problems),
        analysed_at: text(map, place, "test", "analysed_at", problems),
        result: text(map, place, "test", "result", problems),
    }
}

impl Patient {
    const KEYS: [&str; 6] = ["family_name", "given_name", "birth_date", "sex", "mobile", "identifier"];
}

fn object<'v>(
    value: &'v Value,
    place: Place,
    at: &str,
    keys: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<&'v Map<String, Value>> {
    let Some(map) = value.as_object() else {
        problems.push(wrong_type(place.path(at, ""), "an object"));
        return None;
    };
    for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
        problems.push(unknown(place.path(at, key), keys));
    }
    Some(map)
}

fn text(
    map: &Map<String, Value>,
    place: Place,
    at: &str,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<Text<'static>> {
    match map.get(key)? {
        Value::String(text) => Some(Text(Cow::Owned(text.clone()))),
        // As if it were not there.
        Value::Null => None,
        _ => {
            problems.push(wrong_type(place.path(at, key), "a text"));
            // It is there, so it must not be reported as missing too.
            Some(Text(Cow::Borrowed(validate::WRONG_TYPE)))
        }
    }
}

fn not_json(error: serde_json::Error) -> Vec<Problem> {
    vec![Problem {
        path: String::new(),
        problem: format!("is not JSON: {error}"),
        hint: "send one entry, or {\"entries\": […]}, in UTF-8".to_owned(),
    }]
}

fn unknown(path: String, keys: &[&str]) -> Problem {
    Problem { path, problem: "unknown key".to_owned(), hint: format!("known here: {}", keys.join(", ")) }
}

fn wrong_type(path: String, expected: &str) -> Problem {
    Problem { path, problem: "has the wrong type".to_owned(), hint: format!("write {expected}") }
}

#[cfg(test)]
mod tests;
