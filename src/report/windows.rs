//! How long the windows of a series are: long enough to hold the samples that its numbers need.

/// A quantile is told from at least so many samples beyond it: ten, so p99 needs 1,000 (10 / (1 - q)).
const BEYOND: f64 = 10.0;

/// Multiples of the record's interval that may be a window.
const MULTIPLES: [usize; 9] = [1, 2, 5, 10, 15, 30, 60, 120, 300];

/// Fewest windows in which a quantile is told: a short run has few, but they are better than none.
const FEWEST: usize = 5;

/// Samples that a quantile needs.
pub(super) fn samples_for(quantile: f64) -> f64 {
    // Rounded, for 1 - 0.99 is not exactly 0.01.
    (BEYOND / (1.0 - quantile)).round()
}

/// Whether a window holds enough values to tell a quantile; one a little thinner than the typical one does.
pub(super) fn enough(count: u64, quantile: f64) -> bool {
    count as f64 >= samples_for(quantile) * 0.5
}

/// The name of a quantile: `p99.9`.
pub(super) fn name(quantile: f64) -> String {
    format!("p{}", super::say::digits(quantile * 100.0))
}

/// The smallest multiple of the interval in which a typical window holds `wanted`, given how many each interval holds;
/// `None` where that would leave fewer than `fewest` windows.
pub(super) fn multiple_for(counts: &[u64], wanted: f64, fewest: usize) -> Option<usize> {
    MULTIPLES
        .into_iter()
        .take_while(|multiple| *multiple == 1 || counts.len() / multiple >= fewest)
        .find(|multiple| typical(counts, *multiple) >= wanted)
}

/// The highest quantile that some of the series can tell, and the multiple in which all of those can; each series is how
/// many values its intervals hold.
pub(super) fn choose(series: &[Vec<u64>]) -> Option<(f64, usize)> {
    [0.99, 0.95, 0.9, 0.5].into_iter().find_map(|q| {
        let multiples = series.iter().filter_map(|counts| multiple_for(counts, samples_for(q), FEWEST));
        Some((q, multiples.max()?))
    })
}

/// The largest multiple that leaves `fewest` windows.
pub(super) fn largest(intervals: usize, fewest: usize) -> usize {
    MULTIPLES.into_iter().rev().find(|multiple| intervals / multiple >= fewest).unwrap_or(1)
}

/// A multiple that leaves at most `most` windows: more points than that are not seen, but slow.
pub(super) fn at_most(intervals: usize, most: usize) -> usize {
    MULTIPLES.into_iter().find(|multiple| intervals / multiple <= most).unwrap_or(intervals.div_ceil(most))
}

/// Median of the windows' sums.
fn typical(counts: &[u64], multiple: usize) -> f64 {
    let mut sums: Vec<u64> = counts.chunks_exact(multiple).map(|window| window.iter().sum()).collect();
    sums.sort_unstable();
    sums.get(sums.len() / 2).copied().unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_until_the_quantile_has_its_samples() {
        let counts = [450; 75];
        assert_eq!(samples_for(0.99), 1_000.0);
        assert_eq!(multiple_for(&counts, samples_for(0.99), 5), Some(5));
        assert_eq!(multiple_for(&counts, samples_for(0.5), 5), Some(1));
    }

    #[test]
    fn a_quantile_is_not_told_where_its_windows_would_be_too_few() {
        assert_eq!(multiple_for(&[12; 15], samples_for(0.99), 5), None);
        assert_eq!(multiple_for(&[], 20.0, 5), None);
    }

    #[test]
    fn a_day_in_seconds_becomes_a_line_that_can_be_drawn() {
        assert!(86_400 / at_most(86_400, 600) <= 600);
        assert_eq!(at_most(75, 600), 1);
    }
}
