//! What is due later, in order.
//!
//! A few things are kept in a row. Of many, those of the present 2^19 ns (half a millisecond) are in the row, those of the
//! present block of 2^32 ns (4.3 s) and of the next in buckets of 2^19 ns, those of the 39 hours after the first on a shelf
//! (`shelf.rs`) of 32,768 buckets of a block each, and what comes after that is put aside (a timing wheel: Varghese and
//! Lauck, SOSP 1987). A thing is moved twice at most, so its cost does not grow with how many there are.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::buckets::{Buckets, NONE, Nodes};
use super::shelf::{Kept, Shelf};
use crate::journey::Journey;

/// As many as a thing that is entered moves in the row at most; beyond, the buckets are used.
const FEW: usize = 24;
/// Width of a bucket and of a block, as powers of two of nanoseconds.
const BUCKET: u32 = 19;
const BLOCK: u32 = 32;
/// Buckets of a block.
const COUNT: usize = 1 << (BLOCK - BUCKET);
const BLOCKS: usize = 1 << 15;
/// What is due from here on never comes, and needs no bucket.
const LAST: i64 = i64::MAX - (1 << BLOCK);

/// Something that may be due at the same instant as others.
pub(super) trait Ranked: Kept {
    /// Which of several comes first: the smallest.
    fn rank(&self) -> u64;
}

impl Ranked for Journey {
    fn rank(&self) -> u64 {
        self.arrival().key.bits()
    }
}

/// Things to come, earliest first. Things of the same instant come in the order of their rank, whenever they were entered,
/// so that two engines that enter them in another sequence still take them out in the same.
#[derive(Debug)]
pub(super) struct Calendar<T> {
    /// When the next thing comes.
    next: i64,
    /// What is due before `end`, the last first; with `crowd` not empty unless nothing is due at all.
    row: Vec<(i64, u32)>,
    /// What else is due before `end`: it was entered when the row was full.
    crowd: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// `i64::MAX` while there are few things and all are in the row.
    end: i64,
    nodes: Nodes<T>,
    /// The present block, by its number since time 0; it and the next have buckets, those of even number the first.
    block: i64,
    buckets: [Buckets; 2],
    /// Later blocks, by their number since the first.
    blocks: Shelf<T>,
    first: i64,
    far: Vec<u32>,
}

impl<T: Ranked> Calendar<T> {
    /// Nothing to come.
    pub(super) fn new() -> Self {
        Self {
            next: i64::MAX,
            row: Vec::new(),
            crowd: BinaryHeap::new(),
            end: i64::MAX,
            nodes: Nodes::new(),
            block: 0,
            buckets: Default::default(),
            blocks: Shelf::new(0),
            first: 0,
            far: Vec::new(),
        }
    }

    /// Enters a thing.
    #[inline(always)]
    pub(super) fn enter(&mut self, at: i64, what: T) {
        if at < self.end || self.end == i64::MAX {
            let node = self.nodes.add(at, what);
            self.line_up(at, node);
        } else if at >> BLOCK <= self.block + 1 {
            let node = self.nodes.add(at, what);
            self.file(at, node);
        } else {
            self.put_away(at, what);
        }
    }

    /// When the next thing comes; `i64::MAX` when there is none.
    #[inline]
    pub(super) fn next_at(&self) -> i64 {
        self.next
    }

    /// Takes the next thing, and when it is due.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<(i64, T)> {
        if !self.crowd.is_empty() {
            return self.take_of_crowd();
        }
        let (at, node) = self.row.pop()?;
        match self.row.last() {
            Some((next, _)) => self.next = *next,
            None => self.refill(),
        }
        Some((at, self.nodes.remove(node)))
    }

    #[inline(never)]
    fn take_of_crowd(&mut self) -> Option<(i64, T)> {
        let Reverse((at, rank, node)) = *self.crowd.peek()?;
        let (at, node) = match self.row.last() {
            Some(first) if (first.0, self.nodes.what(first.1).rank()) <= (at, rank) => self.row.pop()?,
            _ => {
                self.crowd.pop();
                (at, node)
            }
        };
        if self.row.is_empty() && self.crowd.is_empty() {
            self.refill();
        } else {
            self.look();
        }
        Some((at, self.nodes.remove(node)))
    }

    #[inline]
    fn look(&mut self) {
        let crowd = self.crowd.peek().map_or(i64::MAX, |Reverse((at, ..))| *at);
        self.next = self.row.last().map_or(i64::MAX, |(at, _)| *at).min(crowd);
    }

    /// Puts what is due before `end` in its place in the row.
    fn line_up(&mut self, at: i64, node: u32) {
        if self.row.len() >= FEW {
            self.crowd.push(Reverse((at, self.nodes.what(node).rank(), node)));
            if self.end == i64::MAX && at < LAST {
                self.spread();
            }
        } else {
            let nodes = &self.nodes;
            let later = |other: &(i64, u32)| after(nodes, *other, (at, node)) == Ordering::Greater;
            let place = self.row.iter().rposition(later).map_or(0, |later| later + 1);
            self.row.insert(place, (at, node));
        }
        self.next = self.next.min(at);
    }

    /// There are many: the row keeps those of the first bucket.
    #[cold]
    fn spread(&mut self) {
        self.look();
        if self.next >= LAST {
            return;
        }
        if self.buckets[0].is_new() {
            self.buckets = [Buckets::new(COUNT), Buckets::new(COUNT)];
            self.blocks = Shelf::new(BLOCKS);
        }
        let crowd = std::mem::take(&mut self.crowd).into_iter().map(|Reverse((at, _, node))| (at, node));
        let all: Vec<(i64, u32)> = self.row.drain(..).chain(crowd).collect();
        self.block = self.next >> BLOCK;
        self.first = self.block;
        self.end = ((self.next >> BUCKET) + 1) << BUCKET;
        for (at, node) in all {
            if at < self.end {
                self.row.push((at, node));
            } else if at >> BLOCK <= self.block + 1 {
                self.file(at, node);
            } else {
                let what = self.nodes.remove(node);
                self.put_away(at, what);
            }
        }
        self.sort();
    }

    /// Files what is due at `end` or later, in the present block or the next.
    #[inline(always)]
    fn file(&mut self, at: i64, node: u32) {
        let bucket = (at >> BUCKET) as usize % COUNT;
        self.buckets[(at >> BLOCK & 1) as usize].add(bucket, node, &mut self.nodes);
    }

    /// Puts away what is due after the next block.
    #[inline(never)]
    fn put_away(&mut self, at: i64, what: T) {
        let number = (at >> BLOCK) - self.first;
        if number < BLOCKS as i64 {
            // The lower bits are the time since the block began.
            self.blocks.put(number as usize, at as u32, what);
        } else {
            self.far.push(self.nodes.add(at, what));
        }
    }

    /// The row is empty: it gets the things of the next bucket that has any.
    fn refill(&mut self) {
        if self.end == i64::MAX {
            self.next = i64::MAX;
            return;
        }
        let buckets = &mut self.buckets[(self.block & 1) as usize];
        let Some(bucket) = buckets.first() else { return self.go_on() };
        let start = (self.block << BLOCK) + ((bucket as i64) << BUCKET);
        self.end = start.checked_add(1 << BUCKET).unwrap_or(i64::MAX);
        let mut node = buckets.empty(bucket);
        while node != NONE {
            let (at, next) = self.nodes.at(node);
            self.row.push((at, node));
            node = next;
        }
        // The next node is asked of memory before it is needed.
        if let Some(bucket) = buckets.first() {
            std::hint::black_box(self.nodes.at(buckets.head(bucket)));
        }
        match *self.row.as_mut_slice() {
            [(at, _)] => self.next = at,
            [(a, _), (b, _)] if a != b => {
                if a < b {
                    self.row.swap(0, 1);
                }
                self.next = a.min(b);
            }
            _ => {
                self.sort();
                self.look();
            }
        }
    }

    /// The present block is over: the next that has anything becomes the present one.
    #[cold]
    fn go_on(&mut self) {
        if self.buckets[(self.block & 1 ^ 1) as usize].first().is_some() {
            self.block += 1;
        } else if let Some((number, _)) = self.blocks.next((self.block - self.first) as usize) {
            self.block = self.first + number as i64;
        } else {
            self.end = i64::MAX;
            let nodes = &self.nodes;
            self.row.extend(self.far.drain(..).map(|node| (nodes.at(node).0, node)));
            self.sort();
            self.look();
            if self.row.len() > FEW {
                self.spread();
                self.look();
            }
            return;
        }
        for block in [self.block, self.block + 1] {
            let (nodes, buckets) = (&mut self.nodes, &mut self.buckets[(block & 1) as usize]);
            self.blocks.empty((block - self.first) as usize, |time, what| {
                let node = nodes.add((block << BLOCK) + i64::from(time), what);
                buckets.add((time >> BUCKET) as usize, node, nodes);
            });
        }
        self.refill();
    }

    fn sort(&mut self) {
        let nodes = &self.nodes;
        self.row.sort_unstable_by(|a, b| after(nodes, *b, *a));
    }
}

/// Which of two things comes after the other.
#[inline]
fn after<T: Ranked>(nodes: &Nodes<T>, a: (i64, u32), b: (i64, u32)) -> Ordering {
    a.0.cmp(&b.0).then_with(|| nodes.what(a.1).rank().cmp(&nodes.what(b.1).rank()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Ranked for u64 {
        fn rank(&self) -> u64 {
            *self
        }
    }

    fn instant() -> impl Strategy<Value = i64> {
        prop_oneof![
            -50_i64..50,
            0_i64..5_000_000,
            -20_000_000_000_i64..20_000_000_000,
            0_i64..1 << 52,
            Just(i64::MAX),
            Just(i64::MAX - 1)
        ]
    }

    proptest! {
        #[test]
        fn things_come_out_as_a_stable_sort_would_put_them(
            entries in prop::collection::vec((instant(), 0_u64..1_000_000), 0..200)
        ) {
            let mut calendar = Calendar::new();
            for (at, order) in &entries {
                calendar.enter(*at, *order);
            }
            let mut sorted = entries;
            sorted.sort_unstable();
            for (at, order) in sorted {
                prop_assert_eq!(calendar.next_at(), at);
                prop_assert_eq!(calendar.take(), Some((at, order)));
            }
            prop_assert_eq!(calendar.next_at(), i64::MAX);
            prop_assert!(calendar.take().is_none());
        }

        #[test]
        fn what_is_entered_between_takings_finds_its_place(
            rounds in prop::collection::vec((prop::collection::vec((instant(), 0_u64..1_000_000), 0..60), 0_usize..50), 1..12)
        ) {
            let (mut calendar, mut plain, mut now) = (Calendar::new(), std::collections::BTreeSet::new(), 0);
            for (entries, takes) in rounds {
                for (after, order) in entries {
                    let thing = (after.saturating_add(now), order);
                    if plain.insert(thing) {
                        calendar.enter(thing.0, thing.1);
                    }
                }
                for _ in 0..takes {
                    let taken = calendar.take();
                    prop_assert_eq!(taken, plain.pop_first());
                    now = taken.map_or(now, |(at, _)| at);
                }
                prop_assert_eq!(calendar.next_at(), plain.first().map_or(i64::MAX, |(at, _)| *at));
            }
        }
    }
}
