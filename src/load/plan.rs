//! A scenario prepared for a run: everything that can be worked out before the first request.

use std::sync::{Arc, OnceLock};

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::Method;

use super::render::Rendered;
use crate::arrivals::Followers;
use crate::journey::Script;
use crate::scenario::{Arrivals, Body, Cause, Population, Scenario, Shard, Step, Template, Timeline};

/// What a run plays.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) scenario: Arc<Scenario>,
    pub(super) timeline: Timeline,
    pub(super) seed: u64,
    /// Which part of it this generator plays.
    pub(super) shard: Shard,
    pub(super) populations: Vec<Prepared>,
    /// Indexes of the populations that a message brings.
    pub(super) brought_by_message: Vec<u16>,
}

/// One population.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) script: Script,
    /// What causes bring of it; `None` of a population that comes by itself.
    pub(super) followers: Option<Followers>,
    pub(super) steps: Vec<PreparedStep>,
    /// False when `--only` left it out.
    pub(super) played: bool,
    /// Most requests under way at once.
    pub(super) lanes: usize,
}

/// One step.
#[derive(Debug)]
pub(super) struct PreparedStep {
    pub(super) method: Method,
    pub(super) headers: Vec<(HeaderName, Value)>,
    /// No part of it has a variable.
    pub(super) is_fixed: bool,
    /// The request of a step without variables, once it was made.
    pub(super) rendered: OnceLock<Rendered>,
    /// Indexes of the populations that a success of this step brings.
    pub(super) brings: Vec<u16>,
}

/// The value of a header.
#[derive(Debug)]
pub(super) enum Value {
    /// The same in every request.
    Fixed(String),
    /// With variables.
    Template(Template),
}

/// A scenario that cannot be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("population {population:?}, step {step:?}: {problem}")]
pub struct Unplayable {
    population: String,
    step: String,
    problem: String,
}

impl Plan {
    /// Prepares a scenario. `only` names the populations that play, all where it is empty; `lanes` is the bound of those
    /// that do not name one.
    ///
    /// # Errors
    /// A method or header that HTTP does not allow.
    pub(super) fn new(
        scenario: Arc<Scenario>,
        timeline: Timeline,
        seed: u64,
        only: &[String],
        lanes: usize,
    ) -> Result<Self, Unplayable> {
        let plays = |population: &Population| only.is_empty() || only.contains(&population.name);
        let populations = (0..)
            .zip(&scenario.populations)
            .map(|(index, population)| {
                let steps = (0..).zip(&population.steps).map(|(number, step)| {
                    let brings = brought(&scenario, &Cause::Step { population: index, step: number }, &plays);
                    prepare(step, brings).map_err(|problem| Unplayable {
                        population: population.name.clone(),
                        step: step.name.clone(),
                        problem,
                    })
                });
                Ok(Prepared {
                    script: Script::new(population, &timeline),
                    followers: Followers::new(&scenario, &timeline, seed, index),
                    steps: steps.collect::<Result<_, _>>()?,
                    played: plays(population),
                    lanes: population.lanes.map_or(lanes, |lanes| lanes.max(1) as usize),
                })
            })
            .collect::<Result<_, _>>()?;
        let brought_by_message = brought(&scenario, &Cause::Message, &plays);
        Ok(Self { timeline, seed, shard: Shard::WHOLE, populations, brought_by_message, scenario })
    }

    /// A population as the scenario says it.
    pub(super) fn population(&self, index: u16) -> &Population {
        &self.scenario.populations[usize::from(index)]
    }

    /// A step as the scenario says it.
    pub(super) fn step(&self, population: u16, step: u16) -> &Step {
        &self.population(population).steps[usize::from(step)]
    }
}

/// The playing populations that a cause brings.
fn brought(scenario: &Scenario, cause: &Cause, plays: &impl Fn(&Population) -> bool) -> Vec<u16> {
    let follows = |population: &Population| match &population.arrivals {
        Arrivals::After(after) => after.cause == *cause && plays(population),
        Arrivals::Curve { .. } | Arrivals::Rate { .. } => false,
    };
    let indexed = (0..).zip(&scenario.populations);
    indexed.filter(|(_, population)| follows(population)).map(|(index, _)| index).collect()
}

fn prepare(step: &Step, brings: Vec<u16>) -> Result<PreparedStep, String> {
    let method =
        step.request.method.parse().map_err(|_| format!("{:?} is no method", step.request.method))?;
    let mut headers = Vec::with_capacity(step.request.headers.len() + 1);
    for (name, template) in &step.request.headers {
        let header: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
        let value = if template.variables().next().is_some() {
            Value::Template(template.clone())
        } else {
            let mut text = String::new();
            // A template without variables asks for no value.
            let _ = template.render(&mut text, |_, _| false);
            HeaderValue::try_from(&text).map_err(|_| format!("header {name}: {text:?} is no value"))?;
            Value::Fixed(text)
        };
        headers.push((header, value));
    }
    // A generator knows the type of what it makes; of a text, its first character tells.
    if let Body::Text(text) = &step.request.body
        && !headers.iter().any(|(name, _)| name == CONTENT_TYPE)
    {
        let json = text.to_string().trim_start().starts_with(['{', '[']);
        let media = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.push((CONTENT_TYPE, Value::Fixed(media.to_owned())));
    }
    let without = |template: &Template| template.variables().next().is_none();
    let is_fixed = without(&step.request.path)
        && headers.iter().all(|(_, value)| matches!(value, Value::Fixed(_)))
        && match &step.request.body {
            Body::Empty => true,
            Body::Text(text) => without(text),
            Body::Generated { .. } => false,
        };
    Ok(PreparedStep { method, headers, is_fixed, rendered: OnceLock::new(), brings })
}
