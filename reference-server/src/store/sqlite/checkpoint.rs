//! The checkpoint thread: copies the log into the database on a timer, out of the path of the commits.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

/// Pause between checkpoints; each second was measured to give the best rate and the shortest tail.
const PAUSE: Duration = Duration::from_secs(1);

/// Size of the log from which a checkpoint makes the writer start it over, in bytes.
const LONG_LOG: u64 = 256 << 20;

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
pub(super) fn run(connection: &Connection, log: &Path, timer: &Timer) {
    loop {
        let goes_on = timer.wait();
        let long = || std::fs::metadata(log).is_ok_and(|file| file.len() > LONG_LOG);
        let mode = match goes_on {
            // Nothing that was erased may stay in a log that nobody writes any more.
            false => "PRAGMA wal_checkpoint(TRUNCATE)",
            // Lets the writer begin the log anew.
            true if long() => "PRAGMA wal_checkpoint(RESTART)",
            // Waits for nobody.
            true => "PRAGMA wal_checkpoint(PASSIVE)",
        };
        // What fails is done by the next one: until then the log only grows.
        let _ = connection.query_row(mode, [], |_| Ok(()));
        if !goes_on {
            return;
        }
    }
}
