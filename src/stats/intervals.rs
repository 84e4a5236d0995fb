//! How certain a quantile is: confidence intervals by order statistics.
//!
//! Of `n` independent requests the number at or below the true quantile `q` is binomial with mean `n q` and variance
//! `n q (1 − q)`, so the requests at the ranks `n q ± z sqrt(n q (1 − q))` enclose it (David and Nagaraja, *Order
//! Statistics*, 7.1). Nothing is assumed of the distribution itself. Requests that wait in one queue are not
//! independent: the truth is less certain than the interval says.

use crate::record::Histogram;

/// z of 95 %.
const Z: f64 = 1.96;

/// Between which values a quantile lies with a confidence of 95 %, when `over` further requests stand above every value
/// of `values`: the second is `None` when it is one of those. `None` without enough requests for an interval.
pub fn quantile_interval(values: &Histogram, over: u64, share: f64) -> Option<(u64, Option<u64>)> {
    let count = values.count() + over;
    let (mean, spread) = (share * count as f64, Z * (count as f64 * share * (1.0 - share)).sqrt());
    let (low, high) = ((mean - spread).floor(), (mean + spread).ceil() + 1.0);
    if low < 1.0 || high > count as f64 {
        return None;
    }
    Some((values.at_rank(low as u64)?, values.at_rank(high as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    #[test]
    fn the_true_quantile_is_inside_in_95_of_100_trials() {
        // Exponential with mean 1 ms: the quantile q is at −ln(1 − q) ms.
        for (share, requests) in [(0.5, 200), (0.9, 500), (0.99, 3_000)] {
            let truth = -1_000.0 * f64::ln(1.0 - share);
            let trials = 400;
            let inside = (0..trials).filter(|&trial| {
                let mut values = Histogram::new();
                let key = Key::root(95).with(trial);
                (0..requests)
                    .for_each(|n| values.record((-1_000.0 * (1.0 - key.with(n).unit()).ln()) as u64));
                let (low, high) = quantile_interval(&values, 0, share).unwrap();
                (low as f64 - 1.0..high.unwrap() as f64 + 1.0).contains(&truth)
            });
            let inside = inside.count() as f64 / trials as f64;
            // Binomial: 95 % ± 4 standard deviations of 400 trials; ranks are rounded outwards.
            assert!((0.906..=0.994).contains(&inside), "{inside} of the intervals of {share} enclose it");
        }
    }

    #[test]
    fn an_interval_may_reach_among_those_without_a_success_but_not_beyond_what_there_is() {
        let mut values = Histogram::new();
        (1..=960).for_each(|value| values.record(value));
        let (low, high) = quantile_interval(&values, 40, 0.95).unwrap();
        assert!((930..950).contains(&low) && high.is_none());
        assert_eq!(quantile_interval(&values, 0, 0.999), None, "the upper rank would be the 962nd of 960");
        assert_eq!(quantile_interval(&Histogram::new(), 0, 0.5), None);
    }
}
