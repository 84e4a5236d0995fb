//! Journeys that something brings: the readers of a message, who follows another's success.

use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Delay, Scenario, Subject, Timeline};
use crate::units::{Offset, TimeOfDay};

const DAY: i64 = TimeOfDay::END.nanos() as i64;

/// The journeys of `population` that one cause at the instant `at` brings and that arrive before the end of the measured
/// part; none if nothing brings that population's journeys. One who would come while incidents keep the population away
/// does not come later.
///
/// Everything but the instant is drawn from the seed and the cause's subject: however long the cause took, the same
/// people come. They share the subject and have keys of their own. A time of day ([`Delay::AtTimeOfDay`]) is that of the
/// cause's day. A cause that is told twice brings the same journeys twice; it is for the caller to know it again.
pub fn followers(
    scenario: &Scenario,
    timeline: &Timeline,
    seed: u64,
    population: u16,
    cause: Subject,
    at: Offset,
) -> Vec<Arrival> {
    let Some(brought) = scenario.populations.get(usize::from(population)) else { return Vec::new() };
    let Arrivals::After(after) = &brought.arrivals else { return Vec::new() };
    let key = Key::root(seed)
        .word("followers")
        .with(u64::from(population))
        .with(u64::from(cause.population))
        .with(cause.journey)
        .with(u64::from(cause.item));
    if key.word("share").unit() >= after.share {
        return Vec::new();
    }
    let more = key.word("journeys").unit() < after.journeys.fract();
    let journeys = after.journeys as u64 + u64::from(more);
    (0..journeys)
        .filter_map(|number| {
            let key = key.word("journey").with(number);
            let delay = choose(&after.delays, key.word("which").unit())?;
            let at = arrives(delay, timeline, key.word("delay"), at);
            let comes = at < timeline.end() && brought.presence.at(timeline.scenario_nanos(at));
            comes.then_some(Arrival { at, population, subject: cause, key })
        })
        .collect()
}

fn choose(delays: &[(f64, Delay)], draw: f64) -> Option<&Delay> {
    let total: f64 = delays.iter().map(|(weight, _)| weight).sum();
    let mut left = draw * total;
    let chosen = delays.iter().find(|(weight, _)| {
        left -= weight;
        left < 0.0
    });
    // The sum of the weights may round to a little less than the total.
    chosen.or_else(|| delays.iter().rfind(|(weight, _)| *weight > 0.0)).map(|(_, delay)| delay)
}

fn arrives(delay: &Delay, timeline: &Timeline, key: Key, cause: Offset) -> Offset {
    match delay {
        Delay::After(law) => cause + timeline.wall(law.draw(key)),
        Delay::AtTimeOfDay { from, mode, to } => {
            let scenario = timeline.scenario_nanos(cause);
            let midnight = scenario - scenario.rem_euclid(DAY);
            let triangle = Triangle([from, mode, to].map(|time| time.nanos() as f64));
            let time = triangle.beyond((scenario - midnight) as f64, key.unit());
            timeline.offset_at(midnight + time.round() as i64).max(cause)
        }
    }
}

/// The triangular law between the first and the third value, highest at the second.
pub(super) struct Triangle(pub(super) [f64; 3]);

impl Triangle {
    /// The quantile `draw` of what is left of the law beyond `cut`; `cut` itself where nothing is left.
    fn beyond(&self, cut: f64, draw: f64) -> f64 {
        let before = self.cdf(cut);
        if before >= 1.0 { cut } else { self.quantile(before + (1.0 - before) * draw).max(cut) }
    }

    pub(super) fn cdf(&self, x: f64) -> f64 {
        let Self([from, mode, to]) = *self;
        if x >= to {
            1.0
        } else if x <= from {
            0.0
        } else if x < mode {
            (x - from).powi(2) / ((to - from) * (mode - from))
        } else {
            1.0 - (to - x).powi(2) / ((to - from) * (to - mode))
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        let Self([from, mode, to]) = *self;
        let width = to - from;
        if p * width < mode - from {
            from + (p * width * (mode - from)).sqrt()
        } else {
            to - ((1.0 - p) * width * (to - mode)).sqrt()
        }
    }
}
