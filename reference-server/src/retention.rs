//! Erases what has been kept long enough: on a timer, when SIGUSR1 asks for it, or by the command `purge`.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::{AccessLog, Operation, Who};
use crate::app::App;
use crate::config::{Level, Retention};
use crate::log::Value;
use crate::moment::Moment;
use crate::store::{Expired, Purged, Store, StoreError};

/// Results erased in one transaction: each dirties some ten pages, so that a few dozen cost a commit beside them little.
const STEP: u32 = 64;

/// What a purge has erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) results: usize,
    pub(crate) positives: usize,
    pub(crate) drafts: usize,
    pub(crate) messages: usize,
    pub(crate) receipts: usize,
}

impl Total {
    fn add(&mut self, step: &Purged) {
        self.results += step.results.len();
        self.positives += step.positives;
        self.drafts += step.drafts;
        self.messages += step.messages;
        self.receipts += step.receipts;
    }

    /// As the access log and the command tell it.
    pub(crate) fn json(self) -> serde_json::Value {
        json!({
            "results": self.results, "positives": self.positives,
            "drafts": self.drafts, "messages": self.messages, "receipts": self.receipts,
        })
    }
}

/// Purges for ever: at once, and then after each pause or when SIGUSR1 comes.
pub(crate) async fn run(app: Arc<App>) {
    // Without a handler the signal ends the process, as it always does.
    let mut asked = signal(SignalKind::user_defined1()).ok();
    loop {
        purge(&app).await;
        let signalled = async {
            match asked.as_mut() {
                Some(asked) => asked.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(app.config.retention.every) => {}
            _ = signalled => {}
        }
    }
}

async fn purge(app: &App) {
    let started = Instant::now();
    let forget = |step: &Purged| {
        app.certificates.forget(&step.results);
        app.statistics.forget();
        app.metrics.purged(step);
    };
    match erase(&app.store, &app.config.retention, Moment::now(), forget).await {
        Ok(total) => {
            tell(&app.access, total);
            let number = |count| Value::Number(u64::try_from(count).unwrap_or(u64::MAX));
            let values = [
                ("results", number(total.results)),
                ("positives", number(total.positives)),
                ("drafts", number(total.drafts)),
                ("messages", number(total.messages)),
                ("receipts", number(total.receipts)),
                ("seconds", Value::Duration(started.elapsed())),
            ];
            app.log.write(Level::Info, "purged", &values);
        }
        // A store that is closed has no more to erase.
        Err(StoreError::Closed) => {}
        Err(error) => {
            app.log.write(Level::Error, "not purged", &[("cause", Value::Cause(error.to_string()))]);
        }
    }
}

/// Adds the line of the audit, if anything was erased.
pub(crate) fn tell(access: &AccessLog, total: Total) {
    if total != Total::default() {
        access.about(Who::Server, Operation::Purge, total.json());
    }
}

/// Erases everything that has expired `now`, in small steps with pauses as long as they took, and leaves no trace of it.
pub(crate) async fn erase(
    store: &Store,
    retention: &Retention,
    now: Moment,
    mut each: impl FnMut(&Purged),
) -> Result<Total, StoreError> {
    let expired = Expired {
        results: now.before(retention.results),
        positives: now.before(retention.positives),
        drafts: now.before(retention.drafts),
        // As long as any result that one may name, whatever it was: its end tells nothing.
        receipts: now.before(retention.positives),
    };
    let mut total = Total::default();
    loop {
        let started = Instant::now();
        let step = store.purge(expired, STEP).await?;
        total.add(&step);
        each(&step);
        if !step.more {
            break;
        }
        tokio::time::sleep(started.elapsed()).await;
    }
    if total != Total::default() {
        store.scrub().await?;
        if retention.rewrite {
            store.rewrite().await?;
        }
    }
    Ok(total)
}
