//! Bodies made of results: one entry, a batch, the draft of a form.

use super::calendar::{Day, write_instant};
use super::json::{close, hex, plain_field};
use super::person::subject_key;
use super::{Context, Person};
use crate::rng::Key;
use crate::scenario::Subject;

/// Share of tests that are positive: 19.7 % in the seven days to 5 January 2022 (Our World in Data after Santé publique
/// France). All others are negative; indeterminate results, rare in life, are not made.
pub const POSITIVE_SHARE: f64 = 0.197;

/// Antigen tests by their number in the list of the European Commission's Joint Research Centre.
pub const DEVICES: [u16; 3] = [1232, 1331, 1833];

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Every generator that [`generate`] knows.
pub const GENERATORS: [&str; 3] = ["entry", "entries", "draft"];

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
pub fn generate(
    generator: &str,
    items: u16,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Option<&'static str> {
    match generator {
        "entry" => write_entry(Kind::Antigen, context, context.subject, out),
        "entries" => {
            out.extend_from_slice(b"{\"entries\":[");
            let first = context.subject.item;
            for item in first..first.saturating_add(items) {
                write_entry(Kind::Pcr, context, Subject { item, ..context.subject }, out);
                out.push(b',');
            }
            if items > 0 {
                out.pop();
            }
            out.extend_from_slice(b"]}");
        }
        "draft" => Person::of(context.seed, context.subject).write_json(out),
        _ => return None,
    }
    Some("application/json")
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Antigen,
    Pcr,
}

/// Appends one entry.
pub(super) fn write_entry(kind: Kind, context: &Context<'_>, subject: Subject, out: &mut Vec<u8>) {
    let person = Person::of(context.seed, subject);
    out.push(b'{');
    plain_field(out, "ref", |out| write_reference(subject, out));
    plain_field(out, "sample", |out| write_sample(context.seed, subject, out));
    out.extend_from_slice(b"\"patient\":");
    person.write_json(out);
    out.extend_from_slice(b",\"test\":{");
    write_test(kind, context, person.key().word("test"), out);
    out.push(b'}');
}

fn write_test(kind: Kind, context: &Context<'_>, key: Key, out: &mut Vec<u8>) {
    let times = times(kind, context.arrived.div_euclid(1_000_000_000), key);
    // A scenario's date is checked when it is read; the day before the epoch would be seen at once.
    let day = Day::parse(context.date).unwrap_or(Day(-1));
    let result = if key.word("result").unit() < POSITIVE_SHARE { "positive" } else { "negative" };
    let (word, loinc) = match kind {
        Kind::Antigen => ("antigen", "94558-4"),
        Kind::Pcr => ("pcr", "94500-6"),
    };
    plain_field(out, "kind", |out| out.extend_from_slice(word.as_bytes()));
    plain_field(out, "loinc", |out| out.extend_from_slice(loinc.as_bytes()));
    if kind == Kind::Antigen {
        let device = DEVICES[key.word("device").below(DEVICES.len() as u64) as usize];
        plain_field(out, "device", |out| super::json::digits(out, u64::from(device), 4));
    }
    plain_field(out, "sampled_at", |out| write_instant(out, day, times.0));
    plain_field(out, "analysed_at", |out| write_instant(out, day, times.1));
    plain_field(out, "result", |out| out.extend_from_slice(result.as_bytes()));
    close(out);
}

/// When the sample was taken and analysed, in seconds after midnight, before the entry at `entered`.
///
/// Antigen: read 15 to 20 minutes after the swab, typed within the hour. PCR: validated within the hour, sampled 4 to 24
/// hours before that (the median in January 2022 was half a day).
fn times(kind: Kind, entered: i64, key: Key) -> (i64, i64) {
    let between = |word: &str, from: u64, to: u64| (from + key.word(word).below(to - from)) as i64;
    let analysed = entered - between("analysed", MINUTE, HOUR);
    let sampled = match kind {
        Kind::Antigen => analysed - between("sampled", 15 * MINUTE, 20 * MINUTE),
        Kind::Pcr => analysed - between("sampled", 4 * HOUR, 24 * HOUR),
    };
    (sampled, analysed)
}

/// Appends the reference, as [`Subject`] prints it.
pub(super) fn write_reference(subject: Subject, out: &mut Vec<u8>) {
    super::json::digits(out, u64::from(subject.population), 5);
    out.push(b'-');
    hex(out, subject.journey, 14);
    out.push(b'-');
    super::json::digits(out, u64::from(subject.item), 3);
}

/// Appends the sender's sample number: `PK` and 16 hexadecimal digits of seed and subject, so that the samples of two
/// runs against the same server are two samples.
pub(super) fn write_sample(seed: u64, subject: Subject, out: &mut Vec<u8>) {
    out.extend_from_slice(b"PK");
    hex(out, subject_key(Key::root(seed).word("sample"), subject).bits(), 16);
}
