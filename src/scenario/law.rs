//! Laws of random times: think, patience, back-off, delays, hold.

use std::fmt;

use crate::units::Span;

/// A law of a random length of time, drawn from by its [`Table`](super::Table).
#[derive(Debug, Clone, PartialEq)]
pub enum Law {
    /// Always the same.
    Constant(Span),
    /// Uniform between two values.
    Uniform(Span, Span),
    /// Exponential of this mean.
    Exponential(Span),
    /// Lognormal of this mean and coefficient of variation (standard deviation / mean).
    LogNormal {
        /// Mean.
        mean: Span,
        /// Coefficient of variation, above 0.
        cv: f64,
    },
    /// Triangular density between `from` and `to`, highest at `mode`.
    Triangular {
        /// Shortest.
        from: Span,
        /// Most frequent.
        mode: Span,
        /// Longest.
        to: Span,
    },
}

impl Law {
    /// The lognormal law given by its median and the standard deviation of the logarithm.
    ///
    /// mean = median exp(sigma^2 / 2), cv^2 = exp(sigma^2) - 1.
    pub fn lognormal_median(median: Span, sigma: f64) -> Self {
        let variance = sigma * sigma;
        Self::LogNormal { mean: median.scaled((variance / 2.0).exp()), cv: variance.exp_m1().sqrt() }
    }

    /// The mean.
    pub fn mean(&self) -> Span {
        match *self {
            Self::Constant(span) => span,
            Self::Uniform(from, to) => Span::from_nanos(from.nanos().midpoint(to.nanos())),
            Self::Exponential(mean) | Self::LogNormal { mean, .. } => mean,
            Self::Triangular { from, mode, to } => (from + mode + to).scaled(1.0 / 3.0),
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(span) => write!(f, "{span}"),
            Self::Uniform(from, to) => write!(f, "{from}..{to}"),
            Self::Exponential(mean) => write!(f, "exponential of mean {mean}"),
            Self::LogNormal { mean, cv } => write!(f, "lognormal of mean {mean}, cv {cv:.3}"),
            Self::Triangular { from, mode, to } => write!(f, "triangular {from}..{mode}..{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;
    use crate::scenario::Table;

    fn laws() -> Vec<Law> {
        let [a, b, c] = [1, 2, 6].map(Span::from_secs);
        vec![
            Law::Constant(b),
            Law::Uniform(a, c),
            Law::Exponential(b),
            Law::LogNormal { mean: b, cv: 1.0 },
            Law::lognormal_median(b, 0.8),
            Law::Triangular { from: a, mode: b, to: c },
        ]
    }

    #[test]
    fn the_mean_of_many_draws_is_the_mean_of_the_law() {
        let n = 40_000_u64;
        for law in laws() {
            let table = Table::of(&law);
            let draws: Vec<f64> = (0..n).map(|i| table.span(Key::root(11).with(i)).secs_f64()).collect();
            let mean = draws.iter().sum::<f64>() / n as f64;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            let bound = 5.0 * (variance / n as f64).sqrt() + 1e-9;
            assert!((mean - law.mean().secs_f64()).abs() <= bound, "{law:?}: {mean}");
        }
    }

    #[test]
    fn the_median_of_a_lognormal_law_is_what_was_given() {
        let table = Table::of(&Law::lognormal_median(Span::from_secs(240), 1.3));
        let mut draws: Vec<Span> = (0..20_001).map(|i| table.span(Key::root(5).with(i))).collect();
        draws.sort();
        // Standard error of the median of a lognormal law: 1.2533 sigma / sqrt(n) = 1.2 %.
        let median = draws[10_000].secs_f64();
        assert!((median / 240.0 - 1.0).abs() < 0.06, "{median}");
    }
}
