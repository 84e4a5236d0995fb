//! Writes the answer to HL7 v2 messages: one `ACK^R01` each, in the separators of the message that it answers.

use super::split::{Segment, Separators};
use crate::problem::Problem;

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// `AA`: it is stored; its receipt.
    Stored(&'a str),
    /// `AE` when a part of it is wrong, `AR` when it is no message for this server.
    Refused(&'a [Problem]),
    /// `AR`: the body as a whole cannot be taken.
    Broken(&'a [Problem]),
}

/// Appends the acknowledgement of the message that starts with the segment `msh`; `id` is its own control id.
pub(crate) fn write(out: &mut String, msh: &str, outcome: &Outcome<'_>, id: &str, at: &str) {
    let separators = Separators::of(msh);
    let segment = separators.and_then(|separators| Segment::read(msh, separators));
    let echo = |field: usize| segment.map(|segment| segment.field(field).raw()).unwrap_or_default();
    let separators = separators.unwrap_or(Separators::USUAL);
    let Separators { field, component, repetition, escape, subcomponent } = separators;
    let mut line = |name: &str, fields: &[&str]| {
        out.push_str(name);
        for text in fields {
            out.push(field);
            out.push_str(text);
        }
        out.push('\r');
    };
    let encoding: String = [component, repetition, escape, subcomponent].into_iter().collect();
    let kind = format!("ACK{component}R01{component}ACK");
    // Back to where it came from: sender and receiver change places.
    let head = [&*encoding, echo(5), echo(6), echo(3), echo(4), at, "", &kind, id, "T", "2.5.1"];
    let character_set = ["", "", "", "", "", "UNICODE UTF-8"];
    line("MSH", &[&head[..], &character_set].concat());
    match outcome {
        Outcome::Stored(receipt) => line("MSA", &["AA", echo(10), receipt]),
        Outcome::Refused(problems) | Outcome::Broken(problems) => {
            let not_for_us = matches!(outcome, Outcome::Broken(_)) || problems.iter().any(about_header);
            line("MSA", &[if not_for_us { "AR" } else { "AE" }, echo(10)]);
            for problem in *problems {
                let place = problem.path.replace('-', &format!("{component}1{component}"));
                let (number, name) = code(problem);
                let code = format!("{number}{component}{name}{component}HL70357");
                let said = separators.escape(&problem.to_string());
                line("ERR", &["", &place, &code, "E", "", "", "", &said]);
            }
        }
    }
}

/// Whether a problem makes the message none for this server: of the wrong kind, version, or not readable.
fn about_header(problem: &Problem) -> bool {
    problem.path.starts_with("MSH")
}

/// The code of HL7 table 0357 for a problem.
fn code(problem: &Problem) -> (&'static str, &'static str) {
    match problem.path.as_str() {
        "MSH-9" => ("200", "Unsupported message type"),
        "MSH-11" => ("202", "Unsupported processing id"),
        "MSH-12" => ("203", "Unsupported version id"),
        "" => ("100", "Segment sequence error"),
        _ if problem.problem.ends_with("is missing") => ("101", "Required field missing"),
        _ => ("102", "Data type error"),
    }
}
