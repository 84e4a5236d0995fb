//! What is due later, in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Things to come, earliest first. Things of the same instant come in the order of their `order` number, whenever they
/// were entered, so that two engines that enter them in another sequence still take them out in the same.
#[derive(Debug, Clone)]
pub(super) struct Calendar<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
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

impl<T> Calendar<T> {
    /// Nothing to come.
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    /// Enters a thing.
    #[inline]
    pub(super) fn enter(&mut self, at: i64, order: u64, what: T) {
        self.heap.push(Reverse(Entry { at, order, what }));
    }

    /// When the next thing comes; `i64::MAX` when there is none.
    #[inline]
    pub(super) fn next_at(&self) -> i64 {
        self.heap.peek().map_or(i64::MAX, |Reverse(entry)| entry.at)
    }

    /// Takes the next thing.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Entry<T>> {
        self.heap.pop().map(|Reverse(entry)| entry)
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

    proptest! {
        #[test]
        fn things_come_out_as_a_stable_sort_would_put_them(
            entries in prop::collection::vec((-50_i64..50, 0_u64..1_000_000), 0..200)
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
        }
    }
}
