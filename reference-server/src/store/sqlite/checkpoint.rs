//! The checkpoint thread: copies the log into the database on a timer, out of the path of the commits.
//!
//! It copies little and often: what it writes stands before the next commit in the disk's queue. It never makes anybody
//! wait by a lock; so under load the log is never copied to its end, and would grow for ever. When it is long, the writer
//! copies the rest itself, between two commits (`writer.rs`).
//!
//! SQLite syncs the database only when the end of the log has been copied: so under load that is the writer's part, with all
//! that the thread had copied since the last time, tens of megabytes that every commit waited for. Hence the thread syncs
//! what it has copied, by a handle of its own.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::store::StoreStats;

/// Pause between checkpoints.
const PAUSE: Duration = Duration::from_millis(100);

/// Pages in the log from which on it is to begin anew: 64 MB. A log that is written over commits twice as fast as one that
/// grows.
const LONG: i64 = 16_384;

/// How often the log is copied once more when it is long, each time what came during the time before: so little is left to the
/// writer.
const AGAIN: u32 = 2;

/// Whether the log is so long that the writer is to copy the rest of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    long: Arc<AtomicBool>,
}

impl Log {
    /// Whether it is long; said once for each time that it was found to be.
    pub(super) fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed) && self.long.swap(false, Ordering::Relaxed)
    }
}

/// Copies what can be copied without anybody waiting for it; how many pages the log has.
pub(super) fn passive(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

/// The same, and has on disk what was copied.
fn copy(connection: &Connection, database: &File) -> rusqlite::Result<i64> {
    let pages = passive(connection)?;
    // Whoever copies the end of the log syncs again, by another handle, which is told of a failure too.
    let _ = database.sync_data();
    Ok(pages)
}

/// A timer that can be stopped.
#[derive(Debug, Clone, Default)]
pub(super) struct Timer {
    stopped: Arc<(Mutex<bool>, Condvar)>,
}

impl Timer {
    /// Ends the checkpoint thread after one last checkpoint.
    pub(super) fn stop(&self) {
        *self.stopped.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.1.notify_all();
    }

    /// Waits for the next checkpoint; false when it is the last.
    fn wait(&self) -> bool {
        let stopped = self.stopped.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .stopped
            .1
            .wait_timeout_while(stopped, PAUSE, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}

/// Checkpoints until the timer is stopped.
pub(super) fn run(connection: &Connection, database: &File, log: &Log, timer: &Timer, stats: &StoreStats) {
    let mut copied = 0;
    while timer.wait() {
        let commits = stats.commits();
        if commits == copied {
            continue;
        }
        // What fails is done by the next one: until then the log only grows.
        let Ok(pages) = copy(connection, database) else { continue };
        copied = commits;
        if pages > LONG {
            for _ in 0..AGAIN {
                let _ = copy(connection, database);
            }
            log.long.store(true, Ordering::Relaxed);
        }
    }
    // Nothing that was erased may stay in a log that nobody writes any more.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}
