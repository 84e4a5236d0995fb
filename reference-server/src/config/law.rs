//! Laws of random durations: constant, exponential, log-normal.

use std::time::Duration;

use rand::Rng;
use rand_distr::{Distribution, Exp1, LogNormal};
use serde::Serialize;

use super::units::duration_text;

/// How long something takes. Written in TOML as one of
///
/// ```toml
/// law = { constant = "100ms" }
/// law = { exponential = { mean = "100ms" } }
/// law = { lognormal = { mean = "100ms", cv = 1.0 } }   # cv = standard deviation / mean
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// Always the same.
    #[serde(serialize_with = "duration_text")]
    Constant(Duration),
    /// Memoryless, standard deviation = mean.
    Exponential {
        /// Mean of the law.
        #[serde(serialize_with = "duration_text")]
        mean: Duration,
    },
    /// The logarithm is normal: a long tail, no value near zero.
    LogNormal {
        /// Mean of the durations themselves, not of their logarithms.
        #[serde(serialize_with = "duration_text")]
        mean: Duration,
        /// Standard deviation / mean, at least 0.
        cv: f64,
    },
}

impl Law {
    /// The mean of the law.
    pub fn mean(&self) -> Duration {
        match *self {
            Law::Constant(value) => value,
            Law::Exponential { mean } | Law::LogNormal { mean, .. } => mean,
        }
    }

    /// Draws one duration, to the nanosecond.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Duration {
        match *self {
            Law::Constant(value) => value,
            Law::Exponential { mean } => {
                let unit: f64 = Exp1.sample(rng);
                seconds(mean.as_secs_f64() * unit)
            }
            Law::LogNormal { mean, .. } if mean.is_zero() => mean,
            Law::LogNormal { mean, cv } => {
                // With X = exp(N(mu, s²)): E[X] = exp(mu + s²/2) and cv² = exp(s²) - 1.
                let variance = (cv * cv).ln_1p();
                let mu = mean.as_secs_f64().ln() - variance / 2.0;
                match LogNormal::new(mu, variance.sqrt()) {
                    Ok(law) => seconds(law.sample(rng)),
                    // `cv` is checked when the configuration is read; a value that is not a number has no spread.
                    Err(_) => mean,
                }
            }
        }
    }
}

/// Seconds as a duration; what a `Duration` cannot hold (584 billion years) becomes its largest value.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    fn mean_and_cv(law: Law, draws: u32) -> (f64, f64) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let values: Vec<f64> = (0..draws).map(|_| law.sample(&mut rng).as_secs_f64()).collect();
        let mean = values.iter().sum::<f64>() / f64::from(draws);
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(draws - 1);
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn draws_have_the_mean_and_the_spread_that_the_law_says() {
        let mean = Duration::from_millis(100);
        for (law, cv) in [
            (Law::Constant(mean), 0.0),
            (Law::Exponential { mean }, 1.0),
            (Law::LogNormal { mean, cv: 1.0 }, 1.0),
            (Law::LogNormal { mean, cv: 0.25 }, 0.25),
        ] {
            let (seen_mean, seen_cv) = mean_and_cv(law, 200_000);
            assert!((seen_mean - 0.1).abs() < 0.001, "{law:?}: mean {seen_mean}");
            assert!((seen_cv - cv).abs() < 0.03, "{law:?}: cv {seen_cv}");
            assert_eq!(law.mean(), mean);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_durations() {
        let law = Law::LogNormal { mean: Duration::from_millis(80), cv: 1.0 };
        let draw = || {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
            (0..100).map(|_| law.sample(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
