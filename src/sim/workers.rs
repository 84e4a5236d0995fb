//! When each server of a station is next free: the vector of Kiefer and Wolfowitz (Trans. AMS 78, 1955).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// So many are looked through faster than a heap is kept.
const FEW: usize = 8;

/// The free times of the servers of one station.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    /// When the first server is free; `i64::MAX` if there is none.
    first: i64,
    free: Free,
    /// Until when those are busy who leave when they have finished.
    leaving: Vec<i64>,
}

#[derive(Debug, Clone)]
enum Free {
    /// In any order, places without a server at `i64::MAX`; and the place of the first.
    Few([i64; FEW], usize),
    Many(BinaryHeap<Reverse<i64>>),
}

impl Workers {
    /// `count` servers that are free from `at` on.
    pub(super) fn new(count: u32, at: i64) -> Self {
        let mut workers = Self { first: i64::MAX, free: Free::Few([i64::MAX; FEW], 0), leaving: Vec::new() };
        workers.set(vec![at; count as usize]);
        workers
    }

    /// When the first server is free; `i64::MAX` if there is none.
    #[inline]
    pub(super) const fn first_free(&self) -> i64 {
        self.first
    }

    /// The server that is free first is busy until `until`, which is not before it was free.
    #[inline]
    pub(super) fn engage(&mut self, until: i64) {
        // A place without a server is told by the last instant.
        let until = until.min(i64::MAX - 1);
        match &mut self.free {
            Free::Few(times, place) => {
                times[*place % FEW] = until;
                (self.first, *place) = least(times);
            }
            Free::Many(times) => {
                if let Some(mut first) = times.peek_mut() {
                    *first = Reverse(until);
                }
                self.first = times.peek().map_or(i64::MAX, |Reverse(first)| *first);
            }
        }
    }

    /// From `at` on there are `count` servers: those that are idle leave first, then those that finish first, when they
    /// have finished; and those who are about to leave stay before new ones come.
    pub(super) fn resize(&mut self, count: u32, at: i64) {
        let count = count as usize;
        let mut busy = match std::mem::replace(&mut self.free, Free::Few([i64::MAX; FEW], 0)) {
            Free::Few(times, _) => times.into_iter().filter(|time| *time != i64::MAX).collect(),
            Free::Many(times) => times.into_iter().map(|Reverse(time)| time).collect::<Vec<_>>(),
        };
        busy.append(&mut self.leaving);
        busy.retain(|until| *until > at);
        busy.sort_unstable();
        let too_many = busy.len().saturating_sub(count);
        self.leaving.extend(busy.drain(..too_many));
        busy.resize(count, at);
        self.set(busy);
    }

    fn set(&mut self, times: Vec<i64>) {
        self.free = if times.len() <= FEW {
            let mut few = [i64::MAX; FEW];
            few[..times.len()].copy_from_slice(&times);
            Free::Few(few, least(&few).1)
        } else {
            Free::Many(times.iter().copied().map(Reverse).collect())
        };
        self.first = times.into_iter().min().unwrap_or(i64::MAX);
    }
}

/// The least, and where.
#[inline]
fn least(times: &[i64; FEW]) -> (i64, usize) {
    // As a tournament, so that comparisons do not wait for one another.
    let first = |a: (i64, usize), b: (i64, usize)| if b.0 < a.0 { b } else { a };
    let pair = |n: usize| first((times[n], n), (times[n + 1], n + 1));
    first(first(pair(0), pair(2)), first(pair(4), pair(6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_free_server_is_always_engaged(
            count in 1_u32..40, services in prop::collection::vec(0_i64..1_000, 1..200)
        ) {
            let mut workers = Workers::new(count, 0);
            let mut plain = vec![0_i64; count as usize];
            for service in services {
                plain.sort_unstable();
                prop_assert_eq!(workers.first_free(), plain[0]);
                workers.engage(plain[0] + service);
                plain[0] += service;
            }
        }
    }

    #[test]
    fn who_is_free_first_leaves_first() {
        let mut workers = Workers::new(3, 0);
        workers.engage(10);
        workers.engage(20);
        workers.resize(1, 5);
        assert_eq!(workers.first_free(), 20);
        workers.resize(3, 7);
        assert_eq!(workers.first_free(), 7);
        workers.resize(0, 8);
        assert_eq!(workers.first_free(), i64::MAX);
    }

    #[test]
    fn who_is_called_back_while_leaving_finishes_first() {
        let mut workers = Workers::new(2, 0);
        workers.engage(30);
        workers.engage(40);
        workers.resize(0, 10);
        workers.resize(1, 20);
        assert_eq!(workers.first_free(), 40);
        workers.resize(3, 35);
        assert_eq!(workers.first_free(), 35);
        workers.engage(50);
        workers.engage(60);
        assert_eq!(workers.first_free(), 40);
    }
}
