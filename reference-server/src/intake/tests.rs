//! What is let in and what is said about the rest.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::entry::{Outcome, Sex, TestKind};

const NOW: Moment = Moment::from_millis(1_800_000_000_000);

fn good() -> Value {
    json!({
        "ref": "r-1", "sample": "s-1",
        "patient": {
            "family_name": "Lefèvre", "given_name": "Anne-Lise", "birth_date": "1985-05-14", "sex": "F",
            "mobile": "+33639980042", "identifier": "285057500100164"
        },
        "test": {
            "kind": "antigen", "loinc": "94558-4", "device": "1232",
            "sampled_at": "2022-01-05T17:40:00+01:00", "analysed_at": "2022-01-05T18:00:00+01:00",
            "result": "positive"
        }
    })
}

fn read_one(value: &Value) -> Result<Entry, Vec<Problem>> {
    let mut intake = read(&serde_json::to_vec(value).unwrap(), 100, NOW)?;
    assert!(!intake.batch);
    intake.entries.remove(0).map_err(|rejected| rejected.problems)
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.path.as_str()).collect()
}

#[test]
fn a_good_entry_is_read_whole() {
    let entry = read_one(&good()).unwrap();
    assert_eq!((entry.reference.as_str(), entry.sample.as_str()), ("r-1", "s-1"));
    assert_eq!(entry.record.patient.sex, Sex::F);
    assert_eq!(entry.record.test.kind, TestKind::Antigen);
    assert_eq!(entry.record.test.result, Outcome::Positive);
    assert_eq!(entry.record.test.device.as_deref(), Some("1232"));
    let stored = serde_json::to_value(&entry.record).unwrap();
    assert_eq!(stored["patient"], good()["patient"]);
    assert_eq!(stored["test"], good()["test"]);
}

#[test]
fn the_device_may_be_missing_and_escapes_are_understood() {
    let mut value = good();
    value["test"].as_object_mut().unwrap().remove("device");
    let text = serde_json::to_string(&value).unwrap().replace("Lef\u{e8}vre", "Lef\\u00e8vre");
    let intake = read(text.as_bytes(), 1, NOW).unwrap();
    let entry = intake.entries[0].as_ref().unwrap();
    assert_eq!(entry.record.test.device, None);
    assert_eq!(entry.record.patient.family_name, "Lefèvre");
}

#[test]
fn every_problem_of_an_entry_is_found_with_its_path() {
    let value = json!({
        "ref": "", "sample": 5, "extra": 1,
        "patient": {
            "family_name": "R2D2", "given_name": "", "birth_date": "1985-02-30", "sex": "X",
            "mobile": "+33612345678", "identifier": "285057500100165", "shoe": 42
        },
        "test": {
            "kind": "smell", "loinc": "1234-5", "device": "abc", "sampled_at": "yesterday",
            "analysed_at": "2099-01-01T00:00:00Z", "result": "maybe"
        }
    });
    let problems = read_one(&value).unwrap_err();
    let mut found = paths(&problems);
    found.sort_unstable();
    let mut expected = vec![
        "extra",
        "patient/birth_date",
        "patient/family_name",
        "patient/given_name",
        "patient/identifier",
        "patient/mobile",
        "patient/sex",
        "patient/shoe",
        "ref",
        "sample",
        "test/analysed_at",
        "test/device",
        "test/kind",
        "test/loinc",
        "test/result",
        "test/sampled_at",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    let mobile = problems.iter().find(|problem| problem.path == "patient/mobile").unwrap();
    assert!(mobile.hint.contains("fiction"), "{mobile}");
}

#[test]
fn what_is_missing_is_named() {
    let problems = read_one(&json!({"ref": "r", "patient": {}})).unwrap_err();
    let found = paths(&problems);
    for path in ["sample", "test", "patient/family_name", "patient/identifier"] {
        assert!(found.contains(&path), "{path} is not in {found:?}");
    }
}

#[test]
fn an_analysis_before_its_sample_is_refused() {
    let mut value = good();
    value["test"]["analysed_at"] = json!("2022-01-05T17:39:59+01:00");
    assert_eq!(paths(&read_one(&value).unwrap_err()), ["test/analysed_at"]);
    // The same instant in another zone is not before.
    value["test"]["analysed_at"] = json!("2022-01-05T16:40:00Z");
    assert!(read_one(&value).is_ok());
}

#[test]
fn a_bad_entry_in_a_batch_leaves_the_others_alone() {
    for wrong in [json!("2085-05-14"), json!(1985)] {
        let mut bad = good();
        bad["patient"]["birth_date"] = wrong;
        let body = serde_json::to_vec(&json!({"entries": [good(), bad, good()]})).unwrap();
        let intake = read(&body, 3, NOW).unwrap();
        assert!(intake.batch && intake.entries[0].is_ok() && intake.entries[2].is_ok());
        let rejected = intake.entries[1].as_ref().unwrap_err();
        assert_eq!(rejected.reference.as_deref(), Some("r-1"));
        assert_eq!(paths(&rejected.problems), ["entries/1/patient/birth_date"]);
    }
}

#[test]
fn a_body_that_is_wrong_as_a_whole_is_refused_as_a_whole() {
    for (body, path) in [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        (r#"{"entries": []}"#, "entries"),
        (r#"{"entries": {}}"#, "entries"),
        (r#"{"entries": [{}], "more": 1}"#, "more"),
        (r#"{"entries": [{},{},{},{}]}"#, "entries"),
    ] {
        let problems = match read(body.as_bytes(), 3, NOW) {
            Err(problems) => problems,
            Ok(intake) => intake.entries.into_iter().flat_map(|entry| entry.unwrap_err().problems).collect(),
        };
        assert!(paths(&problems).contains(&path), "{body}: {problems:?}");
    }
}

#[test]
fn corsicans_have_letters_in_their_number() {
    // 2A counts as 19: 1 85 05 19 001 001; 97 - 1850519001001 mod 97.
    let key = |digits: u64| 97 - digits % 97;
    for (text, digits) in [("185052A001001", 1_850_519_001_001), ("185052B001001", 1_850_518_001_001)] {
        let mut value = good();
        value["patient"]["identifier"] = json!(format!("{text}{:02}", key(digits)));
        assert!(read_one(&value).is_ok(), "{text}");
    }
}

#[test]
fn a_draft_may_lack_anything_but_what_is_there_must_be_right() {
    let read = |value: Value| read_draft(&serde_json::to_vec(&value).unwrap(), NOW);
    assert!(read(json!({"family_name": "Martin"})).is_ok());
    assert_eq!(read(json!({"patient": {"sex": "F"}})).unwrap(), json!({"sex": "F"}));
    let problems = read(json!({"sex": "X", "mobile": 5, "shoe": 42})).unwrap_err();
    assert_eq!(paths(&problems), ["shoe", "mobile", "sex"]);
}

#[test]
fn a_batch_is_told_by_its_top_level_key_alone() {
    for (body, batch) in [
        (r#"{"entries":[]}"#, true),
        (r#" { "a" : {"b":"}"} , "entries" : 1}"#, true),
        (r#"{"a":"entries"}"#, false),
        (r#"{"a":"entries","b":1}"#, false),
        (r#"{"a":{"entries":[]}}"#, false),
        (r#"{"a":"\"","entries":[]}"#, true),
        (r#"{"a":"\\\"entries\":"}"#, false),
        (r#"["entries"]"#, false),
        (r#"{"entries"#, false),
        ("\"\\", false),
    ] {
        assert_eq!(is_batch(body.as_bytes()), batch, "{body}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body: Vec<u8>) {
        let _ = is_batch(&body);
        let _ = read(&body, 10, NOW);
        let _ = read_draft(&body, NOW);
    }

    #[test]
    fn json_of_any_shape_is_read_without_a_panic(key in "[a-z_]{1,11}", text in ".{0,20}", index in 0..6_usize) {
        let mut value = good();
        let parts = [&["ref"][..], &["sample"], &["patient"], &["test"], &["patient", "identifier"], &["test", "sampled_at"]];
        let mut at = &mut value;
        for part in parts[index] {
            at = &mut at[*part];
        }
        *at = json!({key: text.clone()});
        prop_assert!(read_one(&value).is_err());
        let mut at = &mut value;
        for part in parts[index] {
            at = &mut at[*part];
        }
        *at = json!(text);
        let _ = read_one(&value);
    }
}
