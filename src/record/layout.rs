//! What a record is about: populations and steps by index, the timeline, the length of an interval.

use serde::{Deserialize, Serialize};

use crate::scenario::{Scenario, Timeline};
use crate::units::{Offset, Span};

/// The shape of a record. Every index in it is the scenario's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Length of an interval of every series: 1 s of a load run, 5 minutes of scenario time of a simulated one.
    pub interval: Span,
    /// Journeys are judged that arrive at least this long before the end of the measured part.
    pub settle: Span,
    /// The measured part and what surrounds it.
    pub timeline: Timeline,
    /// The populations, in the order of the scenario.
    pub populations: Vec<PopulationLayout>,
}

/// A population as the record sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationLayout {
    /// Its name.
    pub name: String,
    /// False for clients that the operator does not want.
    pub legitimate: bool,
    /// False when `--only` left it out: it has no samples and no SLO about it is judged.
    pub played: bool,
    /// Journeys that the plan expects in the measured part; `None` for those that something else brings.
    pub expected: Option<f64>,
    /// Its steps.
    pub steps: Vec<StepLayout>,
}

/// A step as the record sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepLayout {
    /// Its name.
    pub name: String,
    /// Response time within which a success counts as goodput.
    pub slo: Option<Span>,
}

impl Layout {
    /// The layout of a load run of `scenario` in which all populations play, in intervals of a second.
    ///
    /// Whoever knows the plan sets [`PopulationLayout::expected`]; whoever knows the flags sets `played`.
    pub fn from_scenario(scenario: &Scenario, timeline: &Timeline) -> Self {
        let populations = scenario.populations.iter().map(|population| PopulationLayout {
            name: population.name.clone(),
            legitimate: population.legitimate,
            played: true,
            expected: None,
            steps: population
                .steps
                .iter()
                .map(|step| StepLayout { name: step.name.clone(), slo: step.slo })
                .collect(),
        });
        Self {
            interval: Span::from_secs(1),
            settle: scenario.run.settle,
            timeline: *timeline,
            populations: populations.collect(),
        }
    }

    /// Whether a request that was due at `intended` belongs to the measured part.
    pub fn measures(&self, intended: Offset) -> bool {
        intended >= Offset::ZERO && intended < self.timeline.end()
    }

    /// The index of a population.
    pub fn population(&self, name: &str) -> Option<u16> {
        self.populations.iter().position(|population| population.name == name).map(|index| index as u16)
    }

    /// The index of a step of a population.
    pub fn step(&self, population: u16, name: &str) -> Option<u16> {
        let steps = &self.populations.get(usize::from(population))?.steps;
        steps.iter().position(|step| step.name == name).map(|index| index as u16)
    }

    /// The number of the interval in which an instant lies; below zero in the run-in.
    pub fn interval_of(&self, at: Offset) -> i64 {
        at.nanos().div_euclid(self.interval_nanos())
    }

    /// The number of the interval whose beginning is nearest, for times that were written with few digits.
    pub(super) fn interval_near(&self, start: Offset) -> i64 {
        self.interval_of(start + Span::from_nanos(self.interval.nanos() / 2))
    }

    /// The beginning of an interval.
    pub fn interval_start(&self, interval: i64) -> Offset {
        Offset::from_nanos(interval * self.interval_nanos())
    }

    fn interval_nanos(&self) -> i64 {
        (self.interval.nanos() as i64).max(1)
    }
}
