//! Means over independent replications, and how far they may be trusted.

/// A running mean and variance (Welford, Technometrics 4, 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Estimate {
    /// Another replication's value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / f64::from(self.count);
        self.squares += off * (value - self.mean);
    }

    /// How many replications had a value.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The mean; `None` of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Half of the width of the 95 % interval of the mean, by Student's law; `None` of fewer than two replications.
    pub fn half_width(&self) -> Option<f64> {
        self.standard_error().map(|error| error * student_975(self.count - 1))
    }

    /// The standard error of the mean; `None` of fewer than two replications.
    pub fn standard_error(&self) -> Option<f64> {
        let n = f64::from(self.count);
        (self.count > 1).then(|| (self.squares / (n - 1.0) / n).sqrt())
    }

    /// The 95 % interval of the mean.
    pub fn ci95(&self) -> Option<[f64; 2]> {
        self.half_width().map(|half| [self.mean - half, self.mean + half])
    }
}

/// The 97.5 % quantile of Student's law with so many degrees of freedom: exact for 1 and 2, else the expansion of
/// Abramowitz and Stegun 26.7.5, within 1e-3 from 3 on.
pub(super) fn student_975(freedom: u32) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    match freedom {
        0 => f64::INFINITY,
        1 => 12.706_204_736,
        2 => 4.302_652_730,
        3 => 3.182_446_305,
        4 => 2.776_445_105,
        _ => {
            let v = f64::from(freedom);
            let z2 = Z * Z;
            let g1 = Z * (z2 + 1.0) / 4.0;
            let g2 = Z * (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / 96.0;
            let g3 = Z * (3.0 * z2.powi(3) + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / 384.0;
            let g4 = Z * (79.0 * z2.powi(4) + 776.0 * z2.powi(3) + 1_482.0 * z2 * z2 - 1_920.0 * z2 - 945.0)
                / 92_160.0;
            Z + g1 / v + g2 / v.powi(2) + g3 / v.powi(3) + g4 / v.powi(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_and_its_interval_are_those_of_the_textbook() {
        let mut estimate = Estimate::default();
        [4.0, 6.0, 8.0].into_iter().for_each(|value| estimate.add(value));
        assert_eq!(estimate.mean(), Some(6.0));
        // s = 2, s / sqrt 3 = 1.1547, t(2) = 4.3027.
        assert!((estimate.half_width().unwrap() - 4.968_274).abs() < 1e-5);
        assert_eq!(Estimate::default().mean(), None);
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, t) in [(5, 2.570_58), (7, 2.364_62), (19, 2.093_02), (63, 1.998_34), (1_000, 1.962_34)]
        {
            assert!((student_975(freedom) - t).abs() < 1e-3, "{freedom}: {}", student_975(freedom));
        }
    }
}
