//! Journeys that will come because something brought them: millions of them, for hours, in 24 bytes each.
//!
//! They lie in buckets of equal length until their time comes; then the bucket is put in order. A bucket is a list of
//! chunks, so that nothing is moved when it grows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::rng::Key;
use crate::scenario::{Arrival, Subject};
use crate::units::Offset;

/// Buckets that a run is divided into, unless they were longer than 32 bits can tell.
const BUCKETS: i64 = 1 << 15;
const LONGEST: u32 = 32;
/// Visits of a chunk.
const CHUNK: usize = 21;
const NONE: u32 = u32::MAX;
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
    buckets: Vec<Bucket>,
    chunks: Vec<Chunk>,
    /// The first chunk that is free.
    free: u32,
    start: i64,
    /// Length of a bucket, as a power of two of nanoseconds.
    shift: u32,
}

/// A visit; its instant is told by its bucket and the time since the bucket began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    since: u32,
    key: Key,
    population: u16,
    /// The population of its subject.
    by: u16,
    /// Journey and item of its subject.
    subject: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// The chunk that is being filled, and how full it is.
    chunk: u32,
    filled: u32,
    /// When the first visit comes.
    least: u32,
}

#[derive(Debug, Clone)]
struct Chunk {
    visits: [Visit; CHUNK],
    /// The chunk that was filled before it.
    before: u32,
}

const EMPTY: Bucket = Bucket { chunk: NONE, filled: CHUNK as u32, least: u32::MAX };

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
            buckets: vec![EMPTY; (length >> shift) as usize + 1],
            chunks: Vec::new(),
            free: NONE,
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
        let visit = Visit {
            since: (at - self.beginning(index)) as u32,
            key: arrival.key,
            population: arrival.population,
            by,
            subject: u64::from(item) << (EARLIER + 1)
                | u64::from(journey & Subject::EARLIER != 0) << EARLIER
                | journey & !Subject::EARLIER,
        };
        self.next = self.next.min(at);
        if index < self.present {
            self.added.push(Reverse(visit));
        } else {
            self.file(index, visit);
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
        let visit = match (self.row.last(), self.added.peek()) {
            (Some(first), Some(Reverse(other))) if other < first => self.added.pop()?.0,
            (None, _) => self.added.pop()?.0,
            _ => self.row.pop()?,
        };
        let at = self.next;
        self.look();
        let earlier = if visit.subject >> EARLIER & 1 == 1 { Subject::EARLIER } else { 0 };
        let subject = Subject {
            population: visit.by,
            journey: visit.subject & ((1 << EARLIER) - 1) | earlier,
            item: (visit.subject >> (EARLIER + 1)) as u16,
        };
        Some(Arrival { at: Offset::from_nanos(at), population: visit.population, subject, key: visit.key })
    }

    /// Finds out when the next one comes.
    fn look(&mut self) {
        let here = self.row.last().into_iter().chain(self.added.peek().map(|Reverse(visit)| visit));
        self.next = match here.map(|visit| visit.since).min() {
            Some(since) => self.beginning(self.present - 1) + i64::from(since),
            None => {
                let later = (self.present..).zip(&self.buckets[self.present..]);
                let next = later.into_iter().find(|(_, bucket)| bucket.chunk != NONE);
                next.map_or(i64::MAX, |(index, bucket)| self.beginning(index) + i64::from(bucket.least))
            }
        };
    }

    fn beginning(&self, bucket: usize) -> i64 {
        self.start + ((bucket as i64) << self.shift)
    }

    fn file(&mut self, index: usize, visit: Visit) {
        let bucket = &mut self.buckets[index];
        if bucket.filled as usize == CHUNK {
            let before = bucket.chunk;
            bucket.chunk = self.free;
            bucket.filled = 0;
            match self.chunks.get_mut(self.free as usize) {
                Some(chunk) => self.free = std::mem::replace(&mut chunk.before, before),
                None => {
                    bucket.chunk = self.chunks.len() as u32;
                    self.chunks.push(Chunk { visits: [Visit::default(); CHUNK], before });
                }
            }
        }
        bucket.least = bucket.least.min(visit.since);
        self.chunks[bucket.chunk as usize].visits[bucket.filled as usize] = visit;
        bucket.filled += 1;
    }

    /// The bucket becomes the present one: its visits stand in a row.
    fn open(&mut self, index: usize) {
        let Bucket { mut chunk, mut filled, .. } = std::mem::replace(&mut self.buckets[index], EMPTY);
        while chunk != NONE {
            let of = &mut self.chunks[chunk as usize];
            self.row.extend_from_slice(&of.visits[..filled as usize]);
            let before = std::mem::replace(&mut of.before, self.free);
            self.free = chunk;
            (chunk, filled) = (before, CHUNK as u32);
        }
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
    fn a_visit_takes_24_bytes_and_places_are_used_again() {
        assert_eq!(size_of::<Visit>(), 24);
        let mut visits = Visits::new(0, 1_000_000);
        for round in 0..50 {
            (0..1_000).for_each(|number| visits.add(&arrival(round * 20_000 + number, number as u64)));
            (0..1_000).for_each(|_| assert!(visits.take().is_some()));
        }
        assert!(visits.chunks.len() <= 1_000 / CHUNK + 1_000_000 / 20_000 + 50, "{}", visits.chunks.len());
    }
}
