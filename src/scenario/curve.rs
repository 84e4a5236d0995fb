//! The shape of a day: how the volume of a day is spread over its hours.

use crate::units::TimeOfDay;

/// Minutes in a day.
const MINUTES: usize = 1_440;

/// A density over the day, constant in each minute, of integral 1.
///
/// Made from shares of clock hours by drawing straight lines between the middles of the hours (so that there are no
/// steps at the full hour) and normalizing; the hour shares are met closely, not exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Share of the day before the start of each minute, and 1 at the end.
    cumulative: Vec<f64>,
}

impl Curve {
    /// The curve through shares of the 24 clock hours; their sum is normalized.
    ///
    /// Returns `None` unless every share is finite and not negative and one is positive.
    pub fn from_hours(hours: &[f64; 24]) -> Option<Self> {
        if hours.iter().any(|share| !share.is_finite() || *share < 0.0) {
            return None;
        }
        let minutes: Vec<f64> = (0..MINUTES)
            .map(|minute| {
                // Position among the middles of the hours, in hours; the day wraps around.
                let position = (minute as f64 + 0.5) / 60.0 - 0.5;
                let before = position.floor();
                let at = |hour: f64| hours[(hour as i64).rem_euclid(24) as usize];
                at(before) + (at(before + 1.0) - at(before)) * (position - before)
            })
            .collect();
        Self::from_minutes(&minutes)
    }

    /// The curve with these weights of the 1,440 minutes; `None` as for [`Curve::from_hours`] or another length.
    pub fn from_minutes(minutes: &[f64]) -> Option<Self> {
        let sum: f64 = minutes.iter().sum();
        if minutes.len() != MINUTES || minutes.iter().any(|w| *w < 0.0) || !(sum.is_finite() && sum > 0.0) {
            return None;
        }
        let mut total = 0.0;
        let mut cumulative = vec![0.0];
        cumulative.extend(minutes.iter().map(|weight| {
            total += weight;
            total / sum
        }));
        cumulative[MINUTES] = 1.0;
        Some(Self { cumulative })
    }

    /// Share of the day's volume before a time of day: 0 at 00:00, 1 at 24:00.
    pub fn share_before(&self, time: TimeOfDay) -> f64 {
        let minutes = time.nanos() as f64 / 60e9;
        let minute = (minutes as usize).min(MINUTES - 1);
        let (low, high) = (self.cumulative[minute], self.cumulative[minute + 1]);
        low + (high - low) * (minutes - minute as f64)
    }

    /// The time of day, in nanoseconds since midnight, before which `share` of the volume lies: the inverse of
    /// [`Curve::share_before`] for shares in [0, 1].
    pub fn time_at(&self, share: f64) -> f64 {
        self.time_in(self.cumulative.partition_point(|c| *c <= share).clamp(1, MINUTES) - 1, share)
    }

    /// [`Curve::time_at`] for shares that never fall from one call to the next: `minute`, 0 at first, is how far they
    /// have come, so that no search is needed.
    #[inline]
    pub fn time_after(&self, minute: &mut usize, share: f64) -> f64 {
        while *minute + 1 < MINUTES && self.cumulative[*minute + 1] <= share {
            *minute += 1;
        }
        self.time_in(*minute, share)
    }

    #[inline]
    fn time_in(&self, minute: usize, share: f64) -> f64 {
        let (low, high) = (self.cumulative[minute], self.cumulative[minute + 1]);
        let within = if high > low { (share - low) / (high - low) } else { 0.0 };
        (minute as f64 + within.clamp(0.0, 1.0)) * 60e9
    }

    /// Share of the day's volume per second at a time of day.
    pub fn density(&self, time: TimeOfDay) -> f64 {
        let minute = ((time.nanos() as f64 / 60e9) as usize).min(MINUTES - 1);
        (self.cumulative[minute + 1] - self.cumulative[minute]) / 60.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn evening() -> Curve {
        let mut hours = [0.0; 24];
        hours[8..24].copy_from_slice(&[
            1.0, 4.0, 6.0, 7.0, 6.0, 4.0, 6.0, 7.0, 8.0, 11.0, 14.0, 13.0, 8.0, 3.0, 1.5, 0.5,
        ]);
        Curve::from_hours(&hours).unwrap()
    }

    #[test]
    fn the_window_of_the_incident_gets_its_share() {
        let share = |text: &str| evening().share_before(text.parse().unwrap());
        // 36.5 % of pharmacy entries fall between 17:30 and 20:30 (straight lines between the hours' middles: a little more).
        let window = share("20:30") - share("17:30");
        assert!((0.35..0.39).contains(&window), "{window}");
        assert_eq!(share("24:00"), 1.0);
        assert_eq!(share("00:00"), 0.0);
    }

    #[test]
    fn a_day_without_volume_is_refused() {
        assert!(Curve::from_hours(&[0.0; 24]).is_none());
        assert!(Curve::from_hours(&[-1.0; 24]).is_none());
        assert!(Curve::from_minutes(&[1.0; 10]).is_none());
    }

    proptest! {
        #[test]
        fn the_inverse_finds_the_time_again(nanos in 0..86_400_000_000_000_u64) {
            let (curve, time) = (evening(), TimeOfDay::from_nanos(nanos).unwrap());
            prop_assume!(curve.density(time) > 0.0);
            let back = curve.time_at(curve.share_before(time));
            prop_assert!((back - nanos as f64).abs() < 1e6, "{} ns off", back - nanos as f64);
        }
    }

    #[test]
    fn rising_shares_find_the_same_times_without_a_search() {
        let (curve, mut minute) = (evening(), 0);
        for n in 0..=100_000 {
            let share = f64::from(n) / 1e5;
            assert_eq!(curve.time_after(&mut minute, share), curve.time_at(share), "{share}");
        }
    }
}
