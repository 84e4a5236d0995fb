//! Results as a FHIR R4 Bundle of type `transaction`: patient, sample, observation and report of each.

use super::Context;
use super::body::{write_reference, write_sample};
use super::calendar::write_instant;
use super::facts::Facts;
use super::json::{digits, string, uuid};
use crate::rng::Key;

/// Media type of FHIR in JSON.
pub(super) const MEDIA_TYPE: &str = "application/fhir+json";

/// The system of the sender's references.
const REFERENCES: &str = "urn:example:peakday:ref";

/// Appends a bundle.
pub(super) fn write_bundle(context: &Context<'_>, all: impl Iterator<Item = Facts>, out: &mut Vec<u8>) {
    text(out, r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    for (number, facts) in all.enumerate() {
        if number > 0 {
            text(out, ",");
        }
        write_result(context, &facts, out);
    }
    text(out, "]}");
}

fn write_result(context: &Context<'_>, facts: &Facts, out: &mut Vec<u8>) {
    let Facts { subject, person, .. } = *facts;
    let key = person.key().word("fhir");
    let refer = |out: &mut Vec<u8>, to: u64| {
        text(out, r#"{"reference":""#);
        write_name(key.with(to), out);
        text(out, r#""}"#);
    };
    let instant = |out: &mut Vec<u8>, at: i64| write_instant(out, facts.day, at);
    let coded = |out: &mut Vec<u8>, system: &str, code: &str| {
        for part in [r#"{"coding":[{"system":""#, system, r#"","code":""#, code, r#""}]}"#] {
            text(out, part);
        }
    };
    let [patient, specimen, observation, report] = [0, 1, 2, 3];
    // The code, subject and times of the observation are those of its report.
    let test = |out: &mut Vec<u8>| {
        coded(out, "http://loinc.org", facts.kind.loinc());
        text(out, r#","subject":"#);
        refer(out, patient);
        text(out, r#","effectiveDateTime":""#);
        instant(out, facts.sampled);
        text(out, r#"","issued":""#);
        instant(out, facts.analysed);
    };

    begin(key.with(patient), "Patient", out);
    text(out, r#","identifier":[{"use":"official","system":"urn:oid:1.2.250.1.213.1.4.10","value":""#);
    person.write_identifier(out);
    text(out, r#""}],"name":[{"use":"official","family":""#);
    person.write_family_name(out);
    text(out, r#"","given":["#);
    string(out, person.given_name());
    text(out, r#"]}],"telecom":[{"system":"phone","use":"mobile","value":""#);
    person.write_mobile(out);
    let gender = match person.sex() {
        "F" => "female",
        "M" => "male",
        _ => "unknown",
    };
    for part in [r#""}],"gender":""#, gender, r#"","birthDate":""#] {
        text(out, part);
    }
    person.write_birth_date(out);
    text(out, "\"");
    end("Patient", out);
    text(out, "}},");

    begin(key.with(specimen), "Specimen", out);
    text(out, r#","accessionIdentifier":{"value":""#);
    write_sample(context.seed, subject, out);
    text(out, r#""},"type":"#);
    coded(out, "http://snomed.info/sct", "258500001");
    text(out, r#","subject":"#);
    refer(out, patient);
    text(out, r#","collection":{"collectedDateTime":""#);
    instant(out, facts.sampled);
    text(out, r#""}"#);
    end("Specimen", out);
    text(out, "}},");

    begin(key.with(observation), "Observation", out);
    text(out, r#","status":"final","category":["#);
    coded(out, "http://terminology.hl7.org/CodeSystem/observation-category", "laboratory");
    text(out, r#"],"code":"#);
    test(out);
    text(out, r#"","valueCodeableConcept":"#);
    coded(out, "http://snomed.info/sct", facts.snomed().0);
    if let Some(device) = facts.device {
        let system = "https://covid-19-diagnostics.jrc.ec.europa.eu/devices";
        for part in [r#","device":{"identifier":{"system":""#, system, r#"","value":""#] {
            text(out, part);
        }
        digits(out, u64::from(device), 4);
        text(out, r#""}}"#);
    }
    text(out, r#","specimen":"#);
    refer(out, specimen);
    end("Observation", out);
    text(out, "}},");

    begin(key.with(report), "DiagnosticReport", out);
    for part in [r#","identifier":[{"system":""#, REFERENCES, r#"","value":""#] {
        text(out, part);
    }
    write_reference(subject, out);
    text(out, r#""}],"status":"final","code":"#);
    test(out);
    text(out, r#"","specimen":["#);
    refer(out, specimen);
    text(out, r#"],"result":["#);
    refer(out, observation);
    text(out, "]");
    end("DiagnosticReport", out);
    // Whoever sends it again means the same report.
    for part in [r#","ifNoneExist":"identifier="#, REFERENCES, "|"] {
        text(out, part);
    }
    write_reference(subject, out);
    text(out, r#""}}"#);
}

/// Appends the beginning of an entry, up to the type of its resource.
fn begin(name: Key, kind: &str, out: &mut Vec<u8>) {
    text(out, r#"{"fullUrl":""#);
    write_name(name, out);
    for part in [r#"","resource":{"resourceType":""#, kind, "\""] {
        text(out, part);
    }
}

/// Appends the end of a resource and what is asked for, which is left open for a condition.
fn end(kind: &str, out: &mut Vec<u8>) {
    for part in [r#"},"request":{"method":"POST","url":""#, kind, "\""] {
        text(out, part);
    }
}

/// Appends a name within the bundle.
fn write_name(key: Key, out: &mut Vec<u8>) {
    text(out, "urn:uuid:");
    uuid(out, key);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
