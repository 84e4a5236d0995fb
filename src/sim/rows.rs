//! The figures of one replication, station by station and class by class.

use super::meter::{ClassMeter, Meter};
use super::model::Model;
use super::peak::Peak;

/// What is estimated, in the order of `Row::values`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Figure {
    /// Share of those let in that waited.
    PWait,
    /// Mean waiting time of those let in, in seconds.
    Wait,
    /// Standard deviation of it.
    WaitDeviation,
    /// Quantiles of it.
    WaitP50,
    /// 90 %.
    WaitP90,
    /// 95 %.
    WaitP95,
    /// 99 %.
    WaitP99,
    /// 99.9 %.
    WaitP999,
    /// Longest waiting time.
    WaitMax,
    /// Mean time from coming to leaving of those served, in seconds.
    Sojourn,
    /// Standard deviation of it.
    SojournDeviation,
    /// Quantiles of it.
    SojournP50,
    /// 90 %.
    SojournP90,
    /// 95 %.
    SojournP95,
    /// 99 %.
    SojournP99,
    /// 99.9 %.
    SojournP999,
    /// Longest.
    SojournMax,
    /// Mean waiting time of those who waited, in seconds.
    WaitOfWaiters,
    /// Mean number waiting.
    QueueMean,
    /// Mean number present.
    PresentMean,
    /// Mean number in service.
    BusyMean,
    /// Number in service / number of servers.
    Utilization,
    /// Share of those who came that were turned away.
    PBlock,
    /// Share of those let in that lost patience.
    PAbandon,
    /// Served per second of the measured part.
    Throughput,
    /// Mean number between two tries.
    OrbitMean,
    /// Most that waited at once; of the station.
    QueueMax,
    /// When, in seconds.
    QueueMaxAt,
    /// Since when anyone had been waiting then.
    QueueSince,
    /// When nobody waited any more.
    QueueUntil,
    /// When the queue was that long for the last time before.
    QueueLast,
}

/// How many figures there are.
pub(super) const FIGURES: usize = Figure::QueueLast as usize + 1;

/// One station and class, or one station.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Index of the station.
    pub(super) station: u16,
    /// Its classes: one, or all.
    pub(super) classes: Vec<u16>,
}

/// The rows of a model: every class, and every station that has several.
pub(super) fn rows(model: &Model) -> Vec<Row> {
    let mut rows = Vec::new();
    for station in 0..model.stations.len() as u16 {
        let of_station = (0_u16..).zip(&model.classes).filter(|(_, class)| class.station == station);
        let visited = of_station.filter(|(index, _)| !model.behind.idle[usize::from(*index)]);
        let classes: Vec<u16> = visited.map(|(index, _)| index).collect();
        rows.extend(classes.iter().map(|class| Row { station, classes: vec![*class] }));
        if classes.len() > 1 {
            rows.push(Row { station, classes });
        }
    }
    rows
}

/// The measurements of a row: its classes together.
pub(super) fn together(row: &Row, meter: &Meter) -> ClassMeter {
    let mut classes = row.classes.iter().map(|class| &meter.classes[usize::from(*class)]);
    let mut all = classes.next().cloned().unwrap_or_default();
    classes.for_each(|class| all.add(class));
    all
}

impl Row {
    /// The figures of one replication; NaN where there is none (a mean of nothing).
    pub(super) fn values(
        &self,
        model: &Model,
        class: &ClassMeter,
        peak: &Peak,
        orbit: f64,
        seconds: f64,
    ) -> [f64; FIGURES] {
        let mut values = [f64::NAN; FIGURES];
        let mut set = |figure: Figure, value: f64| values[figure as usize] = value;
        let entered =
            class.arrivals - class.full - class.limited - class.room - class.down - class.still_there();
        let share = |part: u64, whole: u64| part as f64 / whole as f64;
        let mean = |area: u128| area as f64 / 1e9 / seconds;
        set(Figure::PWait, share(class.waited, entered));
        let lengths = [
            (
                &class.wait,
                [Figure::WaitP50, Figure::WaitP90, Figure::WaitP95, Figure::WaitP99, Figure::WaitP999],
            ),
            (
                &class.sojourn,
                [
                    Figure::SojournP50,
                    Figure::SojournP90,
                    Figure::SojournP95,
                    Figure::SojournP99,
                    Figure::SojournP999,
                ],
            ),
        ];
        for (histogram, figures) in lengths {
            let values = histogram.quantiles([0.5, 0.9, 0.95, 0.99, 0.999]);
            for (figure, value) in figures.into_iter().zip(values) {
                set(figure, value.map_or(f64::NAN, |nanos| nanos / 1e9));
            }
        }
        let of = |count: u64, value: f64| if count > 0 { value / 1e9 } else { f64::NAN };
        set(Figure::Wait, of(class.wait.count(), class.wait.mean()));
        set(Figure::WaitDeviation, of(class.wait.count(), class.wait.variance().sqrt()));
        set(Figure::WaitMax, of(class.wait.count(), class.wait.max() as f64));
        set(Figure::Sojourn, of(class.sojourn.count(), class.sojourn.mean()));
        set(Figure::SojournDeviation, of(class.sojourn.count(), class.sojourn.variance().sqrt()));
        set(Figure::SojournMax, of(class.sojourn.count(), class.sojourn.max() as f64));
        let waited_in_all = class.wait.mean() * class.wait.count() as f64;
        set(Figure::WaitOfWaiters, waited_in_all / 1e9 / class.waited as f64);
        let [queue, busy] = [mean(class.queue_area()), mean(class.busy_area())];
        set(Figure::QueueMean, queue);
        set(Figure::BusyMean, busy);
        set(Figure::PresentMean, queue + busy);
        let station = &model.stations[usize::from(self.station)];
        if let Some(servers) = station.servers {
            set(Figure::Utilization, busy / (f64::from(servers) * f64::from(station.instances)));
        }
        set(Figure::PBlock, share(class.blocked(), class.arrivals));
        set(Figure::PAbandon, share(class.abandoned + class.gone, entered));
        set(Figure::Throughput, class.slices.iter().map(|slice| slice.served).sum::<u64>() as f64 / seconds);
        set(Figure::OrbitMean, orbit);
        set(Figure::QueueMax, peak.most as f64);
        if peak.most > 0 {
            set(Figure::QueueMaxAt, peak.at as f64 / 1e9);
            set(Figure::QueueSince, peak.since as f64 / 1e9);
            set(Figure::QueueLast, peak.last as f64 / 1e9);
            set(Figure::QueueUntil, peak.until.map_or(f64::NAN, |at| at as f64 / 1e9));
        }
        values
    }
}
