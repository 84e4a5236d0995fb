//! HdrHistograms of microseconds and their interval log: the only place that knows the package `hdrhistogram`.
//!
//! Three significant digits: a value is told to within 0.1 %. The log has the form of HdrHistogram's own tools (V2,
//! deflated, base64; one interval a line), so `HistogramLogProcessor` and the Python package read it.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::pack::{LARGEST, first_of, index, last_of, unpack};
use crate::units::{Offset, Span};

/// A distribution of lengths of time in whole microseconds, in the counters of an HdrHistogram: it is filled, added up and
/// asked by the thousand when a record is read, and the package walks over its counters ten times slower.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By the number of their counter; the last is not zero.
    counts: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// One without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, in microseconds.
    pub fn record(&mut self, micros: u64) {
        self.record_many(micros, 1);
    }

    fn record_many(&mut self, micros: u64, count: u64) {
        let at = index(micros.min(LARGEST)) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += count;
        self.count += count;
    }

    /// Adds all values of another.
    pub fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(to, from)| *to += from);
        self.count += other.count;
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, to three digits, rounded up; `None` without values.
    pub fn max(&self) -> Option<u64> {
        (self.counts.len() as u64).checked_sub(1).map(last_of)
    }

    /// The arithmetic mean, of the middles of the cells; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        let middle = |cell: &Cell| cell.from + ((cell.to - cell.from + 1) >> 1);
        let part = |cell: Cell| middle(&cell) as f64 * cell.count as f64 / self.count as f64;
        (self.count > 0).then(|| self.cells().map(part).fold(0.0, |sum, part| sum + part))
    }

    /// The value of a rank, 1 for the smallest, rounded up to three digits; `None` beyond the last.
    pub fn at_rank(&self, rank: u64) -> Option<u64> {
        if rank == 0 || rank > self.count {
            return None;
        }
        let mut below = 0;
        let mut numbers = (0..).zip(&self.counts);
        numbers.find_map(|(at, count)| {
            below += count;
            (below >= rank).then(|| last_of(at))
        })
    }

    /// How many values are at most `micros`, to three digits.
    pub fn count_at_most(&self, micros: u64) -> u64 {
        self.counts.iter().take(index(micros) as usize + 1).sum()
    }

    /// The values that occur, smallest first.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        let counters = (0..).zip(&self.counts).filter(|(_, count)| **count > 0);
        counters.map(|(at, count)| Cell { from: first_of(at), to: last_of(at), count: *count })
    }

    /// The histogram that the package reads, in whatever form and precision.
    fn read(mut bytes: &[u8]) -> Result<Self, String> {
        let read: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes)
            .map_err(|error| format!("the histogram cannot be unpacked: {error}"))?;
        let mut histogram = Self::new();
        for step in read.iter_recorded() {
            histogram.record_many(step.value_iterated_to(), step.count_at_value());
        }
        Ok(histogram)
    }
}

/// Values that a histogram does not tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Smallest, in microseconds.
    pub from: u64,
    /// Largest, in microseconds.
    pub to: u64,
    /// How many.
    pub count: u64,
}

/// The first lines of a log whose time 0 is `zero` after the Unix epoch.
pub(super) fn log_head(zero: Span) -> String {
    let seconds = zero.secs_f64();
    let mut text = String::from(
        "#Peakday: lengths of time in microseconds, tags are population.step.clock.outcome\n\
         #[Histogram log format version 1.3]\n",
    );
    // Both: with StartTime alone tools must guess whether the times below are absolute.
    for name in ["StartTime", "BaseTime"] {
        writeln!(text, "#[{name}: {seconds:.3} (seconds since epoch)]").expect("a String takes any text");
    }
    text.push_str(
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
    );
    text
}

/// Lines before the first interval.
pub(super) const LOG_HEAD: usize = 5;

/// Time 0 of a log, where a line of its head says it.
pub(super) fn base_time(line: &str) -> Option<Span> {
    let seconds: f64 = line.strip_prefix("#[BaseTime: ")?.split(' ').next()?.parse().ok()?;
    Some(Offset::from_secs_f64(seconds).since(Offset::ZERO))
}

/// One interval of a log, its histogram still packed.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) tag: &'a str,
    pub(super) start: Offset,
    pub(super) length: Span,
    packed: &'a str,
}

/// Parses one line of a log, without its line end: `Ok(None)` where it holds no interval (a comment, the legend).
pub(super) fn parse_line(line: &str) -> Result<Option<Line<'_>>, String> {
    if line.starts_with('#') || line.starts_with('"') || line.is_empty() {
        return Ok(None);
    }
    // The package's parser wants the line end, and owns nothing: the tag is looked up again in the line itself.
    let ended = format!("{line}\n");
    let Some(Ok(LogEntry::Interval(interval))) = IntervalLogIterator::new(ended.as_bytes()).next() else {
        return Err("this is no line of an interval log".to_owned());
    };
    let tag = line
        .strip_prefix("Tag=")
        .and_then(|rest| rest.split_once(','))
        .map(|(tag, _)| tag)
        .ok_or("the interval has no tag")?;
    let packed = line.rsplit(',').next().unwrap_or_default();
    let span = |duration: Duration| Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    Ok(Some(Line {
        tag,
        start: Offset::ZERO + span(interval.start_timestamp()),
        length: span(interval.duration()),
        packed,
    }))
}

impl Line<'_> {
    /// The histogram of this interval.
    pub(super) fn histogram(&self) -> Result<Histogram, String> {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(self.packed)
            .map_err(|error| format!("the histogram is not base64: {error}"))?;
        let Some(counts) = unpack(&bytes) else { return Histogram::read(&bytes) };
        let count = counts.iter().sum();
        Ok(Histogram { counts, count })
    }
}

#[cfg(test)]
mod tests {
    use super::super::pack::append;
    use super::super::values::Values;
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    #[test]
    fn without_values_there_is_neither_mean_nor_max_nor_rank() {
        let empty = Histogram::new();
        assert_eq!(
            (empty.mean(), empty.max(), empty.at_rank(1), empty.count_at_most(9)),
            (None, None, None, 0)
        );
    }

    #[test]
    fn the_value_of_a_rank_is_a_recorded_one() {
        let histogram = of(&[0, 1, 1, 900, 1_000]);
        let ranks: Vec<_> = (0..=6).map(|rank| histogram.at_rank(rank)).collect();
        assert_eq!(ranks, [None, Some(0), Some(1), Some(1), Some(900), Some(1_000), None]);
    }

    #[test]
    fn a_line_cut_anywhere_is_an_error_and_never_another_histogram() {
        let mut log = String::new();
        let mut values = Values::default();
        [5, 70_000].iter().for_each(|value| values.push(*value));
        append(&mut log, "a.b.response.ok", Offset::ZERO, Span::from_secs(1), &mut values);
        let line = log.trim_end();
        for cut in 1..line.len() {
            let parsed = parse_line(&line[..cut]).and_then(|line| line.ok_or(String::new())?.histogram());
            // The last characters may be padding alone.
            assert!(parsed.is_err() || parsed == Ok(of(&[5, 70_000])), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn values_are_told_to_three_digits(mut values in prop::collection::vec(0..100_000_000_u64, 1..50)) {
            let histogram = of(&values);
            values.sort_unstable();
            for (rank, &exact) in (1..).zip(&values) {
                let told = histogram.at_rank(rank).unwrap();
                prop_assert!(told >= exact && told as f64 <= exact as f64 * 1.001, "{exact} told as {told}");
            }
            for &bound in &values {
                let exact = values.iter().filter(|&&value| value <= bound).count() as u64;
                let generous = (bound as f64 * 1.001) as u64;
                let most = values.iter().filter(|&&value| value <= generous).count() as u64;
                prop_assert!((exact..=most).contains(&histogram.count_at_most(bound)));
            }
        }

        #[test]
        fn what_we_pack_the_package_unpacks(
            values in prop::collection::vec((0..62_u32, 0..u64::MAX).prop_map(|(bits, value)| value & ((1 << bits) - 1)), 1..100),
            second in 0..100_000_i64,
        ) {
            let (histogram, start) = (of(&values), Offset::from_nanos(second * 1_000_000_000));
            let mut log = String::new();
            let mut lengths = Values::default();
            values.iter().for_each(|value| lengths.push(*value));
            append(&mut log, "p.s.lag.timed-out", start, Span::from_secs(1), &mut lengths);
            let line = parse_line(log.trim_end()).unwrap().unwrap();
            prop_assert_eq!((line.tag, line.start, line.length), ("p.s.lag.timed-out", start, Span::from_secs(1)));
            let bytes = base64::engine::general_purpose::STANDARD.decode(line.packed).unwrap();
            prop_assert_eq!(Histogram::read(&bytes), Ok(histogram.clone()));
            prop_assert_eq!(unpack(&bytes), Some(histogram.counts.clone()));
            prop_assert_eq!(line.histogram(), Ok(histogram));
        }

        #[test]
        fn adding_histograms_is_recording_all_values(
            one in prop::collection::vec(0..200_000_000_u64, 0..50), other in prop::collection::vec(0..3_000_u64, 0..50),
        ) {
            let mut sum = of(&one);
            sum.add(&of(&other));
            let both = of(&[one, other].concat());
            prop_assert!(sum.cells().eq(both.cells()));
            prop_assert_eq!((sum.count(), sum.max()), (both.count(), both.max()));
        }
    }
}
