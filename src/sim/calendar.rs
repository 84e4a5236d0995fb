//! What is due later, in order.
//!
//! Few things are kept in a heap. Of many, those of the present 2^20 ns (a millisecond) are in the heap, those of the
//! present 2^32 ns (4.3 s) in 4,096 buckets of 2^20 ns, those of the next 39 hours in 32,768 buckets of 2^32 ns, and what
//! comes after that is put aside (a timing wheel: Varghese and Lauck, SOSP 1987). A thing is moved twice at most, so its
//! cost does not grow with how many there are. All buckets are lists through one slab: memory is that of the most that
//! were there at once.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::buckets::{Buckets, Nodes};

/// Beyond this many the buckets are used.
const FEW: usize = 24;
/// Width of a fine and of a coarse bucket, as powers of two of nanoseconds.
const FINE: u32 = 20;
const COARSE: u32 = 32;
const FINE_COUNT: usize = 1 << (COARSE - FINE);
const COARSE_COUNT: usize = 1 << 15;
/// What is due from here on never comes, and needs no bucket.
const LAST: i64 = i64::MAX - (1 << COARSE);

/// Things to come, earliest first. Things of the same instant come in the order of their `order` number, whenever they
/// were entered, so that two engines that enter them in another sequence still take them out in the same.
#[derive(Debug, Clone)]
pub(super) struct Calendar<T> {
    /// What is due before `end`; not empty unless nothing is due at all.
    heap: BinaryHeap<Reverse<Entry<T>>>,
    /// `i64::MAX` while there are few things and all are in the heap.
    end: i64,
    nodes: Nodes<Entry<T>>,
    fine: Buckets,
    coarse: Buckets,
    /// Where the fine and the coarse buckets begin, in their own widths.
    origins: [i64; 2],
    far: Vec<Entry<T>>,
}

/// One thing to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<T> {
    /// When, in nanoseconds since the beginning of the measured part.
    pub(super) at: i64,
    /// Which of several at that instant comes first.
    pub(super) order: u64,
    /// What.
    pub(super) what: T,
}

impl<T: Copy> Calendar<T> {
    /// Nothing to come.
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            end: i64::MAX,
            nodes: Nodes::new(),
            fine: Buckets::default(),
            coarse: Buckets::default(),
            origins: [0; 2],
            far: Vec::new(),
        }
    }

    /// Enters a thing.
    #[inline]
    pub(super) fn enter(&mut self, at: i64, order: u64, what: T) {
        let entry = Entry { at, order, what };
        if at < self.end {
            self.heap.push(Reverse(entry));
            if self.end == i64::MAX && self.heap.len() > FEW && at < LAST {
                self.spread();
            }
        } else if self.end == i64::MAX {
            self.heap.push(Reverse(entry));
        } else {
            self.file(entry);
        }
    }

    /// When the next thing comes; `i64::MAX` when there is none.
    #[inline]
    pub(super) fn next_at(&self) -> i64 {
        self.heap.peek().map_or(i64::MAX, |Reverse(entry)| entry.at)
    }

    /// Takes the next thing.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Entry<T>> {
        let Reverse(entry) = self.heap.pop()?;
        if self.heap.is_empty() && self.end != i64::MAX {
            self.refill();
        }
        Some(entry)
    }

    /// There are many: the heap keeps those of the first fine bucket.
    fn spread(&mut self) {
        if self.fine.is_new() {
            self.fine = Buckets::new(FINE_COUNT);
            self.coarse = Buckets::new(COARSE_COUNT);
        }
        let all = std::mem::take(&mut self.heap).into_vec();
        let first = all.iter().map(|Reverse(entry)| entry.at).min().unwrap_or(0);
        if first >= LAST {
            self.heap = all.into();
            return;
        }
        self.origins = [first >> COARSE << (COARSE - FINE), first >> COARSE];
        self.end = ((first >> FINE) + 1) << FINE;
        for Reverse(entry) in all {
            if entry.at < self.end {
                self.heap.push(Reverse(entry));
            } else {
                self.file(entry);
            }
        }
    }

    /// Files what is due at `end` or later.
    #[inline]
    fn file(&mut self, entry: Entry<T>) {
        let fine = (entry.at >> FINE) - self.origins[0];
        if (0..FINE_COUNT as i64).contains(&fine) {
            self.fine.add(fine as usize, entry, &mut self.nodes);
            return;
        }
        let coarse = (entry.at >> COARSE) - self.origins[1];
        if (0..COARSE_COUNT as i64).contains(&coarse) {
            self.coarse.add(coarse as usize, entry, &mut self.nodes);
        } else {
            self.far.push(entry);
        }
    }

    /// The heap is empty: it gets the things of the next bucket that has any.
    #[cold]
    fn refill_from_afar(&mut self) {
        if let Some(bucket) = self.coarse.first() {
            self.origins[0] = (self.origins[1] + bucket as i64) << (COARSE - FINE);
            let mut list = self.coarse.empty(bucket);
            while let Some(node) = list {
                let (entry, next) = self.nodes.at(node);
                let fine = (entry.at >> FINE) - self.origins[0];
                self.fine.link(fine as usize, node, &mut self.nodes);
                list = next;
            }
            self.refill();
        } else {
            self.end = i64::MAX;
            let far = std::mem::take(&mut self.far);
            self.heap.extend(far.into_iter().map(Reverse));
            if self.heap.len() > FEW {
                self.spread();
            }
        }
    }

    #[inline]
    fn refill(&mut self) {
        let Some(bucket) = self.fine.first() else { return self.refill_from_afar() };
        self.end = (self.origins[0] + bucket as i64 + 1).checked_mul(1 << FINE).unwrap_or(i64::MAX);
        let mut list = self.fine.empty(bucket);
        while let Some(node) = list {
            let (entry, next) = self.nodes.at(node);
            self.heap.push(Reverse(entry));
            self.nodes.free(node);
            list = next;
        }
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
                calendar.enter(*at, *order, ());
            }
            let mut sorted = entries;
            sorted.sort_unstable();
            for (at, order) in sorted {
                prop_assert_eq!(calendar.next_at(), at);
                let entry = calendar.take().unwrap();
                prop_assert_eq!((entry.at, entry.order), (at, order));
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
                        calendar.enter(thing.0, thing.1, ());
                    }
                }
                for _ in 0..takes {
                    let taken = calendar.take().map(|entry| (entry.at, entry.order));
                    prop_assert_eq!(taken, plain.pop_first());
                    now = taken.map_or(now, |(at, _)| at);
                }
                prop_assert_eq!(calendar.next_at(), plain.first().map_or(i64::MAX, |(at, _)| *at));
            }
        }
    }
}
