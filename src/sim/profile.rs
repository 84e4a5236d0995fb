//! When the integral of a rate reaches a number: arrivals by inversion.

use std::f64::consts::TAU;

use crate::scenario::queueing::Profile;

/// A rate over time that is asked for instants in increasing order.
#[derive(Debug, Clone)]
pub(super) enum Inverse {
    /// Per second.
    Constant { rate: f64, start: f64 },
    /// Beginning (seconds), rate, and integral at the beginning of each step.
    Steps { steps: Vec<(f64, f64, f64)>, recent: usize },
    /// Base, amplitude, angular frequency, integral at the start, last answer.
    Sinusoid { base: f64, amplitude: f64, omega: f64, before: f64, recent: f64 },
}

impl Inverse {
    /// Integrates from `start` (seconds since the beginning of the measured part) on.
    pub(super) fn new(profile: &Profile, start: f64) -> Self {
        match profile {
            Profile::Constant(rate) => Self::Constant { rate: *rate, start },
            Profile::Steps(steps) => {
                let mut table: Vec<(f64, f64, f64)> = Vec::new();
                for (from, rate) in steps {
                    // The first rate holds before it, and what ends before the start does not count.
                    let from = if table.is_empty() { start } else { from.secs_f64().max(start) };
                    let reached =
                        table.last().map_or(0.0, |(begin, rate, before)| before + rate * (from - begin));
                    table.push((from, *rate, reached));
                }
                Self::Steps { steps: table, recent: 0 }
            }
            Profile::Sinusoid { base, amplitude, period } => {
                let omega = TAU / period.secs_f64();
                let before = base * start - amplitude / omega * (omega * start).cos();
                Self::Sinusoid { base: *base, amplitude: *amplitude, omega, before, recent: start }
            }
        }
    }

    /// The instant, in nanoseconds, at which the integral since the start reaches `count`; `None` if it never does.
    /// Counts must not decrease from call to call.
    pub(super) fn instant(&mut self, count: f64) -> Option<i64> {
        let seconds = match self {
            Self::Constant { rate, start } => (*rate > 0.0).then(|| *start + count / *rate),
            Self::Steps { steps, recent } => {
                while steps.get(*recent + 1).is_some_and(|(_, _, reached)| *reached < count) {
                    *recent += 1;
                }
                let (begin, rate, reached) = steps.get(*recent)?;
                (*rate > 0.0).then(|| begin + (count - reached) / rate)
            }
            Self::Sinusoid { base, amplitude, omega, before, recent } => {
                let target = count + *before;
                let excess = |t: f64| *base * t - *amplitude / *omega * (*omega * t).cos() - target;
                *recent = root(excess, |t| *base + *amplitude * (*omega * t).sin(), *recent, *base);
                Some(*recent)
            }
        }?;
        Some((seconds * 1e9).round() as i64)
    }
}

/// The root above `from` of an increasing function, by Newton's method kept in a bracket.
fn root(of: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, from: f64, typical: f64) -> f64 {
    let (mut low, mut high) = (from, f64::INFINITY);
    let mut t = from;
    for _ in 0..80 {
        let value = of(t);
        if value < 0.0 {
            low = low.max(t);
        } else {
            high = high.min(t);
        }
        let slope = slope(t);
        let step = if slope > typical * 1e-6 { -value / slope } else { 1.0 / typical };
        let mut next = t + step;
        if !(next >= low && next <= high) {
            next = if high.is_finite() { f64::midpoint(low, high) } else { low + 1.0 / typical };
        }
        // A tenth of a nanosecond.
        if (next - t).abs() < 1e-10 {
            return next;
        }
        t = next;
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    #[test]
    fn a_step_up_brings_the_next_sooner() {
        let steps = [(0, 1.0), (10, 4.0), (20, 0.0)].map(|(at, rate)| (Span::from_secs(at), rate));
        let mut inverse = Inverse::new(&Profile::Steps(steps.to_vec()), 0.0);
        let instants = [5.0, 10.0, 14.0, 50.0, 51.0].map(|count| inverse.instant(count));
        assert_eq!(
            instants,
            [Some(5_000_000_000), Some(10_000_000_000), Some(11_000_000_000), Some(20_000_000_000), None]
        );
    }

    #[test]
    fn a_sinusoid_brings_a_whole_cycles_worth_in_a_cycle() {
        let profile = Profile::Sinusoid { base: 100.0, amplitude: 100.0, period: Span::from_secs(10) };
        let mut inverse = Inverse::new(&profile, 0.0);
        let mut last = 0;
        for count in 1..=5_000_u32 {
            let at = inverse.instant(f64::from(count)).unwrap();
            assert!(at > last);
            last = at;
            if count % 1_000 == 0 {
                // At the ends of cycles the rate is the mean.
                assert!((at - i64::from(count) * 10_000_000).abs() < 10, "{count}: {at}");
            }
        }
    }
}
