//! Laws made ready to be drawn from: a quantile table in integer nanoseconds, one hash and one look-up a draw.
//!
//! Both engines draw from the same tables, so they play the same people. The quantile function is kept at 2,048 evenly spaced shares; the last cell is a table of 2,048 cells of its own, and
//! so is its last, so that the tail is exact to 2^-33. Between two points it is a straight line. The table is stretched
//! by the few 1e-5 that straight lines add to a convex curve, so that its mean is the law's.

use std::sync::Arc;

use super::{Law, Work, quantile};
use crate::rng::Key;
use crate::units::Span;

const BITS: u32 = 11;
const CELLS: usize = 1 << BITS;
const LEVELS: usize = 3;

/// A law ready to be drawn from.
#[derive(Debug, Clone)]
pub struct Table(Form);

#[derive(Debug, Clone)]
enum Form {
    /// Always this many nanoseconds.
    Constant(u64),
    /// From the first number of nanoseconds on, so many are equally likely.
    Uniform(u64, u64),
    /// One of these, equally likely.
    Values(Arc<[u64]>),
    /// The quantile function; level k covers the shares above 1 - 2^(-11 k). Points in nanoseconds.
    Quantiles(Arc<[[u64; CELLS + 1]; LEVELS]>),
}

impl Table {
    /// Prepares a law of work.
    pub fn new(work: &Work) -> Self {
        Self(match work {
            Work::Law(Law::Constant(span)) => Form::Constant(span.nanos()),
            Work::Law(Law::Uniform(from, to)) => {
                Form::Uniform(from.nanos(), to.nanos().saturating_sub(from.nanos()).saturating_add(1))
            }
            Work::Empirical(values) => Form::Values(values.iter().map(|value| value.nanos()).collect()),
            other if other.mean().nanos() == 0 => Form::Constant(0),
            other => Form::Quantiles(tabulate(other)),
        })
    }

    /// Prepares a common law.
    pub fn of(law: &Law) -> Self {
        Self::new(&Work::Law(law.clone()))
    }

    /// No draw is shorter.
    pub fn least(&self) -> Span {
        Span::from_nanos(match &self.0 {
            Form::Constant(nanos) | Form::Uniform(nanos, _) => *nanos,
            Form::Values(values) => values.iter().copied().min().unwrap_or(0),
            Form::Quantiles(levels) => levels[0][0],
        })
    }

    /// The draw that belongs to 64 uniform bits, in nanoseconds.
    #[inline]
    pub fn at(&self, bits: u64) -> u64 {
        match &self.0 {
            Form::Constant(nanos) => *nanos,
            Form::Uniform(from, count) => from + scaled(bits, *count),
            Form::Values(values) => values[scaled(bits, values.len() as u64) as usize],
            Form::Quantiles(levels) => {
                let cell = (bits >> (64 - BITS)) as usize;
                if cell < CELLS - 1 {
                    within(&levels[0], cell, bits << BITS)
                } else {
                    beyond(levels, bits << BITS)
                }
            }
        }
    }

    /// The draw that belongs to a key, in nanoseconds.
    #[inline]
    pub fn draw(&self, key: Key) -> u64 {
        self.at(key.bits())
    }

    /// The draw that belongs to a key.
    #[inline]
    pub fn span(&self, key: Key) -> Span {
        Span::from_nanos(self.draw(key))
    }
}

/// The value in a cell at the position that the highest 31 bits tell.
#[inline]
fn within(level: &[u64; CELLS + 1], cell: usize, bits: u64) -> u64 {
    let [low, high] = [level[cell], level[cell + 1]];
    let width = high.saturating_sub(low);
    // A cell wider than 2^33 ns (8 s) would overflow 64 bits.
    let step = if width < 1 << 33 {
        (width * (bits >> 33)) >> 31
    } else {
        ((u128::from(width) * u128::from(bits >> 33)) >> 31) as u64
    };
    low + step
}

/// A value of the last cell of the first level.
#[cold]
fn beyond(levels: &[[u64; CELLS + 1]; LEVELS], mut bits: u64) -> u64 {
    for level in &levels[1..LEVELS - 1] {
        let cell = (bits >> (64 - BITS)) as usize;
        bits <<= BITS;
        if cell < CELLS - 1 {
            return within(level, cell, bits);
        }
    }
    within(&levels[LEVELS - 1], (bits >> (64 - BITS)) as usize, bits << BITS)
}

/// The number below `count` that belongs to 64 uniform bits.
#[inline]
const fn scaled(bits: u64, count: u64) -> u64 {
    ((bits as u128 * count as u128) >> 64) as u64
}

/// Laws that were made ready once, for many replications.
#[derive(Debug, Default)]
pub struct Laws(Vec<(Work, Table)>);

impl Laws {
    /// Makes a law ready.
    pub fn add(&mut self, work: &Work) {
        if !self.0.iter().any(|(known, _)| known == work) {
            self.0.push((work.clone(), Table::new(work)));
        }
    }

    /// The table of a law.
    pub fn table(&self, work: &Work) -> Table {
        let known = self.0.iter().find(|(known, _)| known == work);
        known.map_or_else(|| Table::new(work), |(_, table)| table.clone())
    }
}

fn tabulate(work: &Work) -> Arc<[[u64; CELLS + 1]; LEVELS]> {
    let mut points = vec![[0.0_f64; CELLS + 1]; LEVELS];
    let mut tail = 1.0;
    for level in &mut points {
        for (cell, point) in level.iter_mut().enumerate() {
            *point = quantile::above(work, tail * (1.0 - cell as f64 / CELLS as f64));
        }
        tail /= CELLS as f64;
    }
    // The last cell of all stands for the whole rest: of an exponential law the line to the point that leaves e^-2 of it
    // has the mean of the rest.
    points[LEVELS - 1][CELLS] = quantile::above(work, tail * (-2.0_f64).exp());
    let stretch = work.mean().nanos() as f64 / mean(&points);
    let mut table = [[0; CELLS + 1]; LEVELS];
    for (to, from) in table.iter_mut().flatten().zip(points.iter().flatten()) {
        *to = (from * stretch).round() as u64;
    }
    Arc::new(table)
}

/// The mean of the law that the straight lines make.
fn mean(points: &[[f64; CELLS + 1]]) -> f64 {
    let mut share = 1.0 / CELLS as f64;
    let mut sum = 0.0;
    for (level, points) in points.iter().enumerate() {
        let cells = if level + 1 == LEVELS { CELLS } else { CELLS - 1 };
        sum += share * points[..=cells].windows(2).map(|cell| f64::midpoint(cell[0], cell[1])).sum::<f64>();
        share /= CELLS as f64;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws() -> Vec<(Work, f64)> {
        let mean = Span::from_secs(1);
        vec![
            (Work::Law(Law::Exponential(mean)), 2.0),
            (Work::Law(Law::LogNormal { mean, cv: 1.0 }), 2.0),
            (Work::Law(Law::Uniform(Span::ZERO, Span::from_secs(2))), 4.0 / 3.0),
            (Work::balanced(mean, 4.0).unwrap(), 5.0),
            (Work::Erlang { stages: 4, mean }, 1.25),
            (Work::Law(Law::Constant(mean)), 1.0),
            (Work::Empirical(vec![Span::from_millis(500), Span::from_millis(1_500)]), 1.25),
        ]
    }

    #[test]
    fn draws_have_the_first_two_moments_of_their_law() {
        for (work, second) in laws() {
            let table = Table::new(&work);
            let n = 400_000_u32;
            let draws: Vec<f64> =
                (0..n).map(|i| table.draw(Key::root(3).with(u64::from(i))) as f64 / 1e9).collect();
            assert!(draws.iter().all(|draw| *draw >= table.least().secs_f64()), "{work:?}");
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let square = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
            assert!((mean - 1.0).abs() < 0.01, "{work:?}: mean {mean}");
            assert!((square / second - 1.0).abs() < 0.05, "{work:?}: second moment {square}");
        }
    }

    #[test]
    fn the_tail_of_the_exponential_law_is_exact_far_out() {
        let table = Table::new(&Work::Law(Law::Exponential(Span::from_secs(1))));
        // The share 2^-20 lies above these bits.
        let value = table.at(u64::MAX - (u64::MAX >> 20)) as f64 / 1e9;
        assert!((value / (20.0 * std::f64::consts::LN_2) - 1.0).abs() < 1e-3, "{value}");
        assert!(table.at(u64::MAX) as f64 / 1e9 > 22.0);
        assert!(table.at(0) < 1_000_000);
    }

    #[test]
    fn a_law_of_no_time_takes_none() {
        assert_eq!(Table::new(&Work::Law(Law::Exponential(Span::ZERO))).at(u64::MAX), 0);
    }
}
