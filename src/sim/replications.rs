//! What replications come to together: each is reduced to a row of figures, and rows to means with intervals.

use super::estimate::Estimate;
use super::histogram::Histogram;
use super::tally::{PopulationTally, StepTally, Tally, quantiles};
use crate::record::Layout;
use crate::stats::{Band, Estimated, Estimates, Mean, PopulationEstimates, Precision};

/// Figures of a group of requests: those of [`Estimated::TIMES`], goodput, errors, clean journeys.
const OF_GROUP: usize = Estimated::TIMES.len() + 3;
/// Of these, which are of an interval.
const QUANTILE_99: usize = 4;
const ERRORS: usize = Estimated::TIMES.len() + 1;

/// Several replications, added up in their order.
#[derive(Debug)]
pub(super) struct Replications {
    layout: Layout,
    /// The interval in which replication 0 offered the most requests of legitimate populations.
    peak: usize,
    count: u32,
    figures: Vec<Estimate>,
}

/// Figures of one replication: groups (all legitimate populations, then each population and its steps), then intervals.
#[derive(Debug, Clone)]
pub(super) struct Sheet(Vec<[f64; OF_GROUP]>);

impl Sheet {
    /// The figures of a replication; NaN where there is none.
    pub(super) fn of(tally: &Tally) -> Self {
        let mut rows = vec![[f64::NAN; OF_GROUP]];
        let mut legitimate = StepTally::default();
        let mut journeys = (0, 0);
        for (population, of) in tally.populations.iter().zip(&tally.layout.populations) {
            let together = population.together();
            if of.legitimate {
                legitimate.add(&together);
                journeys = (journeys.0 + population.clean, journeys.1 + judged(population));
            }
            rows.push(group(&together, (population.clean, judged(population))));
            rows.extend(population.steps.iter().map(|step| group(step, (0, 0))));
        }
        rows[0] = group(&legitimate, journeys);
        let ok = |histogram: &Histogram| histogram.count();
        rows.extend(tally.intervals.iter().map(|interval| {
            let mut row = times(&interval.response, interval.ended);
            row[ERRORS] = share(interval.ended - ok(&interval.response), interval.ended);
            row
        }));
        Self(rows)
    }
}

impl Replications {
    /// Replication 0.
    pub(super) fn new(first: &Tally) -> Self {
        let peak = (0..first.intervals.len()).rev().max_by_key(|index| first.intervals[*index].offered);
        let sheet = Sheet::of(first);
        let mut replications = Self {
            layout: first.layout.clone(),
            peak: peak.unwrap_or(0),
            count: 0,
            figures: vec![Estimate::default(); sheet.0.len() * OF_GROUP],
        };
        replications.add(&sheet);
        replications
    }

    /// One more.
    pub(super) fn add(&mut self, sheet: &Sheet) {
        self.count += 1;
        let values = sheet.0.iter().flatten();
        let finite = self.figures.iter_mut().zip(values).filter(|(_, value)| value.is_finite());
        finite.for_each(|(estimate, value)| estimate.add(*value));
    }

    /// What decides, and the half-width of its 95 % interval as a share of its mean: the 99 % quantile of the busiest
    /// interval, or where that falls among requests without a success, their share in it.
    fn decisive(&self) -> (&'static str, Option<f64>) {
        let row = self.figures.len() / OF_GROUP - self.intervals() + self.peak;
        let [p99, errors] = [QUANTILE_99, ERRORS].map(|figure| &self.figures[row * OF_GROUP + figure]);
        let (name, of) = match p99.count() == self.count {
            true => ("p99 of the response time", p99),
            false => ("the share of requests without a success", errors),
        };
        let relative =
            of.mean().zip(of.half_width()).map(|(mean, half)| if half == 0.0 { 0.0 } else { half / mean });
        (name, relative)
    }

    /// Whether what decides is known to this share of itself.
    pub(super) fn are_enough(&self, half_width: f64) -> bool {
        self.decisive().1.is_some_and(|reached| reached <= half_width)
    }

    /// How many.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    fn intervals(&self) -> usize {
        let length = self.layout.interval.nanos().max(1);
        (self.layout.timeline.end().nanos().max(1) as u64).div_ceil(length) as usize
    }

    /// The means and their intervals.
    pub(super) fn estimates(&self, asked: Option<f64>) -> Estimates {
        let mut rows = self.figures.chunks_exact(OF_GROUP).map(|row| self.estimated(row));
        let mut next = || rows.next().unwrap_or_default();
        let legitimate = next();
        let populations = self
            .layout
            .populations
            .iter()
            .map(|of| PopulationEstimates { all: next(), steps: of.steps.iter().map(|_| next()).collect() })
            .collect();
        let start = |index: usize| self.layout.interval_start(index as i64);
        let bands =
            (0..self.intervals()).map(|index| Band { t: start(index).secs_f64(), of: next() }).collect();
        let (what, reached) = self.decisive();
        let time = self.layout.timeline.scenario_time(start(self.peak));
        let of = format!("{what} in the busiest interval, from {time}");
        let precision = Precision { of, asked, reached };
        Estimates { replications: self.count, precision, legitimate, populations, bands }
    }

    fn estimated(&self, row: &[Estimate]) -> Estimated {
        let names =
            Estimated::TIMES.into_iter().chain([Estimated::GOODPUT, Estimated::ERRORS, Estimated::CLEAN]);
        // A quantile that a replication does not have is larger than any number, and so is the mean.
        let known = names.zip(row).filter(|(_, estimate)| estimate.count() == self.count);
        let mean = |estimate: &Estimate| Some(Mean { mean: estimate.mean()?, ci95: estimate.ci95() });
        Estimated(known.filter_map(|(name, estimate)| Some((name.to_owned(), mean(estimate)?))).collect())
    }
}

fn judged(population: &PopulationTally) -> u64 {
    population.clean + population.marred
}

fn group(step: &StepTally, (clean, judged): (u64, u64)) -> [f64; OF_GROUP] {
    let all = step.requests();
    let mut row = times(&step.response, all);
    let [good, errors, whole] = [ERRORS - 1, ERRORS, ERRORS + 1];
    row[good] = share(step.good, all);
    row[errors] = share(all - step.response.count(), all);
    row[whole] = share(clean, judged);
    row
}

/// Times in microseconds; the rest is left open.
fn times(ok: &Histogram, all: u64) -> [f64; OF_GROUP] {
    let mut row = [f64::NAN; OF_GROUP];
    if ok.count() > 0 {
        row[0] = ok.mean() / 1e3;
        row[Estimated::TIMES.len() - 1] = ok.max() as f64 / 1e3;
    }
    let values = quantiles(ok, all, [0.5, 0.9, 0.95, 0.99, 0.999]);
    for (to, value) in row[1..].iter_mut().zip(values) {
        *to = value.map_or(f64::NAN, |nanos| nanos / 1e3);
    }
    row
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
