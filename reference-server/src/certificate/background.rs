//! Certificates issued before anybody asks for them: by one worker, in the order in which their results were stored.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::text;
use crate::app::App;

/// Results that may wait. The certificate of one more is issued when it is asked for.
const WAITING: usize = 100_000;

/// Results whose certificate is not issued yet.
#[derive(Debug, Default)]
pub(crate) struct Background {
    ids: Mutex<VecDeque<i64>>,
    more: Notify,
}

impl Background {
    /// Adds results that were stored.
    pub(crate) fn add(&self, stored: impl Iterator<Item = i64>) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let places = WAITING - ids.len();
        ids.extend(stored.take(places));
        self.more.notify_one();
    }

    async fn next(&self) -> i64 {
        loop {
            if let Some(id) = self.ids.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return id;
            }
            self.more.notified().await;
        }
    }
}

/// Issues certificates for ever.
pub(crate) async fn run(app: Arc<App>) {
    let Some(waiting) = app.certificates.waiting() else { return };
    loop {
        let id = waiting.next().await;
        // One that cannot be issued now is issued when it is asked for, or refused then.
        let Ok(Some(result)) = app.store.result(id).await else { continue };
        let Ok(record) = serde_json::from_slice(&result.body) else { continue };
        let _ = text(&app, &result, &record).await;
    }
}
