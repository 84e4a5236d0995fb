//! The requests and journeys of the measured part, added up over the whole record.

use std::io;

use super::Counts;
use crate::record::{Clock, Histogram, Layout, ServerRecord, What};
use crate::scenario::Outcome;
use crate::units::Offset;

/// What the measured part of one server configuration's record adds up to.
#[derive(Debug)]
pub struct Cohort {
    /// The end of what there is of the measured part: its planned end, or where the run was aborted or cut off.
    pub end: Offset,
    /// Whether the measured part is there to its planned end (what came after it may still be cut off).
    pub complete: bool,
    /// By population, with the indexes of the layout.
    pub populations: Vec<PopulationCohort>,
    /// Requests offered in each interval of the measured part, all populations.
    pub offered: Vec<u64>,
}

/// The measured part of a population.
#[derive(Debug, Default)]
pub struct PopulationCohort {
    /// By step, with the indexes of the layout.
    pub steps: Vec<StepCohort>,
    /// Journeys that arrived early enough to be judged.
    pub judged: JourneySums,
    /// All journeys that arrived in the measured part.
    pub arrived: JourneySums,
}

/// The measured part of a step.
#[derive(Debug, Default)]
pub struct StepCohort {
    /// Its requests.
    pub counts: Counts,
    /// Outcomes on record less requests offered: above zero, the record contradicts itself.
    pub surplus: u64,
    /// Requests offered of which the record says no outcome; they count as in flight at the end.
    pub unaccounted: u64,
    /// Requests that were ok, and within the step's SLO where it has one.
    pub good: u64,
    /// done − intended of the ok ones.
    pub response: Histogram,
    /// done − sent of those answered (ok, failed or shed).
    pub service: Histogram,
    /// sent − intended of those sent.
    pub lag: Histogram,
    /// The wait for the pacer of those sent.
    pub pacer: Histogram,
    /// The wait for a lane of those sent.
    pub lane: Histogram,
    /// Over the whole record, run-in included: offered, and taken up (sent or given up as not sent).
    pub whole: (u64, u64),
}

/// Sums over rows of `journeys.csv`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JourneySums {
    /// The plan, or what brought them, said that they come.
    pub planned: u64,
    /// Their first request was offered.
    pub started: u64,
    /// They reached their end.
    pub completed: u64,
    /// Of those, with nothing in them that was not ok.
    pub clean: u64,
    /// They ended early.
    pub gave_up: u64,
    /// Something in them was not ok, whether they ended or not.
    pub marred: u64,
}

impl JourneySums {
    /// Neither completed nor given up.
    pub fn unfinished(&self) -> u64 {
        self.started.saturating_sub(self.completed + self.gave_up)
    }

    /// What shares of journeys are shares of: those started, without the unfinished ones in which nothing was amiss
    /// yet. Those that ended early, and those completed that are not clean, are among the marred.
    pub fn base(&self) -> u64 {
        let ended_marred = self.gave_up + self.completed.saturating_sub(self.clean);
        let unfinished_marred = self.marred.saturating_sub(ended_marred);
        (self.completed + self.gave_up + unfinished_marred).min(self.started)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.completed += other.completed;
        self.clean += other.clean;
        self.gave_up += other.gave_up;
        self.marred += other.marred;
    }
}

impl Cohort {
    /// Reads a record.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub fn read(record: &ServerRecord) -> io::Result<Self> {
        let layout = &*record.layout;
        let (end, complete) = extent(record)?;
        let population = |steps: usize| PopulationCohort {
            steps: (0..steps).map(|_| StepCohort::default()).collect(),
            ..PopulationCohort::default()
        };
        let mut cohort = Self {
            end,
            complete,
            populations: layout.populations.iter().map(|p| population(p.steps.len())).collect(),
            offered: vec![0; intervals_until(layout, end)],
        };
        cohort.count(record)?;
        cohort.measure(record)?;
        cohort.follow_journeys(record)?;
        Ok(cohort)
    }

    /// Wall time of what there is of the measured part, in seconds.
    pub fn seconds(&self) -> f64 {
        self.end.secs_f64()
    }

    /// The most that was offered in any minute (or in the whole, where that is shorter), per second.
    pub fn peak_minute(&self, layout: &Layout) -> f64 {
        let width =
            ((60.0 / layout.interval.secs_f64()).round() as usize).clamp(1, self.offered.len().max(1));
        let most = self.offered.windows(width).map(|minute| minute.iter().sum::<u64>()).max();
        let seconds = (width as f64 * layout.interval.secs_f64()).min(self.seconds());
        most.map_or(0.0, |most| if seconds > 0.0 { most as f64 / seconds } else { 0.0 })
    }

    fn step(&mut self, population: u16, step: u16) -> &mut StepCohort {
        &mut self.populations[usize::from(population)].steps[usize::from(step)]
    }

    fn count(&mut self, record: &ServerRecord) -> io::Result<()> {
        for row in record.counters()? {
            let row = row?;
            let step = self.step(row.population, row.step);
            step.whole.0 += row.offered;
            step.whole.1 += row.sent + row.not_sent;
            if let Some(offered) = usize::try_from(row.interval).ok().and_then(|i| self.offered.get_mut(i)) {
                *offered += row.offered;
                self.step(row.population, row.step).counts.offered += row.offered;
            }
        }
        Ok(())
    }

    fn measure(&mut self, record: &ServerRecord) -> io::Result<()> {
        let layout = &*record.layout;
        for row in record.intervals(&Clock::ALL)? {
            let row = row?;
            let slo = layout.populations[usize::from(row.population)].steps[usize::from(row.step)].slo;
            let step = self.step(row.population, row.step);
            match row.clock {
                Clock::Response => step.ended(row.outcome, &row.histogram, slo.map(|slo| slo.micros())),
                Clock::Service if row.outcome != Outcome::TimedOut => step.service.add(&row.histogram),
                Clock::Service => {}
                Clock::Lag => step.lag.add(&row.histogram),
                Clock::Pacer => step.pacer.add(&row.histogram),
                Clock::Lane => step.lane.add(&row.histogram),
            }
        }
        for step in self.populations.iter_mut().flat_map(|population| &mut population.steps) {
            step.close();
        }
        Ok(())
    }

    fn follow_journeys(&mut self, record: &ServerRecord) -> io::Result<()> {
        let layout = &*record.layout;
        let judged_until = self.end - layout.settle;
        for row in record.journeys()? {
            let row = row?;
            let (start, end) = (layout.interval_start(row.interval), layout.interval_start(row.interval + 1));
            let population = &mut self.populations[usize::from(row.population)];
            let sums = JourneySums {
                planned: row.planned,
                started: row.started,
                completed: row.completed,
                clean: row.clean,
                gave_up: row.gave_up,
                marred: row.marred,
            };
            if start >= Offset::ZERO && start < self.end {
                population.arrived.add(&sums);
            }
            if start >= Offset::ZERO && end <= judged_until {
                population.judged.add(&sums);
            }
        }
        Ok(())
    }
}

impl StepCohort {
    fn ended(&mut self, outcome: Outcome, waited: &Histogram, slo: Option<u64>) {
        let count = waited.count();
        match outcome {
            Outcome::Ok => {
                self.counts.ok += count;
                self.good += slo.map_or(count, |slo| waited.count_at_most(slo));
                self.response.add(waited);
            }
            Outcome::Failed => self.counts.failed += count,
            Outcome::Shed => self.counts.shed += count,
            Outcome::TimedOut => self.counts.timed_out += count,
            Outcome::NotSent => self.counts.not_sent += count,
            Outcome::InFlight => self.counts.in_flight_at_end += count,
        }
    }

    /// What was offered and has no outcome on record was in flight when the record was cut off.
    fn close(&mut self) {
        let counts = &mut self.counts;
        let known = counts.ok
            + counts.failed
            + counts.shed
            + counts.timed_out
            + counts.not_sent
            + counts.in_flight_at_end;
        self.surplus = known.saturating_sub(counts.offered);
        self.unaccounted = counts.offered.saturating_sub(known);
        counts.in_flight_at_end += self.unaccounted;
        counts.sent = counts.offered.saturating_sub(counts.not_sent);
    }
}

impl Counts {
    /// Adds the counts of others.
    pub fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.sent += other.sent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.not_sent += other.not_sent;
        self.in_flight_at_end += other.in_flight_at_end;
    }
}

/// The end of what there is of the measured part, and whether that is the planned one.
fn extent(record: &ServerRecord) -> io::Result<(Offset, bool)> {
    let layout = &*record.layout;
    let planned = layout.timeline.end();
    let mut end = planned;
    if !record.finished() {
        let last =
            record.counters()?.try_fold(None, |last, row| row.map(|row| last.max(Some(row.interval))))?;
        end = end.min(last.map_or(Offset::ZERO, |last| layout.interval_start(last + 1)));
    }
    for event in &record.events {
        if matches!(event.what, What::Aborted { .. }) {
            end = end.min(event.at);
        }
    }
    Ok((end.max(Offset::ZERO), end == planned))
}

/// How many intervals begin before `end`.
fn intervals_until(layout: &Layout, end: Offset) -> usize {
    let last = layout.interval_of(end);
    let partial = i64::from(layout.interval_start(last) < end);
    usize::try_from(last + partial).unwrap_or(0)
}
