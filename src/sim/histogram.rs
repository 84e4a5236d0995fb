//! A histogram for the loop: counts of nanoseconds in 128 cells an octave, found from the bits of the value.
//!
//! A cell is at most 0.8 % wide; quantiles are interpolated within it. A run keeps dozens of histograms that are touched at
//! random: with more cells they would not stay in the cache.

const BITS: u32 = 7;
const CELLS: usize = 1 << BITS;

/// Counts of lengths of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    sum: u128,
    sum_of_squares: f64,
    max: u64,
}

impl Histogram {
    /// Counts one value, in nanoseconds.
    #[inline]
    pub(super) fn record(&mut self, nanos: u64) {
        let cell = cell(nanos);
        match self.counts.get_mut(cell) {
            Some(count) => *count += 1,
            None => self.grow(cell),
        }
        self.sum += u128::from(nanos);
        // Signed, as that takes one instruction.
        let length = nanos as i64 as f64;
        self.sum_of_squares += length * length;
        self.max = self.max.max(nanos);
    }

    /// Counts the first value of a cell beyond all others.
    #[cold]
    fn grow(&mut self, cell: usize) {
        self.counts.resize(cell + 1, 0);
        self.counts[cell] = 1;
    }

    /// How many values.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Mean in nanoseconds; 0 of nothing.
    pub(super) fn mean(&self) -> f64 {
        self.sum as f64 / self.count().max(1) as f64
    }

    /// Variance in square nanoseconds; 0 of nothing.
    pub(super) fn variance(&self) -> f64 {
        (self.sum_of_squares / self.count().max(1) as f64 - self.mean().powi(2)).max(0.0)
    }

    /// The largest value.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The values that these shares of all do not exceed, in nanoseconds, in one pass; shares must rise. `None` of
    /// nothing.
    pub(super) fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Option<f64>; N] {
        let (mut cell, mut before, all) = (0, 0, self.count());
        shares.map(|q| {
            if all == 0 {
                return None;
            }
            let rank = ((q * all as f64).ceil() as u64).clamp(1, all);
            while before + self.counts[cell] < rank {
                before += self.counts[cell];
                cell += 1;
            }
            let (low, high) = bounds(cell);
            let within = (rank - before) as f64 / self.counts[cell] as f64;
            Some((low + (high - low) * within).min(self.max as f64))
        })
    }

    /// How many values exceed `nanos`, the cell in which it lies shared out evenly.
    pub(super) fn above(&self, nanos: u64) -> f64 {
        let at = cell(nanos);
        let beyond: u64 = self.counts.iter().skip(at + 1).sum();
        let (low, high) = bounds(at);
        let within = self.counts.get(at).map_or(0.0, |count| {
            *count as f64 * (1.0 - (nanos as f64 - low) / (high - low).max(1.0)).clamp(0.0, 1.0)
        });
        beyond as f64 + within
    }

    /// Adds all values of another histogram.
    pub(super) fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (to, from) in self.counts.iter_mut().zip(&other.counts) {
            *to += from;
        }
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.max = self.max.max(other.max);
    }
}

/// Values below 2^8 have a cell each; above, the octave and the 7 bits after the leading one tell the cell.
#[inline]
const fn cell(nanos: u64) -> usize {
    let octave = 63 - BITS - (nanos | CELLS as u64).leading_zeros();
    (nanos >> octave) as usize + octave as usize * CELLS
}

fn bounds(cell: usize) -> (f64, f64) {
    let octave = (cell / CELLS).saturating_sub(1);
    let low = ((cell - octave * CELLS) as f64) * 2_f64.powi(octave as i32);
    (low, low + 2_f64.powi(octave as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_cell_and_cells_are_narrow(nanos in 0..u64::MAX >> 8) {
            let (low, high) = bounds(cell(nanos));
            prop_assert!(low <= nanos as f64 && (nanos as f64) < high, "{nanos}: {low}..{high}");
            prop_assert!(high - low <= 1.0 || (high - low) / low <= 1.0 / 128.0);
        }

        #[test]
        fn quantiles_are_within_a_cell_of_the_exact_ones(mut values in prop::collection::vec(1..10_000_000_000_u64, 1..300)) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.record(*value));
            values.sort_unstable();
            for q in [0.01, 0.5, 0.9, 0.99, 1.0] {
                let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
                let exact = values[rank - 1] as f64;
                let [found] = histogram.quantiles([q]);
                let found = found.unwrap();
                prop_assert!((found - exact).abs() <= exact / 128.0 + 1.0, "{q}: {found} for {exact}");
            }
        }
    }

    #[test]
    fn merged_histograms_are_the_histogram_of_all() {
        let [mut all, mut odd, mut even]: [Histogram; 3] = Default::default();
        for value in 0..5_000_u64 {
            all.record(value * value);
            if value % 2 == 0 { &mut even } else { &mut odd }.record(value * value);
        }
        odd.add(&even);
        assert_eq!((odd.count(), odd.max(), odd.mean()), (all.count(), all.max(), all.mean()));
        assert_eq!(odd.quantiles([0.25, 0.75]), all.quantiles([0.25, 0.75]));
        assert!((odd.above(6_250_000) - 2_500.0).abs() < 20.0);
    }
}
