//! When the journeys of a population may come: always, but for stretches of the day in which incidents keep it away.

use crate::units::TimeOfDay;

/// The stretches of scenario time in which nobody of a population comes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    away: Vec<(i64, i64)>,
}

impl Presence {
    /// Scenario time that is before and after all that is played, in nanoseconds from midnight.
    const EVER: i64 = 1 << 60;

    /// A population that comes and goes at these times of day: `true` where it begins to come. Before the first it is
    /// the other way round, on the days before too; after the last it stays so.
    ///
    /// # Errors
    /// The first time at which it would be told to do what it does already.
    pub fn switched(mut at: Vec<(TimeOfDay, bool)>) -> Result<Self, TimeOfDay> {
        at.sort();
        if let Some([_, (time, _)]) = at.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return Err(*time);
        }
        let mut away = Vec::new();
        let mut since = at.first().filter(|(_, comes)| *comes).map(|_| -Self::EVER);
        for (time, comes) in &at {
            let time = time.nanos() as i64;
            if *comes {
                away.extend(since.take().filter(|since| *since < time).map(|since| (since, time)));
            } else {
                since = Some(time);
            }
        }
        away.extend(since.map(|since| (since, Self::EVER)));
        Ok(Self { away })
    }

    /// The stretches without anybody: from, and to (excluded), in nanoseconds since midnight of the scenario's day;
    /// ordered and apart.
    pub fn away(&self) -> &[(i64, i64)] {
        &self.away
    }

    /// Whether somebody may come at this scenario time (nanoseconds since midnight of the scenario's day).
    pub fn at(&self, scenario_nanos: i64) -> bool {
        !self.away.iter().any(|(from, to)| (*from..*to).contains(&scenario_nanos))
    }

    /// The share of a stretch of scenario time (nanoseconds, longer than none) in which somebody may come, 0 to 1.
    pub fn share(&self, from: i64, to: i64) -> f64 {
        let overlap = |(start, end): &(i64, i64)| (*end.min(&to) - *start.max(&from)).max(0);
        let away: i64 = self.away.iter().map(overlap).sum();
        1.0 - away as f64 / (to - from) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(of: &[(&str, bool)]) -> Vec<(TimeOfDay, bool)> {
        of.iter().map(|(time, comes)| (time.parse().unwrap(), *comes)).collect()
    }

    fn hour(hour: i64) -> i64 {
        hour * 3_600_000_000_000
    }

    #[test]
    fn who_starts_was_not_there_before_and_who_stops_is_gone_after() {
        let robots = Presence::switched(times(&[("19:00", true), ("20:00", false)])).unwrap();
        assert_eq!([-1, 18, 19, 20, 26].map(|at| robots.at(hour(at))), [false, false, true, false, false]);
        let strike = Presence::switched(times(&[("8:00", false), ("10:00", true)])).unwrap();
        assert_eq!([7, 8, 9, 10].map(|at| strike.at(hour(at))), [true, false, false, true]);
        assert_eq!(strike.share(hour(7), hour(9)), 0.5);
        assert!(Presence::default().at(0));
    }

    #[test]
    fn who_is_there_cannot_start() {
        let twice = Presence::switched(times(&[("19:00", true), ("20:00", true)]));
        assert_eq!(twice, Err("20:00".parse().unwrap()));
        let one_after_the_other =
            times(&[("19:00", true), ("20:00", false), ("20:00", true), ("21:00", false)]);
        let through = Presence::switched(one_after_the_other).unwrap();
        assert!(through.at(hour(20)), "{through:?}");
    }
}
