//! What figures are drawn from: the record, reduced to plain series and distributions.

mod load;

use crate::record::Histogram;
use crate::scenario::Timeline;
use crate::stats::Mean;

/// A run as the figures see it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The measured part and what surrounds it.
    pub(super) timeline: Timeline,
    /// Length of a moment of the distributions, in seconds: so many intervals that a long run fits into memory.
    pub(super) moment: f64,
    /// The server configurations, in the order in which they ran.
    pub(super) servers: Vec<ServerFacts>,
    /// Bounds on the response time that the scenario promises.
    pub(super) bounds: Vec<TimeBound>,
    /// The share of clean journeys that the scenario promises, where it is the same for all.
    pub(super) clean_bound: Option<f64>,
    /// The send lag (p99, in microseconds) above which a run is not believed, where the validity has one.
    pub(super) lag_limit: Option<f64>,
}

/// A promise about a quantile of the response time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeBound {
    /// The quantile: 0.99.
    pub(super) quantile: f64,
    /// The bound in microseconds.
    pub(super) micros: f64,
    /// The populations it is about; empty: all.
    pub(super) whose: Vec<String>,
}

/// One server configuration.
#[derive(Debug, Clone)]
pub(super) struct ServerFacts {
    /// Its name.
    pub(super) name: String,
    /// Response times of the legitimate populations, over the measured part.
    pub(super) response: Response,
    /// The same for each interval in which requests of the measured part ended.
    pub(super) moments: Vec<Moment>,
    /// What each population asked and got, in the scenario's order.
    pub(super) flows: Vec<Flow>,
    /// What became of each population's journeys, in the scenario's order.
    pub(super) journeys: Vec<JourneyFacts>,
    /// Of a simulated run: the stations that requests came to.
    pub(super) stations: Vec<StationFacts>,
    /// Of a simulated run of several replications: response times interval by interval of the measured part.
    pub(super) bands: Vec<Band>,
    /// Of a simulated run: how many replications `bands` are of.
    pub(super) replications: u32,
    /// What happened to it, and when, in wall seconds: incidents, an abort, a server that ended by itself.
    pub(super) happenings: Vec<(f64, String)>,
}

/// A station of a simulated server.
#[derive(Debug, Clone)]
pub(super) struct StationFacts {
    /// Its name.
    pub(super) name: String,
    /// Interval by interval of the measured part.
    pub(super) points: Vec<StationPoint>,
}

/// A station in one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StationPoint {
    /// Its beginning, wall seconds.
    pub(super) t: f64,
    /// Its length, seconds.
    pub(super) length: f64,
    /// Mean number that waits.
    pub(super) queue: f64,
    /// Busy servers of all; `None` without a number of them.
    pub(super) utilization: Option<f64>,
}

/// Response times of the legitimate populations in one interval, over several replications.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// Its beginning, wall seconds.
    pub(super) t: f64,
    /// Its length, seconds.
    pub(super) length: f64,
    /// Means of the quantiles that the figure shows, in microseconds; `None` where a replication has none.
    pub(super) quantiles: [Option<Mean>; 4],
    /// Mean share of requests without a success; `None` where nothing ended.
    pub(super) errors: Option<Mean>,
}

/// What became of a population's journeys.
#[derive(Debug, Clone)]
pub(super) struct JourneyFacts {
    /// Its name.
    pub(super) population: String,
    /// False for clients that the operator does not want.
    pub(super) legitimate: bool,
    /// Started, without the unfinished ones in which nothing has failed yet.
    pub(super) judged: u64,
    /// Reached their end, and nothing in them failed.
    pub(super) clean: u64,
    /// Reached their end, with failures on the way.
    pub(super) marred: u64,
    /// Ended early.
    pub(super) gave_up: u64,
    /// Something in them had failed, and they had not ended.
    pub(super) stuck: u64,
}

/// A distribution of response times with those that got no success.
#[derive(Debug, Clone, Default)]
pub(super) struct Response {
    /// Of requests that succeeded.
    pub(super) ok: Histogram,
    /// The others.
    pub(super) lost: Lost,
}

/// Offered requests without a success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) shed: u64,
    pub(super) timed_out: u64,
    pub(super) failed: u64,
    pub(super) not_sent: u64,
    pub(super) in_flight: u64,
}

/// An interval of the measured cohort, by the time of ending.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// Its beginning, wall seconds.
    pub(super) t: f64,
    /// Response times of the legitimate populations.
    pub(super) response: Response,
    /// Waits for the pacer, all populations.
    pub(super) pacer: Histogram,
    /// Waits for a free lane, all populations.
    pub(super) lane: Histogram,
    /// Both together.
    pub(super) lag: Histogram,
}

/// What a population asked and got.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Its name.
    pub(super) population: String,
    /// False for clients that the operator does not want.
    pub(super) legitimate: bool,
    /// Interval by interval, in order, without holes.
    pub(super) seconds: Vec<Second>,
}

/// What happened in one interval, or in several joined; counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Second {
    /// Its beginning, wall seconds.
    pub(super) t: f64,
    /// Its length, seconds.
    pub(super) length: f64,
    pub(super) offered: u64,
    pub(super) sent: u64,
    /// Answered: ok, failed or shed.
    pub(super) completed: u64,
    /// Ok, and within the step's SLO where it has one; `None` outside of the measured part.
    pub(super) good: Option<u64>,
    pub(super) shed: u64,
    pub(super) timed_out: u64,
    pub(super) failed: u64,
    pub(super) not_sent: u64,
}

impl Band {
    /// Its middle, wall seconds.
    pub(super) fn middle(&self) -> f64 {
        self.t + self.length / 2.0
    }
}

impl Lost {
    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.shed + self.timed_out + self.failed + self.not_sent + self.in_flight
    }

    fn add(&mut self, other: &Self) {
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.failed += other.failed;
        self.not_sent += other.not_sent;
        self.in_flight += other.in_flight;
    }
}

impl Response {
    /// All offered requests.
    pub(super) fn offered(&self) -> u64 {
        self.ok.count() + self.lost.total()
    }

    /// The quantile over all offered requests, in microseconds; `None` where it falls among those without a success.
    pub(super) fn quantile(&self, q: f64) -> Option<u64> {
        let rank = (q * self.offered() as f64).ceil().max(1.0) as u64;
        self.ok.at_rank(rank)
    }

    /// The time within which the fastest hundredth of the successes came, in microseconds. Plots on a log scale begin
    /// there: a handful of trivial answers would take up half of it.
    pub(super) fn fastest(&self) -> Option<u64> {
        self.ok.at_rank(self.ok.count().div_ceil(100))
    }

    /// Adds another's requests.
    pub(super) fn add(&mut self, other: &Self) {
        self.ok.add(&other.ok);
        self.lost.add(&other.lost);
    }
}

impl Second {
    /// Its middle, wall seconds.
    pub(super) fn middle(&self) -> f64 {
        self.t + self.length / 2.0
    }

    /// A count of this interval as a rate.
    pub(super) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.length
    }

    /// Adds what happened in the interval after this one.
    pub(super) fn append(&mut self, next: &Self) {
        self.length += next.length;
        self.add(next);
    }

    /// Adds what happened to others in the same interval.
    pub(super) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.sent += other.sent;
        self.completed += other.completed;
        self.good = match (self.good, other.good) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.failed += other.failed;
        self.not_sent += other.not_sent;
    }
}

/// Joins intervals to windows of `multiple` intervals. None reaches over the beginning or the end of the measured part:
/// what lies between is shorter there, and left out where it would be shorter than half a window.
pub(super) fn join(seconds: &[Second], multiple: usize, end: f64) -> Vec<Second> {
    let mut windows: Vec<Second> = Vec::new();
    let part = |t: f64| (t >= -1e-9) as u8 + (t >= end - 1e-9) as u8;
    let Some(first) = seconds.first() else { return windows };
    let full = first.length * multiple as f64;
    for second in seconds {
        // Windows begin at multiples of their length from the beginning of the measured part, or at its end.
        let zero = if part(second.t) == 2 { end } else { 0.0 };
        let begins = ((second.t - zero) / full).rem_euclid(1.0);
        let begins = begins.min(1.0 - begins) * full < first.length * 0.5;
        match windows.last_mut() {
            Some(last) if !begins && part(last.t) == part(second.t) => last.append(second),
            _ => windows.push(*second),
        }
    }
    windows.retain(|window| window.length >= full * 0.5);
    windows
}

impl Facts {
    /// Wall seconds at which the record begins and ends, run-in and drain included.
    pub(super) fn wall(&self) -> std::ops::Range<f64> {
        let seconds = || self.servers.iter().flat_map(|s| &s.flows).flat_map(|f| &f.seconds);
        let first = seconds().map(|s| s.t).fold(self.timeline.start().secs_f64(), f64::min);
        let last = seconds().map(|s| s.t + s.length).fold(self.timeline.end().secs_f64(), f64::max);
        first..last
    }
}
