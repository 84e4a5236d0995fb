//! Journeys that something brings: the readers of a message, who follows another's success.

use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Delay, Presence, Scenario, Subject, Table, Timeline};
use crate::units::{Offset, TimeOfDay, rounded};

const DAY: i64 = TimeOfDay::END.nanos() as i64;

/// The journeys of one population that causes bring, made ready to be drawn.
///
/// Everything but the instant is drawn from the seed and the cause's subject: however long the cause took, the same
/// people come. They share the subject and have keys of their own. A time of day ([`Delay::AtTimeOfDay`]) is that of the
/// cause's day. A cause that is told twice brings the same journeys twice; it is for the caller to know it again.
#[derive(Debug, Clone)]
pub struct Followers {
    population: u16,
    draws: Key,
    /// Share of the causes that bring anything.
    share: f64,
    /// Journeys of such a cause: so many, and another with this chance.
    journeys: (u64, f64),
    /// Running sums of the normalized weights.
    delays: Vec<(f64, When)>,
    timeline: Timeline,
    presence: Presence,
}

#[derive(Debug, Clone)]
enum When {
    After(Table),
    AtTimeOfDay(Triangle),
}

impl Followers {
    /// Prepares a population; `None` for one that nothing brings.
    pub fn new(scenario: &Scenario, timeline: &Timeline, seed: u64, population: u16) -> Option<Self> {
        let brought = scenario.populations.get(usize::from(population))?;
        let Arrivals::After(after) = &brought.arrivals else { return None };
        let total: f64 = after.delays.iter().map(|(weight, _)| weight).sum();
        let mut sum = 0.0;
        let possible = after.delays.iter().filter(|(weight, _)| *weight > 0.0);
        Some(Self {
            population,
            draws: Key::root(seed).word("followers").with(u64::from(population)),
            share: after.share,
            journeys: (after.journeys as u64, after.journeys.fract()),
            delays: possible
                .map(|(weight, delay)| {
                    sum += weight / total;
                    (sum, When::new(delay))
                })
                .collect(),
            timeline: *timeline,
            presence: brought.presence.clone(),
        })
    }

    /// The journeys that one cause at the instant `at` brings and that arrive before the end of the measured part. One who
    /// would come while incidents keep the population away does not come later.
    pub fn of(&self, cause: Subject, at: Offset) -> impl Iterator<Item = Arrival> + '_ {
        self.since(Offset::from_nanos(i64::MIN), cause, at)
    }

    /// Those among them that arrive at `from` or later.
    pub(super) fn since(
        &self,
        from: Offset,
        cause: Subject,
        at: Offset,
    ) -> impl Iterator<Item = Arrival> + '_ {
        let key =
            self.draws.with(u64::from(cause.population)).with(cause.journey).with(u64::from(cause.item));
        let (whole, more) = self.journeys;
        let journeys = match key.word("share").unit() < self.share {
            true => whole + u64::from(more > 0.0 && key.word("journeys").unit() < more),
            false => 0,
        };
        (0..journeys).filter_map(move |number| {
            let key = key.word("journey").with(number);
            let at = self.arrives(key, at, from)?;
            let comes = at >= from
                && at < self.timeline.end()
                && (self.presence.away().is_empty() || self.presence.at(self.timeline.scenario_nanos(at)));
            comes.then_some(Arrival { at, population: self.population, subject: cause, key })
        })
    }

    /// When one arrives; `None` where that is seen at once to be before `from`.
    fn arrives(&self, key: Key, cause: Offset, from: Offset) -> Option<Offset> {
        let draw = key.word("which").unit();
        // The last sum may round to a little less than 1.
        let (_, when) = self.delays.iter().find(|(sum, _)| draw < *sum).or(self.delays.last())?;
        let key = key.word("delay");
        Some(match when {
            When::After(law) => cause + self.timeline.wall(law.span(key)),
            When::AtTimeOfDay(triangle) => {
                let scenario = self.timeline.scenario_nanos(cause);
                let midnight = scenario - scenario.rem_euclid(DAY);
                let offset = |time| self.timeline.offset_at(midnight + rounded(time)).max(cause);
                let cut = (scenario - midnight) as f64;
                if offset(cut.max(triangle.end())) < from {
                    return None;
                }
                offset(triangle.beyond(cut, key.unit()))
            }
        })
    }
}

impl When {
    fn new(delay: &Delay) -> Self {
        match delay {
            Delay::After(law) => Self::After(Table::of(law)),
            Delay::AtTimeOfDay { from, mode, to } => {
                Self::AtTimeOfDay(Triangle([from, mode, to].map(|time| time.nanos() as f64)))
            }
        }
    }
}

/// The triangular law between the first and the third value, highest at the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Triangle(pub(super) [f64; 3]);

impl Triangle {
    /// The quantile `draw` of what is left of the law beyond `cut`; `cut` itself where nothing is left.
    fn beyond(&self, cut: f64, draw: f64) -> f64 {
        let before = self.cdf(cut);
        if before >= 1.0 { cut } else { self.quantile(before + (1.0 - before) * draw).max(cut) }
    }

    /// Where it ends.
    const fn end(&self) -> f64 {
        self.0[2]
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
