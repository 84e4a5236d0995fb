//! Bodies made of results: one entry, a batch, the draft of a form; as JSON, HL7 and FHIR.

use super::calendar::write_instant;
use super::facts::{Facts, Kind};
use super::json::{close, digits, hex, plain_field};
use super::person::subject_key;
use super::{Context, Person, fhir, hl7};
use crate::rng::Key;
use crate::scenario::Subject;

/// Every generator that [`generate`] knows.
pub const GENERATORS: [&str; 7] =
    ["entry", "entries", "draft", "entry-hl7", "entries-hl7", "entry-fhir", "entries-fhir"];

/// Whether [`generate`] knows a generator of this name.
pub fn is_generator(name: &str) -> bool {
    GENERATORS.contains(&name)
}

/// Appends the body that a generator makes and returns its content type; `None`, with nothing appended, for a generator
/// that there is not.
///
/// - `entry`: one antigen result, a JSON object; `items` plays no part.
/// - `entries`: a batch of `items` PCR results, `{"entries":[…]}`, whose subjects are numbered from the context's on.
/// - `draft`: the patient alone, a JSON object.
/// - `entry-hl7`, `entries-hl7`: the same results as HL7 v2.5.1, one message, or a batch in its envelope.
/// - `entry-fhir`, `entries-fhir`: the same results as a FHIR R4 Bundle of type `transaction`.
pub fn generate(
    generator: &str,
    items: u16,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Option<&'static str> {
    let one = || Facts::of(Kind::Antigen, context, context.subject);
    let first = context.subject.item;
    let all = (first..first.saturating_add(items))
        .map(|item| Facts::of(Kind::Pcr, context, Subject { item, ..context.subject }));
    match generator {
        "entry" => write_entry(context.seed, &one(), out),
        "entries" => {
            out.extend_from_slice(b"{\"entries\":[");
            for facts in all {
                write_entry(context.seed, &facts, out);
                out.push(b',');
            }
            if items > 0 {
                out.pop();
            }
            out.extend_from_slice(b"]}");
        }
        "draft" => Person::of(context.seed, context.subject).write_json(out),
        "entry-hl7" => hl7::write_message(context, &one(), out),
        "entries-hl7" => hl7::write_batch(context, all, out),
        "entry-fhir" => fhir::write_bundle(context, std::iter::once(one()), out),
        "entries-fhir" => fhir::write_bundle(context, all, out),
        _ => return None,
    }
    Some(match generator {
        "entry-hl7" | "entries-hl7" => hl7::MEDIA_TYPE,
        "entry-fhir" | "entries-fhir" => fhir::MEDIA_TYPE,
        _ => "application/json",
    })
}

/// How many entries a body of so many items has that a generator makes.
pub fn entries(generator: &str, items: u16) -> u16 {
    match generator {
        "entry" | "entry-hl7" | "entry-fhir" => 1,
        "entries" | "entries-hl7" | "entries-fhir" => items,
        _ => 0,
    }
}

/// Appends one entry.
pub(super) fn write_entry(seed: u64, facts: &Facts, out: &mut Vec<u8>) {
    out.push(b'{');
    plain_field(out, "ref", |out| write_reference(facts.subject, out));
    plain_field(out, "sample", |out| write_sample(seed, facts.subject, out));
    out.extend_from_slice(b"\"patient\":");
    facts.person.write_json(out);
    out.extend_from_slice(b",\"test\":{");
    let kind = match facts.kind {
        Kind::Antigen => "antigen",
        Kind::Pcr => "pcr",
    };
    let result = if facts.positive { "positive" } else { "negative" };
    plain_field(out, "kind", |out| out.extend_from_slice(kind.as_bytes()));
    plain_field(out, "loinc", |out| out.extend_from_slice(facts.kind.loinc().as_bytes()));
    if let Some(device) = facts.device {
        plain_field(out, "device", |out| digits(out, u64::from(device), 4));
    }
    plain_field(out, "sampled_at", |out| write_instant(out, facts.day, facts.sampled));
    plain_field(out, "analysed_at", |out| write_instant(out, facts.day, facts.analysed));
    plain_field(out, "result", |out| out.extend_from_slice(result.as_bytes()));
    close(out);
    out.push(b'}');
}

/// Appends the reference, as [`Subject`] prints it.
pub(super) fn write_reference(subject: Subject, out: &mut Vec<u8>) {
    digits(out, u64::from(subject.population), 5);
    out.push(b'-');
    hex(out, subject.journey, 14);
    out.push(b'-');
    digits(out, u64::from(subject.item), 3);
}

/// Appends the sender's sample number: `PK` and 16 hexadecimal digits of seed and subject, so that the samples of two
/// runs against the same server are two samples.
pub(super) fn write_sample(seed: u64, subject: Subject, out: &mut Vec<u8>) {
    out.extend_from_slice(b"PK");
    hex(out, subject_key(Key::root(seed).word("sample"), subject).bits(), 16);
}
