//! The two clocks of a run, and how one is read off the other.

use crate::units::{NANOS_PER_SEC, Offset, Span, TimeOfDay, rounded};

/// Which part of the day is played, how fast, and what comes before and after it.
///
/// Wall time 0 is the beginning of the measured part; the run-in lies before it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Timeline {
    /// Scenario time at the beginning of the measured part.
    pub from: TimeOfDay,
    /// Scenario time at its end.
    pub to: TimeOfDay,
    /// How many times faster scenario time runs than wall time.
    pub warp: f64,
    /// Multiplies every planned rate.
    pub scale: f64,
    /// Wall time before the measured part.
    pub run_in: Span,
    /// Longest wall time after it.
    pub drain: Span,
}

impl Timeline {
    /// Wall time of the whole measured part.
    pub fn measured(&self) -> Span {
        self.wall(self.to.since(self.from))
    }

    /// The end of the measured part.
    pub fn end(&self) -> Offset {
        Offset::ZERO + self.measured()
    }

    /// The beginning of the run-in.
    pub fn start(&self) -> Offset {
        Offset::ZERO - self.run_in
    }

    /// A length of scenario time as wall time.
    pub fn wall(&self, scenario: Span) -> Span {
        if self.warp == 1.0 { scenario } else { scenario.scaled(1.0 / self.warp) }
    }

    /// The scenario time at an instant of the run, in nanoseconds since midnight; below zero or above a day when the
    /// run-in or the drain reaches out of the day.
    pub fn scenario_nanos(&self, at: Offset) -> i64 {
        self.from.nanos() as i64 + rounded(at.nanos() as f64 * self.warp)
    }

    /// The scenario time at an instant of the run as `HH:MM:SS`, counted on beyond 24:00; before midnight it is the time of the day
    /// before.
    pub fn scenario_time(&self, at: Offset) -> String {
        let seconds = self.scenario_nanos(at).div_euclid(NANOS_PER_SEC as i64);
        let seconds = if seconds < 0 { seconds.rem_euclid(86_400) } else { seconds };
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }

    /// The instant of the run at a scenario time (nanoseconds since midnight).
    #[inline]
    pub fn offset_at(&self, scenario_nanos: i64) -> Offset {
        Offset::from_nanos(rounded((scenario_nanos - self.from.nanos() as i64) as f64 / self.warp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evening() -> Timeline {
        Timeline {
            from: "18:50".parse().unwrap(),
            to: "20:05".parse().unwrap(),
            warp: 60.0,
            scale: 1.0,
            run_in: Span::from_secs(15),
            drain: Span::from_secs(5),
        }
    }

    #[test]
    fn the_evening_takes_75_seconds_and_its_run_in_starts_at_18_35() {
        let evening = evening();
        assert_eq!(evening.measured(), Span::from_secs(75));
        assert_eq!(evening.scenario_time(evening.start()), "18:35:00");
        assert_eq!(evening.scenario_time(evening.end()), "20:05:00");
    }

    #[test]
    fn the_run_in_of_midnight_is_in_the_evening_before() {
        let midnight = Timeline { from: "00:00".parse().unwrap(), warp: 1.0, ..evening() };
        assert_eq!(midnight.scenario_time(Offset::from_secs_f64(-2.0)), "23:59:58");
        assert_eq!(midnight.scenario_time(Offset::from_secs_f64(90_000.0)), "25:00:00");
    }

    #[test]
    fn an_instant_is_found_again_by_its_scenario_time() {
        let evening = evening();
        for secs in [-15.0, 0.0, 12.5, 75.0] {
            let at = Offset::from_secs_f64(secs);
            assert_eq!(evening.offset_at(evening.scenario_nanos(at)), at);
        }
    }
}
