//! What is let in as FHIR and what is said about the rest.

use std::cell::OnceCell;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bundle::{self, is_batch};
use super::entry;
use crate::entry::{Entry, Outcome, Sex, TestKind};
use crate::moment::Moment;
use crate::problem::Problem;

const NOW: Moment = Moment::from_millis(1_800_000_000_000);

fn good() -> Value {
    serde_json::from_str(include_str!("../../tests/data/fhir_bundle.json")).unwrap()
}

/// The resource of this entry of a bundle.
fn resource(bundle: &mut Value, entry: usize) -> &mut Value {
    &mut bundle["entry"][entry]["resource"]
}

/// What becomes of each report, or what is wrong with the bundle as a whole.
fn read(body: &[u8]) -> Result<Vec<Result<Entry, Vec<Problem>>>, Vec<Problem>> {
    let mended = OnceCell::new();
    let bundle = bundle::read(body, &mended, 3)?;
    let read = |(index, report)| entry::read(&bundle, index, report, NOW).entry;
    Ok(bundle.reports().map(read).map(|entry| entry.map_err(|rejected| rejected.problems)).collect())
}

fn read_one(bundle: &Value) -> Result<Entry, Vec<Problem>> {
    read(bundle.to_string().as_bytes())?.remove(0)
}

fn paths(bundle: &Value) -> Vec<String> {
    let mut paths: Vec<_> = read_one(bundle).unwrap_err().into_iter().map(|problem| problem.path).collect();
    paths.sort();
    paths
}

fn within(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| format!("Bundle.entry{path}")).collect()
}

#[test]
fn a_good_report_is_read_whole() {
    let entry = read_one(&good()).unwrap();
    assert_eq!((entry.reference.as_str(), entry.sample.as_str()), ("REPORT-7", "SAMPLE-7"));
    let (patient, test) = (entry.record.patient, entry.record.test);
    assert_eq!((patient.family_name.as_str(), patient.given_name.as_str()), ("Lefèvre", "Anne-Lise Zoé"));
    assert_eq!((patient.birth_date.as_str(), patient.sex), ("1985-05-14", Sex::F));
    assert_eq!((patient.mobile.as_str(), patient.identifier.as_str()), ("+33639980007", "285057500100164"));
    assert_eq!((test.kind, test.result), (TestKind::Antigen, Outcome::Negative));
    assert_eq!((test.loinc.as_str(), test.device.as_deref()), ("94558-4", Some("1232")));
    assert_eq!(test.sampled_at, "2022-01-05T17:40:00+01:00");
    assert_eq!(test.analysed_at, "2022-01-05T18:00:00+01:00");
}

#[test]
fn contained_resources_and_relative_references_say_the_same() {
    let good_entry = read_one(&good()).unwrap();
    let mut contained = good();
    let parts: Vec<_> = (0..3)
        .map(|index| {
            let mut part = resource(&mut contained, index).take();
            part["id"] = json!(format!("c{index}"));
            if index == 2 {
                part["subject"]["reference"] = json!("#c0");
                part["specimen"]["reference"] = json!("#c1");
            }
            part
        })
        .collect();
    let report = resource(&mut contained, 3);
    report["contained"] = Value::Array(parts);
    report["subject"]["reference"] = json!("#c0");
    report["specimen"][0]["reference"] = json!("#c1");
    report["result"][0]["reference"] = json!("#c2");
    let alone = contained["entry"][3].take();
    contained["entry"] = json!([alone]);
    assert_eq!(read_one(&contained).unwrap(), good_entry);
    resource(&mut contained, 0)["contained"][0]["gender"] = json!("F");
    assert_eq!(paths(&contained), within(&["[0].resource.contained[0].gender"]));

    let mut relative = good();
    resource(&mut relative, 0)["id"] = json!("p1");
    for (entry, element) in [(2, "subject"), (3, "subject")] {
        resource(&mut relative, entry)[element]["reference"] = json!("Patient/p1");
    }
    assert_eq!(read_one(&relative).unwrap(), good_entry);
}

#[test]
fn every_problem_of_a_report_is_found_with_its_path() {
    let mut bad = good();
    let patient = resource(&mut bad, 0);
    patient["identifier"][1]["system"] = json!("urn:oid:1.2.250.1.213.1.4.8");
    patient["birthDate"] = json!("1985-02-30");
    patient["gender"] = json!("F");
    patient["telecom"][2]["value"] = json!("+33612345678");
    patient["name"][1]["family"] = json!("R2D2");
    let observation = resource(&mut bad, 2);
    observation["status"] = json!("preliminary");
    observation["code"]["coding"][1]["code"] = json!("1234-5");
    observation["valueCodeableConcept"]["coding"][0]["code"] = json!("1");
    observation["device"]["identifier"]["value"] = json!("abc");
    observation["issued"] = json!("2022-01-05");
    bad["entry"][2]["request"]["method"] = json!("PUT");
    resource(&mut bad, 3)["status"] = json!("registered");
    bad["entry"][3]["request"]["ifNoneExist"] = json!("identifier=urn:example:filler|REPORT-8");
    let expected = [
        "[0].resource.birthDate",
        "[0].resource.gender",
        "[0].resource.identifier",
        "[0].resource.name.family",
        "[0].resource.telecom",
        "[2].request.method",
        "[2].resource.code",
        "[2].resource.device.identifier",
        "[2].resource.issued",
        "[2].resource.status",
        "[2].resource.value",
        "[3].request.ifNoneExist",
        "[3].resource.status",
    ];
    assert_eq!(paths(&bad), within(&expected));
}

#[test]
fn what_is_missing_is_named() {
    let mut bad = good();
    for (entry, element) in [(0, "name"), (0, "birthDate"), (2, "code"), (2, "issued"), (3, "identifier")] {
        resource(&mut bad, entry).as_object_mut().unwrap().remove(element);
    }
    bad["entry"][3].as_object_mut().unwrap().remove("request");
    let expected = [
        "[0].resource.birthDate",
        "[0].resource.name.family",
        "[0].resource.name.given",
        "[2].resource.code",
        "[2].resource.issued",
        "[3].request",
        "[3].resource.identifier",
    ];
    let mut found = paths(&bad);
    found.dedup();
    assert_eq!(found, within(&expected));
    let mut alone = good();
    for element in ["subject", "result", "specimen"] {
        resource(&mut alone, 3).as_object_mut().unwrap().remove(element);
    }
    assert_eq!(paths(&alone), within(&["[3].resource.result", "[3].resource.subject"]));
}

#[test]
fn values_of_a_wrong_type_are_all_found_beside_what_is_wrong_otherwise() {
    let mut bad = good();
    let patient = resource(&mut bad, 0);
    patient["birthDate"] = json!(19_850_514);
    patient["name"] = json!("Lefèvre");
    patient["gender"] = json!("F");
    resource(&mut bad, 2)["valueCodeableConcept"]["coding"] = json!({});
    bad["entry"][3]["fullUrl"] = json!(3);
    let expected = [
        "[0].resource.birthDate",
        "[0].resource.gender",
        "[0].resource.name",
        "[2].resource.value",
        "[2].resource.valueCodeableConcept.coding",
        "[3].fullUrl",
    ];
    assert_eq!(paths(&bad), within(&expected));
}

#[test]
fn references_that_lead_astray_are_refused() {
    for (entry, element, path) in [
        (3, "/subject/reference", "[3].resource.subject"),
        (3, "/specimen/0/reference", "[3].resource.specimen[0]"),
        (3, "/result/0/reference", "[3].resource.result[0]"),
    ] {
        for target in ["urn:uuid:nobody", "#nobody", "urn:uuid:7d0a8c52-0000-4000-8000-000000000004"] {
            let mut bad = good();
            *resource(&mut bad, entry).pointer_mut(element).unwrap() = json!(target);
            let found = paths(&bad);
            assert!(found.iter().any(|found| found.contains(path)), "{element} {target}: {found:?}");
        }
    }
    // An observation about somebody else.
    let mut mixed = good();
    let mut other = mixed["entry"][0].clone();
    other["fullUrl"] = json!("urn:uuid:other");
    mixed["entry"].as_array_mut().unwrap().push(other.clone());
    resource(&mut mixed, 2)["subject"]["reference"] = json!("urn:uuid:other");
    assert_eq!(paths(&mixed), within(&["[2].resource.subject"]));
    // Two entries of one name: nobody can say which is meant.
    let mut twice = good();
    other["fullUrl"] = twice["entry"][0]["fullUrl"].clone();
    twice["entry"].as_array_mut().unwrap().push(other);
    assert_eq!(paths(&twice), within(&["[4].fullUrl"]));
}

#[test]
fn a_bundle_that_is_wrong_as_a_whole_is_refused_as_a_whole() {
    let one = good()["entry"].clone();
    let many: Vec<_> = (0..4).flat_map(|_| one.as_array().unwrap().clone()).collect();
    for (body, path) in [
        (String::new(), ""),
        ("[".repeat(100_000), ""),
        ("null".to_owned(), "Bundle"),
        ("{}".to_owned(), "Bundle.type"),
        (json!({"resourceType": "Patient"}).to_string(), "Bundle.resourceType"),
        (json!({"resourceType": "Bundle", "type": "message", "entry": one}).to_string(), "Bundle.type"),
        (json!({"resourceType": "Bundle", "type": "batch"}).to_string(), "Bundle.entry"),
        (json!({"resourceType": "Bundle", "type": "batch", "entry": 1}).to_string(), "Bundle.entry"),
        (json!({"resourceType": "Bundle", "type": "batch", "entry": many}).to_string(), "Bundle.entry"),
    ] {
        let problems = read(body.as_bytes()).unwrap_err();
        assert!(problems.iter().any(|problem| problem.path == path), "{path}: {problems:?}");
    }
    assert!(read(b"{\"a\": \"\xff\"}").is_err());
}

#[test]
fn a_batch_is_told_by_the_number_of_its_reports() {
    let one = good();
    let mut two = good();
    two["entry"].as_array_mut().unwrap().push(one["entry"][3].clone());
    assert!(!is_batch(one.to_string().as_bytes()) && is_batch(two.to_string().as_bytes()));
    assert!(is_batch(serde_json::to_string_pretty(&two).unwrap().as_bytes()));
    assert!(!is_batch(b"\xff") && !is_batch(b"\"DiagnosticReport\"\"DiagnosticReport\""));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body: Vec<u8>) {
        let _ = is_batch(&body);
        let _ = read(&body);
    }

    #[test]
    fn a_good_bundle_with_any_value_replaced_is_read_without_a_panic(at in 0..120_usize, with in 0..5_usize) {
        let mut bundle = good();
        let mut left = at;
        if let Some(value) = nth_value(&mut bundle, &mut left) {
            *value = [json!(null), json!(7), json!("x"), json!([]), json!({})][with].clone();
        }
        let _ = read(bundle.to_string().as_bytes());
    }
}

/// The value of this number, in depth-first order.
fn nth_value<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_value(item, left)),
        Value::Object(map) => map.values_mut().find_map(|item| nth_value(item, left)),
        _ => None,
    }
}
