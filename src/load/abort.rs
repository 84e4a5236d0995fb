//! Watches the abort rules of a run, second by second, in memory that does not grow.
//!
//! A quantile exceeds a bound when more than its complement of the values do, so a rule needs two counters a second and no
//! histogram: how many requests ended, and how many of them count (did not succeed, took too long, ...).

use std::sync::Arc;

use super::parent::Parent;
use crate::record::{Clock, Sample};
use crate::scenario::slo::{Aggregate, Bound, Comparison, Metric};
use crate::scenario::{Abort, Outcome, Scenario};
use crate::units::{Offset, Span};

/// For each rule, how many requests ended in a second and how many of them counted: what generators of one run add up.
pub(super) type Counts = Vec<[u64; 2]>;

/// The rules of a run.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Who judges them, where this process plays a part of the run only.
    judge: Option<Arc<Parent>>,
    /// The next second that it is told of.
    untold: i64,
}

#[derive(Debug)]
struct Rule {
    of: Abort,
    /// For each population its steps: `None` where it is not meant, else the step's own latency SLO.
    steps: Vec<Vec<Option<Option<Span>>>>,
    /// The last seconds, each at its number modulo the length.
    seconds: Vec<Second>,
    /// The first second of the run.
    begun: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: i64,
    ended: u64,
    counted: u64,
}

impl Rules {
    /// The rules of a scenario, for a run that begins at `start`.
    pub(super) fn new(scenario: &Scenario, start: Offset) -> Self {
        let rules = scenario.aborts.iter().map(|of| {
            let steps = scenario.populations.iter().map(|population| {
                let meant = of.measure.selector.selects(&population.name, population.legitimate);
                let steps = population
                    .steps
                    .iter()
                    .map(|step| (meant && of.measure.selector.selects_step(&step.name)).then_some(step.slo));
                steps.collect()
            });
            // One second is filled while the window before it is looked at, and one may be ahead.
            let never = Second { number: i64::MIN, ended: 0, counted: 0 };
            let seconds = vec![never; window(of) as usize + 2];
            Rule { of: of.clone(), steps: steps.collect(), seconds, begun: start.second() }
        });
        Self { rules: rules.collect(), judge: None, untold: start.second() }
    }

    /// The same, judged by whoever started this process: a part of a run says nothing of the whole.
    pub(super) fn judged_by(self, judge: Option<Arc<Parent>>) -> Self {
        Self { judge, ..self }
    }

    /// A request has ended.
    pub(super) fn ended(&mut self, sample: &Sample) {
        if !matches!(sample.outcome, Outcome::NotSent | Outcome::InFlight) {
            self.rules.iter_mut().for_each(|rule| rule.ended(sample));
        }
    }

    /// All requests that ended before the second of `upto` have been told: the first rule that holds now, with what was
    /// seen. Where somebody else judges, that is who is told of the seconds that are over.
    pub(super) fn broken(&mut self, upto: Offset) -> Option<String> {
        let Some(judge) = self.judge.as_ref().filter(|_| !self.rules.is_empty()) else {
            return self.broken_before(upto.second());
        };
        for second in self.untold..upto.second() {
            judge.count(second, self.rules.iter().map(|rule| rule.counted(second)).collect());
        }
        self.untold = self.untold.max(upto.second());
        None
    }

    /// The same of all seconds before this one.
    pub(super) fn broken_before(&self, second: i64) -> Option<String> {
        self.rules.iter().find_map(|rule| rule.holds(second))
    }

    /// Adds what was counted in a second.
    pub(super) fn add(&mut self, second: i64, counts: &Counts) {
        for (rule, [ended, counted]) in self.rules.iter_mut().zip(counts) {
            if let Some(of) = rule.second(second) {
                of.ended += ended;
                of.counted += counted;
            }
        }
    }
}

impl Rule {
    fn ended(&mut self, sample: &Sample) {
        let steps = self.steps.get(usize::from(sample.population));
        let Some(Some(slo)) = steps.and_then(|steps| steps.get(usize::from(sample.step))) else {
            return;
        };
        let Some(counts) = counts(&self.of, sample, *slo) else {
            return;
        };
        if let Some(second) = self.second(sample.done.second()) {
            second.ended += 1;
            second.counted += u64::from(counts);
        }
    }

    /// The counters of a second; `None`: it is so long ago that no window reaches it.
    fn second(&mut self, number: i64) -> Option<&mut Second> {
        let length = self.seconds.len() as i64;
        let second = &mut self.seconds[number.rem_euclid(length) as usize];
        if second.number < number {
            *second = Second { number, ..Second::default() };
        }
        (second.number == number).then_some(second)
    }

    fn counted(&self, number: i64) -> [u64; 2] {
        let second = self.seconds.iter().find(|second| second.number == number);
        second.map_or([0, 0], |second| [second.ended, second.counted])
    }

    fn holds(&self, now: i64) -> Option<String> {
        let window = window(&self.of);
        let from = now - window;
        if from < self.begun {
            return None;
        }
        let inside = |second: &&Second| (from..now).contains(&second.number);
        let (ended, counted) = self
            .seconds
            .iter()
            .filter(inside)
            .fold((0, 0), |(ended, counted), second| (ended + second.ended, counted + second.counted));
        let (ended, counted) = (ended as f64, counted as f64);
        let seen = |of: String| format!("rule {:?}: {of} in the {window} s before t = {now} s", self.of.text);
        let share = || format!("{:.1} % of {ended:.0} requests", 100.0 * counted / ended);
        let measure = &self.of.measure;
        match (self.of.bound, measure.aggregate) {
            (Bound::Time(bound), aggregate) => {
                let quantile = aggregate.quantile().unwrap_or(1.0);
                let beyond = counted > (1.0 - quantile) * ended;
                beyond.then(|| seen(format!("{} took longer than {bound} or got no answer", share())))
            }
            (_, Aggregate::Share) => {
                let Bound::Share(bound) = self.of.bound else {
                    return None;
                };
                (ended > 0.0 && self.of.comparison.holds(counted / ended, bound)).then(|| seen(share()))
            }
            (Bound::Rate(bound), _) => {
                let rate = counted / window as f64;
                self.of.comparison.holds(rate, bound.per_second()).then(|| seen(format!("{rate:.1}/s")))
            }
            (Bound::Count(bound), _) => {
                self.of.comparison.holds(counted, bound as f64).then(|| seen(format!("{counted:.0}")))
            }
            (Bound::Share(_), _) => None,
        }
    }
}

/// Seconds.
fn window(of: &Abort) -> i64 {
    (of.window.nanos() / Span::from_secs(1).nanos()) as i64
}

/// Whether a request that ended counts; `None`: the rule has nothing to do with it.
fn counts(of: &Abort, sample: &Sample, slo: Option<Span>) -> Option<bool> {
    let ok = sample.outcome == Outcome::Ok;
    let too_long = |clock: Clock| {
        let length = sample.length(clock)?;
        let Bound::Time(bound) = of.bound else {
            return None;
        };
        Some(if of.comparison == Comparison::AtLeast { length >= bound } else { length > bound })
    };
    match of.measure.metric {
        Metric::ErrorRate => Some(!ok),
        Metric::Ok => Some(ok),
        Metric::Failed => Some(sample.outcome == Outcome::Failed),
        Metric::Shed => Some(sample.outcome == Outcome::Shed),
        Metric::TimedOut => Some(sample.outcome == Outcome::TimedOut),
        Metric::Goodput => {
            let response = sample.length(Clock::Response)?;
            Some(ok && slo.is_none_or(|slo| response <= slo))
        }
        // A request without a success stands above every value.
        Metric::ResponseTime => too_long(Clock::Response).map(|long| long || !ok),
        Metric::ServiceTime if sample.outcome == Outcome::TimedOut => None,
        Metric::ServiceTime => too_long(Clock::Service),
        Metric::SendLag => too_long(Clock::Lag),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;

    fn rules(text: &str) -> Rules {
        let mut scenario =
            example::scenario(vec![example::population("visitor", vec![example::step("home")])]);
        scenario.aborts = vec![text.parse().unwrap()];
        Rules::new(&scenario, Offset::from_secs_f64(-5.0))
    }

    fn sample(outcome: Outcome, done: f64, took: f64) -> Sample {
        let (done, begun) = (Offset::from_secs_f64(done), Offset::from_secs_f64(done - took));
        Sample { population: 0, step: 0, outcome, intended: begun, released: begun, sent: begun, done }
    }

    /// The second at which a rule breaks, when one request a tenth of a second fares so.
    fn broken_at(text: &str, fares: impl Fn(f64) -> (Outcome, f64)) -> Option<i64> {
        let mut rules = rules(text);
        for second in -5..60 {
            if rules.broken(Offset::from_secs_f64(second as f64)).is_some() {
                return Some(second);
            }
            for tenth in 0..10 {
                let at = second as f64 + f64::from(tenth) / 10.0;
                let (outcome, took) = fares(at);
                rules.ended(&sample(outcome, at, took));
            }
        }
        None
    }

    #[test]
    fn a_rule_breaks_when_it_has_held_over_its_whole_window() {
        let outage = |at: f64| {
            if at < 20.0 { (Outcome::Ok, 0.1) } else { (Outcome::Failed, 0.1) }
        };
        // Six of the last ten seconds have failed at t = 26.
        assert_eq!(broken_at("error_rate > 50% for 10s", outage), Some(26));
        assert_eq!(broken_at("error_rate >= 100% for 10s", outage), Some(30));
        assert_eq!(broken_at("count(failed) > 15 for 10s", outage), Some(22));
        assert_eq!(broken_at("rate(ok) < 3/s for 10s", outage), Some(28));
        assert_eq!(broken_at("error_rate{population=visitor,step=home} > 10% for 1s", outage), Some(21));
        assert_eq!(broken_at("error_rate > 50% for 10s", |_| (Outcome::Ok, 0.1)), None);
        let short = |at: f64| {
            if (20.0..24.0).contains(&at) { (Outcome::Shed, 0.0) } else { (Outcome::Ok, 0.1) }
        };
        assert_eq!(broken_at("error_rate > 50% for 10s", short), None, "four bad seconds are not enough");
    }

    #[test]
    fn parts_of_a_run_break_a_rule_together_that_neither_breaks_alone() {
        let mut whole = rules("count(failed) > 15 for 2s");
        let parts = [rules("count(failed) > 15 for 2s"), rules("count(failed) > 15 for 2s")];
        let mut broken = Vec::new();
        let parts = parts.map(|mut part| {
            (0..10).for_each(|_| part.ended(&sample(Outcome::Failed, 3.5, 0.1)));
            part
        });
        for second in -5..10 {
            for part in &parts {
                assert_eq!(part.broken_before(second + 1), None);
                whole.add(second, &part.rules.iter().map(|rule| rule.counted(second)).collect());
            }
            broken.push(whole.broken_before(second + 1).is_some());
        }
        let seconds: Vec<i64> =
            (-5..10).zip(broken).filter(|(_, broken)| *broken).map(|(at, _)| at).collect();
        assert_eq!(seconds, [3, 4], "the windows of two seconds that hold the third");
    }

    #[test]
    fn a_quantile_breaks_when_more_than_its_complement_is_beyond_the_bound() {
        let slow = |at: f64| (Outcome::Ok, if at >= 10.0 && at.fract() < 0.15 { 3.0 } else { 0.1 });
        // A fifth of the requests of three seconds of five: 6 of 50.
        assert_eq!(broken_at("p90(response_time) > 2s for 5s", slow), Some(13));
        assert_eq!(broken_at("p50(response_time) > 2s for 5s", slow), None);
        let refused = |at: f64| {
            if at < 10.0 { (Outcome::Ok, 0.1) } else { (Outcome::Shed, 0.0) }
        };
        assert_eq!(
            broken_at("p50(response_time) > 2s for 5s", refused),
            Some(13),
            "refused stands above all"
        );
        assert_eq!(broken_at("max(send_lag) > 1ms for 5s", refused), None);
    }

    #[test]
    fn a_rule_says_nothing_before_a_whole_window_has_passed() {
        assert_eq!(broken_at("error_rate > 0% for 10s", |_| (Outcome::Failed, 0.0)), Some(5));
    }
}
