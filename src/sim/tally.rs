//! The outcome of a simulation in memory: counts, journeys and response times, without a record on disk.

use super::histogram::Histogram;
use super::play::play;
use super::recorder::Recorder;
use super::{Impossible, Simulated, Simulation};
use crate::record::{JourneyEvent, Layout, Sample};
use crate::scenario::Outcome;
use crate::units::{Offset, Span};

/// What came of the measured part, by population in the order of the scenario.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The populations.
    pub populations: Vec<PopulationTally>,
    layout: Layout,
}

/// What came of one population.
#[derive(Debug, Clone, Default)]
pub struct PopulationTally {
    /// Requests by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Requests offered in each interval of the record.
    pub offered: Vec<u64>,
    /// Journeys that arrived in the measured part at least `settle` before its end: their first request was offered.
    pub started: u64,
    /// Of those, reached their end.
    pub completed: u64,
    /// Of those, with nothing that was no success.
    pub clean: u64,
    /// Ended early.
    pub gave_up: u64,
    /// Not clean, or unfinished and something in them was no success.
    pub marred: u64,
    response: Histogram,
}

impl PopulationTally {
    /// All requests offered.
    pub fn requests(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Requests that were a success.
    pub const fn ok(&self) -> u64 {
        self.outcomes[Outcome::Ok as usize]
    }

    /// Share of journeys that were clean, of those that ended or were marred; `None` of none.
    pub fn clean_share(&self) -> Option<f64> {
        let judged = self.clean + self.marred;
        (judged > 0).then(|| self.clean as f64 / judged as f64)
    }

    /// Response time of which the share `q` of all offered requests stays below; `None` where that falls among those
    /// without a success.
    pub fn response(&self, q: f64) -> Option<Span> {
        let (all, ok) = (self.requests(), self.response.count());
        let rank = (q * all as f64).ceil();
        if ok == 0 || rank > ok as f64 {
            return None;
        }
        let [value] = self.response.quantiles([rank / ok as f64]);
        value.map(|nanos| Span::from_nanos(nanos as u64))
    }
}

impl Tally {
    /// Requests per second offered between two instants of the measured part that are multiples of the interval.
    pub fn offered_per_second(&self, from: Offset, to: Offset) -> f64 {
        let interval = |at: Offset| self.layout.interval_of(at).max(0) as usize;
        let counted = self.populations.iter().flat_map(|population| &population.offered[..]);
        let length = self.populations.first().map_or(1, |population| population.offered.len()).max(1);
        let within = |index: usize| (interval(from)..interval(to)).contains(&(index % length));
        let sum: u64 = counted.enumerate().filter(|(index, _)| within(*index)).map(|(_, count)| count).sum();
        sum as f64 / to.since(from).secs_f64()
    }
}

/// Simulates once, without a record.
///
/// # Errors
/// When the model could never work, or the engine asked for cannot run it.
pub fn tally(simulation: &Simulation<'_>) -> Result<(Simulated, Tally), Impossible> {
    let layout = super::layout(simulation.scenario, simulation.timeline);
    let intervals = layout.interval_of(simulation.timeline.end()).max(0) as usize + 1;
    let empty = PopulationTally { offered: vec![0; intervals], ..PopulationTally::default() };
    let populations = vec![empty; simulation.scenario.populations.len()];
    play(simulation, Tally { populations, layout }, &mut |_, _| true)
}

impl Recorder for Tally {
    fn offered(&mut self, population: u16, _: u16, intended: Offset) {
        if self.layout.measures(intended) {
            let interval = self.layout.interval_of(intended) as usize;
            self.populations[usize::from(population)].offered[interval] += 1;
        }
    }

    fn sent(&mut self, _: u16, _: u16, _: Offset) {}

    fn ended(&mut self, sample: &Sample) {
        if self.layout.measures(sample.intended) {
            let population = &mut self.populations[usize::from(sample.population)];
            population.outcomes[sample.outcome as usize] += 1;
            if sample.outcome == Outcome::Ok {
                population.response.record(sample.done.since(sample.intended).nanos());
            }
        }
    }

    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        let judged = self.layout.timeline.end() - self.layout.settle;
        if arrived < Offset::ZERO || arrived >= judged {
            return;
        }
        let population = &mut self.populations[usize::from(population)];
        match event {
            JourneyEvent::Planned => {}
            JourneyEvent::Started => population.started += 1,
            JourneyEvent::Marred => population.marred += 1,
            JourneyEvent::Completed { clean } => {
                population.completed += 1;
                population.clean += u64::from(clean);
            }
            JourneyEvent::GaveUp => population.gave_up += 1,
        }
    }

    fn passed(&mut self, _: Offset) {}
}
