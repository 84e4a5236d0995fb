//! What one part of a scenario says about another: variables, generators, promises.

use super::Context;
use super::place::Place;
use super::population::Draft;
use crate::scenario::nearest::nearest;
use crate::scenario::slo::{Metric, Slo};
use crate::scenario::{Abort, Body, Feeder, Messages, Population, Template};

/// Notes variables that have no value where they are used.
pub(super) fn check(
    drafts: &[Draft<'_>],
    messages: Option<&Messages>,
    feeders: &[Feeder],
    context: &Context<'_>,
) {
    for draft in drafts {
        let brought = messages.filter(|_| draft.is_brought_by_message());
        for (index, place) in draft.steps.iter().enumerate() {
            let population = &draft.population;
            let scope = Scope { population, step: index, messages: brought, feeders, context };
            let request = &draft.population.steps[index].request;
            scope.check(&request.path, &place.at(&request.method.to_ascii_lowercase()));
            for (name, value) in &request.headers {
                scope.check(value, &place.at("headers").at(name));
            }
            if let Body::Text(text) = &request.body {
                scope.check(text, &place.at("body"));
            }
        }
    }
}

/// What a template of a step can know.
struct Scope<'a> {
    population: &'a Population,
    step: usize,
    messages: Option<&'a Messages>,
    feeders: &'a [Feeder],
    context: &'a Context<'a>,
}

impl Scope<'_> {
    fn check(&self, template: &Template, place: &Place<'_>) {
        for name in template.variables() {
            let kept = |kept_here: &crate::scenario::Keep| kept_here.name == name;
            let keeps = |step: &crate::scenario::Step| step.keep.iter().any(kept);
            let steps = &self.population.steps;
            if self.context.values.contains(&name) {
                if name.starts_with("account.") && self.population.accounts.is_none() {
                    let hint = "give it accounts = { kind = \"…\", count = … }";
                    place.wrong(format!("${{{name}}}: this population has no accounts"), hint);
                }
            } else if let Some((feeder, column)) = self.fed(name) {
                if !feeder.columns.iter().any(|of| of == column) {
                    let hint = format!("it has {}", feeder.columns.join(", "));
                    place.wrong(format!("${{{name}}}: feeder {:?} has no such column", feeder.name), hint);
                } else if feeder.by_account && self.population.accounts.is_none() {
                    let hint = "give it accounts = { kind = \"…\", count = … }, or write by = \"journey\" at the feeder";
                    place.wrong(format!("${{{name}}}: this population has no accounts"), hint);
                }
            } else if self.messages.is_some_and(|messages| messages.keep.iter().any(kept))
                || steps[..self.step].iter().any(keeps)
            {
                // Known.
            } else if let Some(later) = steps.iter().find(|step| keeps(step)) {
                // A journey that can go back comes by after the step that keeps it.
                if steps.iter().all(|step| step.next.is_empty()) {
                    let problem =
                        format!("${{{name}}} is kept only by step {:?}, which comes later", later.name);
                    place.wrong(problem, "keep it in an earlier step");
                }
            } else {
                place.wrong(format!("${{{name}}} is unknown"), self.hint(name));
            }
        }
    }

    /// The feeder that a name begins with, and what stands after it.
    fn fed<'n>(&self, name: &'n str) -> Option<(&Feeder, &'n str)> {
        let (feeder, column) = name.split_once('.')?;
        Some((self.feeders.iter().find(|of| of.name == feeder)?, column))
    }

    fn hint(&self, name: &str) -> String {
        let kept = self.population.steps.iter().flat_map(|step| &step.keep);
        let told = self.messages.iter().flat_map(|messages| &messages.keep);
        let names = kept.chain(told).map(|keep| keep.name.as_str());
        let fed = self
            .feeders
            .iter()
            .flat_map(|feeder| feeder.columns.iter().map(move |column| format!("{}.{column}", feeder.name)));
        let fed: Vec<String> = fed.collect();
        let fed = fed.iter().map(String::as_str);
        let known: Vec<&str> = names.chain(fed).chain(self.context.values.iter().copied()).collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean ${{{near}}}?"),
            None => format!("known are {}", known.join(", ")),
        }
    }
}

/// Notes a generator that there is not.
pub(super) fn check_generator(name: &str, place: &Place<'_>, context: &Context<'_>) {
    if !context.generators.contains(&name) {
        let hint = match nearest(name, context.generators.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are {}", context.generators.join(", ")),
        };
        place.wrong(format!("there is no generator {name:?}"), hint);
    }
}

/// The promises that are understood; notes those that are not, or speak of what is not there.
pub(super) fn slos(texts: Vec<(Place<'_>, String)>, drafts: &[Draft<'_>], audited: bool) -> Vec<Slo> {
    let populations: Vec<Population> = drafts.iter().map(|draft| draft.population.clone()).collect();
    let acknowledged =
        drafts.iter().any(|d| d.population.steps.iter().any(|step| step.acknowledges.is_some()));
    let mut slos = Vec::new();
    for (place, text) in texts {
        match text.parse::<Slo>().and_then(|slo| slo.check(&populations).map(|()| slo)) {
            Err(error) => place.wrong(error.problem, error.hint),
            Ok(slo) => {
                let audit =
                    matches!(slo.measure.metric, Metric::LostAcknowledged | Metric::DuplicatedAcknowledged);
                if audit && !(audited && acknowledged) {
                    place.wrong(
                        format!("nothing finds out {}", slo.measure),
                        "write [audit], and acknowledges at the step whose answer holds receipts",
                    );
                }
                slos.push(slo);
            }
        }
    }
    slos
}

/// The abort rules that are understood; notes those that are not, or speak of what is not there.
pub(super) fn aborts(texts: Vec<(Place<'_>, String)>, drafts: &[Draft<'_>]) -> Vec<Abort> {
    let populations: Vec<Population> = drafts.iter().map(|draft| draft.population.clone()).collect();
    let read = |(place, text): (Place<'_>, String)| {
        let rule = text.parse::<Abort>().and_then(|rule| rule.check(&populations).map(|()| rule));
        rule.map_err(|error| place.wrong(error.problem, error.hint)).ok()
    };
    texts.into_iter().filter_map(read).collect()
}
