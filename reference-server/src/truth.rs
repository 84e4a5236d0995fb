//! The truth mode: queues of which everything is known, to test what measures them.
//!
//! `GET` or `POST /truth/{name}` goes through the queue of that name (`[truth.NAME]`) and nothing else: no store, no
//! token. When a request arrives it is decided when it will leave (Kiefer and Wolfowitz, "On the theory of queues with many
//! servers", 1955): it starts at its arrival or when the first of the slots is free, whichever is later, and leaves after
//! its hold time. A timer that comes late makes that one answer late and no other: no error adds up, as it does where a
//! slot is given on by a task that has to wake up first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::app::App;
use crate::config::TruthQueue;
use crate::refusal::Refusal;
use crate::slots::Refused;

/// Slots with one queue before them, first come first served, as arithmetic: times are counted from any
/// instant.
#[derive(Debug)]
pub struct Queue {
    config: TruthQueue,
    draws: Xoshiro256PlusPlus,
    /// When each busy slot becomes free, the first on top.
    free: BinaryHeap<Reverse<Duration>>,
    /// When each of those that wait will start, in order.
    starts: VecDeque<Duration>,
}

impl Queue {
    /// An empty queue.
    pub fn new(config: &TruthQueue) -> Queue {
        let draws = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        Queue { config: config.clone(), draws, free: BinaryHeap::new(), starts: VecDeque::new() }
    }

    /// A request arrives at `now`, not before the one before it: when it leaves. The n-th that is let in draws the n-th hold
    /// time of the seed.
    ///
    /// # Errors
    /// Every slot is busy and every waiting place taken.
    pub fn enter(&mut self, now: Duration) -> Result<Duration, Refused> {
        while self.free.peek().is_some_and(|Reverse(free)| *free <= now) {
            self.free.pop();
        }
        while self.starts.front().is_some_and(|start| *start <= now) {
            self.starts.pop_front();
        }
        // Every request let in since has a slot of its own in `free`, one after the other.
        let start = if self.free.len() < self.config.workers {
            now
        } else {
            if self.config.queue.is_some_and(|places| self.starts.len() >= places) {
                return Err(Refused::Full);
            }
            let Some(Reverse(first)) = self.free.pop() else { return Err(Refused::Full) };
            self.starts.push_back(first);
            first
        };
        let leaves = start + self.config.law.sample(&mut self.draws);
        self.free.push(Reverse(leaves));
        Ok(leaves)
    }
}

/// The queues of a server.
#[derive(Debug)]
pub(crate) struct Truth {
    begun: Instant,
    queues: BTreeMap<String, Mutex<Queue>>,
    /// The latest that an answer left after its instant, in nanoseconds.
    latest: AtomicU64,
}

impl Truth {
    pub(crate) fn new(config: &BTreeMap<String, TruthQueue>) -> Truth {
        let queues =
            config.iter().map(|(name, queue)| (name.clone(), Mutex::new(Queue::new(queue)))).collect();
        Truth { begun: Instant::now(), queues, latest: AtomicU64::new(0) }
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The latest that an answer left after its instant.
    pub(crate) fn latest(&self) -> Duration {
        Duration::from_nanos(self.latest.load(Ordering::Relaxed))
    }
}

/// `GET` or `POST /truth/{name}`.
pub(crate) async fn answer(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let truth = &app.truth;
    let Some(queue) = truth.queues.get(&name) else { return Refusal::NotFound.into_response() };
    let entered = queue.lock().unwrap_or_else(PoisonError::into_inner).enter(truth.begun.elapsed());
    let Ok(leaves) = entered else {
        return Refusal::Busy(app.config.slots.retry_after).into_response();
    };
    app.timer.until(truth.begun + leaves).await;
    let late = truth.begun.elapsed().saturating_sub(leaves);
    truth.latest.fetch_max(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    "served\n".into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Law;
    use proptest::prelude::*;

    fn queue(workers: usize, queue: Option<usize>, law: Law) -> Queue {
        Queue::new(&TruthQueue { workers, queue, seed: 3, law })
    }

    fn millis(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn two_slots_serve_in_the_order_of_arrival() {
        let mut queue = queue(2, None, Law::Constant(millis(50)));
        let leaves: Vec<_> = [0, 10, 20, 30, 70, 200].map(|at| queue.enter(millis(at)).unwrap()).into();
        assert_eq!(leaves, [50, 60, 100, 110, 150, 250].map(millis));
    }

    #[test]
    fn a_full_queue_refuses_and_has_room_again_when_a_slot_was_taken() {
        let mut queue = queue(1, Some(1), Law::Constant(millis(50)));
        assert_eq!(queue.enter(millis(0)), Ok(millis(50)));
        assert_eq!(queue.enter(millis(1)), Ok(millis(100)));
        assert_eq!(queue.enter(millis(49)), Err(Refused::Full));
        assert_eq!(queue.enter(millis(50)), Ok(millis(150)));
    }

    proptest! {
        #[test]
        fn what_waits_is_what_a_slow_clerk_would_let_wait(
            gaps in prop::collection::vec(0..40_u64, 1..200), workers in 1..5_usize, seed in any::<u64>(),
        ) {
            let law = Law::Exponential { mean: millis(60) };
            let config = TruthQueue { workers, queue: None, seed, law };
            let mut queue = Queue::new(&config);
            let mut draws = Xoshiro256PlusPlus::seed_from_u64(seed);
            // The clerk looks at every slot.
            let mut slots = vec![Duration::ZERO; workers];
            let mut now = Duration::ZERO;
            for gap in gaps {
                now += millis(gap);
                let first = slots.iter_mut().min().unwrap();
                *first = now.max(*first) + law.sample(&mut draws);
                prop_assert_eq!(queue.enter(now), Ok(*first));
            }
        }
    }
}
