//! What a measure of a promise comes to, over the whole measured part.

use super::intervals::quantile_interval;
use super::quantile::{quantile, samples_needed};
use super::{Audit, Cohort, JourneySums, StepCohort};
use crate::record::{Histogram, IntervalRow, Layout};
use crate::scenario::Outcome;
use crate::scenario::slo::{Aggregate, Family, Measure, Metric};

/// What a measure came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Observed {
    /// A number: microseconds, a share of 0 to 1, a count, or a count per second.
    Number {
        value: f64,
        /// Of how many requests or journeys.
        samples: u64,
        /// Of a quantile: between which values (microseconds) it lies with a confidence of 95 %.
        between: Option<(u64, Option<u64>)>,
    },
    /// A quantile that falls among requests without a success: above every number.
    Above {
        /// The share of them.
        without: f64,
        samples: u64,
    },
    /// Too few samples to tell a quantile.
    TooFew { samples: u64, needed: u64 },
    /// Nothing to look at.
    Nothing(&'static str),
}

/// Where the numbers come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) layout: &'a Layout,
    pub(super) cohort: &'a Cohort,
    pub(super) audit: Option<&'a Audit>,
}

/// Requests of some steps, as a measure needs them.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    /// Values of the metric, for times.
    pub(super) values: Histogram,
    /// Those above every value.
    pub(super) over: u64,
    /// Offered (over a window: that ended in it).
    pub(super) all: u64,
    /// Of those, what the metric counts.
    pub(super) counted: u64,
}

impl Source<'_> {
    /// The steps that a measure is about, among the populations that play; `None` when it is about none of them.
    pub(super) fn cells(&self, measure: &Measure) -> Option<Vec<(u16, u16)>> {
        cells(self.layout, measure)
    }

    /// What a measure comes to.
    pub(super) fn observe(&self, measure: &Measure, cells: &[(u16, u16)]) -> Observed {
        match measure.metric.family() {
            Family::Audit => self.audited(measure.metric),
            Family::Journeys => self.journeys(measure, cells),
            Family::Times | Family::Requests => {
                let mut requests = Requests::default();
                for &(population, step) in cells {
                    let step = &self.cohort.populations[usize::from(population)].steps[usize::from(step)];
                    requests.add(measure.metric, step);
                }
                requests.observe(measure, self.cohort.seconds())
            }
        }
    }

    fn audited(&self, metric: Metric) -> Observed {
        let Some(audit) = self.audit else { return Observed::Nothing("nothing was audited") };
        let value = if metric == Metric::LostAcknowledged { audit.lost } else { audit.duplicated };
        Observed::Number { value: value as f64, samples: audit.acknowledged, between: None }
    }

    fn journeys(&self, measure: &Measure, cells: &[(u16, u16)]) -> Observed {
        let mut populations: Vec<u16> = cells.iter().map(|cell| cell.0).collect();
        populations.dedup();
        let mut sums = JourneySums::default();
        for population in populations {
            sums.add(&self.cohort.populations[usize::from(population)].judged);
        }
        let counted = match measure.metric {
            Metric::Clean => sums.clean,
            Metric::Completed => sums.completed,
            _ => sums.gave_up,
        };
        let seconds = self.cohort.seconds() - self.layout.settle.secs_f64();
        observe_count(measure.aggregate, counted, sums.base(), seconds, "no journey ended that is judged")
    }
}

/// The steps of a layout that a measure is about, among the populations that play; `None` when it is about none of them.
pub(super) fn cells(layout: &Layout, measure: &Measure) -> Option<Vec<(u16, u16)>> {
    let selector = &measure.selector;
    let mut cells = Vec::new();
    let mut any = measure.metric.family() == Family::Audit;
    for (p, population) in layout.populations.iter().enumerate() {
        if population.played && selector.selects(&population.name, population.legitimate) {
            any = true;
            let steps = population.steps.iter().enumerate();
            let chosen = steps.filter(|(_, step)| selector.selects_step(&step.name));
            cells.extend(chosen.map(|(s, _)| (p as u16, s as u16)));
        }
    }
    any.then_some(cells)
}

impl Requests {
    fn add(&mut self, metric: Metric, step: &StepCohort) {
        let counts = &step.counts;
        self.all += counts.offered;
        self.counted += match metric {
            Metric::Offered => counts.offered,
            Metric::Sent => counts.sent,
            Metric::Ok => counts.ok,
            Metric::Failed => counts.failed,
            Metric::Shed => counts.shed,
            Metric::TimedOut => counts.timed_out,
            Metric::NotSent => counts.not_sent,
            Metric::ErrorRate => counts.offered.saturating_sub(counts.ok),
            Metric::Goodput => step.good,
            _ => 0,
        };
        match metric {
            Metric::ResponseTime => {
                self.values.add(&step.response);
                self.over += counts.offered.saturating_sub(counts.ok);
            }
            Metric::ServiceTime => self.values.add(&step.service),
            Metric::SendLag => self.values.add(&step.lag),
            _ => {}
        }
    }

    /// Takes in requests that ended in a window, for a metric of times.
    pub(super) fn time(&mut self, metric: Metric, row: &IntervalRow) {
        let unanswered = matches!(row.outcome, Outcome::TimedOut | Outcome::InFlight);
        match metric {
            Metric::ResponseTime if row.outcome != Outcome::Ok => self.over += row.histogram.count(),
            Metric::ServiceTime if unanswered => {}
            _ => self.values.add(&row.histogram),
        }
    }

    /// What a measure of requests comes to; rates are over `seconds`.
    pub(super) fn observe(&self, measure: &Measure, seconds: f64) -> Observed {
        if measure.metric.family() == Family::Requests {
            return observe_count(measure.aggregate, self.counted, self.all, seconds, "no request was due");
        }
        let samples = self.values.count() + self.over;
        if samples == 0 {
            return Observed::Nothing("there is no request to time");
        }
        let Some(share) = measure.aggregate.quantile() else {
            return match self.values.mean() {
                Some(value) => Observed::Number { value, samples: self.values.count(), between: None },
                None => Observed::Above { without: 1.0, samples },
            };
        };
        let needed = samples_needed(share);
        if samples < needed {
            return Observed::TooFew { samples, needed };
        }
        match quantile(&self.values, self.over, share) {
            Some(value) => {
                let between = quantile_interval(&self.values, self.over, share);
                Observed::Number { value: value as f64, samples, between }
            }
            None => Observed::Above { without: self.over as f64 / samples as f64, samples },
        }
    }
}

fn observe_count(
    aggregate: Aggregate,
    counted: u64,
    all: u64,
    seconds: f64,
    nothing: &'static str,
) -> Observed {
    if all == 0 {
        return Observed::Nothing(nothing);
    }
    let value = match aggregate {
        Aggregate::Share => counted as f64 / all as f64,
        Aggregate::Rate if seconds > 0.0 => counted as f64 / seconds,
        Aggregate::Rate => return Observed::Nothing("no time passed"),
        _ => counted as f64,
    };
    Observed::Number { value, samples: all, between: None }
}
