//! Waiting for an instant, more finely than a runtime's timer does.
//!
//! Tokio's timer wheel has steps of a millisecond and rounds up: at 5,000 arrivals a second its 99th percentile of
//! lateness is 1.7 ms, that of a timerfd in the same reactor 0.4 ms. Both kinds exist because a test that pauses the
//! clock has no use for a timer of the machine.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::clock::Clock;
use crate::scenario::Pacing;
use crate::units::{NANOS_PER_SEC, Offset, Span};

/// How long before an instant the sleep ends and the looking begins: longer than a timer of this kind is late, but for one
/// wake-up in a hundred.
const SPIN: Span = Span::from_nanos(500_000);

/// The least time between two wake-ups of a pacer that sleeps. Waking up costs as much as half a request: at 20,000/s
/// three requests then share one wake-up, each up to this much later, and at low rates hardly any waits for it.
const REST: Span = Span::from_nanos(100_000);
/// The same of one that bunches requests: at 20,000/s ten share a wake-up, as in a tool whose timer has steps of a
/// millisecond.
const LONG_REST: Span = Span::from_nanos(500_000);

/// What wakes the dispatcher.
#[derive(Debug)]
pub(super) enum Pacer {
    /// A timer of the kernel in the runtime's reactor, and how long it rests at least.
    Timerfd(AsyncFd<OwnedFd>, Span),
    /// The same until shortly before the instant, then the clock, again and again between the runtime's other work.
    Spin(AsyncFd<OwnedFd>),
    /// The runtime's own timer, which stands still with a paused clock.
    #[cfg(test)]
    Runtime,
}

impl Pacer {
    /// A pacer on a kernel timer. To be called inside of a runtime.
    ///
    /// # Errors
    /// The system has no descriptor left for the timer.
    pub(super) fn new(pacing: Pacing) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that may lose their descriptor while registered; OwnedFd may not"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(match pacing {
            Pacing::Timerfd => Self::Timerfd(timer, REST),
            Pacing::Bunch => Self::Timerfd(timer, LONG_REST),
            Pacing::Spin => Self::Spin(timer),
        })
    }

    /// How long it wants to rest after a wake-up, even where something becomes due meanwhile.
    pub(super) fn rest(&self) -> Span {
        match self {
            Self::Timerfd(_, rest) => *rest,
            Self::Spin(_) => Span::ZERO,
            #[cfg(test)]
            Self::Runtime => Span::ZERO,
        }
    }

    /// Returns at `at` or as soon after it as the machine can. May be dropped and called again with another instant.
    ///
    /// # Errors
    /// The kernel refuses the timer.
    pub(super) async fn until(&mut self, clock: &Clock, at: Offset) -> io::Result<()> {
        match self {
            #[cfg(test)]
            Self::Runtime => {
                tokio::time::sleep_until(clock.instant(at)).await;
                Ok(())
            }
            Self::Timerfd(timer, _) => sleep(timer, clock, at).await,
            Self::Spin(timer) => {
                sleep(timer, clock, at - SPIN).await?;
                while clock.now() < at {
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
        }
    }
}

async fn sleep(timer: &AsyncFd<OwnedFd>, clock: &Clock, until: Offset) -> io::Result<()> {
    loop {
        let now = clock.now();
        if now >= until {
            return Ok(());
        }
        // Setting the timer also forgets an expiry that nobody read, so nothing is ever read from it: the clock says
        // whether it was this instant that woke us.
        timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &once(until.since(now)))?;
        timer.readable().await?.clear_ready();
    }
}

/// A setting that expires once.
fn once(after: Span) -> Itimerspec {
    let part = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec {
            tv_sec: part(after.nanos() / NANOS_PER_SEC),
            tv_nsec: part(after.nanos() % NANOS_PER_SEC),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_pacer_wakes_early_and_each_can_be_set_anew() {
        let clock = Clock::reading(Offset::ZERO);
        for pacing in [Pacing::Timerfd, Pacing::Spin, Pacing::Bunch] {
            keeps_instants(Pacer::new(pacing).unwrap(), &clock).await;
        }
    }

    async fn keeps_instants(mut pacer: Pacer, clock: &Clock) {
        for millis in [2, 3, 3, 1, 5] {
            let at = clock.now() + Span::from_millis(millis);
            pacer.until(clock, at).await.unwrap();
            assert!(clock.now() >= at);
        }
        // A wait that is given up leaves nothing behind that would end the next one early.
        let soon = clock.now() + Span::from_millis(2);
        let _ = tokio::time::timeout(std::time::Duration::ZERO, pacer.until(clock, soon)).await;
        tokio::time::sleep(std::time::Duration::from_millis(4)).await;
        let at = clock.now() + Span::from_millis(3);
        pacer.until(clock, at).await.unwrap();
        assert!(clock.now() >= at);
    }

    #[tokio::test(start_paused = true)]
    async fn the_runtime_timer_follows_a_paused_clock() {
        let clock = Clock::reading(Offset::from_secs_f64(-3600.0));
        Pacer::Runtime.until(&clock, Offset::ZERO).await.unwrap();
        assert_eq!(clock.now().second(), 0);
    }
}
