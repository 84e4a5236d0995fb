//! What independent replications of a simulation say together: means, and how far they may be trusted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Journeys, Legitimate, PopulationSummary, Quantiles, StepSummary};

/// A mean over replications.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Its value.
    pub mean: f64,
    /// Its 95 % interval by Student's law, from the spread between replications; `None` of one replication.
    pub ci95: Option<[f64; 2]>,
}

/// What several replications came to (`estimates.json` in the folder of a simulated server).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// How many there were.
    pub replications: u32,
    /// How well what decides is known.
    pub precision: Precision,
    /// The legitimate populations together.
    pub legitimate: Estimated,
    /// By population of the layout, in its order.
    pub populations: Vec<PopulationEstimates>,
    /// By interval of the record, in order.
    pub bands: Vec<Band>,
}

/// How well the figure is known that decides how many replications there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// What it is, in words.
    pub of: String,
    /// The half-width that was asked for, as a share of the mean; `None` where the number of replications was.
    pub asked: Option<f64>,
    /// The half-width of its 95 % interval, as a share of the mean; `None` of one replication or of nothing.
    pub reached: Option<f64>,
}

/// A population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationEstimates {
    /// All of its steps together.
    pub all: Estimated,
    /// By step, in order.
    pub steps: Vec<Estimated>,
}

/// Means over replications of a group of requests; absent where one replication has no such number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimated(pub BTreeMap<String, Mean>);

/// The response times of legitimate populations that ended in one interval, in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Its beginning in wall seconds since the beginning of the measured part.
    pub t: f64,
    /// Quantiles and the share without a success, as in [`Estimated`].
    pub of: Estimated,
}

impl Estimated {
    /// Names of what is estimated of requests; times are in microseconds and stand for the quantiles of `response_us`.
    pub const TIMES: [&str; 7] = [
        "response_us.mean",
        "response_us.p50",
        "response_us.p90",
        "response_us.p95",
        "response_us.p99",
        "response_us.p999",
        "response_us.max",
    ];
    /// Good requests / offered ones.
    pub const GOODPUT: &str = "goodput_share";
    /// Offered requests without a success / offered ones.
    pub const ERRORS: &str = "error_rate";
    /// Clean journeys / judged ones.
    pub const CLEAN: &str = "clean_share";

    /// A mean.
    pub fn get(&self, name: &str) -> Option<Mean> {
        self.0.get(name).copied()
    }

    /// Replaces the times of replication 0, whose counts stay, by the means.
    fn replace(&self, times: &mut Quantiles) {
        let of = |name: &str| self.get(name).map(|mean| mean.mean.round() as u64);
        let [mean, p50, p90, p95, p99, p999, max] = Self::TIMES.map(of);
        *times = Quantiles { count: times.count, over: times.over, mean, p50, p90, p95, p99, p999, max };
    }

    fn ci95(&self) -> BTreeMap<String, [f64; 2]> {
        self.0.iter().filter_map(|(name, mean)| Some((name.clone(), mean.ci95?))).collect()
    }

    fn share(&self, name: &str, share: &mut Option<f64>) {
        if let Some(mean) = self.get(name) {
            *share = Some(mean.mean);
        }
    }
}

impl Estimates {
    /// Puts the means into the summaries of the legitimate populations and of the one of this index.
    pub(super) fn replace(&self, index: usize, summary: &mut PopulationSummary) {
        let Some(of) = self.populations.get(index) else { return };
        of.all.share(Estimated::GOODPUT, &mut summary.goodput_share);
        summary.ci95 = of.all.ci95();
        let each = |(step, of): (&mut StepSummary, &Estimated)| {
            of.replace(&mut step.response_us);
            step.ci95 = of.ci95();
        };
        summary.steps.iter_mut().zip(&of.steps).for_each(each);
    }

    /// Puts the means into the summary of the legitimate populations together.
    pub(super) fn replace_legitimate(&self, summary: &mut Legitimate) {
        self.legitimate.share(Estimated::GOODPUT, &mut summary.goodput_share);
        self.legitimate.replace(&mut summary.response_us);
        summary.ci95 = self.legitimate.ci95();
    }
}

impl Journeys {
    /// Share of clean journeys; `None` where none is judged.
    pub fn clean_share(&self) -> Option<f64> {
        (self.judged > 0).then(|| self.clean as f64 / self.judged as f64)
    }
}
