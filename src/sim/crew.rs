//! When each of many servers is next free. Those who are idle are only counted, and those who are busy are put in order
//! only while requests wait: as long as somebody is idle, nobody needs to know who is free next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Looking through all that are busy must free one of so many, or they are put in order.
const WORTH: usize = 16;

/// The servers of one station, asked at instants that never go back.
#[derive(Debug, Clone)]
pub(super) struct Crew {
    /// So many are idle, beside those of whom it was not looked whether they still are busy.
    idle: usize,
    /// Until when the others are busy, in any order. Empty while they are in order.
    busy: Vec<i64>,
    /// All of them, in order; empty while they need not be.
    ordered: BinaryHeap<Reverse<i64>>,
    /// So many turns in a row have come at once although they are in order.
    calm: usize,
}

impl Crew {
    /// At least one server; when each is next free.
    pub(super) const fn new(times: Vec<i64>) -> Self {
        Self { idle: 0, busy: times, ordered: BinaryHeap::new(), calm: 0 }
    }

    /// When the turn of one who comes at `at` is.
    #[inline]
    pub(super) fn turn(&mut self, at: i64) -> i64 {
        if self.idle > 0 { at } else { self.look(at) }
    }

    /// The server that is free first is busy until `until`: follows [`Crew::turn`].
    #[inline]
    pub(super) fn engage(&mut self, until: i64) {
        if self.idle > 0 {
            self.idle -= 1;
            self.busy.push(until);
        } else if let Some(mut first) = self.ordered.peek_mut() {
            *first = Reverse(until);
        }
    }

    /// Until when each is busy who still is after `at`.
    pub(super) fn into_busy(self, at: i64) -> Vec<i64> {
        let ordered = self.ordered.into_iter().map(|Reverse(until)| until);
        self.busy.into_iter().chain(ordered).filter(|until| *until > at).collect()
    }

    /// Nobody is known to be idle.
    fn look(&mut self, at: i64) -> i64 {
        if let Some(Reverse(first)) = self.ordered.peek() {
            if *first > at {
                self.calm = 0;
                return *first;
            }
            self.calm += 1;
            if self.calm <= self.ordered.len() {
                return at;
            }
            self.busy.extend(self.ordered.drain().map(|Reverse(until)| until));
        }
        let all = self.busy.len();
        self.sweep(at);
        self.idle = all - self.busy.len();
        if self.idle * WORTH >= all {
            return at;
        }
        self.busy.resize(all, at);
        self.ordered = self.busy.drain(..).map(Reverse).collect();
        (self.idle, self.calm) = (0, 0);
        self.ordered.peek().map_or(i64::MAX, |Reverse(first)| at.max(*first))
    }

    /// Forgets those who are free at `at`. Which of them are is nobody's guess, so there is no branch on it.
    fn sweep(&mut self, at: i64) {
        let mut kept = 0;
        for place in 0..self.busy.len() {
            let until = self.busy[place];
            self.busy[kept] = until;
            kept += usize::from(until > at);
        }
        self.busy.truncate(kept);
    }
}
