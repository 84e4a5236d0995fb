//! An adaptive bound on the requests that are at a station: it grows while they are fast and shrinks when they are not.
//!
//! Additive increase, multiplicative decrease (Chiu and Jain, Computer Networks 17, 1989), as in the AIMD limit of
//! Netflix's concurrency-limits: each request served within the target adds 1 / limit, one that took longer makes it 10 %
//! smaller, though only once in the time of a target, as requests of before a cut say nothing about it.

use crate::scenario::server_model::Adaptive;

const DECREASE: f64 = 0.9;

/// The limit of one station.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    rule: Adaptive,
    now: f64,
    cut: i64,
}

impl Limit {
    /// Begins at the most.
    pub(super) fn new(rule: Adaptive) -> Self {
        Self { rule, now: f64::from(rule.most), cut: i64::MIN }
    }

    /// Whether one more may come where so many are.
    pub(super) fn admits(&self, present: usize) -> bool {
        (present as f64) < self.now.floor()
    }

    /// A request was served that took so long.
    pub(super) fn learn(&mut self, took: i64, at: i64) {
        let target = self.rule.target.nanos() as i64;
        if took <= target {
            self.now += 1.0 / self.now;
        } else if at.saturating_sub(self.cut) >= target {
            self.now *= DECREASE;
            self.cut = at;
        }
        self.now = self.now.clamp(f64::from(self.rule.least.max(1)), f64::from(self.rule.most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    #[test]
    fn slow_requests_halve_it_in_seven_cuts_and_fast_ones_bring_it_back() {
        let mut limit = Limit::new(Adaptive { least: 4, most: 64, target: Span::from_nanos(100) });
        assert!(limit.admits(63) && !limit.admits(64));
        limit.learn(101, 0);
        limit.learn(101, 99);
        assert!((limit.now - 57.6).abs() < 1e-9, "one cut in the time of a target");
        (1..7).for_each(|cut| limit.learn(101, cut * 100));
        assert!(limit.now < 32.0 && limit.now > 30.0);
        (0..100).for_each(|cut| limit.learn(101, 1_000 + cut * 100));
        assert!(limit.admits(3) && !limit.admits(4), "never below the least");
        (0..4_000).for_each(|_| limit.learn(100, 100_000));
        assert!(limit.admits(63), "and never above the most");
        assert!(!limit.admits(64));
    }
}
