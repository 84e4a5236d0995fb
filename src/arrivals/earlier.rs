//! What was entered before the run starts and still sends readers into it.

use super::followers::Followers;
use super::merge::Planned;
use super::stream::Stream;
use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Cause, Population, Scenario, Step, Subject, Timeline};
use crate::units::{Span, TimeOfDay};

/// An entry of before the run, with the journeys of its readers that come in the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its reference, marked with [`Subject::EARLIER`].
    pub subject: Subject,
    /// The root of the draws of the journey that entered it; its account is drawn from it.
    pub key: Key,
    /// When it was entered: scenario time in nanoseconds since midnight of the scenario's day, below 0 the day before.
    pub entered: i64,
    /// Who reads it in the run (run-in included), at least one.
    pub visits: Vec<Arrival>,
}

/// The entries of the 24 hours before the run's start (run-in included) whose readers come in the run, ordered by the
/// time of entry, in memory that does not grow.
///
/// They are those of populations that come by themselves and have a step whose success makes the system send messages:
/// one entry a message. Their rate is that of the run, so a warped run has 1/K of those of the day and as many readers a
/// second. None failed: what the day before the run did to the system is not played.
pub fn earlier(scenario: &Scenario, timeline: &Timeline, seed: u64) -> impl Iterator<Item = Earlier> {
    let timeline = *timeline;
    let start = timeline.start();
    let before = start - timeline.wall(Span::from_nanos(TimeOfDay::END.nanos()));
    let readers: Vec<Followers> = (0..)
        .zip(&scenario.populations)
        .filter(|(_, population)| is_brought_by_messages(population))
        .filter_map(|(index, _)| Followers::new(scenario, &timeline, seed, index))
        .collect();
    let senders = (0..).zip(&scenario.populations).filter(|(_, population)| sending(population).is_some());
    let entries = Planned::new(
        senders.filter_map(|of| Stream::new(of, &timeline, seed, Subject::EARLIER, (before, start))),
    );
    let mut known = entries.flat_map(|entry| {
        let items = messages(&scenario.populations[usize::from(entry.population)], entry.key);
        (0..items).map(move |item| (entry, Subject { item, ..entry.subject }))
    });
    std::iter::from_fn(move || {
        known.find_map(|(entry, subject)| {
            let visits = readers.iter().flat_map(|of| of.of(subject, entry.at));
            let visits: Vec<Arrival> = visits.filter(|visit| visit.at >= start).collect();
            let entered = timeline.scenario_nanos(entry.at);
            (!visits.is_empty()).then_some(Earlier { subject, key: entry.key, entered, visits })
        })
    })
}

fn is_brought_by_messages(population: &Population) -> bool {
    matches!(&population.arrivals, Arrivals::After(after) if after.cause == Cause::Message)
}

/// The step that makes the system send the most messages.
fn sending(population: &Population) -> Option<&Step> {
    population.steps.iter().filter(|step| step.messages > 0).max_by_key(|step| step.messages)
}

/// How many messages a journey of before the run has brought: the step's chance and turn are drawn.
fn messages(population: &Population, key: Key) -> u16 {
    let Some(step) = sending(population) else { return 0 };
    let chance = step.chance / f64::from(step.every.unwrap_or(1).max(1));
    if key.word("sent").unit() < chance { step.messages.min(u32::from(u16::MAX)) as u16 } else { 0 }
}
