//! Are these instants the planned process? A Kolmogorov-Smirnov test over what a run really offered.
//!
//! With L(t) the planned count up to t, the instants of a Poisson process of that rate become one of rate 1: the times
//! L(t_i) / L(end), given how many there are, are uniform, and the gaps L(t_i) - L(t_(i-1)) exponential of mean 1
//! (Çinlar, 1975, ch. 4.7; Brown et al., "Statistical analysis of a telephone call center", JASA 2005, sec. 3). The first
//! tells whether the curve was followed, the second whether the pacing was: arrivals that are left out or released in
//! bunches leave the curve nearly as it was and the gaps not.
//!
//! Memory is constant: values are counted in cells of equal probability, and the largest distance is taken at their edges
//! only. That distance is never above the exact one, so the test accuses less often than it may, never more.

use super::stream::{Intensity, away};
use crate::scenario::{Arrival, Scenario, Timeline};
use crate::units::Offset;

/// Cells of equal probability. What lies between two edges escapes; a thousandth of probability is nobody's distortion.
const CELLS: usize = 1_024;
/// So many arrivals are looked at together: no other work waits for their quotients and exponentials.
const TOGETHER: usize = 64;
/// A true plan gives a smaller value than this in one of a million tests.
const LEAST: f64 = 1e-6;

/// Watches the planned arrivals of all populations.
#[derive(Debug, Clone)]
pub struct Conformance {
    populations: Vec<Option<Watched>>,
    timeline: Timeline,
    /// Arrivals that have not been looked at.
    fresh: Vec<(u16, Offset)>,
}

#[derive(Debug, Clone)]
struct Watched {
    intensity: Intensity,
    /// When nobody comes: there L stands still.
    away: Vec<(Offset, Offset)>,
    /// L(end).
    whole: f64,
    /// L of the arrival before.
    before: f64,
    count: u64,
    instants: Vec<u64>,
    gaps: Vec<u64>,
}

/// How well the instants of a population fit the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Index of the population.
    pub population: u16,
    /// Arrivals that were seen.
    pub count: u64,
    /// The chance that a true plan deviates as much from its curve.
    pub p_instants: f64,
    /// The chance that a true plan's gaps deviate as much from the exponential law.
    pub p_gaps: f64,
}

impl Fit {
    /// False when a true plan does so in one of a million runs.
    pub fn is_plausible(&self) -> bool {
        self.p_instants > LEAST && self.p_gaps > LEAST
    }
}

/// What is to be said of these fits: of each that a true plan does not show, and of the others together. True: all is well.
pub fn in_words(fits: &[Fit], scenario: &Scenario) -> Vec<(bool, String)> {
    let implausible = fits.iter().filter(|fit| !fit.is_plausible()).map(|fit| {
        let Fit { population, count, p_instants, p_gaps } = fit;
        let name = &scenario.populations[usize::from(*population)].name;
        let words = format!(
            "{name}: the intended instants of {count} planned arrivals are not those of the planned process \
             (Kolmogorov-Smirnov: p = {p_instants:.1e} along its curve, {p_gaps:.1e} of the gaps)"
        );
        (false, words)
    });
    let mut said: Vec<(bool, String)> = implausible.collect();
    let count: u64 = fits.iter().map(|fit| fit.count).sum();
    if count > 0 && said.is_empty() {
        let least = fits.iter().flat_map(|fit| [fit.p_instants, fit.p_gaps]).fold(1.0, f64::min);
        let words = format!(
            "the intended instants of {count} planned arrivals are those of the planned process \
             (Kolmogorov-Smirnov: smallest p of {} tests {least:.2})",
            2 * fits.len()
        );
        said.push((true, words));
    }
    said
}

impl Conformance {
    /// Nothing was seen yet.
    pub fn new(scenario: &Scenario, timeline: &Timeline) -> Self {
        let watched = scenario.populations.iter().map(|population| {
            let intensity = Intensity::of(population, timeline, timeline.start())?;
            let away = away(population, timeline, (timeline.start(), timeline.end()));
            let (instants, gaps) = (vec![0; CELLS], vec![0; CELLS]);
            let mut watched = Watched { intensity, away, whole: 0.0, before: 0.0, count: 0, instants, gaps };
            watched.whole = watched.planned(timeline, timeline.end());
            Some(watched)
        });
        Self { populations: watched.collect(), timeline: *timeline, fresh: Vec::with_capacity(TOGETHER) }
    }

    /// A planned arrival was released. Those of a population come in order; brought ones are passed over.
    pub fn note(&mut self, arrival: &Arrival) {
        self.came(arrival.population, arrival.at);
    }

    /// The same, of an arrival of this population at that instant.
    pub fn came(&mut self, population: u16, at: Offset) {
        let Some(Some(_)) = self.populations.get(usize::from(population)) else { return };
        self.fresh.push((population, at));
        if self.fresh.len() == TOGETHER {
            self.look();
        }
    }

    fn look(&mut self) {
        for (population, at) in self.fresh.drain(..) {
            let Some(Some(watched)) = self.populations.get_mut(usize::from(population)) else { continue };
            let reached = watched.planned(&self.timeline, at);
            watched.instants[cell(reached / watched.whole)] += 1;
            // P(gap < x) = 1 - exp(-x).
            watched.gaps[cell(-(watched.before - reached).exp_m1())] += 1;
            watched.before = reached;
            watched.count += 1;
        }
    }

    /// How well each population fits that had arrivals up to `until`, where a run may have been cut short.
    pub fn fits(&self, until: Offset) -> Vec<Fit> {
        let mut seen = self.clone();
        seen.look();
        let fits = (0..).zip(&seen.populations).filter_map(|(population, watched)| {
            let watched = watched.as_ref()?;
            let Watched { whole, count, instants, gaps, .. } = watched;
            let reached = watched.planned(&seen.timeline, until.min(seen.timeline.end())) / whole;
            let p_instants = p_value(distance(instants, *count, reached), *count);
            let p_gaps = p_value(distance(gaps, *count, 1.0), *count);
            (*count > 0).then_some(Fit { population, count: *count, p_instants, p_gaps })
        });
        fits.collect()
    }
}

impl Watched {
    /// L(at).
    fn planned(&self, timeline: &Timeline, at: Offset) -> f64 {
        let count = |at| self.intensity.count(timeline, timeline.start(), at);
        let gone = self.away.iter().filter(|(gone, _)| *gone < at);
        count(at) - gone.map(|(gone, back)| count(at.min(*back)) - count(*gone)).sum::<f64>()
    }
}

fn cell(probability: f64) -> usize {
    ((probability * CELLS as f64) as usize).min(CELLS - 1)
}

/// The largest distance, over the edges of the cells below `end`, between the shares seen and a uniform law on 0..end.
fn distance(cells: &[u64], count: u64, end: f64) -> f64 {
    let mut below = 0;
    let mut most = 0.0_f64;
    for (number, seen) in (1..).zip(cells) {
        below += seen;
        let expected = f64::from(number) / CELLS as f64 / end;
        if expected < 1.0 {
            most = most.max((below as f64 / count as f64 - expected).abs());
        }
    }
    most
}

/// The chance of at least this distance among so many values: Kolmogorov's series, with Stephens' correction for few
/// ("EDF statistics for goodness of fit", JASA 1974).
fn p_value(distance: f64, count: u64) -> f64 {
    let root = (count as f64).sqrt();
    let x = (root + 0.12 + 0.11 / root) * distance;
    // Below, the series converges slowly and its sum is 1 to six digits.
    if x < 0.3 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::planned;
    use crate::scenario::example::{evening, population, scenario, step, timeline};
    use crate::scenario::{Arrivals, Population};
    use crate::units::{Rate, Span};
    use proptest::prelude::*;

    /// Two populations, one along a curve and one at a constant rate, some 9,000 arrivals each.
    fn plan() -> (Scenario, Timeline) {
        let coming = |arrivals| Population { arrivals, ..population("client", vec![step("ask")]) };
        let curve = coming(Arrivals::Curve { curve: evening(), per_day: 3_500_000.0 });
        let rate = coming(Arrivals::Rate { rate: Rate::per_sec(100.0) });
        (scenario(vec![curve, rate]), timeline("18:50", "20:05", 60.0))
    }

    /// The fits of what `distort` makes of the plan.
    fn fits(seed: u64, mut distort: impl FnMut(u64, Arrival) -> Option<Arrival>) -> Vec<Fit> {
        let (scenario, timeline) = plan();
        let mut conformance = Conformance::new(&scenario, &timeline);
        for (number, arrival) in (0..).zip(planned(&scenario, &timeline, seed)) {
            if let Some(arrival) = distort(number, arrival) {
                conformance.note(&arrival);
            }
        }
        let fits = conformance.fits(timeline.end());
        assert!(fits.len() == 2 && fits.iter().all(|fit| fit.count > 6_500), "{fits:?}");
        fits
    }

    #[test]
    fn the_series_has_the_quantiles_of_the_tables() {
        // Smirnov's table: 1.2238 at 10 %, 1.3581 at 5 %, 1.6276 at 1 %.
        for (x, p) in [(1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01)] {
            assert!((p_value(x / 1e4, 100_000_000) - p).abs() < 2e-4, "{x}");
        }
    }

    #[test]
    fn a_run_that_is_cut_short_is_judged_by_what_it_played() {
        let (scenario, timeline) = plan();
        let mut conformance = Conformance::new(&scenario, &timeline);
        let cut = Offset::from_secs_f64(7.3);
        planned(&scenario, &timeline, 3)
            .filter(|arrival| arrival.at < cut)
            .for_each(|a| conformance.note(&a));
        assert!(conformance.fits(cut).iter().all(Fit::is_plausible));
        assert!(!conformance.fits(timeline.end()).iter().any(Fit::is_plausible));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_true_plan_is_believed_whatever_its_seed(seed in any::<u64>()) {
            let fits = fits(seed, |_, arrival| Some(arrival));
            prop_assert!(fits.iter().all(Fit::is_plausible), "{:?}", fits);
        }

        #[test]
        fn a_pacer_that_leaves_out_or_bunches_one_in_ten_is_caught(seed in any::<u64>()) {
            let key = crate::rng::Key::root(seed).word("distort");
            let is_hit = |number: u64| key.with(number).unit() < 0.1;
            let dropped = fits(seed, |number, arrival| (!is_hit(number)).then_some(arrival));
            prop_assert!(!dropped.iter().any(Fit::is_plausible), "{:?}", dropped);
            // One in ten comes with the arrival before it instead of at its own time.
            let mut last = [Offset::from_nanos(i64::MIN); 2];
            let bunched = fits(seed, |number, arrival| {
                let before = &mut last[usize::from(arrival.population)];
                let at = if is_hit(number) { arrival.at.min((*before).max(arrival.at - Span::from_secs(1))) } else { arrival.at };
                *before = at;
                Some(Arrival { at, ..arrival })
            });
            prop_assert!(!bunched.iter().any(Fit::is_plausible), "{:?}", bunched);
        }

        #[test]
        fn arrivals_on_the_ticks_of_a_coarse_timer_are_caught(seed in any::<u64>()) {
            let ticks = fits(seed, |_, arrival| {
                let at = Offset::from_nanos((arrival.at.nanos() + 999_999).div_euclid(1_000_000) * 1_000_000);
                Some(Arrival { at, ..arrival })
            });
            prop_assert!(!ticks.iter().any(Fit::is_plausible), "{:?}", ticks);
        }
    }
}
