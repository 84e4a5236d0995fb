//! From what was measured to what `summary.json` says of a station.

use std::collections::BTreeMap;

use super::estimate::Estimate;
use super::meter::ClassMeter;
use super::plain::StationRow;
use super::play::StationResult;
use super::rows::{FIGURES, Figure};
use crate::stats::{LongestQueue, Quantiles, Refusals, Station};

/// The figures in microseconds, with their names.
const LENGTHS: [(&str, Figure); 14] = [
    ("wait_us.mean", Figure::Wait),
    ("wait_us.p50", Figure::WaitP50),
    ("wait_us.p90", Figure::WaitP90),
    ("wait_us.p95", Figure::WaitP95),
    ("wait_us.p99", Figure::WaitP99),
    ("wait_us.p999", Figure::WaitP999),
    ("sojourn_us.mean", Figure::Sojourn),
    ("sojourn_us.p50", Figure::SojournP50),
    ("sojourn_us.p90", Figure::SojournP90),
    ("sojourn_us.p95", Figure::SojournP95),
    ("sojourn_us.p99", Figure::SojournP99),
    ("sojourn_us.p999", Figure::SojournP999),
    ("deviation_us[0]", Figure::WaitDeviation),
    ("deviation_us[1]", Figure::SojournDeviation),
];

/// The other figures, with their names.
const PLAIN: [(&str, Figure); 9] = [
    ("p_wait", Figure::PWait),
    ("queue_mean", Figure::QueueMean),
    ("present_mean", Figure::PresentMean),
    ("busy_mean", Figure::BusyMean),
    ("utilization", Figure::Utilization),
    ("orbit_mean", Figure::OrbitMean),
    ("p_block", Figure::PBlock),
    ("p_abandon", Figure::PAbandon),
    ("throughput_per_s", Figure::Throughput),
];

impl StationRow {
    /// This row as `summary.json` says it.
    pub fn summary(&self, replications: u32) -> Station {
        let class = self.class.clone().unwrap_or_default();
        station(&self.station, class, &self.first, &self.figures, replications)
    }
}

impl StationResult {
    /// This row as `summary.json` says it, with the figures of the same row in further replications.
    pub(super) fn summary<'a>(&'a self, others: impl IntoIterator<Item = &'a [f64; FIGURES]>) -> Station {
        let mut figures = [Estimate::default(); FIGURES];
        let mut replications = 0;
        for values in std::iter::once(&self.values).chain(others) {
            replications += 1;
            let finite = figures.iter_mut().zip(values).filter(|(_, value)| value.is_finite());
            finite.for_each(|(estimate, value)| estimate.add(*value));
        }
        let class = self.class.clone().unwrap_or_default();
        station(&self.station, class, &self.meter, &figures, replications)
    }
}

fn station(
    name: &str,
    class: String,
    first: &ClassMeter,
    figures: &[Estimate; FIGURES],
    replications: u32,
) -> Station {
    let mean = |figure: Figure| figures[figure as usize].mean();
    let micros = |figure: Figure| mean(figure).map(|seconds| (seconds * 1e6).round() as u64);
    let quantiles = |count: u64, of: [Figure; 7]| {
        let [mean, p50, p90, p95, p99, p999, max] = of.map(micros);
        Quantiles { count, over: 0, mean, p50, p90, p95, p99, p999, max }
    };
    let mut ci95 = BTreeMap::new();
    for (name, figure) in PLAIN {
        ci95.extend(figures[figure as usize].ci95().map(|interval| (name.to_owned(), interval)));
    }
    for (name, figure) in LENGTHS {
        let interval = figures[figure as usize].ci95();
        ci95.extend(interval.map(|interval| (name.to_owned(), interval.map(|seconds| seconds * 1e6))));
    }
    Station {
        name: name.to_owned(),
        class,
        arrivals: first.arrivals,
        served: first.served,
        blocked: first.blocked(),
        abandoned: first.abandoned,
        p_wait: mean(Figure::PWait),
        wait_us: quantiles(
            first.wait.count(),
            [
                Figure::Wait,
                Figure::WaitP50,
                Figure::WaitP90,
                Figure::WaitP95,
                Figure::WaitP99,
                Figure::WaitP999,
                Figure::WaitMax,
            ],
        ),
        sojourn_us: quantiles(
            first.sojourn.count(),
            [
                Figure::Sojourn,
                Figure::SojournP50,
                Figure::SojournP90,
                Figure::SojournP95,
                Figure::SojournP99,
                Figure::SojournP999,
                Figure::SojournMax,
            ],
        ),
        deviation_us: [micros(Figure::WaitDeviation), micros(Figure::SojournDeviation)],
        queue_mean: mean(Figure::QueueMean).unwrap_or(0.0),
        present_mean: mean(Figure::PresentMean).unwrap_or(0.0),
        busy_mean: mean(Figure::BusyMean).unwrap_or(0.0),
        utilization: mean(Figure::Utilization),
        orbit_mean: mean(Figure::OrbitMean),
        p_block: mean(Figure::PBlock),
        p_abandon: mean(Figure::PAbandon),
        throughput_per_s: mean(Figure::Throughput).unwrap_or(0.0),
        refused: Refusals {
            full: first.full,
            limited: first.limited,
            late: first.late,
            down: first.down,
            room: first.room,
        },
        gone: first.gone,
        wasted_s: first.wasted as f64 / 1e9,
        longest_queue: LongestQueue {
            most: mean(Figure::QueueMax).unwrap_or(0.0),
            at_s: mean(Figure::QueueMaxAt),
            last_s: mean(Figure::QueueLast),
            since_s: mean(Figure::QueueSince),
            until_s: mean(Figure::QueueUntil),
        },
        replications,
        ci95,
    }
}
