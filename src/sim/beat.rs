//! A step, prepared for a simulation: where its request goes, what it hands in, what its success brings.

use super::places::Place;
use crate::scenario::{
    Arrivals, Body, Cause, Extract, Population, Scenario, ServerModel, Step, Success, Template,
};
use crate::synthetic;

/// The answer that something was accepted (RFC 9110, 15.3.3).
const ACCEPTED: u16 = 202;
/// What the receipt of a stored entry has and that of an accepted one lacks.
const OF_STORED: &str = "result_id";

/// A step, prepared.
pub(super) struct Beat {
    pub(super) class: u16,
    /// Entries that it hands in, at least 1.
    pub(super) entries: u16,
    /// Messages that a success makes the system send.
    pub(super) messages: u16,
    /// Populations that a success brings.
    pub(super) brings: Vec<u16>,
    /// Whose the place is that it asks for in a waiting room for links.
    pub(super) place: Place,
    /// What it hands in is accepted first: its messages come when that is settled.
    pub(super) accepts: bool,
    /// It asks of the answer what no acceptance has.
    pub(super) lacks: bool,
    /// A success concerns nobody but the journey: its population says so.
    pub(super) quiet: bool,
    /// Whether a success, and anything else, must be told in the order of time: its population says so.
    pub(super) in_order: [bool; 2],
}

impl Beat {
    /// The step of this number of a population of this number.
    pub(super) fn new(
        (population, number): (u16, u16),
        step: &Step,
        scenario: &Scenario,
        model: &ServerModel,
    ) -> Self {
        let cause = Cause::Step { population, step: number };
        let others = (0..).zip(&scenario.populations);
        // Every class that a step names is in the model: `play.rs` sees to it.
        let named = model.class(&step.class).unwrap_or(0);
        let intake = model.intake.iter().flat_map(|intake| &intake.classes);
        let is_taken_in = intake.into_iter().any(|(accepted, _)| *accepted == named);
        let stored = || model.class(&format!("{}{}", step.class, ServerModel::STORED));
        let (class, accepts) = match is_taken_in {
            true if is_json(step) => (named, true),
            true => (stored().unwrap_or(named), false),
            false => (named, false),
        };
        Self {
            class,
            entries: entries(step),
            messages: step.messages.min(u32::from(u16::MAX)) as u16,
            brings: others
                .filter(|(_, other)| is_brought_by(other, &cause))
                .map(|(other, _)| other)
                .collect(),
            place: Place::of(&step.request.path),
            accepts,
            lacks: accepts && !is_content_with_acceptance(step),
            quiet: false,
            in_order: [true; 2],
        }
    }
}

pub(super) fn is_brought_by(population: &Population, cause: &Cause) -> bool {
    matches!(&population.arrivals, Arrivals::After(after) if after.cause == *cause)
}

/// What is handed in by a step: what its generator makes, or, of a text, as many entries as it sends messages.
fn entries(step: &Step) -> u16 {
    match &step.request.body {
        Body::Generated { generator, items } => synthetic::entries(generator, *items).max(1),
        Body::Empty | Body::Text(_) => step.messages.clamp(1, u32::from(u16::MAX)) as u16,
    }
}

/// Whether what a step hands in is JSON: its header says so, or, without one, its generator; a text without one is.
fn is_json(step: &Step) -> bool {
    let named = |(name, _): &&(String, Template)| name.eq_ignore_ascii_case("content-type");
    if let Some((_, media)) = step.request.headers.iter().find(named) {
        return media.to_string().trim_start().starts_with("application/json");
    }
    match &step.request.body {
        Body::Generated { generator, .. } => !generator.contains('-'),
        Body::Empty | Body::Text(_) => true,
    }
}

/// Whether an answer that something was accepted is a success of a step, and has what the step keeps of it.
fn is_content_with_acceptance(step: &Step) -> bool {
    let Success { status, .. } = &step.success;
    let mut places = step.keep.iter().map(|keep| &keep.from).chain(&step.acknowledges);
    let lacks = |place: &Extract| match place {
        Extract::Json(pointer) => pointer.rsplit('/').next() == Some(OF_STORED),
        Extract::Header(_) | Extract::Cookie(_) | Extract::Regex(_) => false,
    };
    status.iter().any(|(from, to)| (*from..=*to).contains(&ACCEPTED)) && !places.any(lacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Keep, example};

    #[test]
    fn an_acceptance_has_no_number_of_a_result_and_is_no_201() {
        let mut step = example::step("validate");
        assert!(is_json(&step) && is_content_with_acceptance(&step));
        step.acknowledges = Some(Extract::Json("/results/*/receipt".to_owned()));
        assert!(is_content_with_acceptance(&step));
        let from = Extract::Json("/results/0/result_id".to_owned());
        step.keep = vec![Keep { name: "result".to_owned(), from, by_account: false }];
        assert!(!is_content_with_acceptance(&step));
        step.keep.clear();
        step.success.status = vec![(201, 201)];
        assert!(!is_content_with_acceptance(&step));
    }

    #[test]
    fn formats_are_told_by_the_header_or_the_generator() {
        let mut step = example::step("lab");
        for (generator, json, number) in
            [("entries", true, 50), ("entries-hl7", false, 50), ("entry", true, 1)]
        {
            step.request.body = Body::Generated { generator: generator.to_owned(), items: 50 };
            assert_eq!((is_json(&step), entries(&step)), (json, number), "{generator}");
        }
        step.request.body = Body::Text(Template::default());
        step.messages = 7;
        let media = Template::parse("application/fhir+json").unwrap();
        step.request.headers = vec![("Content-Type".to_owned(), media)];
        assert_eq!((is_json(&step), entries(&step)), (false, 7));
    }
}
