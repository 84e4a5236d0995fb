//! Results as HL7 v2.5.1 messages `ORU^R01`, alone or in the envelope of a batch. Segments end with CR.

use super::Context;
use super::body::{write_reference, write_sample};
use super::calendar::write_compact;
use super::facts::{Facts, Kind};
use super::json::digits;

/// Media type of HL7 v2 over HTTP.
pub(super) const MEDIA_TYPE: &str = "application/hl7-v2";

/// Appends one message.
pub(super) fn write_message(context: &Context<'_>, facts: &Facts, out: &mut Vec<u8>) {
    let Facts { subject, person, day, .. } = *facts;
    let (sampled, analysed) = (
        |out: &mut Vec<u8>| write_compact(out, day, facts.sampled),
        |out: &mut Vec<u8>| {
            write_compact(out, day, facts.analysed);
        },
    );
    let sample = |out: &mut Vec<u8>| write_sample(context.seed, subject, out);
    let test = |out: &mut Vec<u8>| {
        text(out, facts.kind.loinc());
        text(out, "^SARS-CoV-2^LN");
    };
    head("MSH", context, facts, out);
    text(out, "||ORU^R01^ORU_R01|");
    write_reference(subject, out);
    text(out, "|T|2.5.1|||AL|AL|FRA|UNICODE UTF-8\rPID|1||");
    person.write_identifier(out);
    text(out, "^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||");
    person.write_family_name(out);
    text(out, "^");
    text(out, person.given_name());
    text(out, "^^^^^L||");
    person.write_compact_birth_date(out);
    text(out, "|");
    text(out, person.sex());
    text(out, "|||^^VILLETEST^^99999^FRA||^PRN^CP^^^^^^^^^");
    person.write_mobile(out);
    text(out, "\rORC|RE||");
    sample(out);
    text(out, "\rOBR|1||");
    sample(out);
    text(out, "|");
    test(out);
    text(out, "|||");
    sampled(out);
    text(out, "|||||||||||||||");
    analysed(out);
    text(out, "|||F\rOBX|1|CWE|");
    test(out);
    text(out, "||");
    let (code, name) = facts.snomed();
    for part in [code, "^", name, "^SCT||||||F|||"] {
        text(out, part);
    }
    sampled(out);
    text(out, "|||");
    if let Some(device) = facts.device {
        digits(out, u64::from(device), 4);
        text(out, "^Antigen test^EU-JRC");
    }
    text(out, "||");
    analysed(out);
    text(out, "\rSPM|1|||258500001^Nasopharyngeal swab^SCT|||||||||||||");
    sampled(out);
    text(out, "\r");
}

/// Appends a batch of PCR results in its envelope.
pub(super) fn write_batch(
    context: &Context<'_>,
    all: impl ExactSizeIterator<Item = Facts>,
    out: &mut Vec<u8>,
) {
    let count = all.len() as u64;
    let first = Facts::of(Kind::Pcr, context, context.subject);
    head("FHS", context, &first, out);
    text(out, "\r");
    head("BHS", context, &first, out);
    text(out, "||||");
    write_reference(context.subject, out);
    text(out, "\r");
    for facts in all {
        write_message(context, &facts, out);
    }
    text(out, "BTS|");
    digits(out, count, 1);
    text(out, "\rFTS|1\r");
}

/// Appends the beginning of a header: separators, from whom to whom, and when.
fn head(name: &str, context: &Context<'_>, facts: &Facts, out: &mut Vec<u8>) {
    text(out, name);
    text(out, "|^~\\&|LIS-TEST|");
    if let Some(account) = &context.account {
        text(out, &account.id());
    }
    text(out, "|SIDEP-REF|REF|");
    write_compact(out, facts.day, facts.entered);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
