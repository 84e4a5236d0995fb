//! Journeys that will come because something brought them: millions of them, for hours, in 24 bytes each.
//!
//! They lie on a shelf of buckets of equal length until their time comes; then the bucket is put in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::shelf::{Kept, Shelf};
use crate::rng::Key;
use crate::scenario::{Arrival, Subject};
use crate::units::Offset;

/// Buckets that a run is divided into, unless they were longer than 32 bits can tell.
const BUCKETS: i64 = 1 << 15;
const LONGEST: u32 = 32;
/// The bit that stands for [`Subject::EARLIER`]; the item of the subject stands above it.
const EARLIER: u32 = 47;

/// Journeys to come, earliest first; those of the same instant in the order of their keys.
#[derive(Debug)]
pub(super) struct Visits {
    /// When the next comes; `i64::MAX` when none does.
    next: i64,
    /// Those of the present bucket, the last first.
    row: Vec<Visit>,
    /// Those that were brought into the present bucket since.
    added: BinaryHeap<Reverse<Visit>>,
    /// The number of the present bucket, from 1 on, which is the index of the next.
    present: usize,
    later: Shelf<Visitor>,
    start: i64,
    /// Length of a bucket, as a power of two of nanoseconds.
    shift: u32,
}

/// A visitor, and when it comes: the time since its bucket began.
type Visit = (u32, Visitor);

/// Who comes. Numbers are in halves, so that nothing lies between a visitor and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visitor {
    key: [u32; 2],
    population: u16,
    /// The population of its subject.
    by: u16,
    /// Journey and item of its subject.
    subject: [u32; 2],
}

impl Kept for Visitor {
    fn save(&self, words: &mut Vec<u32>) {
        let Self { key, population, by, subject } = *self;
        words.extend([key[0], key[1], u32::from(population) << 16 | u32::from(by), subject[0], subject[1]]);
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        let (key, populations) = ([next(), next()], next());
        let (population, by) = ((populations >> 16) as u16, populations as u16);
        Self { key, population, by, subject: [next(), next()] }
    }
}

const fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

fn whole([high, low]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

impl Visits {
    /// None so far, of a run between two instants.
    pub(super) fn new(start: i64, end: i64) -> Self {
        let length = end.saturating_sub(start).max(1);
        let shift = (0..LONGEST).find(|shift| length >> shift < BUCKETS).unwrap_or(LONGEST);
        Self {
            next: i64::MAX,
            row: Vec::new(),
            added: BinaryHeap::new(),
            present: 0,
            later: Shelf::new((length >> shift) as usize + 1),
            start,
            shift,
        }
    }

    /// When the next comes; `i64::MAX` when none does.
    #[inline]
    pub(super) const fn next_at(&self) -> i64 {
        self.next
    }

    /// A journey will come, within the run and not before those that were taken.
    pub(super) fn add(&mut self, arrival: &Arrival) {
        let at = arrival.at.nanos();
        let Subject { population: by, journey, item } = arrival.subject;
        let index = ((at - self.start) >> self.shift) as usize;
        let since = (at - self.beginning(index)) as u32;
        let visitor = Visitor {
            key: halves(arrival.key.to_number()),
            population: arrival.population,
            by,
            subject: halves(
                u64::from(item) << (EARLIER + 1)
                    | u64::from(journey & Subject::EARLIER != 0) << EARLIER
                    | journey & !Subject::EARLIER,
            ),
        };
        self.next = self.next.min(at);
        if index < self.present {
            self.added.push(Reverse((since, visitor)));
        } else {
            self.later.put(index, since, visitor);
        }
    }

    /// The next journey.
    pub(super) fn take(&mut self) -> Option<Arrival> {
        if self.next == i64::MAX {
            return None;
        }
        if self.row.is_empty() && self.added.is_empty() {
            self.open(((self.next - self.start) >> self.shift) as usize);
        }
        let (_, Visitor { key, population, by, subject }) = match (self.row.last(), self.added.peek()) {
            (Some(first), Some(Reverse(other))) if other < first => self.added.pop()?.0,
            (None, _) => self.added.pop()?.0,
            _ => self.row.pop()?,
        };
        let at = self.next;
        self.look();
        let subject = whole(subject);
        let earlier = if subject >> EARLIER & 1 == 1 { Subject::EARLIER } else { 0 };
        let subject = Subject {
            population: by,
            journey: subject & ((1 << EARLIER) - 1) | earlier,
            item: (subject >> (EARLIER + 1)) as u16,
        };
        Some(Arrival { at: Offset::from_nanos(at), population, subject, key: Key::from_number(whole(key)) })
    }

    /// Finds out when the next one comes.
    fn look(&mut self) {
        let here = self.row.last().into_iter().chain(self.added.peek().map(|Reverse(visit)| visit));
        self.next = match here.map(|(since, _)| *since).min() {
            Some(since) => self.beginning(self.present - 1) + i64::from(since),
            None => {
                let next = self.later.next(self.present);
                next.map_or(i64::MAX, |(index, least)| self.beginning(index) + i64::from(least))
            }
        };
    }

    fn beginning(&self, bucket: usize) -> i64 {
        self.start + ((bucket as i64) << self.shift)
    }

    /// The bucket becomes the present one: its visits stand in a row.
    fn open(&mut self, index: usize) {
        self.later.empty(index, |since, visitor| self.row.push((since, visitor)));
        self.row.sort_unstable_by(|a, b| b.cmp(a));
        self.present = index + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arrival(at: i64, number: u64) -> Arrival {
        let journey = number | if number.is_multiple_of(3) { Subject::EARLIER } else { 0 };
        Arrival {
            at: Offset::from_nanos(at),
            population: number as u16 % 7,
            subject: Subject { population: 3, journey, item: u16::MAX - number as u16 },
            key: Key::root(number),
        }
    }

    proptest! {
        #[test]
        fn visits_come_in_order_and_as_they_were_brought(
            start in -4_000_000_000_000_i64..0,
            length in prop_oneof![1_i64..100, 1_i64..200_000_000_000_000],
            rounds in prop::collection::vec((prop::collection::vec(0.0..1.0_f64, 0..80), 0_usize..70), 1..10),
        ) {
            let mut visits = Visits::new(start, start + length);
            let (mut plain, mut now, mut number) = (Vec::new(), start, 0_u64);
            for (entries, takes) in rounds {
                for share in entries {
                    // Most come soon.
                    let at = now + ((start + length - now) as f64 * share.powi(6)) as i64;
                    if at < start + length {
                        number += 1;
                        visits.add(&arrival(at, number));
                        plain.push(arrival(at, number));
                    }
                }
                plain.sort_by_key(|visit| std::cmp::Reverse((visit.at, visit.key)));
                for _ in 0..takes {
                    prop_assert_eq!(visits.next_at(), plain.last().map_or(i64::MAX, |visit| visit.at.nanos()));
                    let taken = visits.take();
                    prop_assert_eq!(taken, plain.pop());
                    now = taken.map_or(now, |visit| visit.at.nanos());
                }
            }
        }
    }

    #[test]
    fn a_visit_takes_24_bytes() {
        assert_eq!(size_of::<Visit>(), 24);
    }
}
