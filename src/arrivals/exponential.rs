//! Exponential draws from nothing but additions, multiplications and divisions.
//!
//! The logarithm of the platform's mathematical library may differ in its last digit from one machine to another, and
//! with it the nanosecond of an arrival. IEEE 754 arithmetic does not.

use crate::rng::Key;

/// An exponential draw of mean 1, between 0 and 53 ln 2 = 36.7.
#[inline]
pub(super) fn unit_exponential(key: Key) -> f64 {
    // In (0, 1], so that the logarithm is finite.
    -ln(((key.bits() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64))
}

/// The natural logarithm of a positive normal number, to about one unit in the last place.
///
/// x = m 2^e with m in (1/sqrt 2, sqrt 2]; ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| <= 0.1716, whose series
/// s (1 + s^2/3 + s^4/5 + ...) has lost all weight at s^24.
#[inline]
fn ln(x: f64) -> f64 {
    const SERIES: [f64; 12] = {
        let mut series = [1.0; 12];
        let mut k = 1;
        while k < series.len() {
            series[k] = 1.0 / (2 * k + 1) as f64;
            k += 1;
        }
        series
    };
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits(bits & MANTISSA | 1.0_f64.to_bits());
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    // In pairs, and pairs of pairs (Estrin, 1960): one after the other, each term would wait for the one before.
    let pair = |k: usize| SERIES[k] + SERIES[k + 1] * square;
    let (fourth, eighth) = (square * square, square * square * (square * square));
    let four = |k: usize| pair(k) + pair(k + 2) * fourth;
    let series = four(0) + (four(4) + four(8) * eighth) * eighth;
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_logarithm_is_that_of_the_platform_but_for_its_last_digits(x in 1e-16..4.0_f64) {
            prop_assert!((ln(x) - x.ln()).abs() <= 4.0 * f64::EPSILON * x.ln().abs().max(f64::EPSILON), "{x}");
        }
    }

    #[test]
    fn the_draws_have_mean_and_variance_one() {
        let n = 100_000_u64;
        let draws: Vec<f64> = (0..n).map(|i| unit_exponential(Key::root(17).with(i))).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        // Standard errors 1 / sqrt n and sqrt(8 / n) (fourth central moment 9).
        assert!((mean - 1.0).abs() < 5.0 / (n as f64).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * (8.0 / n as f64).sqrt(), "{variance}");
        assert!(draws.iter().all(|x| (0.0..37.0).contains(x)));
    }
}
