//! An adaptive bound on the requests present: it grows while they are fast and shrinks when they are not.
//!
//! Additive increase, multiplicative decrease (Chiu and Jain, Computer Networks 17, 1989), as in the AIMD limit of
//! Netflix's concurrency-limits: each request served within the target adds 1 / limit, one that took longer makes it 10 %
//! smaller, though only once in the time of a target, as requests of before a cut say nothing about it.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Adaptive;

const DECREASE: f64 = 0.9;

/// The limit of one set of slots.
#[derive(Debug)]
pub(crate) struct Limit {
    rule: Adaptive,
    now: f64,
    cut: Option<Instant>,
}

impl Limit {
    /// Begins at the most.
    pub(crate) fn new(rule: Adaptive) -> Limit {
        Limit { rule, now: float(rule.most), cut: None }
    }

    /// Whether one more may come where so many are.
    pub(crate) fn admits(&self, present: usize) -> bool {
        float(present) < self.now.floor()
    }

    /// The most requests that may be present.
    pub(crate) fn get(&self) -> f64 {
        self.now.floor()
    }

    /// A request was served that took so long.
    pub(crate) fn learn(&mut self, took: Duration, now: Instant) {
        let target = self.rule.target;
        if took <= target {
            self.now += 1.0 / self.now;
        } else if self.cut.is_none_or(|cut| now.saturating_duration_since(cut) >= target) {
            self.now *= DECREASE;
            self.cut = Some(now);
        }
        self.now = self.now.clamp(float(self.rule.least), float(self.rule.most));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a configuration counts to a million")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_requests_halve_it_in_seven_cuts_and_fast_ones_bring_it_back() {
        let target = Duration::from_millis(100);
        let (fast, slow) = (target, target + Duration::from_nanos(1));
        let begin = Instant::now();
        let mut limit = Limit::new(Adaptive { least: 4, most: 64, target });
        assert!(limit.admits(63) && !limit.admits(64));
        limit.learn(slow, begin);
        limit.learn(slow, begin + target / 2);
        assert!((limit.now - 57.6).abs() < 1e-9, "one cut in the time of a target");
        (1..7).for_each(|cut| limit.learn(slow, begin + target * cut));
        assert!(limit.now < 32.0 && limit.now > 30.0);
        (7..100).for_each(|cut| limit.learn(slow, begin + target * cut));
        assert!(limit.admits(3) && !limit.admits(4), "never below the least");
        (0..4_000).for_each(|_| limit.learn(fast, begin + target * 100));
        assert!(limit.admits(63) && !limit.admits(64), "and never above the most");
    }
}
