//! What happened in one interval of a run, as it is collected.

use super::rows::Row;
use super::values::Values;
use super::{Clock, CounterRow, Layout, Sample};
use crate::scenario::Outcome;

/// One length for each clock, in microseconds; of clocks that do not apply, zero.
type Lengths = [u64; Clock::ALL.len()];

/// Counters and lengths of one interval, by cell (population and step). Emptied and used again.
#[derive(Debug, Default)]
pub(super) struct Interval {
    rows: Vec<CounterRow>,
    lengths: Vec<[Measured; Outcome::ALL.len()]>,
}

/// The lengths of the requests of one cell and outcome.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Of those that were sent when they were due: the response time, which is the service time.
    prompt: Values,
    others: Vec<Lengths>,
}

impl Measured {
    fn is_empty(&self) -> bool {
        self.prompt.is_empty() && self.others.is_empty()
    }

    /// Adds the lengths by a clock that applies.
    pub(super) fn add_to(&self, clock: Clock, values: &mut Values) {
        match clock {
            Clock::Response | Clock::Service => values.add(&self.prompt),
            Clock::Lag | Clock::Pacer | Clock::Lane => values.push_many(0, self.prompt.len()),
        }
        let column = clock as usize;
        self.others.iter().for_each(|lengths| values.push(lengths[column]));
    }
}

impl Interval {
    /// Makes room for the cells of a layout.
    pub(super) fn prepare(&mut self, layout: &Layout) {
        if self.rows.is_empty() {
            for place in (0..layout.populations.len())
                .flat_map(|p| (0..layout.populations[p].steps.len()).map(move |step| p << 16 | step))
            {
                self.rows.push(CounterRow::empty(layout, 0, place));
                self.lengths.push(Default::default());
            }
        }
    }

    /// Forgets what happened and keeps the room for it.
    pub(super) fn clear(&mut self) {
        for row in &mut self.rows {
            *row = CounterRow { population: row.population, step: row.step, ..CounterRow::default() };
        }
        for lengths in self.lengths.iter_mut().flatten() {
            lengths.prompt.clear();
            lengths.others.clear();
        }
    }

    #[inline]
    pub(super) fn row(&mut self, cell: usize) -> &mut CounterRow {
        &mut self.rows[cell]
    }

    pub(super) fn rows(&self) -> &[CounterRow] {
        &self.rows
    }

    /// Counts the end of a request; its lengths belong to the record when it was due in the measured part.
    #[inline]
    pub(super) fn ended(&mut self, cell: usize, sample: &Sample, measured: bool) {
        let row = &mut self.rows[cell];
        match sample.outcome {
            Outcome::Ok => row.ok += 1,
            Outcome::Failed => row.failed += 1,
            Outcome::Shed => row.shed += 1,
            Outcome::TimedOut => row.timed_out += 1,
            Outcome::NotSent => row.not_sent += 1,
            // It stays in flight: the gauge says so.
            Outcome::InFlight => {}
        }
        if measured {
            let of = &mut self.lengths[cell][index(sample.outcome)];
            if sample.sent == sample.intended && sample.released == sample.intended {
                of.prompt.push(sample.done.since(sample.intended).micros());
                return;
            }
            of.others.push(Clock::ALL.map(|clock| sample.length(clock).map_or(0, |span| span.micros())));
        }
    }

    /// The lengths in this interval, with every clock that applies to their outcome, where there are any.
    pub(super) fn measured(&self) -> impl Iterator<Item = (&CounterRow, Clock, Outcome, &Measured)> + '_ {
        self.rows.iter().zip(&self.lengths).flat_map(|(row, by_outcome)| {
            Clock::ALL.into_iter().flat_map(move |clock| {
                let filled = Outcome::ALL
                    .into_iter()
                    .zip(by_outcome)
                    .filter(move |(outcome, lengths)| !lengths.is_empty() && applies(clock, *outcome));
                filled.map(move |(outcome, lengths)| (row, clock, outcome, lengths))
            })
        })
    }
}

fn index(outcome: Outcome) -> usize {
    outcome as usize
}

fn applies(clock: Clock, outcome: Outcome) -> bool {
    match outcome {
        Outcome::NotSent => clock == Clock::Response,
        Outcome::InFlight => clock != Clock::Service,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Offset;

    #[test]
    fn a_clock_applies_to_an_outcome_exactly_when_a_sample_has_that_length() {
        let at = Offset::ZERO;
        for outcome in Outcome::ALL {
            let sample =
                Sample { population: 0, step: 0, outcome, intended: at, released: at, sent: at, done: at };
            for clock in Clock::ALL {
                assert_eq!(
                    applies(clock, outcome),
                    sample.length(clock).is_some(),
                    "{clock:?} of {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn clocks_and_outcomes_stand_in_the_order_of_their_lists() {
        assert!(Clock::ALL.iter().enumerate().all(|(place, &clock)| clock as usize == place));
        assert!(Outcome::ALL.iter().enumerate().all(|(place, &outcome)| index(outcome) == place));
    }
}
