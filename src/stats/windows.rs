//! What a measure of a promise comes to in each window of the measured part.
//!
//! Windows go by the time of ending (those of `offered` and `sent` by that). One in which work was outstanding and
//! nothing ended has failed; an idle one says nothing. The last window takes in what is left of the measured part and
//! what ends in the drain, so that no request escapes judgement.

use std::collections::BTreeMap;
use std::io;

use super::observe::{Observed, Requests, Source};
use super::rolling::Rolling;
use crate::record::{Clock, IntervalRow, ServerRecord};
use crate::scenario::Outcome;
use crate::scenario::slo::{Aggregate, Family, Measure, Metric};
use crate::units::{Offset, Span};

/// Seconds that a window stays open for lines that were written late.
const LATE: f64 = 30.0;

/// A window that is not idle, and what was observed in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// Its number, from the beginning of the measured part.
    pub(super) number: i64,
    /// What was observed; `None`: work was outstanding and nothing ended.
    pub(super) observed: Option<Observed>,
}

/// A measure over windows.
#[derive(Debug)]
struct Watch<'a> {
    source: &'a Source<'a>,
    measure: &'a Measure,
    cells: &'a [(u16, u16)],
    /// Intervals of the record in a window.
    width: i64,
    /// Seconds of a window.
    seconds: f64,
    tallies: Vec<Tally>,
}

/// What is counted of a window.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    offered: u64,
    sent: u64,
    ended: u64,
    /// Of those ended, what the metric counts.
    counted: u64,
    /// Work was outstanding at the end of one of its intervals but the last, and nothing ended, also of the run-in.
    stalled: bool,
}

/// What a measure comes to in each window that is not idle, in order; `None` when the record's intervals do not fit into
/// such windows.
pub(super) fn observe(
    record: &ServerRecord,
    source: &Source<'_>,
    measure: &Measure,
    cells: &[(u16, u16)],
    window: Span,
) -> io::Result<Option<Vec<Window>>> {
    let interval = source.layout.interval.nanos();
    if !window.nanos().is_multiple_of(interval) || source.cohort.end == Offset::ZERO {
        return Ok(None);
    }
    let count = (source.cohort.end.nanos() as u64 / window.nanos()).max(1) as usize;
    let mut watch = Watch {
        source,
        measure,
        cells,
        width: (window.nanos() / interval) as i64,
        seconds: window.secs_f64(),
        tallies: vec![Tally::default(); count],
    };
    watch.count(record)?;
    let times = watch.measure(record)?;
    Ok(Some(watch.judgeable(times)))
}

impl Watch<'_> {
    fn window(&self, interval: i64) -> usize {
        let number = usize::try_from(interval / self.width).unwrap_or(0);
        number.min(self.tallies.len() - 1)
    }

    /// Reads what was offered, sent and outstanding.
    fn count(&mut self, record: &ServerRecord) -> io::Result<()> {
        let intervals = self.source.cohort.offered.len();
        let mut before = 0;
        let mut change = vec![0_i64; intervals];
        let mut ends = vec![0_u64; self.tallies.len()];
        for row in record.counters()? {
            let row = row?;
            if !self.cells.contains(&(row.population, row.step)) {
                continue;
            }
            let ended = row.ok + row.failed + row.shed + row.timed_out + row.not_sent;
            let net = row.offered as i64 - ended as i64;
            match usize::try_from(row.interval) {
                Err(_) => before += net,
                Ok(interval) if interval < intervals => {
                    change[interval] += net;
                    let window = self.window(row.interval);
                    self.tallies[window].offered += row.offered;
                    self.tallies[window].sent += row.sent;
                    ends[window] += ended;
                }
                Ok(_) => {}
            }
        }
        let mut outstanding = before;
        for (interval, net) in (0..).zip(change) {
            let window = self.window(interval);
            // Of a window of one interval the end of the one before counts.
            let seen = if self.width == 1 { outstanding } else { outstanding + net };
            outstanding += net;
            if (self.width == 1 || (interval + 1) % self.width != 0) && seen > 0 && ends[window] == 0 {
                self.tallies[window].stalled = true;
            }
        }
        Ok(())
    }

    /// Reads what ended, and what times come to by window.
    fn measure(&mut self, record: &ServerRecord) -> io::Result<BTreeMap<i64, Observed>> {
        let clock = match self.measure.metric {
            Metric::ServiceTime => Clock::Service,
            Metric::SendLag => Clock::Lag,
            _ => Clock::Response,
        };
        let timed = self.measure.metric.family() == Family::Times;
        let mut found = BTreeMap::new();
        let mut rolling = Rolling::<Requests>::new((LATE / self.seconds).ceil() as i64);
        for row in record.intervals(&[Clock::Response, clock])? {
            let row = row?;
            let drain = self.source.layout.interval_start(row.interval) >= self.source.cohort.end;
            // A rate is over the time of the window, which ends with the measured part.
            let rated = self.measure.aggregate == Aggregate::Rate;
            if !self.cells.contains(&(row.population, row.step)) || (drain && rated) {
                continue;
            }
            let window = self.window(row.interval);
            if row.clock == Clock::Response {
                self.tallies[window].ended += row.histogram.count();
                self.tallies[window].counted += self.counted(&row);
            }
            if timed && row.clock == clock {
                let close = |number, requests: Requests| {
                    found.insert(number, requests.observe(self.measure, self.seconds));
                };
                rolling.at(window as i64, close).time(self.measure.metric, &row);
            }
        }
        rolling.finish(|number, requests| {
            found.insert(number, requests.observe(self.measure, self.seconds));
        });
        Ok(found)
    }

    /// How many requests of a row the metric counts.
    fn counted(&self, row: &IntervalRow) -> u64 {
        let of = |outcome| if row.outcome == outcome { row.histogram.count() } else { 0 };
        match self.measure.metric {
            Metric::Ok => of(Outcome::Ok),
            Metric::Failed => of(Outcome::Failed),
            Metric::Shed => of(Outcome::Shed),
            Metric::TimedOut => of(Outcome::TimedOut),
            Metric::NotSent => of(Outcome::NotSent),
            Metric::ErrorRate => row.histogram.count() - of(Outcome::Ok),
            Metric::Goodput if row.outcome == Outcome::Ok => {
                let population = &self.source.layout.populations[usize::from(row.population)];
                let slo = population.steps[usize::from(row.step)].slo;
                slo.map_or(row.histogram.count(), |slo| row.histogram.count_at_most(slo.micros()))
            }
            _ => 0,
        }
    }

    /// What each window that is not idle comes to.
    fn judgeable(&self, mut times: BTreeMap<i64, Observed>) -> Vec<Window> {
        let mut windows = Vec::new();
        for (number, tally) in (0..).zip(&self.tallies) {
            let observed = match self.measure.metric {
                Metric::Offered => Some(self.requests(number, tally.offered, tally.offered)),
                Metric::Sent => Some(self.requests(number, tally.offered, tally.sent)),
                _ if tally.ended == 0 && tally.stalled => None,
                metric if metric.family() == Family::Times => times.remove(&number),
                _ => Some(self.requests(number, tally.ended, tally.counted)),
            };
            let by_ending = !matches!(self.measure.metric, Metric::Offered | Metric::Sent);
            let idle = match &observed {
                Some(Observed::Nothing(_)) => true,
                Some(_) => by_ending && tally.ended == 0,
                // Nothing to time among what ended.
                None => tally.ended > 0 || !tally.stalled,
            };
            if !idle {
                windows.push(Window { number, observed });
            }
        }
        windows
    }

    fn requests(&self, number: i64, all: u64, counted: u64) -> Observed {
        let last = number + 1 == self.tallies.len() as i64;
        let from = number as f64 * self.seconds;
        let seconds = if last { self.source.cohort.seconds() - from } else { self.seconds };
        Requests { all, counted, ..Requests::default() }.observe(self.measure, seconds)
    }
}
