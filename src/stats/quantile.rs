//! Quantiles over values and over what stands above every value.

use super::Quantiles;
use crate::record::Histogram;

/// The rank of a quantile among `count` values: the least that leaves at most the share 1 − `share` above it.
pub(super) fn rank(share: f64, count: u64) -> u64 {
    // The small amount undoes what binary fractions add: 0.999 x 1000 is rank 999.
    ((share * count as f64 - 1e-9).ceil() as u64).clamp(1, count.max(1))
}

/// The value of a quantile when `over` further ones stand above every value of `values`; `None` when it falls among
/// those, or when there is nothing.
pub fn quantile(values: &Histogram, over: u64, share: f64) -> Option<u64> {
    values.at_rank(rank(share, values.count() + over))
}

/// How many samples a quantile needs to be believed: ten beyond it.
pub fn samples_needed(share: f64) -> u64 {
    if share >= 1.0 { 1 } else { (10.0 / (1.0 - share)).round() as u64 }
}

impl Quantiles {
    /// The distribution of `values` and of `over` further ones above every value.
    pub fn of(values: &Histogram, over: u64) -> Self {
        let at = |share| quantile(values, over, share);
        Self {
            count: values.count() + over,
            over,
            mean: values.mean().map(|mean| mean.round() as u64),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: values.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn a_quantile_that_falls_among_those_without_a_success_is_none() {
        let distribution = Quantiles::of(&of(1..=90), 10);
        assert_eq!((distribution.count, distribution.over), (100, 10));
        assert_eq!((distribution.p50, distribution.p90), (Some(50), Some(90)));
        assert_eq!((distribution.p95, distribution.p99), (None, None));
        assert_eq!(distribution.max, Some(90));
        assert_eq!(Quantiles::of(&of([10, 20, 30]), 7).mean, Some(20), "of those with a value");
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        assert_eq!(Quantiles::of(&Histogram::new(), 0), Quantiles::default());
    }

    #[test]
    fn round_shares_have_round_ranks() {
        for (share, count, expected) in
            [(0.999, 1_000, 999), (0.99, 100, 99), (0.95, 20, 19), (0.5, 3, 2), (0.9, 1, 1), (1.0, 7, 7)]
        {
            assert_eq!(rank(share, count), expected, "{share} of {count}");
        }
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(samples_needed), [20, 100, 1_000, 10_000]);
    }

    proptest! {
        #[test]
        fn a_quantile_leaves_no_more_than_its_share_above(
            values in prop::collection::vec(0..2_000_u64, 1..300), over in 0..50_u64, share in 0.01..0.999_f64,
        ) {
            let count = values.len() as u64 + over;
            match quantile(&of(values.iter().copied()), over, share) {
                Some(found) => {
                    let at_most = values.iter().filter(|&&value| value <= found).count() as f64;
                    prop_assert!(at_most >= share * count as f64 - 1e-6);
                    let below = values.iter().filter(|&&value| value < found).count() as f64;
                    prop_assert!(below < share * count as f64);
                }
                None => prop_assert!((values.len() as f64) < share * count as f64),
            }
        }
    }
}
