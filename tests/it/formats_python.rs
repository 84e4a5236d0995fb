//! The messages that the toolkit makes are those of the standards: readers that share no code with us find the same results
//! in HL7 and FHIR as are in our JSON.

use std::path::Path;
use std::process::Command;

use peakday::rng::Key;
use peakday::scenario::Subject;
use peakday::synthetic::{AccountId, Context, generate};
use serde_json::Value;

use crate::hlog_python::python;

/// Results of a batch.
const ITEMS: u16 = 20;

fn context(journey: u64) -> Context<'static> {
    Context {
        seed: 7,
        subject: Subject { population: 3, journey, item: 0 },
        key: Key::root(7).with(journey),
        visit: Key::root(8),
        step: 1,
        account: Some(AccountId { kind: "lab", population: 3, index: 12 }),
        date: "2022-01-05",
        // A quarter past midnight, so that samples are of the day before.
        arrived: 900_000_000_000,
    }
}

fn body(generator: &str, journey: u64) -> Vec<u8> {
    let mut out = Vec::new();
    generate(generator, ITEMS, &context(journey), &mut out).unwrap();
    out
}

/// The entries of our own format, without what only it says.
fn entries(generator: &str, journey: u64) -> Vec<Value> {
    let mut body: Value = serde_json::from_slice(&body(generator, journey)).unwrap();
    let mut entries = match body.get_mut("entries").map(Value::take) {
        Some(Value::Array(entries)) => entries,
        _ => vec![body],
    };
    for entry in &mut entries {
        entry["test"].as_object_mut().unwrap().remove("kind");
    }
    entries
}

#[test]
fn readers_that_share_no_code_with_us_find_the_same_results_in_hl7_and_fhir() {
    let dir = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/formats_read.py");
    let mut command = Command::new(python());
    command.arg(script);
    let mut expected = Vec::new();
    for (journey, ours) in [(1, "entry"), (2, "entry"), (3, "entries"), (4, "entries")] {
        for (format, ending) in [("hl7", "hl7"), ("fhir", "json")] {
            let path = dir.path().join(format!("{journey}-{ours}.{ending}"));
            std::fs::write(&path, body(&format!("{ours}-{format}"), journey)).unwrap();
            command.arg(path);
            expected.extend(entries(ours, journey));
        }
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "the packages hl7apy and fhir.resources are needed, which tests/run.sh installs:\n{}",
        String::from_utf8_lossy(&output.stderr),
    );
    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), 2 * (2 + 2 * usize::from(ITEMS)));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}
