//! How many requests a second a plan comes to at its busiest, before anything is drawn.

use crate::arrivals;
use crate::journey::Script;
use crate::scenario::{Cause, Scenario, Timeline};
use crate::units::NANOS_PER_SEC;

/// Expected requests per second in the busiest minute of scenario time that a run touches (run-in included), if every
/// request succeeds at once: first tries, sign-ins included. `plays` says which populations play.
pub(super) fn planned(scenario: &Scenario, timeline: &Timeline, plays: impl Fn(usize) -> bool) -> f64 {
    let scripts: Vec<Vec<f64>> =
        scenario.populations.iter().map(|population| Script::new(population, timeline).plays()).collect();
    let causes = |population: u16, cause: &Cause| {
        let index = usize::from(population);
        let steps = (0..).zip(scripts[index].iter().zip(&scenario.populations[index].steps));
        steps
            .map(|(number, (plays, step))| match cause {
                Cause::Message => plays * f64::from(step.messages),
                Cause::Step { population: of, step: named } if (*of, *named) == (population, number) => {
                    *plays
                }
                Cause::Step { .. } => 0.0,
            })
            .sum()
    };
    let minutes = arrivals::per_minute(scenario, &causes);
    let minute = |nanos: i64| nanos.div_euclid(60 * NANOS_PER_SEC as i64);
    let first = minute(timeline.scenario_nanos(timeline.start()));
    let last = minute(timeline.scenario_nanos(timeline.end()) - 1);
    let requests = |at: i64| {
        let at = at.rem_euclid(1_440) as usize;
        let of = minutes.iter().zip(&scripts).enumerate().filter(|(index, _)| plays(*index));
        of.map(|(_, (minutes, plays))| minutes[at] * plays.iter().sum::<f64>()).sum::<f64>() / 60.0
    };
    (first..=last).map(requests).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Arrivals, Curve, example};

    #[test]
    fn the_busiest_minute_of_the_run_counts_with_every_step() {
        let mut hours = [0.0; 24];
        hours[18] = 3.0;
        hours[4] = 1.0;
        let steps = vec![example::step("a"), example::step("b")];
        let mut population = example::population("visitor", steps);
        population.arrivals =
            Arrivals::Curve { curve: Curve::from_hours(&hours).unwrap(), per_day: 86_400.0 };
        let scenario = example::scenario(vec![population]);
        let of = |from: &str, to: &str| planned(&scenario, &example::timeline(from, to, 60.0), |_| true);
        assert!(of("18:00", "19:00") > 10.0 * of("12:00", "13:00"));
        assert!(of("4:15", "4:45") < of("18:15", "18:45"));
        assert_eq!(planned(&scenario, &example::timeline("18:00", "19:00", 60.0), |_| false), 0.0);
    }
}
