//! The outcome of a simulation in memory: counts, journeys and response times, without a record on disk.

use super::histogram::Histogram;
use super::play::play;
use super::recorder::Recorder;
use super::{Impossible, Simulated, Simulation};
use crate::record::{JourneyEvent, Layout, PopulationLayout, Sample};
use crate::scenario::Outcome;
use crate::units::{Offset, Span};

/// What came of the measured part, by population in the order of the scenario.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The populations.
    pub populations: Vec<PopulationTally>,
    /// The legitimate populations together, by interval of the record.
    pub(super) intervals: Vec<IntervalTally>,
    pub(super) layout: Layout,
    /// The end of the measured part, and of that in which journeys are judged.
    end: i64,
    judged: i64,
    /// The interval that was needed last: from when until when, and its number.
    recent: (i64, i64, usize),
}

/// What legitimate populations got in one interval.
#[derive(Debug, Clone, Default)]
pub(super) struct IntervalTally {
    /// Requests that were offered in it.
    pub(super) offered: u64,
    /// Requests of the measured part that ended in it, whatever their outcome; those of the drain are in the last.
    pub(super) ended: u64,
    /// Response times of those that were a success.
    pub(super) response: Histogram,
}

/// What came of one population.
#[derive(Debug, Clone, Default)]
pub struct PopulationTally {
    legitimate: bool,
    /// Its steps, in order.
    pub(super) steps: Vec<StepTally>,
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
}

/// What came of one step.
#[derive(Debug, Clone, Default)]
pub(super) struct StepTally {
    /// Requests by outcome, in the order of [`Outcome::ALL`].
    pub(super) outcomes: [u64; Outcome::ALL.len()],
    /// A success within the step's SLO, where it has one.
    pub(super) good: u64,
    /// Response times of those that were a success.
    pub(super) response: Histogram,
    slo: Option<Span>,
}

impl StepTally {
    /// All requests offered.
    pub(super) fn requests(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Adds what came of another step.
    pub(super) fn add(&mut self, other: &Self) {
        for (to, from) in self.outcomes.iter_mut().zip(other.outcomes) {
            *to += from;
        }
        self.good += other.good;
        self.response.add(&other.response);
    }
}

impl PopulationTally {
    fn new(layout: &PopulationLayout, intervals: usize) -> Self {
        let step = |slo| StepTally { slo, ..StepTally::default() };
        Self {
            steps: layout.steps.iter().map(|of| step(of.slo)).collect(),
            offered: vec![0; intervals],
            legitimate: layout.legitimate,
            ..Self::default()
        }
    }

    /// All requests offered.
    pub fn requests(&self) -> u64 {
        self.steps.iter().map(StepTally::requests).sum()
    }

    /// Requests that ended so.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.steps.iter().map(|step| step.outcomes[outcome as usize]).sum()
    }

    /// All steps together.
    pub(super) fn together(&self) -> StepTally {
        let mut all = StepTally::default();
        self.steps.iter().for_each(|step| all.add(step));
        all
    }

    /// Share of journeys that were clean, of those that ended or were marred; `None` of none.
    pub fn clean_share(&self) -> Option<f64> {
        let judged = self.clean + self.marred;
        (judged > 0).then(|| self.clean as f64 / judged as f64)
    }

    /// Response time of which the share `q` of all offered requests stays below; `None` where that falls among those
    /// without a success.
    pub fn response(&self, q: f64) -> Option<Span> {
        let all = self.together();
        let [value] = quantiles(&all.response, self.requests(), [q]);
        value.map(|nanos| Span::from_nanos(nanos as u64))
    }
}

/// The response times, in nanoseconds, which these shares of all requests do not exceed, those without a success standing
/// above every value; shares must rise. `None` where one falls among them.
pub(super) fn quantiles<const N: usize>(ok: &Histogram, all: u64, shares: [f64; N]) -> [Option<f64>; N] {
    let count = ok.count() as f64;
    let ranks = shares.map(|q| (q * all as f64).ceil());
    let values = ok.quantiles(ranks.map(|rank| (rank / count).min(1.0)));
    std::array::from_fn(|n| values[n].filter(|_| ranks[n] <= count))
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
    play(simulation, Tally::new(layout), &mut |_, _| true)
}

impl Tally {
    /// Nothing counted so far.
    pub(super) fn new(layout: Layout) -> Self {
        let length = layout.interval.nanos().max(1);
        let end = layout.timeline.end();
        let intervals = (end.nanos().max(1) as u64).div_ceil(length) as usize;
        let populations = layout.populations.iter().map(|of| PopulationTally::new(of, intervals)).collect();
        Self {
            populations,
            intervals: vec![IntervalTally::default(); intervals],
            end: end.nanos(),
            judged: (end - layout.settle).nanos(),
            recent: (0, 0, 0),
            layout,
        }
    }

    /// The number of the interval of an instant of the measured part; the last is also that of the drain.
    #[inline]
    fn interval(&mut self, at: i64) -> usize {
        if !(self.recent.0..self.recent.1).contains(&at) {
            let length = self.layout.interval.nanos().max(1) as i64;
            let last = self.intervals.len() as i64 - 1;
            let number = at.div_euclid(length).clamp(0, last);
            let until = if number == last { i64::MAX } else { (number + 1) * length };
            self.recent = (number * length, until, number as usize);
        }
        self.recent.2
    }
}

impl Recorder for Tally {
    #[inline]
    fn offered(&mut self, population: u16, _: u16, intended: Offset) {
        if (0..self.end).contains(&intended.nanos()) {
            let interval = self.interval(intended.nanos());
            let population = &mut self.populations[usize::from(population)];
            population.offered[interval] += 1;
            self.intervals[interval].offered += u64::from(population.legitimate);
        }
    }

    fn sent(&mut self, _: u16, _: u16, _: Offset) {}

    #[inline]
    fn ended(&mut self, sample: &Sample) {
        if !(0..self.end).contains(&sample.intended.nanos()) {
            return;
        }
        let response = sample.done.since(sample.intended);
        let ok = sample.outcome == Outcome::Ok;
        let population = &mut self.populations[usize::from(sample.population)];
        let legitimate = population.legitimate;
        let step = &mut population.steps[usize::from(sample.step)];
        step.outcomes[sample.outcome as usize] += 1;
        if ok {
            step.good += u64::from(step.slo.is_none_or(|slo| response <= slo));
            step.response.record(response.nanos());
        }
        if legitimate {
            let interval = self.interval(sample.done.nanos());
            let interval = &mut self.intervals[interval];
            interval.ended += 1;
            if ok {
                interval.response.record(response.nanos());
            }
        }
    }

    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        if !(0..self.judged).contains(&arrived.nanos()) {
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
