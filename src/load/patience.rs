//! A lane's patience: one timer for all its requests.
//!
//! Nearly every request ends long before its client's patience does. So the timer is set back only when it must ring
//! earlier than it stands; when it rings too early for the request under way it is set to that one's end. With
//! time-outs of 5 s that is once in 5 s and lane instead of twice a request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Where the timer stands before the first request.
const FAR: Duration = Duration::from_secs(3_600);

/// The timer of a lane.
#[derive(Debug)]
pub(super) struct Patience {
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { timer: Box::pin(sleep(FAR)) }
    }

    /// What a future comes to; `None` when `deadline` passes before.
    pub(super) async fn until<F: Future>(&mut self, deadline: Instant, what: F) -> Option<F::Output> {
        let timer = &mut self.timer;
        if timer.is_elapsed() || deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        let mut what = pin!(what);
        poll_fn(|context| {
            if let Poll::Ready(output) = what.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            while timer.as_mut().poll(context).is_ready() {
                if timer.deadline() >= deadline {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_deadline_is_kept_whatever_came_before() {
        let mut patience = Patience::new();
        let begin = Instant::now();
        for (wait, patient) in [(1, 5_000), (30, 20), (1, 7_000), (7_000, 40), (9_000, 8_000), (1, 1_000)] {
            let at = Instant::now();
            let deadline = at + Duration::from_millis(patient);
            let done = patience.until(deadline, sleep(Duration::from_millis(wait))).await;
            assert_eq!(done.is_some(), wait < patient);
            assert_eq!(at.elapsed().as_millis() as u64, wait.min(patient));
        }
        assert!(begin.elapsed() > Duration::from_secs(8));
    }
}
