//! When each server of a station is next free: the vector of Kiefer and Wolfowitz (Trans. AMS 78, 1955).

use super::crew::Crew;

/// So many are looked through each time.
const FEW: usize = 8;

/// The free times of the servers of one station.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    free: Free,
    /// Until when those are busy who leave when they have finished.
    leaving: Vec<i64>,
}

#[derive(Debug, Clone)]
enum Free {
    /// In any order, places without a server at `i64::MAX`; then when the first is free, and its place.
    Few([i64; FEW], i64, usize),
    Many(Crew),
}

impl Workers {
    /// `count` servers that are free from `at` on.
    pub(super) fn new(count: u32, at: i64) -> Self {
        Self { free: Free::of(vec![at; count as usize]), leaving: Vec::new() }
    }

    /// When the turn of one who comes at `at` is, which is not before those who came before; `i64::MAX` if there is no
    /// server.
    #[inline(always)]
    pub(super) fn turn(&mut self, at: i64) -> i64 {
        match &mut self.free {
            Free::Few(_, first, _) => at.max(*first),
            Free::Many(crew) => crew.turn(at),
        }
    }

    /// The server of the turn that was told last is busy until `until`, which is not before that turn.
    #[inline(always)]
    pub(super) fn engage(&mut self, until: i64) {
        // A place without a server is told by the last instant.
        let until = until.min(i64::MAX - 1);
        match &mut self.free {
            Free::Few(times, first, place) => {
                times[*place % FEW] = until;
                (*first, *place) = least(times);
            }
            Free::Many(crew) => crew.engage(until),
        }
    }

    /// From `at` on there are `count` servers: those that are idle leave first, then those that finish first, when they
    /// have finished; and those who are about to leave stay before new ones come.
    pub(super) fn resize(&mut self, count: u32, at: i64) {
        let count = count as usize;
        let mut busy = match std::mem::replace(&mut self.free, Free::of(Vec::new())) {
            Free::Few(times, ..) => times.into_iter().filter(|time| *time != i64::MAX).collect(),
            Free::Many(crew) => crew.into_busy(at),
        };
        busy.append(&mut self.leaving);
        busy.retain(|until| *until > at);
        busy.sort_unstable();
        let too_many = busy.len().saturating_sub(count);
        self.leaving.extend(busy.drain(..too_many));
        busy.resize(count, at);
        self.free = Free::of(busy);
    }
}

impl Free {
    fn of(times: Vec<i64>) -> Self {
        if times.len() > FEW {
            return Self::Many(Crew::new(times));
        }
        let mut few = [i64::MAX; FEW];
        few[..times.len()].copy_from_slice(&times);
        let (first, place) = least(&few);
        Self::Few(few, first, place)
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
            count in 1_u32..60, visits in prop::collection::vec((0_i64..100, 0_i64..1_000), 1..400), crowded: bool
        ) {
            let mut workers = Workers::new(count, 0);
            let (mut plain, mut at) = (vec![0_i64; count as usize], 0);
            for (gap, service) in visits {
                at += if crowded { gap / 10 } else { gap };
                plain.sort_unstable();
                let turn = at.max(plain[0]);
                prop_assert_eq!(workers.turn(at), turn);
                workers.engage(turn + service);
                plain[0] = turn + service;
            }
        }

        #[test]
        fn servers_that_come_and_go_leave_as_if_they_were_in_order(
            mut count in 1_u32..40,
            visits in prop::collection::vec((0_i64..60, 0_i64..1_000, prop::option::weighted(0.05, 0_u32..40)), 1..300),
        ) {
            let (mut workers, mut plain, mut at) = (Workers::new(count, 0), Workers::new(count, 0), 0);
            for (gap, service, change) in visits {
                at += gap;
                if let Some(other) = change {
                    count = other;
                    workers.resize(count, at);
                }
                // What is made anew at every step remembers nothing but who is busy.
                plain.resize(count, at);
                let turn = workers.turn(at);
                prop_assert_eq!(plain.turn(at), turn);
                if turn < i64::MAX {
                    workers.engage(turn + service);
                    plain.engage(turn + service);
                }
            }
        }
    }

    #[test]
    fn who_is_free_first_leaves_first() {
        let mut workers = Workers::new(3, 0);
        workers.engage(10);
        workers.engage(20);
        workers.resize(1, 5);
        assert_eq!(workers.turn(5), 20);
        workers.resize(3, 7);
        assert_eq!(workers.turn(7), 7);
        workers.resize(0, 8);
        assert_eq!(workers.turn(8), i64::MAX);
    }

    #[test]
    fn who_is_called_back_while_leaving_finishes_first() {
        let mut workers = Workers::new(2, 0);
        workers.engage(30);
        workers.engage(40);
        workers.resize(0, 10);
        workers.resize(1, 20);
        assert_eq!(workers.turn(20), 40);
        workers.resize(3, 35);
        assert_eq!(workers.turn(35), 35);
        workers.engage(50);
        workers.engage(60);
        assert_eq!(workers.turn(35), 40);
    }
}
