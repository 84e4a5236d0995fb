//! Axes with round ticks: counts from zero, times on a log scale, scenario time, and quantiles in nines.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use super::say;
use crate::scenario::Timeline;
use crate::units::Offset;

/// How a value becomes a place on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    /// Equal ratios are equal lengths.
    Log,
    /// Equal numbers of nines are equal lengths: the place of q is -log10(1 - q).
    Nines,
}

/// A labelled place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// The value.
    pub(super) at: f64,
    /// What is written there; empty for a mark only.
    pub(super) label: String,
    /// A second line below it.
    pub(super) remark: String,
}

impl Tick {
    fn new(at: f64, label: impl Into<String>) -> Self {
        Self { at, label: label.into(), remark: String::new() }
    }
}

/// A scale, its ends and its ticks. The ends always cover the data that they were made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    /// In rising order, all between the ends.
    pub(super) ticks: Vec<Tick>,
}

impl Axis {
    /// From zero to a round value above `most`, with about `wanted` steps; `label` writes a tick.
    pub(super) fn counts(most: f64, wanted: usize, label: impl Fn(f64) -> String) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_step(most / wanted.max(1) as f64);
        let steps = (most * 1.02 / step).ceil().max(1.0);
        let ticks =
            (0..=steps as u32).map(|n| f64::from(n) * step).map(|at| Tick::new(at, label(at))).collect();
        Self { scale: Scale::Linear, from: 0.0, to: steps * step, ticks }
    }

    /// Shares from zero to a round value above `most`, at most 1, labelled in per cent.
    pub(super) fn shares(most: f64, wanted: usize) -> Self {
        let percent = |at: f64| format!("{} %", say::digits(at * 100.0));
        let mut axis = Self::counts(most, wanted, percent);
        if axis.to > 1.0 {
            axis = Self::counts(0.98, 4, percent);
            axis.ticks.retain(|tick| tick.at <= 1.0);
            axis.to = 1.0;
        }
        axis
    }

    /// Places from 0 to `to` without ticks: for what has no scale, such as rows of bars.
    pub(super) fn bare(from: f64, to: f64) -> Self {
        Self { scale: Scale::Linear, from, to, ticks: Vec::new() }
    }

    /// Times in microseconds on a log scale: decades, and 1-2-5 where there are fewer than two.
    pub(super) fn times(least: f64, most: f64) -> Self {
        let least = least.max(1.0);
        let most = most.max(least * 1.001);
        let from = one_two_five(least, false);
        let to = one_two_five(most * 1.05, true);
        let decades = (to / from).log10();
        let wide = if decades < 2.0 { 1.0 } else { f64::INFINITY };
        let mut ticks = Vec::new();
        let mut at = one_two_five(from, false);
        while at <= to * 1.0001 {
            let mantissa = at / 10f64.powf(at.log10().floor());
            if at >= from * 0.9999 && ((mantissa - 1.0).abs() < 0.01 || wide.is_finite()) {
                ticks.push(Tick::new(at, say::time(at)));
            }
            at = one_two_five(at * 1.5, true);
        }
        Self { scale: Scale::Log, from, to, ticks }
    }

    /// Quantiles from 0 to the one that `samples` values still show: 0, 50 %, 90 %, 99 %, ...
    pub(super) fn nines(samples: u64) -> Self {
        let nines = (samples.max(10) as f64).log10();
        let ticks = [(0.0_f64, "0 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")]
            .into_iter()
            .chain([(0.9999, "99.99 %"), (0.99999, "99.999 %"), (0.999_999, "99.9999 %")])
            .filter(|(q, _)| -(1.0 - q).log10() <= nines + 1e-9)
            .map(|(q, label)| Tick::new(q, label))
            .collect();
        Self { scale: Scale::Nines, from: 0.0, to: 1.0 - 10f64.powf(-nines), ticks }
    }

    /// Shares of at most `samples` things in nines, with a place for all of them at the end; see [`Axis::share`].
    pub(super) fn nines_to_all(samples: u64) -> Self {
        let told = Self::nines(samples);
        let nines = told.place(told.to).ceil() + 0.6;
        let to = 1.0 - 10f64.powf(-nines);
        let mut ticks: Vec<Tick> = told.ticks.into_iter().filter(|tick| tick.at != 0.5).collect();
        ticks.push(Tick::new(to, "all"));
        Self { scale: Scale::Nines, from: 0.0, to, ticks }
    }

    /// Where a share lies on [`Axis::nines_to_all`]: `hits` of `all`, and all of them at the end.
    pub(super) fn share(&self, hits: u64, all: u64) -> f64 {
        if hits == all { self.to } else { self.clamp(hits as f64 / all.max(1) as f64) }
    }

    /// Wall seconds of a run, labelled with scenario time at round times of day, and below it with the wall time.
    ///
    /// `labels` is how many fit beside each other.
    pub(super) fn clock(timeline: &Timeline, wall: Range<f64>, labels: usize) -> Self {
        const STEPS: [i64; 18] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
        ];
        let scenario = |t: f64| {
            timeline.scenario_nanos(Offset::from_secs_f64(t)) as f64 / crate::units::NANOS_PER_SEC as f64
        };
        let (first, last) = (scenario(wall.start), scenario(wall.end));
        let step = STEPS
            .into_iter()
            .find(|step| (last - first) / *step as f64 <= labels.max(1) as f64)
            .unwrap_or(STEPS[STEPS.len() - 1]);
        let mut ticks = Vec::new();
        let mut at = (first / step as f64).ceil() as i64 * step;
        while at as f64 <= last + 1e-6 {
            let offset = timeline.offset_at(at * crate::units::NANOS_PER_SEC as i64);
            let time = timeline.scenario_time(offset);
            ticks.push(Tick {
                at: offset.secs_f64(),
                label: if step >= 60 { time[..time.len() - 3].to_owned() } else { time },
                remark: say::seconds(offset.secs_f64()),
            });
            at += step;
        }
        Self { scale: Scale::Linear, from: wall.start, to: wall.end, ticks }
    }

    /// The ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Without the words at the ticks, where a neighbour with the same axis has them.
    pub(super) fn unlabelled(mut self) -> Self {
        for tick in &mut self.ticks {
            tick.label.clear();
            tick.remark.clear();
        }
        self
    }

    /// The value nearest to `value` that lies on the axis.
    pub(super) fn clamp(&self, value: f64) -> f64 {
        value.clamp(self.from, self.to)
    }

    fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value.min(1.0 - 1e-12)).log10(),
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let slack = (self.to - self.from).abs() * 1e-6;
        debug_assert!(
            (self.from - slack..=self.to + slack).contains(value),
            "{value} is outside of {} to {}: the axis was not made from this data",
            self.from,
            self.to
        );
        let (from, to) = (self.place(self.from), self.place(self.to));
        low + ((self.place(self.clamp(*value)) - from) / (to - from) * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

/// The value of 1, 2, 5 x 10^n nearest to `step`, not below it.
fn round_step(step: f64) -> f64 {
    one_two_five(step, true)
}

/// The next of 1, 2, 5 x 10^n: at or above `value`, or at or below it.
fn one_two_five(value: f64, above: bool) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let steps = [decade, 2.0 * decade, 5.0 * decade, 10.0 * decade];
    if above {
        steps.into_iter().find(|s| *s >= value * (1.0 - 1e-9)).unwrap_or(10.0 * decade)
    } else {
        steps.into_iter().rev().find(|s| *s <= value * (1.0 + 1e-9)).unwrap_or(decade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn evening() -> Timeline {
        Timeline {
            from: "18:50".parse().unwrap(),
            to: "20:05".parse().unwrap(),
            warp: 60.0,
            scale: 1.0,
            run_in: Span::from_secs(15),
            drain: Span::from_secs(5),
        }
    }

    #[test]
    fn the_evening_has_ticks_at_full_quarters_with_the_wall_seconds_below() {
        let axis = Axis::clock(&evening(), -15.0..80.0, 8);
        assert_eq!(labels(&axis), ["18:45", "19:00", "19:15", "19:30", "19:45", "20:00"]);
        let remarks: Vec<_> = axis.ticks.iter().map(|tick| tick.remark.as_str()).collect();
        assert_eq!(remarks, ["-5 s", "10 s", "25 s", "40 s", "55 s", "70 s"]);
    }

    #[test]
    fn wide_time_axes_have_decades_and_narrow_ones_have_1_2_5() {
        assert_eq!(labels(&Axis::times(3_000.0, 1_900_000.0)), ["10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&Axis::times(60_000.0, 700_000.0)), ["50 ms", "100 ms", "200 ms", "500 ms", "1 s"]);
    }

    #[test]
    fn an_axis_of_nines_ends_where_the_samples_do() {
        assert_eq!(labels(&Axis::nines(5_000)), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(labels(&Axis::nines(50)), ["0 %", "50 %", "90 %"]);
    }

    #[test]
    fn counts_begin_at_zero_and_end_at_a_round_number() {
        let axis = Axis::counts(437.0, 4, |v| v.to_string());
        assert_eq!(labels(&axis), ["0", "200", "400", "600"]);
        assert_eq!(labels(&Axis::counts(0.0, 4, |v| v.to_string()))[0], "0");
    }

    #[test]
    fn no_share_is_above_a_hundred_per_cent() {
        assert_eq!(labels(&Axis::shares(1.0, 3)), ["0 %", "50 %", "100 %"]);
        assert_eq!(labels(&Axis::shares(0.46, 3)), ["0 %", "20 %", "40 %", "60 %"]);
    }

    proptest! {
        #[test]
        fn an_axis_covers_its_data_and_its_ticks(least in 1.0..1e7f64, ratio in 1.0..1e5f64) {
            for axis in [Axis::times(least, least * ratio), Axis::counts(least, 4, |v| v.to_string())] {
                let (from, to) = axis.ends();
                prop_assert!(from <= least && least <= to);
                prop_assert!(axis.ticks.iter().all(|t| t.at >= from * 0.999 && t.at <= to * 1.001));
                prop_assert!(axis.ticks.len() <= 8, "{} ticks", axis.ticks.len());
                prop_assert!(!axis.ticks.is_empty());
            }
        }
    }
}
