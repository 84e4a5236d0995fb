//! Worker slots and the bounded queue before them: who is let in, and who is served next.
//!
//! A place is taken with [`Slots::enter`], which refuses when every slot is busy and every waiting place is taken, or when
//! an adaptive limit says that enough are present. The place turns into a [`Slot`] when its turn comes, unless it has waited
//! too long by then. Both come back by being dropped, wherever that happens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::class::Class;
use crate::config::{self, Discipline};
use crate::limit::Limit;

/// A set of worker slots with its queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: config::Slots,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug)]
struct State {
    busy: usize,
    waiting: usize,
    /// Who waits, by the number of the class (0 without priorities), then in the order of arrival.
    queue: BTreeMap<u8, VecDeque<Waiter>>,
    next_number: u64,
    limit: Option<Limit>,
}

#[derive(Debug)]
struct Waiter {
    /// Increases with every arrival.
    number: u64,
    arrived: Instant,
    turn: oneshot::Sender<Result<Slot, Refused>>,
}

impl Slots {
    /// Slots by these rules.
    pub fn new(rules: config::Slots) -> Slots {
        let state = State {
            busy: 0,
            waiting: 0,
            queue: BTreeMap::new(),
            next_number: 0,
            limit: rules.limit.map(Limit::new),
        };
        Slots { shared: Arc::new(Shared { rules, state: Mutex::new(state), idle: Notify::new() }) }
    }

    /// `workers` slots and `places` waiting places, first come, first served.
    pub fn fifo(workers: usize, places: usize) -> Slots {
        Slots::new(config::Slots { workers, queue: places, ..config::Slots::default() })
    }

    /// The rules that it goes by.
    pub fn rules(&self) -> &config::Slots {
        &self.shared.rules
    }

    /// Takes a slot if one is free, else a waiting place.
    ///
    /// # Errors
    /// [`Refused::Full`] when there is neither, [`Refused::Limited`] when enough are present.
    pub fn enter(&self, class: Class) -> Result<Place, Refused> {
        let (rules, arrived) = (&self.shared.rules, Instant::now());
        let mut state = self.shared.lock();
        if state.limit.as_ref().is_some_and(|limit| !limit.admits(state.busy + state.waiting)) {
            return Err(Refused::Limited);
        }
        if state.busy < rules.workers {
            state.busy += 1;
            return Ok(Place::Served(Slot { shared: Some(Arc::clone(&self.shared)), arrived }));
        }
        if state.waiting >= rules.queue {
            return Err(Refused::Full);
        }
        let rank = match rules.discipline {
            Discipline::Priority => rules.priority_of(class),
            Discipline::Fifo | Discipline::Lifo => 0,
        };
        let number = state.next_number;
        state.next_number += 1;
        state.waiting += 1;
        let (turn, slot) = oneshot::channel();
        state.queue.entry(rank).or_default().push_back(Waiter { number, arrived, turn });
        Ok(Place::Waiting(Waiting { shared: Arc::clone(&self.shared), rank, number, slot }))
    }

    /// Slots in use.
    pub fn busy(&self) -> usize {
        self.shared.lock().busy
    }

    /// Waiting places in use.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }

    /// How long the one has waited who came first of those that wait.
    pub fn longest_waiting(&self) -> Duration {
        let state = self.shared.lock();
        let first =
            state.queue.values().filter_map(|waiters| waiters.front()).map(|waiter| waiter.arrived).min();
        first.map_or(Duration::ZERO, |arrived| arrived.elapsed())
    }

    /// The most requests that the adaptive limit lets be present; `None` without one.
    pub fn limit(&self) -> Option<f64> {
        self.shared.lock().limit.as_ref().map(Limit::get)
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

/// Why a request was not let in, or not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Every slot is busy and every waiting place is taken.
    Full,
    /// The adaptive limit says that enough are present.
    Limited,
    /// It had waited longer than the longest wait when its turn came.
    Late,
}

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
    ///
    /// # Errors
    /// [`Refused::Late`] when it came too late.
    pub async fn turn(self) -> Result<Slot, Refused> {
        match self {
            Place::Served(slot) => Ok(slot),
            Place::Waiting(waiting) => waiting.turn().await,
        }
    }
}

/// A waiting place; dropping it gives it up.
#[derive(Debug)]
pub struct Waiting {
    shared: Arc<Shared>,
    rank: u8,
    number: u64,
    slot: oneshot::Receiver<Result<Slot, Refused>>,
}

impl Waiting {
    async fn turn(mut self) -> Result<Slot, Refused> {
        match (&mut self.slot).await {
            Ok(turn) => turn,
            // The queue drops a waiting place only by serving it or with `self`, which is alive.
            Err(_) => unreachable!("a waiting place was lost"),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(waiters) = state.queue.get_mut(&self.rank)
            && let Ok(at) = waiters.binary_search_by_key(&self.number, |waiter| waiter.number)
        {
            waiters.remove(at);
            state.waiting -= 1;
        }
        // If the turn came just now, the slot is in the channel and comes back when that is dropped.
    }
}

/// A worker slot; dropping it serves the next in the queue.
#[derive(Debug)]
pub struct Slot {
    /// `None` once the slot has been passed on.
    shared: Option<Arc<Shared>>,
    arrived: Instant,
}

impl Slot {
    /// Gives the slot back after the request was served: its time teaches the adaptive limit.
    pub fn served(self) {
        if let Some(shared) = &self.shared
            && let Some(limit) = &mut shared.lock().limit
        {
            let now = Instant::now();
            limit.learn(now.saturating_duration_since(self.arrived), now);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            Shared::release(&shared);
        }
    }
}

impl State {
    /// Takes out who is next.
    fn next(&mut self, discipline: Discipline) -> Option<Waiter> {
        let mut waiters = self.queue.values_mut().filter(|waiters| !waiters.is_empty());
        let first = waiters.next()?;
        self.waiting -= 1;
        match discipline {
            Discipline::Lifo => first.pop_back(),
            Discipline::Fifo | Discipline::Priority => first.pop_front(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock; were it so, the counts would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a slot to the next who still waits and is not late, or back.
    fn release(shared: &Arc<Shared>) {
        loop {
            let next = {
                let mut state = shared.lock();
                match state.next(shared.rules.discipline) {
                    Some(next) => next,
                    None => {
                        state.busy -= 1;
                        if state.busy == 0 {
                            shared.idle.notify_waiters();
                        }
                        return;
                    }
                }
            };
            let Waiter { arrived, turn, .. } = next;
            if shared.rules.longest_wait.is_some_and(|longest| arrived.elapsed() > longest) {
                // One that has gone need not be told.
                let _ = turn.send(Err(Refused::Late));
                continue;
            }
            match turn.send(Ok(Slot { shared: Some(Arc::clone(shared)), arrived })) {
                Ok(()) => return,
                // That one is gone; its slot must not release itself too.
                Err(slot) => {
                    if let Ok(mut slot) = slot {
                        slot.shared = None;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
