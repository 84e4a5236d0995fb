//! Finds every value of a wrong type in a bundle that could not be read as it is, and takes it out, so that the rest can.

use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::validate::WRONG_TYPE;

/// What a value has to be. Elements that are not named here are not read, so they may be anything.
enum Shape {
    Text,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
    /// As its `resourceType` says.
    Resource,
}

use Shape::{List, Object, Resource, Text};

const BUNDLE: Shape = Object(&[("resourceType", Text), ("type", Text), ("entry", List(&ENTRY))]);
const ENTRY: Shape = Object(&[("fullUrl", Text), ("resource", Resource), ("request", REQUEST)]);
const REQUEST: Shape = Object(&[("method", Text), ("url", Text), ("ifNoneExist", Text)]);
const IDENTIFIER: Shape = Object(&[("system", Text), ("value", Text)]);
const REFERENCE: Shape = Object(&[("reference", Text), ("identifier", IDENTIFIER)]);
const CODING: Shape = Object(&[("system", Text), ("code", Text)]);
const CODED: Shape = Object(&[("coding", List(&CODING))]);
const NAME: Shape = Object(&[("use", Text), ("family", Text), ("given", List(&Text))]);
const TELECOM: Shape = Object(&[("system", Text), ("use", Text), ("value", Text)]);
const OTHER: Shape = Object(&[("resourceType", Text), ("id", Text)]);
const PATIENT: Shape = Object(&[
    ("resourceType", Text),
    ("id", Text),
    ("identifier", List(&IDENTIFIER)),
    ("name", List(&NAME)),
    ("telecom", List(&TELECOM)),
    ("gender", Text),
    ("birthDate", Text),
]);
const SPECIMEN: Shape = Object(&[
    ("resourceType", Text),
    ("id", Text),
    ("identifier", List(&IDENTIFIER)),
    ("accessionIdentifier", IDENTIFIER),
    ("collection", Object(&[("collectedDateTime", Text)])),
]);
const OBSERVATION: Shape = Object(&[
    ("resourceType", Text),
    ("id", Text),
    ("status", Text),
    ("code", CODED),
    ("subject", REFERENCE),
    ("effectiveDateTime", Text),
    ("issued", Text),
    ("valueCodeableConcept", CODED),
    ("device", REFERENCE),
    ("specimen", REFERENCE),
]);
const REPORT: Shape = Object(&[
    ("resourceType", Text),
    ("id", Text),
    ("contained", List(&Resource)),
    ("identifier", List(&IDENTIFIER)),
    ("status", Text),
    ("subject", REFERENCE),
    ("effectiveDateTime", Text),
    ("issued", Text),
    ("specimen", List(&REFERENCE)),
    ("result", List(&REFERENCE)),
]);

/// The same bundle without what has a wrong type, and what that was.
///
/// # Errors
/// When it is not JSON at all.
pub(crate) fn mend(body: &str) -> serde_json::Result<(String, Vec<Problem>)> {
    let mut value: Value = serde_json::from_str(body)?;
    let mut problems = Vec::new();
    BUNDLE.mend(&mut value, "Bundle", &mut problems);
    Ok((value.to_string(), problems))
}

impl Shape {
    fn mend(&self, value: &mut Value, path: &str, problems: &mut Vec<Problem>) {
        match (self, &mut *value) {
            (Text, Value::String(_)) => {}
            (List(shape), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    shape.mend(item, &format!("{path}[{index}]"), problems);
                }
            }
            (Object(elements), Value::Object(map)) => {
                for (name, shape) in *elements {
                    match map.get_mut(*name) {
                        // As if it were not there.
                        Some(Value::Null) => drop(map.remove(*name)),
                        Some(element) => shape.mend(element, &format!("{path}.{name}"), problems),
                        None => {}
                    }
                }
            }
            (Resource, Value::Object(map)) => {
                let shape = match map.get("resourceType").and_then(Value::as_str) {
                    Some("Patient") => PATIENT,
                    Some("Specimen") => SPECIMEN,
                    Some("Observation") => OBSERVATION,
                    Some("DiagnosticReport") => REPORT,
                    _ => OTHER,
                };
                shape.mend(value, path, problems);
            }
            _ => {
                let (expected, empty) = match self {
                    // It is there, so it must not be reported as missing too.
                    Text => ("a text", Value::String(WRONG_TYPE.to_owned())),
                    List(_) => ("a list", Value::Array(Vec::new())),
                    Object(_) | Resource => ("an object", Value::Object(Map::new())),
                };
                *value = empty;
                problems.push(Problem {
                    path: path.to_owned(),
                    problem: "has the wrong type".to_owned(),
                    hint: format!("write {expected}"),
                });
            }
        }
    }
}
