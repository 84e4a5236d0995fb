//! Counters of the store, for the metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counters of the store since it was opened, except where a line says otherwise.
#[derive(Debug, Default)]
pub struct StoreStats {
    commits: AtomicU64,
    result_commits: AtomicU64,
    rows: AtomicU64,
    failures: AtomicU64,
    pending: AtomicI64,
    refused: AtomicU64,
    accepted: AtomicI64,
}

impl StoreStats {
    /// Transactions committed.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Those among them that stored results.
    pub fn result_commits(&self) -> u64 {
        self.result_commits.load(Ordering::Relaxed)
    }

    /// Results stored; over [`StoreStats::result_commits`] it is the mean size of a group.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Transactions that failed and were rolled back.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Messages that wait for delivery, those from before the opening included.
    pub fn pending(&self) -> u64 {
        u64::try_from(self.pending.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Messages that were accepted and are not settled, those from before the opening included.
    pub fn accepted(&self) -> u64 {
        u64::try_from(self.accepted.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Birth dates refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn committed(&self, change: &Change) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.result_commits.fetch_add(u64::from(change.rows > 0), Ordering::Relaxed);
        self.rows.fetch_add(change.rows, Ordering::Relaxed);
        self.refused.fetch_add(change.refused, Ordering::Relaxed);
        self.pending.fetch_add(change.messages - change.gone, Ordering::Relaxed);
        self.accepted.fetch_add(change.accepted, Ordering::Relaxed);
    }

    /// Counts a transaction by its outcome.
    pub(super) fn ended<T, E>(&self, outcome: &Result<T, E>, change: Change) {
        match outcome {
            Ok(_) => self.committed(&change),
            Err(_) => self.failed(),
        }
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_pending(&self, messages: i64) {
        self.pending.store(messages, Ordering::Relaxed);
    }

    pub(super) fn set_accepted(&self, messages: i64) {
        self.accepted.store(messages, Ordering::Relaxed);
    }
}

/// What one transaction changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    /// Results stored.
    pub(super) rows: u64,
    /// Messages stored.
    pub(super) messages: i64,
    /// Messages erased.
    pub(super) gone: i64,
    /// Birth dates refused.
    pub(super) refused: u64,
    /// Messages accepted, less those settled.
    pub(super) accepted: i64,
}
