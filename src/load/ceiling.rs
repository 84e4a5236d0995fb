//! The ceiling of a consent: requests are let pass one by one, never more in a second than the target allows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What part of the allowed rate is used: a timer that wakes some milliseconds late must not push two seconds' requests into
/// one.
const USED: f64 = 0.99;

/// Spaces everything that is sent to a target evenly (a token bucket that holds one token).
#[derive(Debug)]
pub(super) struct Ceiling(Mutex<State>);

#[derive(Debug)]
struct State {
    per_second: f64,
    /// Of how many generators this is one: each has its part.
    of: u32,
    next: Option<Instant>,
}

impl State {
    /// Between two requests of this generator.
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.of) / (USED * self.per_second))
    }
}

impl Ceiling {
    pub(super) fn new(per_second: f64) -> Self {
        Self(Mutex::new(State { per_second, of: 1, next: None }))
    }

    /// The rate that is never exceeded by all generators together, per second.
    pub(super) fn per_second(&self) -> f64 {
        self.state().per_second
    }

    /// Holds from the next request on.
    pub(super) fn set(&self, per_second: f64) {
        self.state().per_second = per_second;
    }

    /// Takes only this generator's part: it is one of so many.
    pub(super) fn divide(&self, of: u32) {
        self.state().of = of.max(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long so many requests take, if nobody else sends any.
    pub(super) fn time_for(&self, requests: usize) -> Duration {
        self.state().interval().mul_f64(requests as f64)
    }

    /// The instant at which one more request may be sent; whoever asks for it sends one then, or none at all.
    pub(super) fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.state();
        let at = state.next.map_or(now, |next| next.max(now));
        state.next = Some(at + state.interval());
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_than_the_ceiling_however_many_come_at_once() {
        let ceiling = Ceiling::new(50.0);
        let begun = Instant::now();
        let mut passed: Vec<f64> =
            (0..200).map(|_| ceiling.reserve(begun).duration_since(begun).as_secs_f64()).collect();
        tokio::time::advance(Duration::from_secs(60)).await;
        passed.extend((0..100).map(|_| ceiling.reserve(Instant::now()).duration_since(begun).as_secs_f64()));
        assert_eq!(passed[200], 60.0, "an idle minute is no credit beyond one request");
        for from in &passed {
            let within = passed.iter().filter(|at| (*from..from + 1.0).contains(*at)).count();
            assert!(within <= 50, "{within} in the second from {from}");
        }
    }
}
