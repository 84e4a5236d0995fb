//! When each server of a station is next free: the vector of Kiefer and Wolfowitz (Trans. AMS 78, 1955), as a heap.

const ARITY: usize = 8;

/// The free times of the servers of one station, smallest first: an implicit 8-ary heap, which is the fastest of those
/// tried for few servers and as good as any for many.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    heap: Vec<i64>,
    /// Until when those are busy who leave when they have finished.
    leaving: Vec<i64>,
}

impl Workers {
    /// `count` servers that are free from `at` on.
    pub(super) fn new(count: u32, at: i64) -> Self {
        Self { heap: vec![at; count as usize], leaving: Vec::new() }
    }

    /// When the first server is free; `i64::MAX` if there is none.
    #[inline]
    pub(super) fn first_free(&self) -> i64 {
        self.heap.first().copied().unwrap_or(i64::MAX)
    }

    /// The server that is free first is busy until `until`, which is not before it was free.
    #[inline]
    pub(super) fn engage(&mut self, until: i64) {
        let Some(first) = self.heap.first_mut() else { return };
        *first = until;
        self.sink(0);
    }

    /// From `at` on there are `count` servers: those that are idle leave first, then those that finish first, when they
    /// have finished; and those who are about to leave stay before new ones come.
    pub(super) fn resize(&mut self, count: u32, at: i64) {
        let count = count as usize;
        let mut busy: Vec<i64> = self.heap.drain(..).chain(self.leaving.drain(..)).collect();
        busy.retain(|until| *until > at);
        busy.sort_unstable();
        let too_many = busy.len().saturating_sub(count);
        self.leaving.extend(busy.drain(..too_many));
        self.heap.resize(count - busy.len(), at);
        self.heap.extend(busy);
    }

    #[inline]
    fn sink(&mut self, mut place: usize) {
        let heap = self.heap.as_mut_slice();
        let value = heap[place];
        loop {
            let children = place * ARITY + 1;
            if children >= heap.len() {
                break;
            }
            let end = (children + ARITY).min(heap.len());
            let (mut least, mut at) = (heap[children], children);
            for (offset, child) in heap[children + 1..end].iter().enumerate() {
                if *child < least {
                    (least, at) = (*child, children + 1 + offset);
                }
            }
            if least >= value {
                break;
            }
            heap[place] = least;
            place = at;
        }
        heap[place] = value;
    }
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
