//! Promises and metrics as written: `p99(response_time{population=patient}) < 2s for all windows of 10s`.
//!
//! ```text
//! slo       = measure comparison bound [ "for all windows of" span ]
//! measure   = aggregate "(" metric [ selector ] ")"  |  metric [ selector ]        without an aggregate: share, or count
//! selector  = "{" label "=" value { "," label "=" value } "}"                      labels: population, step, legitimate
//! ```
//!
//! This is only what was said; `stats` says what was observed and judges it.

mod parse;

use std::fmt;

use super::Population;
use crate::units::{Rate, Span};

pub use parse::SloError;

/// A promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// As written; what reports show.
    pub text: String,
    /// What is observed.
    pub measure: Measure,
    /// How it is compared with the bound.
    pub comparison: Comparison,
    /// The bound, of the kind that the measure is of.
    pub bound: Bound,
    /// The promise holds in each window of this length (whole seconds, wall time); `None`: over the whole measured part.
    pub window: Option<Span>,
}

/// A number that can be observed of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// How the values become one number.
    pub aggregate: Aggregate,
    /// What is looked at.
    pub metric: Metric,
    /// Of whom.
    pub selector: Selector,
}

/// How values become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Median.
    P50,
    /// 90 %.
    P90,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
    /// The largest.
    Max,
    /// The arithmetic mean.
    Mean,
    /// How many in a second.
    Rate,
    /// How many.
    Count,
    /// How many of all: of the offered requests, or of the journeys that are judged.
    Share,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// done - intended; requests without a success stand above every value.
    ResponseTime,
    /// done - sent, of answered requests.
    ServiceTime,
    /// sent - intended, of sent requests.
    SendLag,
    /// All requests that were due.
    Offered,
    /// Requests that the generator took up.
    Sent,
    /// Requests that succeeded.
    Ok,
    /// Requests that failed.
    Failed,
    /// Requests that the server refused.
    Shed,
    /// Requests whose client lost patience.
    TimedOut,
    /// Requests still waiting in the generator at the end.
    NotSent,
    /// Offered requests that are not ok.
    ErrorRate,
    /// Requests that are ok, and within their step's latency SLO where it has one.
    Goodput,
    /// Journeys that got there, and nothing in them failed.
    Clean,
    /// Journeys that got there, retries allowed.
    Completed,
    /// Journeys that gave up.
    GaveUp,
    /// Things that were acknowledged and are not there afterwards.
    LostAcknowledged,
    /// Things that were acknowledged and are there more than once.
    DuplicatedAcknowledged,
}

/// What kind of thing a metric counts or times; it decides the aggregates and labels that make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A time for each request.
    Times,
    /// Requests.
    Requests,
    /// Journeys.
    Journeys,
    /// Findings of the audit.
    Audit,
}

/// Of whom: all conditions that are given hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// Name of a population.
    pub population: Option<String>,
    /// Name of a step.
    pub step: Option<String>,
    /// Legitimate populations, or the unwanted ones.
    pub legitimate: Option<bool>,
}

/// How an observed value is compared with the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// The bound of a promise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A time.
    Time(Span),
    /// A share, 0 to 1; written in per cent.
    Share(f64),
    /// A rate.
    Rate(Rate),
    /// A count.
    Count(u64),
}

impl Slo {
    /// The first thing that this promise names and the scenario does not have: (what is wrong, what to do).
    ///
    /// # Errors
    /// An unknown population or step, or conditions that no population or step meets.
    pub fn check(&self, populations: &[Population]) -> Result<(), SloError> {
        self.measure.selector.check(populations)
    }
}

impl Selector {
    /// Whether a population is meant.
    pub fn selects(&self, population: &str, legitimate: bool) -> bool {
        self.population.as_deref().is_none_or(|name| name == population)
            && self.legitimate.is_none_or(|wanted| wanted == legitimate)
    }

    /// Whether a step of a selected population is meant.
    pub fn selects_step(&self, step: &str) -> bool {
        self.step.as_deref().is_none_or(|name| name == step)
    }

    pub(super) fn check(&self, populations: &[Population]) -> Result<(), SloError> {
        if let Some(name) = &self.population
            && !populations.iter().any(|p| p.name == *name)
        {
            let known = populations.iter().map(|p| p.name.as_str());
            return Err(SloError::unknown("population", name, known));
        }
        let meant = || populations.iter().filter(|p| self.selects(&p.name, p.legitimate));
        if meant().next().is_none() {
            return Err(SloError::new(
                format!("no population is selected by {self}"),
                "loosen the conditions",
            ));
        }
        let steps = || meant().flat_map(|p| &p.steps).map(|s| s.name.as_str());
        match &self.step {
            Some(name) if !steps().any(|step| step == name) => Err(SloError::unknown("step", name, steps())),
            _ => Ok(()),
        }
    }
}

impl Aggregate {
    const ALL: [Self; 10] = [
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::Mean,
        Self::Rate,
        Self::Count,
        Self::Share,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Rate => "rate",
            Self::Count => "count",
            Self::Share => "share",
        }
    }

    /// The share of values at or below it, for quantiles (1 for the largest).
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Max => Some(1.0),
            Self::Mean | Self::Rate | Self::Count | Self::Share => None,
        }
    }
}

impl Metric {
    const ALL: [Self; 17] = [
        Self::ResponseTime,
        Self::ServiceTime,
        Self::SendLag,
        Self::Offered,
        Self::Sent,
        Self::Ok,
        Self::Failed,
        Self::Shed,
        Self::TimedOut,
        Self::NotSent,
        Self::ErrorRate,
        Self::Goodput,
        Self::Clean,
        Self::Completed,
        Self::GaveUp,
        Self::LostAcknowledged,
        Self::DuplicatedAcknowledged,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResponseTime => "response_time",
            Self::ServiceTime => "service_time",
            Self::SendLag => "send_lag",
            Self::Offered => "offered",
            Self::Sent => "sent",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Shed => "shed",
            Self::TimedOut => "timed_out",
            Self::NotSent => "not_sent",
            Self::ErrorRate => "error_rate",
            Self::Goodput => "goodput",
            Self::Clean => "clean",
            Self::Completed => "completed",
            Self::GaveUp => "gave_up",
            Self::LostAcknowledged => "lost_acknowledged",
            Self::DuplicatedAcknowledged => "duplicated_acknowledged",
        }
    }

    /// What kind of thing it counts or times.
    pub const fn family(self) -> Family {
        match self {
            Self::ResponseTime | Self::ServiceTime | Self::SendLag => Family::Times,
            Self::Offered
            | Self::Sent
            | Self::Ok
            | Self::Failed
            | Self::Shed
            | Self::TimedOut
            | Self::NotSent
            | Self::ErrorRate
            | Self::Goodput => Family::Requests,
            Self::Clean | Self::Completed | Self::GaveUp => Family::Journeys,
            Self::LostAcknowledged | Self::DuplicatedAcknowledged => Family::Audit,
        }
    }

    /// The aggregates that make sense; the first is meant where none is written (times have no such one).
    pub const fn aggregates(self) -> &'static [Aggregate] {
        use Aggregate::{Count, Max, Mean, P50, P90, P95, P99, P999, Rate, Share};
        match self {
            Self::ErrorRate => &[Share],
            _ => match self.family() {
                Family::Times => &[P50, P90, P95, P99, P999, Max, Mean],
                Family::Requests | Family::Journeys => &[Share, Count, Rate],
                Family::Audit => &[Count],
            },
        }
    }
}

impl Comparison {
    const ALL: [Self; 5] = [Self::AtMost, Self::AtLeast, Self::Equal, Self::Less, Self::More];

    /// The sign for it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
        }
    }

    /// Whether an observed value and a bound (in the same unit) compare so.
    pub fn holds(self, observed: f64, bound: f64) -> bool {
        match self {
            Self::Less => observed < bound,
            Self::AtMost => observed <= bound,
            Self::More => observed > bound,
            Self::AtLeast => observed >= bound,
            Self::Equal => observed == bound,
        }
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.measure, self.comparison.sign(), self.bound)?;
        match self.window {
            Some(window) => write!(f, " for all windows of {window}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (metric, selector) = (self.metric.name(), &self.selector);
        if self.metric.family() != Family::Times && self.metric.aggregates()[0] == self.aggregate {
            write!(f, "{metric}{selector}")
        } else {
            write!(f, "{}({metric}{selector})", self.aggregate.name())
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let legitimate = self.legitimate.map(|wanted| wanted.to_string());
        let labels = [
            ("population", self.population.as_deref()),
            ("step", self.step.as_deref()),
            ("legitimate", legitimate.as_deref()),
        ];
        let mut written = labels.iter().filter_map(|(label, value)| value.map(|value| (label, value)));
        let Some((label, value)) = written.next() else {
            return Ok(());
        };
        write!(f, "{{{label}={value}")?;
        for (label, value) in written {
            write!(f, ",{label}={value}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(span) => write!(f, "{span}"),
            // Seven digits: 99.9 % is 0.999 as a number and must be printed as it was written.
            Self::Share(share) => write!(f, "{}%", (share * 1e9).round() / 1e7),
            Self::Rate(rate) => write!(f, "{rate}"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}
