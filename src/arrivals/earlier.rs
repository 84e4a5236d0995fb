//! What was entered before the run starts and still sends readers into it.

use super::followers::Followers;
use super::merge::Planned;
use super::stream::Stream;
use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Cause, Population, Scenario, Subject, Timeline};
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
    let senders: Vec<Option<Sender>> = scenario.populations.iter().map(Sender::of).collect();
    let sending = (0..).zip(&scenario.populations).zip(&senders).filter(|(_, sender)| sender.is_some());
    let mut entries = Planned::new(
        sending.filter_map(|(of, _)| Stream::new(of, &timeline, seed, Subject::EARLIER, (before, start))),
    );
    let mut present: Option<(Arrival, std::ops::Range<u16>)> = None;
    let mut visits = Vec::new();
    // Of millions of entries most bring nobody any more.
    std::iter::from_fn(move || {
        loop {
            let Some((entry, items)) = &mut present else {
                let entry = entries.next()?;
                let sender = senders[usize::from(entry.population)];
                present = Some((entry, 0..sender.map_or(0, |sender| sender.messages(entry.key))));
                continue;
            };
            for item in items {
                let subject = Subject { item, ..entry.subject };
                for of in &readers {
                    visits.extend(of.since(start, subject, entry.at));
                }
                if !visits.is_empty() {
                    let (key, entered) = (entry.key, timeline.scenario_nanos(entry.at));
                    return Some(Earlier { subject, key, entered, visits: std::mem::take(&mut visits) });
                }
            }
            present = None;
        }
    })
}

fn is_brought_by_messages(population: &Population) -> bool {
    matches!(&population.arrivals, Arrivals::After(after) if after.cause == Cause::Message)
}

/// What the journeys of a population make the system send.
#[derive(Debug, Clone, Copy)]
struct Sender {
    messages: u16,
    chance: f64,
}

impl Sender {
    /// Of the step that makes it send the most messages.
    fn of(population: &Population) -> Option<Self> {
        let steps = population.steps.iter().filter(|step| step.messages > 0);
        let step = steps.max_by_key(|step| step.messages)?;
        Some(Self {
            messages: step.messages.min(u32::from(u16::MAX)) as u16,
            chance: step.chance / f64::from(step.every.unwrap_or(1).max(1)),
        })
    }

    /// How many messages a journey of before the run has brought: the step's chance and turn are drawn.
    fn messages(self, key: Key) -> u16 {
        if key.word("sent").unit() < self.chance { self.messages } else { 0 }
    }
}
