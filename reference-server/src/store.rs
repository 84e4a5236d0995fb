//! The store: what was acknowledged is on disk.
//!
//! A [`Store`] is the sending ends of two bounded channels: commands that write, answered after their commit, and
//! reads. Whoever serves the other ends is the backend; `sqlite` does it with one writer thread that commits in
//! groups, reader threads and a checkpoint thread; `postgres` does it with a thread and its connections, beside other
//! instances on the same database. The store has no clock of its own: every command that needs one brings its moment along.

mod answers;
mod cache;
mod command;
mod lockout;
mod model;
mod postgres;
mod sqlite;
mod stats;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};

use self::answers::Answering;
pub(crate) use self::cache::ResultCache;
use self::command::{Read, Reply, Write};
pub use self::model::{
    Accepted, Attempt, Birth, Draft, Due, Expired, Fingerprint, Lockout, Message, NewAccepted, NewMessage,
    NewResult, Purged, Saved, StoredResult,
};
pub use self::stats::StoreStats;
use crate::config::{self, Commit};
use crate::faults::Faults;
use crate::link::LinkKey;
use crate::moment::Moment;

/// Changes of one commit, beyond which the next command waits for the next one.
pub const GROUP: usize = 2_048;

/// Where results, links, messages and drafts are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: mpsc::Sender<Write>,
    reader: mpsc::Sender<Read>,
    readers: usize,
    shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// How often messages may have come or fallen free of which nobody tells; `None`: never.
    poll: Option<Duration>,
}

/// What the store's threads and its users both see.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Told after every commit that stored messages.
    pub(crate) messages: Notify,
    pub(crate) stats: StoreStats,
    answering: Answering,
    pub(crate) faults: Arc<Faults>,
    /// How long a commit takes at least; empty: as long as it takes.
    pub(crate) commit: OnceLock<Commit>,
    cache: OnceLock<ResultCache>,
}

impl Shared {
    /// How long a commit with so many changes takes at least.
    pub(crate) fn commit_takes(&self, changes: usize) -> Duration {
        self.commit.get().map_or(Duration::ZERO, |commit| commit.of(changes))
    }
}

/// Why the store did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store has been closed, or its thread has ended.
    #[error("the store is closed")]
    Closed,
}

impl Store {
    /// Opens the SQLite store in `folder`, which must exist; creates the database if there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database of this version.
    pub fn sqlite(folder: &Path) -> Result<Store, StoreError> {
        Store::faulty(folder, Arc::default())
    }

    /// The same, slow as the faults say.
    ///
    /// # Errors
    /// As [`Store::sqlite`].
    pub(crate) fn faulty(folder: &Path, faults: Arc<Faults>) -> Result<Store, StoreError> {
        sqlite::open(folder, faults)
    }

    /// From now on a commit takes at least so long, as in the modelled store of a configuration. The first call counts.
    pub(crate) fn model_commit(&self, commit: Commit) {
        let _ = self.shared.commit.set(commit);
    }

    /// Opens the store in the PostgreSQL database behind this URL, which any number of processes may share; makes or
    /// mends its tables first.
    ///
    /// # Errors
    /// When the URL is none, the database cannot be reached for some seconds, or it has tables of a later version.
    pub async fn postgres(url: &str) -> Result<Store, StoreError> {
        Store::faulty_postgres(url, Arc::default()).await
    }

    /// The same, slow as the faults say.
    ///
    /// # Errors
    /// As [`Store::postgres`].
    pub(crate) async fn faulty_postgres(url: &str, faults: Arc<Faults>) -> Result<Store, StoreError> {
        postgres::open(url, faults).await
    }

    /// From now on results that were looked at are kept in memory. The first call counts.
    pub(crate) fn cache_results(&self, config: &config::Cache) {
        let _ = self.shared.cache.set(ResultCache::new(config));
    }

    /// Results in memory, if any are kept.
    pub(crate) fn cache(&self) -> Option<&ResultCache> {
        self.shared.cache.get()
    }

    /// Stores results, each with its message, in one transaction; one that is there already (same sender and
    /// idempotency key, or same sender and reference) is answered as it was the first time.
    ///
    /// # Errors
    /// When nothing of it was stored.
    pub async fn save_results(&self, results: Vec<NewResult>) -> Result<Vec<Saved>, StoreError> {
        self.write(|reply| Write::Results { results, reply }).await
    }

    /// Stores a draft and returns its id.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn save_draft(
        &self,
        sender: Arc<str>,
        body: Vec<u8>,
        received: Moment,
    ) -> Result<i64, StoreError> {
        self.write(|reply| Write::Draft { sender, body, received, reply }).await
    }

    /// Tries a birth date on a link. A failure is counted, and the count is on disk, before this returns; attempts
    /// on one link are judged one after the other.
    ///
    /// # Errors
    /// When the attempt could not be judged.
    pub async fn try_birth_date(
        &self,
        link: LinkKey,
        birth: Birth,
        now: Moment,
        lockout: Lockout,
    ) -> Result<Attempt, StoreError> {
        self.write(|reply| Write::BirthDate { link, birth, now, lockout, reply }).await
    }

    /// Keeps the text of a result's certificate, and returns the one that is kept: the first one, for good. Of a result
    /// that has been erased meanwhile none is kept.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_certificate(&self, id: i64, text: String) -> Result<String, StoreError> {
        self.write(|reply| Write::Certificate { id, text, reply }).await
    }

    /// Keeps what was handed in until it is settled, and returns the id of its first receipt; those of its other entries
    /// follow.
    ///
    /// # Errors
    /// When it was not kept.
    pub async fn accept(&self, message: NewAccepted) -> Result<i64, StoreError> {
        self.write(|reply| Write::Accept { message, reply }).await
    }

    /// Erases an accepted message, and keeps how its entries ended; done twice, it counts once.
    ///
    /// # Errors
    /// When it is as before.
    pub async fn settle(&self, id: i64, entries: u32, ends: String) -> Result<(), StoreError> {
        self.write(|reply| Write::Settle { id, entries, ends, reply }).await
    }

    /// Accepted messages that are not settled, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn accepted(&self, limit: u32) -> Result<Vec<Accepted>, StoreError> {
        self.read(|reply| Read::Accepted { limit, reply }).await
    }

    /// The accepted message to which the receipt with this id belongs: the id of its first receipt, and how its entries
    /// ended, if it is settled.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn acceptance(&self, receipt: i64) -> Result<Option<(i64, Option<String>)>, StoreError> {
        self.read(|reply| Read::Acceptance { receipt, reply }).await
    }

    /// Erases a message that the gateway has taken, its link included.
    ///
    /// # Errors
    /// When it is still there.
    pub async fn delivered(&self, due: Due) -> Result<(), StoreError> {
        self.write(|reply| Write::Delivered { due, reply }).await
    }

    /// Puts a message off until `until` and counts the failure.
    ///
    /// # Errors
    /// When it is due as before.
    pub async fn postpone(&self, due: Due, until: Moment) -> Result<(), StoreError> {
        self.write(|reply| Write::Postpone { due, until, reply }).await
    }

    /// Erases at most `limit` expired results, with everything that leads to them, as many drafts, and as many ends of accepted
    /// messages. Called until there is no more, with a [`Store::scrub`] at the end.
    ///
    /// # Errors
    /// When nothing of it was erased.
    pub async fn purge(&self, expired: Expired, limit: u32) -> Result<Purged, StoreError> {
        let purged = self.write(|reply| Write::Purge { expired, limit, reply }).await;
        // Also when nobody knows what was erased.
        if let Some(cache) = self.shared.cache.get() {
            cache.forget();
        }
        purged
    }

    /// Leaves nothing of what was erased behind: not in a log, not in a page that is not in use. PostgreSQL keeps it in free
    /// space until that is used again, or until [`Store::rewrite`].
    ///
    /// # Errors
    /// When something may still be there.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        self.write(|reply| Write::Scrub { reply }).await
    }

    /// Writes every table anew in PostgreSQL, so that their files have nothing of what was erased any more, after its next
    /// checkpoint; each is locked for as long as it is copied. Its log keeps what it has until that is used again. In SQLite
    /// there is nothing left to do after [`Store::scrub`].
    ///
    /// # Errors
    /// When not all of it was done.
    pub async fn rewrite(&self) -> Result<(), StoreError> {
        self.write(|reply| Write::Rewrite { reply }).await
    }

    /// The result with this id.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn result(&self, id: i64) -> Result<Option<StoredResult>, StoreError> {
        self.read(|reply| Read::Result { id, reply }).await
    }

    /// The result behind a link.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn result_by_link(&self, link: LinkKey) -> Result<Option<StoredResult>, StoreError> {
        let Some(cache) = self.shared.cache.get() else {
            return self.read(|reply| Read::ByLink { link, reply }).await;
        };
        let reading = match cache.get(&link, Instant::now()) {
            Ok(result) => return Ok(Some(result)),
            Err(reading) => reading,
        };
        let found = self.read(|reply| Read::ByLink { link, reply }).await?;
        if let Some(result) = &found {
            cache.keep(reading, link, result, Instant::now());
        }
        Ok(found)
    }

    /// The text of a result's certificate, if one has been issued.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn certificate(&self, id: i64) -> Result<Option<String>, StoreError> {
        self.read(|reply| Read::Certificate { id, reply }).await
    }

    /// The draft with this id.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn draft(&self, id: i64) -> Result<Option<Draft>, StoreError> {
        self.read(|reply| Read::Draft { id, reply }).await
    }

    /// How many stored results have this sender and sample number.
    ///
    /// # Errors
    /// When they could not be counted.
    pub async fn copies(&self, sender: &str, sample: &str) -> Result<u32, StoreError> {
        let sample = Fingerprint::sample(sender, sample);
        self.read(|reply| Read::Copies { sample, reply }).await
    }

    /// Results of a sender whose patient's folded family name begins with `prefix`, at most
    /// `limit`: in SQLite the latest generation first, within it by name.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn search(
        &self,
        sender: Arc<str>,
        prefix: String,
        limit: u32,
    ) -> Result<Vec<StoredResult>, StoreError> {
        self.read(|reply| Read::Search { sender, prefix, limit, reply }).await
    }

    /// Results received from one moment on and before another, in the order in which they came, at most `limit`;
    /// `after` is the id of the last one of the page before.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn received(
        &self,
        from: Moment,
        before: Moment,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredResult>, StoreError> {
        self.read(|reply| Read::Received { from, before, after, limit, reply }).await
    }

    /// Messages due by `now` in their order, at most `limit`; and when the first one that is not due yet will be. Where
    /// several instances share the store, they are claimed: no other instance is given them while this one lives.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn due(&self, now: Moment, limit: u32) -> Result<(Vec<Message>, Option<Moment>), StoreError> {
        self.read(|reply| Read::Due { now, limit, reply }).await
    }

    /// When the first message was due, if one is by `now`; nothing is claimed.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn first_due(&self, now: Moment) -> Result<Option<Moment>, StoreError> {
        self.read(|reply| Read::FirstDue { now, reply }).await
    }

    /// Messages that wait for delivery, due or not, the latest first, at most `limit`.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.read(|reply| Read::Waiting { limit, reply }).await
    }

    /// Completes after a commit that stored messages, at once if there was one since the last call; and, where other
    /// instances share the store, after some seconds: they may have left messages behind.
    pub async fn messages_stored(&self) {
        let told = self.shared.messages.notified();
        match self.poll {
            // Told or not, it is time to look.
            Some(pause) => drop(tokio::time::timeout(pause, told).await),
            None => told.await,
        }
    }

    /// Counters of the store.
    pub fn stats(&self) -> &StoreStats {
        &self.shared.stats
    }

    /// Finishes what was handed over, and closes the files. Later commands are answered [`StoreError::Closed`].
    pub async fn close(&self) {
        // A closed channel means that the thread has ended already.
        let _ = self.writer.send(Write::Stop).await;
        for _ in 0..self.readers {
            let _ = self.reader.send(Read::Stop).await;
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }

    async fn write<T>(&self, command: impl FnOnce(Reply<T>) -> Write) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn read<T>(&self, command: impl FnOnce(Reply<T>) -> Read) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.reader.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}
