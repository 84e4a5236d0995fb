//! Inverse distribution functions, from which the tables of `table.rs` are made.

use super::{Law, Work};

/// The value, in nanoseconds, that a draw of this law exceeds with probability `tail` (0 to 1).
pub(super) fn above(work: &Work, tail: f64) -> f64 {
    let tail = tail.clamp(0.0, 1.0);
    match work {
        Work::Law(law) => of_law(law, tail),
        Work::Hyperexponential { share, means } => {
            let means = means.map(|mean| mean.nanos() as f64);
            let part = |share: f64, mean: f64, x: f64| {
                if share <= 0.0 || mean <= 0.0 { 0.0 } else { share * (-x / mean).exp() }
            };
            invert(tail, means[0].max(means[1]), |x| {
                part(*share, means[0], x) + part(1.0 - share, means[1], x)
            })
        }
        Work::Erlang { stages, mean } => {
            let stage = mean.nanos() as f64 / f64::from((*stages).max(1));
            invert(tail, mean.nanos() as f64, |x| erlang_tail(*stages, x / stage))
        }
        Work::Empirical(values) => {
            let mut values: Vec<f64> = values.iter().map(|value| value.nanos() as f64).collect();
            values.sort_by(f64::total_cmp);
            let index = ((1.0 - tail) * values.len() as f64) as usize;
            values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
        }
        Work::Quantiles(points) => {
            let share = 1.0 - tail;
            let cell = points.windows(2).find(|cell| share <= cell[1].0);
            cell.map_or(0.0, |cell| {
                let [(low, from), (high, to)] = [cell[0], cell[1]];
                let within = if high > low { (share - low) / (high - low) } else { 0.0 };
                let [from, to] = [from, to].map(|value| value.nanos() as f64);
                from + (to - from) * within.clamp(0.0, 1.0)
            })
        }
    }
}

fn of_law(law: &Law, tail: f64) -> f64 {
    match law {
        Law::Constant(span) => span.nanos() as f64,
        Law::Uniform(from, to) => to.nanos() as f64 - (to.nanos() as f64 - from.nanos() as f64) * tail,
        Law::Exponential(mean) => -(mean.nanos() as f64) * tail.max(1e-300).ln(),
        Law::LogNormal { mean, cv } => {
            let variance = (cv * cv).ln_1p();
            mean.nanos() as f64 * (variance.sqrt() * normal_above(tail) - variance / 2.0).exp()
        }
        Law::Triangular { from, mode, to } => {
            let [a, c, b] = [from, mode, to].map(|span| span.nanos() as f64);
            let below = 1.0 - tail;
            if below * (b - a) < c - a {
                a + (below * (b - a) * (c - a)).sqrt()
            } else {
                b - (tail * (b - a) * (b - c)).sqrt()
            }
        }
    }
}

/// The value that a standard normal draw exceeds with probability `tail`, to 16 digits: algorithm AS 241, PPND16 (Wichura,
/// Applied Statistics 37, 1988).
fn normal_above(tail: f64) -> f64 {
    let from_middle = 0.5 - tail;
    if from_middle.abs() <= 0.425 {
        let r = 0.180_625 - from_middle * from_middle;
        return from_middle * ratio(r, &MIDDLE);
    }
    let r = (-tail.min(1.0 - tail).max(1e-300).ln()).sqrt();
    let x = if r <= 5.0 { ratio(r - 1.6, &OUTER) } else { ratio(r - 5.0, &FAR) };
    x.copysign(from_middle)
}

/// The quotient of two polynomials, coefficients of the lowest power first.
fn ratio(r: f64, [above, below]: &[[f64; 8]; 2]) -> f64 {
    let at = |of: &[f64; 8]| of.iter().rev().fold(0.0, |sum, coefficient| sum * r + coefficient);
    at(above) / at(below)
}

const MIDDLE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ],
];
const OUTER: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_9,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

/// P(X > x) for the sum of `stages` exponential times of mean 1.
fn erlang_tail(stages: u32, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..stages.max(1) {
        term *= x / f64::from(k);
        sum += term;
    }
    sum * (-x).exp()
}

/// The x at which a decreasing tail function comes down to `tail`, by bisection; `scale` is a typical x.
fn invert(tail: f64, scale: f64, of: impl Fn(f64) -> f64) -> f64 {
    let mut high = scale;
    for _ in 0..1_000 {
        if of(high) <= tail {
            break;
        }
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if of(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;
    use std::f64::consts::{FRAC_1_SQRT_2, PI};

    /// P(Z > x) for a standard normal Z: the series of Abramowitz and Stegun 26.2.11 near the middle, the continued
    /// fraction 26.2.14 beyond.
    fn normal_tail(x: f64) -> f64 {
        let density = (-x * x / 2.0).exp() * FRAC_1_SQRT_2 / PI.sqrt();
        if x.abs() < 3.0 {
            let (mut term, mut sum, mut k) = (x, x, 3.0);
            while term.abs() > 1e-17 {
                term *= x * x / k;
                sum += term;
                k += 2.0;
            }
            return 0.5 - density * sum;
        }
        let beyond = x.abs();
        let fraction = (1..=60).rev().fold(beyond, |below, k| beyond + f64::from(k) / below);
        let tail = density / fraction;
        if x > 0.0 { tail } else { 1.0 - tail }
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (tail, x) in [
            (0.5, 0.0),
            (0.158_655_253_931_457_05, 1.0),
            (0.975, -1.959_963_984_540_054),
            (0.01, 2.326_347_874_040_841),
            (1e-6, 4.753_424_308_822_899),
            (1e-9, 5.997_807_015_007_687),
        ] {
            assert!((normal_above(tail) - x).abs() < 1e-9, "{tail}: {}", normal_above(tail));
        }
    }

    #[test]
    fn the_normal_tail_beyond_a_normal_quantile_is_what_was_asked_for() {
        for n in 1..2_000 {
            // From 0.9995 down to 1e-25, past every seam of the algorithm.
            let tail =
                if n < 1_000 { 1.0 - f64::from(n) / 1_000.0 } else { 10_f64.powi(-(n - 1_000) / 40) / 2.0 };
            let found = normal_tail(normal_above(tail));
            assert!((found / tail - 1.0).abs() < 1e-11, "{tail}: {found}");
        }
    }

    #[test]
    fn quantiles_are_inverses_of_tails() {
        let mean = Span::from_secs(1);
        // Erlang-2: P(X > x) = (1 + 2x) e^-2x; at x = 1 it is 3 e^-2.
        let at_one = above(&Work::Erlang { stages: 2, mean }, 3.0 * (-2.0_f64).exp());
        assert!((at_one / 1e9 - 1.0).abs() < 1e-9, "{at_one}");
        let work = Work::Hyperexponential { share: 0.5, means: [mean, mean] };
        assert!((above(&work, (-3.0_f64).exp()) / 1e9 - 3.0).abs() < 1e-9);
        let points = Work::Quantiles(vec![(0.0, Span::ZERO), (0.5, mean), (1.0, Span::from_secs(5))]);
        assert!((above(&points, 0.25) / 1e9 - 3.0).abs() < 1e-9);
    }
}
