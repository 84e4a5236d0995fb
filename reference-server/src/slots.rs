//! Worker slots and the bounded queue before them: first come, first served.
//!
//! A place is taken with [`Slots::enter`], which refuses when every slot is busy and every waiting place is taken. The
//! place turns into a [`Slot`] when its turn comes. Both come back by being dropped, wherever that happens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// A set of worker slots with its queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    workers: usize,
    places: usize,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    busy: usize,
    /// Waiting places in the order of arrival; the numbers increase.
    queue: VecDeque<(u64, oneshot::Sender<Slot>)>,
    next_number: u64,
}

impl Slots {
    /// `workers` slots and `places` waiting places.
    pub fn new(workers: usize, places: usize) -> Slots {
        let state = Mutex::default();
        Slots { shared: Arc::new(Shared { workers, places, state, idle: Notify::new() }) }
    }

    /// Takes a slot if one is free, else a waiting place.
    ///
    /// # Errors
    /// [`Full`] when there is neither.
    pub fn enter(&self) -> Result<Place, Full> {
        let mut state = self.shared.lock();
        if state.busy < self.shared.workers {
            state.busy += 1;
            return Ok(Place::Served(Slot { shared: Some(Arc::clone(&self.shared)) }));
        }
        if state.queue.len() >= self.shared.places {
            return Err(Full);
        }
        let number = state.next_number;
        state.next_number += 1;
        let (turn, slot) = oneshot::channel();
        state.queue.push_back((number, turn));
        Ok(Place::Waiting(Waiting { shared: Arc::clone(&self.shared), number, slot }))
    }

    /// Slots in use.
    pub fn busy(&self) -> usize {
        self.shared.lock().busy
    }

    /// Waiting places in use.
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Slots, used or not.
    pub fn workers(&self) -> usize {
        self.shared.workers
    }

    /// Completes when no slot is in use (and so nobody waits).
    pub async fn idle(&self) {
        loop {
            let mut becomes_idle = std::pin::pin!(self.shared.idle.notified());
            becomes_idle.as_mut().enable();
            if self.busy() == 0 {
                return;
            }
            becomes_idle.await;
        }
    }
}

/// Every slot is busy and every waiting place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A place among those who are served or wait.
#[derive(Debug)]
pub enum Place {
    /// A slot was free.
    Served(Slot),
    /// The turn will come.
    Waiting(Waiting),
}

impl Place {
    /// Waits for the turn.
    pub async fn turn(self) -> Slot {
        match self {
            Place::Served(slot) => slot,
            Place::Waiting(waiting) => waiting.turn().await,
        }
    }
}

/// A waiting place; dropping it gives it up.
#[derive(Debug)]
pub struct Waiting {
    shared: Arc<Shared>,
    number: u64,
    slot: oneshot::Receiver<Slot>,
}

impl Waiting {
    async fn turn(mut self) -> Slot {
        match (&mut self.slot).await {
            Ok(slot) => slot,
            // The queue drops a waiting place only by serving it or with `self`, which is alive.
            Err(_) => unreachable!("a waiting place was lost"),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Ok(at) = state.queue.binary_search_by_key(&self.number, |(number, _)| *number) {
            state.queue.remove(at);
        }
        // If the turn came just now, the slot is in the channel and comes back when that is dropped.
    }
}

/// A worker slot; dropping it serves the next in the queue.
#[derive(Debug)]
pub struct Slot {
    /// `None` once the slot has been passed on.
    shared: Option<Arc<Shared>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            Shared::release(&shared);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock; were it so, the counts would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a slot to the first who still waits, or back.
    fn release(shared: &Arc<Shared>) {
        loop {
            let next = {
                let mut state = shared.lock();
                match state.queue.pop_front() {
                    Some((_, turn)) => turn,
                    None => {
                        state.busy -= 1;
                        if state.busy == 0 {
                            shared.idle.notify_waiters();
                        }
                        return;
                    }
                }
            };
            match next.send(Slot { shared: Some(Arc::clone(shared)) }) {
                Ok(()) => return,
                // That one is gone; its slot must not release itself too.
                Err(mut slot) => slot.shared = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[tokio::test]
    async fn places_are_served_in_the_order_of_arrival() {
        let slots = Slots::new(1, 2);
        let first = slots.enter().unwrap().turn().await;
        let second = slots.enter().unwrap();
        let third = slots.enter().unwrap();
        assert_eq!(slots.enter().unwrap_err(), Full);
        assert_eq!((slots.busy(), slots.waiting()), (1, 2));

        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        for (name, place) in [("third", third), ("second", second)] {
            let order = order.clone();
            tokio::spawn(async move {
                let slot = place.turn().await;
                order.send(name).unwrap();
                drop(slot);
            });
        }
        drop(first);
        assert_eq!(served.recv().await, Some("second"));
        assert_eq!(served.recv().await, Some("third"));
        slots.idle().await;
        assert_eq!((slots.busy(), slots.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn a_place_that_is_given_up_makes_room_and_loses_no_slot() {
        let slots = Slots::new(1, 1);
        let first = slots.enter().unwrap().turn().await;
        let gone = slots.enter().unwrap();
        drop(gone);
        let waiting = slots.enter().unwrap();
        drop(first);
        // Its turn has come, and it is given up before it looks.
        drop(waiting);
        assert_eq!((slots.busy(), slots.waiting()), (0, 0));
        assert!(matches!(slots.enter().unwrap(), Place::Served(_)));
    }

    proptest! {
        /// Whatever comes and goes: no slot is lost, none is made, and nobody waits beside a free slot.
        #[test]
        fn slots_are_conserved(workers in 1..4_usize, places in 0..4_usize, steps in prop::collection::vec(0..10_usize, 1..80)) {
            let slots = Slots::new(workers, places);
            let mut held: Vec<Place> = Vec::new();
            for step in steps {
                if step < 6 {
                    match slots.enter() {
                        Ok(place) => held.push(place),
                        Err(Full) => prop_assert_eq!(held.len(), workers + places),
                    }
                } else if !held.is_empty() {
                    let at = step % held.len();
                    held.remove(at);
                }
                prop_assert_eq!(slots.busy(), held.len().min(workers));
                prop_assert_eq!(slots.busy() + slots.waiting(), held.len());
            }
            held.clear();
            prop_assert_eq!((slots.busy(), slots.waiting()), (0, 0));
        }
    }
}
