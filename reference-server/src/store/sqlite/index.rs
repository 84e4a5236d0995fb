//! Where the keys of results are: those of the latest in memory, those of before in tables, a generation after the other.
//!
//! The number of a generation stands in front of its keys, so that a generation is one piece of each table, written once
//! and in order. The price is that a look-up asks every generation. For the uniqueness of references and idempotency
//! keys, which every insert asks for, a filter a generation answers in memory; the rare other questions ask them all.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Statement};

use super::filters::Filters;
use super::recent::{Closed, Keys, Latest, Recent, Run};
use super::seal::{Cursor, NICE, Seal, Sorting};
use super::{optional, prepare};
use crate::store::{Fingerprint, StoreError};

/// Results in one generation; the keys of two are in memory at most, some 300 bytes a result.
const SIZE: usize = 65_536;

/// Fingerprints that a result has at most in `uniques`: reference and idempotency key.
const UNIQUES_EACH: usize = 2;

/// Keys that are copied into the tables with every commit, whether it has results or not.
const KEYS_A_COMMIT: usize = 8;

/// Keys that are copied at most for each result of a commit. A result has five, and a generation takes its time to be sorted
/// before the first is copied.
const KEYS_A_RESULT: usize = 8;

/// The generations that there are. Two questions, since SQLite answers each from an end of the index, and both in one
/// `SELECT` by reading all of it.
pub(super) const FIRST_AND_LAST: &str =
    "SELECT (SELECT min(generation) FROM samples), (SELECT max(generation) FROM samples)";

/// The keys in memory, and what the writer knows of those in the tables.
#[derive(Debug)]
pub(super) struct Index {
    latest: Latest,
    /// Number of the generation that grows; the one before may be on its way.
    open: i64,
    /// Of those that are in the tables, from `first` on.
    filters: Filters,
    first: i64,
    sealing: Option<Sealing>,
    /// The memory of one that has arrived, as it is being emptied for the next one.
    spare: Option<JoinHandle<Option<Run>>>,
    size: usize,
    /// What this transaction put into memory and took from it.
    added: Vec<Keys>,
    removed: Vec<Keys>,
}

/// A generation on its way into the tables.
#[derive(Debug)]
struct Sealing {
    keys: Sorting,
    cursor: Cursor,
    /// The cursor before this transaction.
    before: Cursor,
    done: bool,
}

impl Index {
    /// Reads what the database has.
    pub(super) fn load(connection: &Connection) -> Result<Index, StoreError> {
        Index::load_sized(connection, SIZE)
    }

    fn load_sized(connection: &Connection, size: usize) -> Result<Index, StoreError> {
        let mut recent = connection.prepare(&format!(
            "SELECT {}, generation FROM results
             WHERE id > (SELECT value FROM counters WHERE name = 'sealed up to') ORDER BY id",
            Keys::COLUMNS
        ))?;
        let mut rows = recent.query([])?;
        let mut runs: Vec<(i64, Run)> = Vec::new();
        while let Some(row) = rows.next()? {
            let number = row.get(8)?;
            if runs.last().is_none_or(|(last, _)| *last != number) {
                runs.push((number, Run::default()));
            }
            if let Some((_, run)) = runs.last_mut() {
                run.insert(Keys::read(row)?);
            }
        }
        let (first, last): (Option<i64>, Option<i64>) =
            connection.query_row(FIRST_AND_LAST, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let next = last.map_or(0, |last| last + 1);
        let (open, run) = runs.pop().unwrap_or((next, Run::default()));
        let sealing = runs.pop();
        if !runs.is_empty() || sealing.as_ref().is_some_and(|(number, _)| number + 1 != open) {
            return Err(StoreError::Failed(
                "the results are not in the order of their generations".to_owned(),
            ));
        }
        let unsealed = open - i64::from(sealing.is_some());
        let first = first.map_or(unsealed, |first| first.min(unsealed));
        let closed = sealing.map(|(_, run)| Closed { run: Arc::new(run), ..Closed::default() });
        let recent = Recent { open: run, sealing: closed };
        let mut index = Index {
            sealing: recent.sealing.as_ref().map(Sealing::new),
            latest: Latest::new(recent),
            open,
            filters: Filters::new(size * UNIQUES_EACH),
            first,
            spare: None,
            size,
            added: Vec::new(),
            removed: Vec::new(),
        };
        let mut uniques = connection.prepare("SELECT fingerprint FROM uniques WHERE generation = ?1")?;
        for generation in first..unsealed {
            index.filters.begin();
            let mut rows = uniques.query([generation])?;
            while let Some(row) = rows.next()? {
                index.filters.insert(Fingerprint(row.get(0)?));
            }
            index.filters.end();
        }
        if index.sealing.is_some() {
            index.filters.begin();
        }
        Ok(index)
    }

    /// The keys in memory, for who reads beside the writer.
    pub(super) fn latest(&self) -> &Latest {
        &self.latest
    }

    /// The generation of new results.
    pub(super) fn generation(&self) -> i64 {
        self.open
    }

    /// Before a transaction: closes the generation that is full, when the one before has arrived.
    pub(super) fn begin(&mut self) {
        if self.sealing.is_none() && self.latest.read().open.len() >= self.size {
            let mut recent = self.latest.write();
            let empty =
                self.spare.take_if(|spare| spare.is_finished()).and_then(|spare| spare.join().ok().flatten());
            let full = std::mem::replace(&mut recent.open, empty.unwrap_or_default());
            let closed = Closed { run: Arc::new(full), ..Closed::default() };
            self.sealing = Some(Sealing::new(&closed));
            self.filters.begin();
            recent.sealing = Some(closed);
            self.open += 1;
        }
    }

    /// Adds the keys of a new result.
    pub(super) fn add(&mut self, keys: Keys) {
        self.latest.write().open.insert(keys.clone());
        self.added.push(keys);
    }

    /// Forgets the keys of a result that is erased, as far as they are in memory.
    pub(super) fn remove(&mut self, keys: Keys) {
        if self.latest.write().remove(&keys) {
            self.removed.push(keys);
        }
    }

    /// In a transaction: copies keys of the generation that is on its way.
    pub(super) fn copy(&mut self, seal: &mut Seal<'_>) -> rusqlite::Result<()> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        let Some(sorted) = sealing.keys.done() else { return Ok(()) };
        let recent = self.latest.read();
        let Some(Closed { gone, .. }) = &recent.sealing else { return Ok(()) };
        // As many for each result as have it there when the open generation is full but for a quarter: copied faster, the
        // commits of one second would take longer than those of the next.
        let room = (self.size - self.size / 4).saturating_sub(recent.open.len()).max(1);
        let each = sorted.left(&sealing.cursor).div_ceil(room).min(KEYS_A_RESULT);
        let most = KEYS_A_COMMIT + each * self.added.len();
        let (cursor, filters) = (&mut sealing.cursor, &mut self.filters);
        sealing.done = seal.step(sorted, gone, self.open - 1, cursor, filters, most)?;
        Ok(())
    }

    /// After a commit.
    pub(super) fn committed(&mut self) {
        self.added.clear();
        self.removed.clear();
        if self.sealing.as_ref().is_some_and(|sealing| sealing.done) {
            let closed = self.latest.write().sealing.take();
            if let Some(Sealing { keys, .. }) = self.sealing.take() {
                // To empty it takes milliseconds, for which no commit waits.
                let empty = move || {
                    // As with sorting: who serves comes first.
                    let _ = rustix::process::nice(NICE);
                    drop(keys);
                    let mut run = Arc::into_inner(closed?.run)?;
                    run.clear();
                    Some(run)
                };
                self.spare = std::thread::Builder::new().name("store-empty".to_owned()).spawn(empty).ok();
                self.filters.end();
            }
        }
        if let Some(sealing) = &mut self.sealing {
            sealing.before = sealing.cursor;
        }
    }

    /// After a rollback: as it was before the transaction.
    pub(super) fn rolled_back(&mut self) {
        let mut recent = self.latest.write();
        for keys in self.added.drain(..) {
            recent.open.remove(&keys);
        }
        for keys in self.removed.drain(..) {
            recent.restore(keys);
        }
        if let Some(sealing) = &mut self.sealing {
            sealing.cursor = sealing.before;
            sealing.done = false;
        }
    }

    /// Generations in the tables that may have this fingerprint, the latest first.
    fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = i64> {
        let candidates = self.filters.candidates(fingerprint);
        candidates.map(|place| self.first + i64::try_from(place).unwrap_or(i64::MAX))
    }
}

impl Sealing {
    fn new(closed: &Closed) -> Sealing {
        let keys = Sorting::start(&closed.run);
        Sealing { keys, cursor: Cursor::default(), before: Cursor::default(), done: false }
    }
}

/// The statement that finds a reference or idempotency key in the tables.
pub(super) struct Uniques<'c> {
    find: Statement<'c>,
}

impl<'c> Uniques<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Uniques<'c>> {
        let find = prepare(connection, "SELECT id FROM uniques WHERE generation = ?1 AND fingerprint = ?2")?;
        Ok(Uniques { find })
    }

    /// The result that has this fingerprint already.
    pub(super) fn find(&mut self, index: &Index, fingerprint: Fingerprint) -> rusqlite::Result<Option<i64>> {
        let recent = index.latest.read().unique(fingerprint);
        if recent.is_some() {
            return Ok(recent);
        }
        for generation in index.candidates(fingerprint) {
            let found = self.find.query_row((generation, fingerprint.0), |row| row.get(0));
            if let Some(id) = optional(found)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
