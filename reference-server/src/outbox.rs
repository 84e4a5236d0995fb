//! Delivers messages: in the order in which they are due, at least once, with pauses after failures, up to a bounded age.
//!
//! A message is a row that was committed with its result, and is erased when the gateway has taken it. What is under way
//! is only remembered here: after a restart it is delivered again, under the same reference.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::app::App;
use crate::config;
use crate::gateway::{Gateway, NotTaken};
use crate::hex;
use crate::link::Link;
use crate::moment::Moment;
use crate::store::Message;

const PURPOSE: &str = "message";

/// Messages read from the store at once.
const READ: u32 = 256;

/// What a message says before the link: nothing medical.
pub(crate) const TEXT: &str = "SI-DEP (demonstration) : un document vous concernant est disponible : ";

/// Delivers messages for ever.
pub(crate) async fn run(app: Arc<App>, gateway: Gateway) {
    let sender = Arc::new(Sender::new(app, gateway));
    let connections = Arc::new(Semaphore::new(sender.config().connections));
    let mut pace = Pace::new(sender.config().rate);
    loop {
        let (due, next) = sender.due().await;
        let none = due.is_empty();
        for message in due {
            if Moment::now().since(message.entered()) > sender.config().longest_age {
                sender.give_up(&message).await;
                continue;
            }
            let Ok(connection) = Arc::clone(&connections).acquire_owned().await else { return };
            sender.wait_while_failing().await;
            pace.next().await;
            sender.under_way().insert(message.due.id);
            let sender = Arc::clone(&sender);
            tokio::spawn(async move {
                let outcome = sender.gateway.send(sender.body(&message), &sender.key(&message)).await;
                sender.note(outcome);
                drop(connection);
                sender.settle(&message, outcome).await;
            });
        }
        if none {
            sender.wait_for_more(next).await;
        }
    }
}

/// When the message with this link is due that was entered now: up to the jitter later, by the link's hash, which is as good as
/// a random number.
pub(crate) fn due(link: &Link, now: Moment, jitter: Duration) -> Moment {
    let [_, _, _, _, a, b, c, d, ..] = link.key().0;
    let share = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
    now.after(jitter.mul_f64(share))
}

struct Sender {
    app: Arc<App>,
    gateway: Gateway,
    /// Results whose message is being delivered, or whose delivery is not on disk yet.
    under_way: Mutex<HashSet<i64>>,
    /// Told when a message that was under way has to be sent again.
    again: Notify,
    /// Failures to reach the gateway since it last answered.
    failing: AtomicU32,
    /// The gateway asked to be left alone until then.
    closed_until: Mutex<Instant>,
    jitter: Mutex<Xoshiro256PlusPlus>,
}

impl Sender {
    fn new(app: Arc<App>, gateway: Gateway) -> Sender {
        // Only spreads retries: the clock is random enough.
        let seed = Moment::now().millis().unsigned_abs();
        Sender {
            app,
            gateway,
            under_way: Mutex::default(),
            again: Notify::new(),
            failing: AtomicU32::new(0),
            closed_until: Mutex::new(Instant::now()),
            jitter: Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed)),
        }
    }

    fn config(&self) -> &config::Outbox {
        &self.app.config.outbox
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages that are due and not under way, and when the next one will be due.
    async fn due(&self) -> (Vec<Message>, Option<Moment>) {
        let now = Moment::now();
        // Taken before the store is asked: one that is erased while it answers may be in the answer and no longer here.
        let under_way = self.under_way().clone();
        let limit = READ.saturating_add(u32::try_from(under_way.len()).unwrap_or(u32::MAX));
        match self.app.store.due(now, limit).await {
            Ok((mut messages, next)) => {
                if !messages.is_empty() || next.is_none() {
                    self.app.metrics.oldest_message(messages.iter().map(Message::entered).min());
                }
                messages.retain(|message| !under_way.contains(&message.due.id));
                (messages, next)
            }
            // The store is in trouble or closing: ask again after a pause.
            Err(_) => (Vec::new(), Some(now.after(self.config().retry_first))),
        }
    }

    /// `{ "to", "ref", "text" }`, with nothing medical in it.
    fn body(&self, message: &Message) -> Bytes {
        let text = format!("{TEXT}{}/p/{}", self.app.public_url, message.link);
        let body = json!({ "to": message.to, "ref": message.reference, "text": text });
        Bytes::from(body.to_string())
    }

    /// The same each time a message is delivered, and of no other.
    fn key(&self, message: &Message) -> String {
        hex::encode(&self.app.keys.secret.mac(PURPOSE, &[&message.due.id.to_be_bytes()])[..16])
    }

    /// Erases a message that is too old to be of use, its link included.
    async fn give_up(&self, message: &Message) {
        match self.app.store.delivered(message.due).await {
            Ok(()) => {
                self.app.metrics.given_up.fetch_add(1, Ordering::Relaxed);
            }
            // It is still there: one of the next rounds erases it, when the store may have recovered.
            Err(_) => tokio::time::sleep(self.config().retry_first).await,
        }
    }

    /// What a delivery says of the gateway: before the next one begins.
    fn note(&self, outcome: Result<(), NotTaken>) {
        match outcome {
            Ok(()) => self.failing.store(0, Ordering::Relaxed),
            Err(NotTaken::Unreachable(wait)) => {
                self.failing.fetch_add(1, Ordering::Relaxed);
                let mut closed_until = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
                *closed_until = (*closed_until).max(Instant::now() + self.asked(wait));
            }
            Err(NotTaken::Refused(_)) => {}
        }
    }

    /// For how long the gateway asks to be left alone, though not beyond the age of a message.
    fn asked(&self, wait: Option<Duration>) -> Duration {
        wait.unwrap_or_default().min(self.config().longest_age)
    }

    /// Erases what was taken, puts off what was not.
    async fn settle(&self, message: &Message, outcome: Result<(), NotTaken>) {
        let metrics = &self.app.metrics;
        let settled = match outcome {
            Ok(()) => {
                metrics.delivered.fetch_add(1, Ordering::Relaxed);
                self.app.store.delivered(message.due).await
            }
            Err(reason) => {
                let mut pause = self.pause(message.attempts);
                if let NotTaken::Unreachable(wait) = reason {
                    pause = pause.max(self.asked(wait));
                }
                metrics.undelivered.fetch_add(1, Ordering::Relaxed);
                let until = Moment::now().after(pause);
                self.app.store.postpone(message.due, until).await
            }
        };
        if settled.is_err() {
            // The message is still there, and is delivered once more when the store may have recovered.
            tokio::time::sleep(self.config().retry_longest).await;
        }
        self.under_way().remove(&message.due.id);
        if outcome.is_err() || settled.is_err() {
            self.again.notify_one();
        }
    }

    /// The pause after the n-th failure: exponential back-off with full jitter, so between zero and what is doubled each time
    /// up to the longest (Brooker, "Exponential Backoff And Jitter", 2015).
    fn pause(&self, failures: u32) -> Duration {
        let config = self.config();
        let doubled = config.retry_first.saturating_mul(2_u32.saturating_pow(failures));
        let share = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).random_range(0.0..=1.0);
        doubled.min(config.retry_longest).mul_f64(share)
    }

    /// While the gateway cannot be reached, one message after each pause finds out whether it is back.
    async fn wait_while_failing(&self) {
        let failing = self.failing.load(Ordering::Relaxed);
        if failing > 0 {
            let closed_until = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::time::sleep_until(closed_until.max(Instant::now() + self.pause(failing - 1))).await;
        }
    }

    /// Waits for a commit with messages, for a message that was put off, or until the next one is due.
    async fn wait_for_more(&self, next: Option<Moment>) {
        let due = async {
            match next {
                // A millisecond more, since moments are cut to whole ones.
                Some(next) => tokio::time::sleep(next.since(Moment::now()) + Duration::from_millis(1)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.store.messages_stored() => {}
            () = self.again.notified() => {}
            () = due => {}
        }
    }
}

/// Spaces messages evenly at a rate.
struct Pace {
    gap: Duration,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<config::Rate>) -> Pace {
        let gap = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate.get()));
        Pace { gap, next: Instant::now() }
    }

    async fn next(&mut self) {
        if self.gap.is_zero() {
            return;
        }
        let now = Instant::now();
        // The timer ticks in milliseconds: at most that much is made good, so that the rate holds and nothing bursts.
        self.next = self.next.max(now.checked_sub(Duration::from_millis(2)).unwrap_or(now));
        tokio::time::sleep_until(self.next).await;
        self.next += self.gap;
    }
}
