//! A promise about windows, judged while a simulation goes on: a window is closed once nothing more ends in it, so that few
//! are held at once, however long the day and however short the windows.
//!
//! The same rules as for a record ([`super::windows`]), at the length of the windows themselves.

use std::collections::VecDeque;

use super::SloResult;
use super::observe::{Observed, Requests, cells};
use super::verdict::{Fold, Scale};
use super::windows::Window;
use crate::record::{Layout, Sample};
use crate::scenario::Outcome;
use crate::scenario::slo::{Aggregate, Family, Metric, Slo};
use crate::units::{Offset, Span};

/// One promise about windows.
#[derive(Debug)]
pub struct LiveWindows {
    slo: Slo,
    scale: Scale,
    window: Span,
    cells: Vec<(u16, u16)>,
    /// Response time within which a success of a cell counts as goodput.
    goals: Vec<Option<Span>>,
    /// The end of the measured part, and the number of windows, of which the last takes in what is left.
    end: Offset,
    count: i64,
    /// Windows that are not closed yet, the first of this number.
    open: VecDeque<Open>,
    first: i64,
    /// Offered and not ended before the first open window.
    outstanding: i64,
    fold: Fold,
}

#[derive(Debug, Default)]
struct Open {
    requests: Requests,
    offered: u64,
    sent: u64,
    ended: u64,
}

impl LiveWindows {
    /// The judge of a promise; `None` when it is not about windows, or only about populations that are left out.
    pub fn new(slo: &Slo, layout: &Layout) -> Option<Self> {
        let window = slo.window.filter(|window| *window > Span::ZERO)?;
        let cells = cells(layout, &slo.measure)?;
        let goal = |&(population, step): &(u16, u16)| {
            layout.populations[usize::from(population)].steps[usize::from(step)].slo
        };
        let end = layout.timeline.end();
        Some(Self {
            slo: slo.clone(),
            scale: Scale::of(slo),
            window,
            goals: cells.iter().map(goal).collect(),
            cells,
            end,
            count: (end.nanos() / window.nanos() as i64).max(1),
            open: VecDeque::new(),
            first: 0,
            outstanding: 0,
            fold: Fold::default(),
        })
    }

    fn cell(&self, population: u16, step: u16) -> Option<usize> {
        self.cells.iter().position(|cell| *cell == (population, step))
    }

    /// The window of an instant; an instant of a window that is closed counts in the oldest that is open.
    fn at(&mut self, at: Offset) -> &mut Open {
        let number = (at.nanos().max(0) / self.window.nanos() as i64).min(self.count - 1).max(self.first);
        let index = (number - self.first) as usize;
        while self.open.len() <= index {
            self.open.push_back(Open::default());
        }
        &mut self.open[index]
    }

    /// A request of the measured part is due.
    pub fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        if intended >= Offset::ZERO && intended < self.end && self.cell(population, step).is_some() {
            self.at(intended).offered += 1;
        }
    }

    /// A request is sent.
    pub fn sent(&mut self, population: u16, step: u16, at: Offset) {
        if at >= Offset::ZERO && at < self.end && self.cell(population, step).is_some() {
            self.at(at).sent += 1;
        }
    }

    /// A request has ended, or will.
    pub fn ended(&mut self, sample: &Sample) {
        let measured = sample.intended >= Offset::ZERO && sample.intended < self.end;
        let Some(cell) = self.cell(sample.population, sample.step).filter(|_| measured) else { return };
        let (metric, goal) = (self.slo.measure.metric, self.goals[cell]);
        // A rate is over the time of the window, which ends with the measured part.
        let counts = sample.done < self.end || self.slo.measure.aggregate != Aggregate::Rate;
        let open = self.at(sample.done);
        open.ended += 1;
        if !counts {
            return;
        }
        let response = sample.done.since(sample.intended);
        let is = |outcome| sample.outcome == outcome;
        open.requests.all += 1;
        open.requests.counted += u64::from(match metric {
            Metric::Ok => is(Outcome::Ok),
            Metric::Failed => is(Outcome::Failed),
            Metric::Shed => is(Outcome::Shed),
            Metric::TimedOut => is(Outcome::TimedOut),
            Metric::NotSent => is(Outcome::NotSent),
            Metric::ErrorRate => !is(Outcome::Ok),
            Metric::Goodput => is(Outcome::Ok) && goal.is_none_or(|goal| response <= goal),
            _ => false,
        });
        let unanswered = is(Outcome::TimedOut) || is(Outcome::InFlight) || is(Outcome::NotSent);
        let values = &mut open.requests.values;
        match metric {
            Metric::ResponseTime if is(Outcome::Ok) => values.record(response.micros()),
            Metric::ResponseTime => open.requests.over += 1,
            Metric::ServiceTime if !unanswered => values.record(sample.done.since(sample.sent).micros()),
            Metric::SendLag if !is(Outcome::NotSent) => {
                values.record(sample.sent.since(sample.intended).micros())
            }
            _ => {}
        }
    }

    /// Nothing more ends before this instant.
    pub fn passed(&mut self, now: Offset) {
        let over = now.nanos() / self.window.nanos() as i64;
        while self.first < over.min(self.count - 1) {
            self.close();
        }
    }

    fn close(&mut self) {
        let open = self.open.pop_front().unwrap_or_default();
        let number = self.first;
        self.first += 1;
        let outstanding = self.outstanding > 0;
        self.outstanding += open.offered as i64 - open.ended as i64;
        let metric = self.slo.measure.metric;
        let from = Offset::ZERO + self.window.scaled(number as f64);
        let last = number + 1 == self.count;
        let seconds = if last { self.end.since(from).secs_f64() } else { self.window.secs_f64() };
        let of = |all, counted| {
            Requests { all, counted, ..Requests::default() }.observe(&self.slo.measure, seconds)
        };
        let observed = match metric {
            Metric::Offered => of(open.offered, open.offered),
            Metric::Sent => of(open.offered, open.sent),
            _ if open.ended == 0 && outstanding => {
                self.scale.fold(&mut self.fold, &Window { number, observed: None }, self.window);
                return;
            }
            _ if metric.family() == Family::Times => open.requests.observe(&self.slo.measure, seconds),
            _ => of(open.requests.all, open.requests.counted),
        };
        if !matches!(observed, Observed::Nothing(_)) {
            let window = Window { number, observed: Some(observed) };
            self.scale.fold(&mut self.fold, &window, self.window);
        }
    }

    /// The judgement, of a run that went on until `now`.
    pub fn conclude(mut self, now: Offset) -> SloResult {
        self.passed(now);
        if now >= self.end {
            while self.first < self.count {
                self.close();
            }
        }
        self.scale.conclude(self.fold, &self.slo)
    }
}

/// Promises that are judged while a simulation goes on; the others are judged by its record.
pub fn live_windows(slos: &[Slo], layout: &Layout) -> Vec<LiveWindows> {
    slos.iter().filter_map(|slo| LiveWindows::new(slo, layout)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;
    use crate::stats::Verdict;

    fn judge(text: &str, requests: &[(f64, f64, Outcome)]) -> SloResult {
        let scenario = example::scenario(vec![example::population("client", vec![example::step("ask")])]);
        let layout = Layout::from_scenario(&scenario, &example::timeline("12:00", "13:00", 60.0));
        let mut live = LiveWindows::new(&text.parse().unwrap(), &layout).unwrap();
        for &(at, took, outcome) in requests {
            let [intended, done] = [at, at + took].map(Offset::from_secs_f64);
            live.passed(intended);
            live.offered(0, 0, intended);
            let (released, sent) = (intended, intended);
            live.ended(&Sample { population: 0, step: 0, outcome, intended, released, sent, done });
            assert!(live.open.len() <= 8, "no more are open than what is under way spans");
        }
        live.conclude(Offset::from_secs_f64(70.0))
    }

    #[test]
    fn every_window_is_judged_at_its_own_length() {
        let slo = "max(response_time) < 500ms for all windows of 2s";
        let good: Vec<_> = (0..600).map(|n| (f64::from(n) / 10.0, 0.1, Outcome::Ok)).collect();
        let held = judge(slo, &good);
        assert_eq!(held.verdict, Verdict::Pass, "{}", held.detail);
        let mut one = good.clone();
        one[215].1 = 0.7;
        let fell = judge(slo, &one);
        assert_eq!(fell.verdict, Verdict::Fail);
        assert!(
            fell.detail.starts_with("1 of 30 windows fail") && fell.detail.contains("t = 22s"),
            "{}",
            fell.detail
        );
    }

    #[test]
    fn a_window_in_which_nothing_ends_fails_when_work_is_outstanding_and_is_idle_else() {
        let slo = "error_rate <= 50% for all windows of 5s";
        let idle = judge(slo, &[(1.0, 0.1, Outcome::Ok), (40.0, 0.1, Outcome::Ok)]);
        assert_eq!(idle.verdict, Verdict::Pass, "{}", idle.detail);
        let stuck = judge(slo, &[(1.0, 0.1, Outcome::Ok), (2.0, 30.0, Outcome::Ok)]);
        assert_eq!(stuck.verdict, Verdict::Fail);
        assert!(stuck.detail.contains("work was outstanding"), "{}", stuck.detail);
    }
}
