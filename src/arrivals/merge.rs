//! All planned arrivals of a run, in order.

use super::stream::Stream;
use crate::scenario::{Arrival, Scenario, Timeline};

/// The planned arrivals of a run: all that does not depend on what the system answers, from the beginning of the run-in
/// to the end of the measured part, ordered by instant, then population, then number.
///
/// Populations are drawn apart, so a caller that leaves some out (`--only`) or takes every N-th (a shard) sees the others
/// unchanged.
pub fn planned(scenario: &Scenario, timeline: &Timeline, seed: u64) -> Planned {
    let run = (timeline.start(), timeline.end());
    Planned::new((0..).zip(&scenario.populations).filter_map(|of| Stream::new(of, timeline, seed, 0, run)))
}

/// An iterator over planned arrivals, in memory that does not grow. A clone goes on from the same place.
#[derive(Debug, Clone)]
pub struct Planned {
    streams: Vec<(Arrival, Stream)>,
}

impl Planned {
    pub(super) fn new(streams: impl Iterator<Item = Stream>) -> Self {
        Self { streams: streams.filter_map(|mut stream| Some((stream.next()?, stream))).collect() }
    }
}

impl Iterator for Planned {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let order = |(arrival, _): &&mut (Arrival, Stream)| (arrival.at, arrival.population);
        let (head, stream) = self.streams.iter_mut().min_by_key(order)?;
        let arrival = *head;
        match stream.next() {
            Some(next) => *head = next,
            None => self.streams.retain(|(head, _)| head.population != arrival.population),
        }
        Some(arrival)
    }
}
