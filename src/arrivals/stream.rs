//! The arrivals of one population, by inversion of the cumulative rate.
//!
//! If E1, E2, ... are exponential of mean 1, the instants at which the expected count since the start reaches
//! E1, E1 + E2, ... are a Poisson process of that rate (Çinlar, "Introduction to Stochastic Processes", 1975, ch. 4.7).

use super::exponential::unit_exponential;
use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Curve, Population, Subject, Timeline};
use crate::units::{Offset, TimeOfDay, rounded};

const DAY: i64 = TimeOfDay::END.nanos() as i64;
/// So many arrivals are drawn at a time, as one need not wait for the logarithm and the quotients of the one before.
const AHEAD: usize = 32;

/// The planned count of a population's journeys that arrive in `from..to`; 0 for one that something else brings
/// ([`Arrivals::After`]), of which nothing is planned. The curve goes on before 00:00 and after 24:00 as every day.
pub fn expected(population: &Population, timeline: &Timeline, from: Offset, to: Offset) -> f64 {
    let Some(intensity) = Intensity::of(population, timeline, from) else { return 0.0 };
    let until = |at: Offset| intensity.count(timeline, from, at);
    let away: f64 =
        away(population, timeline, (from, to)).iter().map(|(gone, back)| until(*back) - until(*gone)).sum();
    (until(to) - away).max(0.0)
}

/// The stretches of a run in which nobody of a population comes, in order.
pub(super) fn away(
    population: &Population,
    timeline: &Timeline,
    (start, end): (Offset, Offset),
) -> Vec<(Offset, Offset)> {
    let stretches = population
        .presence
        .away()
        .iter()
        .map(|(gone, back)| (timeline.offset_at(*gone).max(start), timeline.offset_at(*back).min(end)));
    stretches.filter(|(gone, back)| gone < back).collect()
}

/// The root of the draws of the journey that made an entry.
pub fn key_of(seed: u64, entry: Subject) -> Key {
    journeys(seed, entry.population).with(entry.journey)
}

fn journeys(seed: u64, population: u16) -> Key {
    Key::root(seed).word("journey").with(u64::from(population))
}

/// An endless sequence of arrivals of one population, cut off at `end`.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    population: u16,
    /// Added to the numbers of its journeys: [`Subject::EARLIER`] or nothing.
    mark: u64,
    gaps: Key,
    journeys: Key,
    intensity: Intensity,
    timeline: Timeline,
    start: Offset,
    end: Offset,
    /// When nobody comes, the next stretch last.
    away: Vec<(Offset, Offset)>,
    /// The next arrivals: the expected count from the start to each, and when it is.
    ahead: [(f64, Offset); AHEAD],
    /// So many of them have come.
    come: usize,
    /// Expected count from the start to the last of them.
    reached: f64,
    /// The number of the next to come.
    number: u64,
}

impl Stream {
    /// The stream of a population over `start..end`, or `None` where nothing comes by itself.
    pub(super) fn new(
        (index, population): (u16, &Population),
        timeline: &Timeline,
        seed: u64,
        mark: u64,
        (start, end): (Offset, Offset),
    ) -> Option<Self> {
        let gaps = Key::root(seed).word("arrivals").with(u64::from(index)).with(mark);
        let journeys = journeys(seed, index);
        let intensity = Intensity::of(population, timeline, start)?;
        let mut away = away(population, timeline, (start, end));
        away.reverse();
        let timeline = *timeline;
        Some(Self {
            population: index,
            mark,
            gaps,
            journeys,
            intensity,
            timeline,
            start,
            end,
            away,
            ahead: [(0.0, start); AHEAD],
            come: AHEAD,
            reached: 0.0,
            number: 0,
        })
    }
}

impl Stream {
    /// The expected count to the next arrival, and when it is.
    #[inline]
    fn draw(&mut self) -> (f64, Offset) {
        if self.come == AHEAD {
            self.draw_ahead();
        }
        let next = self.ahead[self.come];
        self.come += 1;
        next
    }

    #[inline(never)]
    fn draw_ahead(&mut self) {
        for (number, (count, _)) in (self.number..).zip(&mut self.ahead) {
            *count = unit_exponential(self.gaps.with(number));
        }
        for (count, _) in &mut self.ahead {
            self.reached += *count;
            *count = self.reached;
        }
        for (count, at) in &mut self.ahead {
            *at = self.intensity.instant(&self.timeline, self.start, *count);
        }
        self.come = 0;
    }

    /// From where the expected count is `reached` arrivals are drawn anew.
    fn go_on_from(&mut self, reached: f64) {
        self.reached = reached;
        self.come = AHEAD;
        if let Intensity::Curve { reached, .. } = &mut self.intensity {
            *reached = BEFORE_ALL;
        }
    }
}

impl Iterator for Stream {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let (mut reached, mut at) = self.draw();
        while let Some((_, back)) = self.away.last().copied().filter(|(gone, _)| *gone <= at) {
            self.away.pop();
            if at < back {
                // An exponential wait has no memory: from where the stretch ends it is drawn anew. The number that would
                // have come in it stays unused.
                let away = self.intensity.count(&self.timeline, self.start, back);
                self.number += 1;
                self.go_on_from(away.max(reached));
                (reached, at) = self.draw();
                at = at.max(back);
            }
        }
        if at >= self.end {
            return None;
        }
        let journey = self.number | self.mark;
        self.number += 1;
        let subject = Subject { population: self.population, journey, item: 0 };
        Some(Arrival { at, population: self.population, subject, key: self.journeys.with(journey) })
    }
}

/// No instant was asked for.
const BEFORE_ALL: (i64, usize) = (i64::MIN, 0);

/// The rate of a population, made ready for inversion from one start.
#[derive(Debug, Clone)]
pub(super) enum Intensity {
    Curve {
        curve: Curve,
        /// Journeys of a whole day in this run: scaled, and divided by the warp.
        per_day: f64,
        /// Days and share of the day before the start.
        before: f64,
        /// The day of the last instant that was asked for, and its minute.
        reached: (i64, usize),
    },
    Rate {
        /// Journeys per second of wall time.
        per_second: f64,
    },
}

impl Intensity {
    pub(super) fn of(population: &Population, timeline: &Timeline, start: Offset) -> Option<Self> {
        let intensity = match &population.arrivals {
            Arrivals::Curve { curve, per_day } => Self::Curve {
                per_day: per_day * timeline.scale / timeline.warp,
                before: days_before(curve, timeline.scenario_nanos(start)),
                reached: BEFORE_ALL,
                curve: curve.clone(),
            },
            Arrivals::Rate { rate } => Self::Rate { per_second: rate.per_second() * timeline.scale },
            Arrivals::After(_) => return None,
        };
        let (Self::Curve { per_day: volume, .. } | Self::Rate { per_second: volume }) = intensity;
        (volume > 0.0).then_some(intensity)
    }

    /// The expected count from `from`, which is the start that it was made for, to `to`.
    pub(super) fn count(&self, timeline: &Timeline, from: Offset, to: Offset) -> f64 {
        match self {
            Self::Curve { curve, per_day, before, .. } => {
                per_day * (days_before(curve, timeline.scenario_nanos(to)) - before)
            }
            Self::Rate { per_second } => per_second * (to.secs_f64() - from.secs_f64()),
        }
    }

    /// The instant at which the expected count since the start reaches `count`, which never falls.
    #[inline]
    fn instant(&mut self, timeline: &Timeline, start: Offset, count: f64) -> Offset {
        match self {
            Self::Curve { curve, per_day, before, reached: (day, minute) } => {
                let share = *before + count / *per_day;
                // Rounded down, without a call into the library.
                let whole = share as i64 - i64::from(share < share as i64 as f64);
                if *day != whole {
                    (*day, *minute) = (whole, 0);
                }
                let nanos = whole * DAY + rounded(curve.time_after(minute, share - whole as f64));
                timeline.offset_at(nanos).max(start)
            }
            Self::Rate { per_second } => {
                Offset::from_nanos(start.nanos() + rounded(count / *per_second * 1e9))
            }
        }
    }
}

/// Days and share of the day's volume before an instant of scenario time, counted from midnight of the scenario's day.
fn days_before(curve: &Curve, scenario_nanos: i64) -> f64 {
    let time = TimeOfDay::from_nanos(scenario_nanos.rem_euclid(DAY) as u64).unwrap_or(TimeOfDay::END);
    scenario_nanos.div_euclid(DAY) as f64 + curve.share_before(time)
}
