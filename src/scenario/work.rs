//! Laws of work: how long a server is busy with a request, or how far apart renewal arrivals are.

use super::Law;
use crate::units::Span;

/// A law of service or of inter-arrival times: all that [`Law`] says, and what only a model needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// One of the common laws.
    Law(Law),
    /// With probability `share` exponential of the first mean, else of the second.
    Hyperexponential {
        /// Probability of the first branch, 0 to 1.
        share: f64,
        /// The means of the branches.
        means: [Span; 2],
    },
    /// The sum of `stages` exponential times, of this mean altogether.
    Erlang {
        /// Number of stages, at least 1.
        stages: u32,
        /// Mean of the sum.
        mean: Span,
    },
    /// One of these values, each as likely as the others. Never empty.
    Empirical(Vec<Span>),
    /// Straight lines through these points of the quantile function (share below, value), ordered by share, the first at
    /// 0 and the last at 1. What a calibration measures.
    Quantiles(Vec<(f64, Span)>),
}

impl Work {
    /// The hyperexponential law of balanced means: each branch carries half of the work.
    ///
    /// p = (1 + sqrt((scv - 1) / (scv + 1))) / 2, means mean / (2 p) and mean / (2 (1 - p)). `None` unless the squared
    /// coefficient of variation is at least 1 and finite.
    pub fn balanced(mean: Span, scv: f64) -> Option<Self> {
        if !(1.0..1e6).contains(&scv) {
            return None;
        }
        let share = f64::midpoint(1.0, ((scv - 1.0) / (scv + 1.0)).sqrt());
        let means = [share, 1.0 - share].map(|p| mean.scaled(0.5 / p));
        Some(Self::Hyperexponential { share, means })
    }

    /// The mean.
    pub fn mean(&self) -> Span {
        match self {
            Self::Law(law) => law.mean(),
            Self::Hyperexponential { share, means } => means[0].scaled(*share) + means[1].scaled(1.0 - share),
            Self::Erlang { mean, .. } => *mean,
            Self::Empirical(values) => {
                let sum: u128 = values.iter().map(|value| u128::from(value.nanos())).sum();
                Span::from_nanos((sum / values.len().max(1) as u128) as u64)
            }
            Self::Quantiles(points) => {
                let cells = points.windows(2);
                Span::from_secs_f64(
                    cells
                        .map(|cell| {
                            (cell[1].0 - cell[0].0)
                                * f64::midpoint(cell[0].1.secs_f64(), cell[1].1.secs_f64())
                        })
                        .sum(),
                )
            }
        }
    }
}

impl From<Law> for Work {
    fn from(law: Law) -> Self {
        Self::Law(law)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_branches_carry_the_same_work_and_give_the_mean() {
        let work = Work::balanced(Span::from_secs(1), 4.0).unwrap();
        let Work::Hyperexponential { share, means } = &work else { panic!("{work:?}") };
        assert!((share - 0.887_298_334_620_741_7).abs() < 1e-12);
        assert!((means[0].secs_f64() * share - 0.5).abs() < 1e-8);
        assert!((work.mean().secs_f64() - 1.0).abs() < 1e-8);
        assert!(Work::balanced(Span::from_secs(1), 0.5).is_none());
    }

    #[test]
    fn the_mean_of_a_quantile_table_is_its_area() {
        let [a, b] = [1, 3].map(Span::from_secs);
        assert_eq!(Work::Quantiles(vec![(0.0, a), (1.0, b)]).mean(), Span::from_secs(2));
        assert_eq!(Work::Empirical(vec![a, b]).mean(), Span::from_secs(2));
    }
}
