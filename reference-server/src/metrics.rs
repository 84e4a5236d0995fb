//! Counters of a running server, as atomics: a library for metrics costs more than a request's own bookkeeping.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use crate::class::Class;
use crate::moment::Moment;
use crate::slots::Refused;
use crate::store::Purged;

/// Counters of every class and of the messages.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    classes: [ClassMetrics; Class::ALL.len()],
    pub(crate) delivered: AtomicU64,
    pub(crate) undelivered: AtomicU64,
    pub(crate) given_up: AtomicU64,
    /// When the oldest of the messages was entered that the outbox looked at last, in milliseconds since 1970; 0: there was none.
    oldest_message: AtomicI64,
    causes: [AtomicU64; Cause::ALL.len()],
    /// All answers, by the first digit of their status.
    pub(crate) answers: [AtomicU64; 5],
    /// What purges have erased: results, those of them that were positive, drafts, messages.
    pub(crate) purged: [AtomicU64; 5],
}

/// Why a request was refused without being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Neither a slot nor a waiting place.
    Full,
    /// The adaptive limit.
    Limited,
    /// It had waited too long when its turn came.
    Late,
    /// An empty token bucket.
    Bucket,
    /// Sent to the waiting room.
    WaitingRoom,
    /// The issuer is down.
    Down,
}

impl Cause {
    pub(crate) const ALL: [Cause; 6] =
        [Cause::Full, Cause::Limited, Cause::Late, Cause::Bucket, Cause::WaitingRoom, Cause::Down];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Cause::Full => "full",
            Cause::Limited => "limited",
            Cause::Late => "late",
            Cause::Bucket => "bucket",
            Cause::WaitingRoom => "waiting-room",
            Cause::Down => "down",
        }
    }
}

impl From<Refused> for Cause {
    fn from(refused: Refused) -> Cause {
        match refused {
            Refused::Full => Cause::Full,
            Refused::Limited => Cause::Limited,
            Refused::Late => Cause::Late,
        }
    }
}

/// Counters of one class, since the start of the server.
#[derive(Debug, Default)]
pub(crate) struct ClassMetrics {
    /// Requests refused without being served.
    pub(crate) refused: AtomicU64,
    /// Requests that were served, by the first digit of their status.
    pub(crate) statuses: [AtomicU64; 5],
    /// Time that they waited for their slot.
    pub(crate) waited: Nanos,
    /// Time that they held it.
    pub(crate) held: Nanos,
    /// Time that the model said they hold it at least.
    pub(crate) drawn: Nanos,
}

/// A sum of durations.
#[derive(Debug, Default)]
pub(crate) struct Nanos(AtomicU64);

impl Nanos {
    pub(crate) fn add(&self, duration: Duration) {
        self.0.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The sum.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Metrics {
    pub(crate) fn of(&self, class: Class) -> &ClassMetrics {
        &self.classes[class.index()]
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.answers[digit(status)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn purged(&self, step: &Purged) {
        let counts = [step.results.len(), step.positives, step.drafts, step.messages, step.receipts];
        for (counter, count) in self.purged.iter().zip(counts) {
            counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub(crate) fn refused(&self, class: Class, cause: Cause) {
        self.of(class).refused.fetch_add(1, Ordering::Relaxed);
        self.causes[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Requests refused for this cause.
    pub(crate) fn refused_for(&self, cause: Cause) -> u64 {
        self.causes[cause as usize].load(Ordering::Relaxed)
    }

    /// The outbox looked at messages of which the oldest was entered then.
    pub(crate) fn oldest_message(&self, entered: Option<Moment>) {
        self.oldest_message.store(entered.map_or(0, Moment::millis), Ordering::Relaxed);
    }

    /// How old the oldest message is that the outbox looked at last.
    pub(crate) fn outbox_age(&self) -> Duration {
        match self.oldest_message.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            entered => Moment::now().since(Moment::from_millis(entered)),
        }
    }

    pub(crate) fn served(
        &self,
        class: Class,
        status: StatusCode,
        waited: Duration,
        held: Duration,
        drawn: Duration,
    ) {
        let metrics = self.of(class);
        metrics.statuses[digit(status)].fetch_add(1, Ordering::Relaxed);
        metrics.waited.add(waited);
        metrics.held.add(held);
        metrics.drawn.add(drawn);
    }
}

/// The place of a status among the five hundreds.
fn digit(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, 5) - 1
}
