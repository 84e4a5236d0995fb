//! A timer for hold times, exact to some 0.1 ms.
//!
//! The runtime's own timer ticks in milliseconds and rounds up: slots of 100 ms were measured to be held for 101.9 ms,
//! which is 2 % of a server's capacity. This one is a `timerfd` that stands on the earliest of all deadlines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Wakes tasks at their deadlines, as long as it lives.
#[derive(Debug)]
pub(crate) struct Timer {
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    clock: AsyncFd<OwnedFd>,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    heap: BinaryHeap<Reverse<Sleeper>>,
    /// Breaks ties, so that equal deadlines are woken in their order.
    next_number: u64,
    /// The deadline that the clock stands on.
    armed: Option<Instant>,
}

#[derive(Debug)]
struct Sleeper {
    deadline: Instant,
    number: u64,
    wake: oneshot::Sender<()>,
}

impl Timer {
    /// Starts the timer on the current runtime.
    ///
    /// # Errors
    /// When the system has no timer to give.
    pub(crate) fn start() -> io::Result<Timer> {
        let clock =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "its successor is unsafe; an OwnedFd keeps what that one asks for")]
        let clock = AsyncFd::new(clock)?;
        let shared = Arc::new(Shared { clock, sleepers: Mutex::default() });
        let driver = tokio::spawn(drive(Arc::clone(&shared)));
        Ok(Timer { shared, driver })
    }

    /// Sleeps until `deadline`.
    pub(crate) async fn until(&self, deadline: Instant) {
        let (wake, woken) = oneshot::channel();
        {
            let mut sleepers = self.shared.lock();
            let number = sleepers.next_number;
            sleepers.next_number += 1;
            sleepers.heap.push(Reverse(Sleeper { deadline, number, wake }));
            self.shared.arm(&mut sleepers);
        }
        // The sender lives until the deadline; were the timer gone before, there is nothing to wait for.
        let _ = woken.await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(shared: Arc<Shared>) {
    loop {
        let Ok(mut ready) = shared.clock.readable().await else { return };
        // The number of expirations does not matter, and there may be none if the clock was set anew meanwhile.
        let _ = rustix::io::read(&shared.clock, &mut [0; 8]);
        ready.clear_ready();
        let mut sleepers = shared.lock();
        sleepers.armed = None;
        let now = Instant::now();
        while sleepers.heap.peek().is_some_and(|Reverse(first)| first.deadline <= now) {
            if let Some(Reverse(first)) = sleepers.heap.pop() {
                // One that has given up needs no waking.
                let _ = first.wake.send(());
            }
        }
        shared.arm(&mut sleepers);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the clock to the first deadline, if it does not stand on it or an earlier one.
    fn arm(&self, sleepers: &mut Sleepers) {
        let Some(first) = sleepers.heap.peek().map(|Reverse(first)| first.deadline) else { return };
        if sleepers.armed.is_some_and(|armed| armed <= first) {
            return;
        }
        // Zero would switch the clock off.
        let wait = first.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // It fails only for values that are no time.
        if timerfd_settime(&self.clock, TimerfdTimerFlags::empty(), &once).is_ok() {
            sleepers.armed = Some(first);
        }
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.deadline, self.number).cmp(&(other.deadline, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines_and_not_before() {
        let timer = Arc::new(Timer::start().unwrap());
        let (woken, mut order) = tokio::sync::mpsc::unbounded_channel();
        let start = Instant::now();
        for millis in [30, 10, 0, 20, 10] {
            let (timer, woken) = (Arc::clone(&timer), woken.clone());
            tokio::spawn(async move {
                let deadline = start + Duration::from_millis(millis);
                timer.until(deadline).await;
                woken.send((millis, Instant::now() >= deadline)).unwrap();
            });
        }
        for expected in [0, 10, 10, 20, 30] {
            assert_eq!(order.recv().await, Some((expected, true)));
        }
    }

    #[tokio::test]
    async fn a_sleeper_that_gives_up_does_not_hold_up_the_others() {
        let timer = Arc::new(Timer::start().unwrap());
        let start = Instant::now();
        let early = {
            let timer = Arc::clone(&timer);
            tokio::spawn(async move { timer.until(start + Duration::from_millis(5)).await })
        };
        tokio::task::yield_now().await;
        early.abort();
        timer.until(start + Duration::from_millis(10)).await;
        timer.until(start).await;
        assert!(early.await.unwrap_err().is_cancelled());
    }
}
