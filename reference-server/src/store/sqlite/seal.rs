//! Copies the keys of a full generation into the tables, each table's in its order, a piece at a time.
//!
//! In order a page is written once for all of its rows; in pieces no commit waits for a whole generation.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Statement};

use super::filters::Filters;
use super::prepare;
use super::recent::Run;
use crate::store::Fingerprint;

/// Results of a generation that is sorted where it is closed: a thread takes longer to start.
const FEW: usize = 1_000;

/// How nice the threads that sort a generation, and empty it, are to the others: they have until the next one is full.
pub(super) const NICE: i32 = 10;

/// The keys of a generation, each table's in its order.
#[derive(Debug)]
pub(super) struct Sorted {
    uniques: Vec<([u8; 16], i64)>,
    samples: Vec<([u8; 16], i64)>,
    names: Vec<(Arc<str>, String, i64)>,
    links: Vec<([u8; 20], i64, [u8; 16])>,
    last: i64,
}

impl Sorted {
    fn of(run: &Run) -> Sorted {
        let mut uniques: Vec<_> = run.uniques.iter().map(|(unique, id)| (*unique, *id)).collect();
        let samples = run.samples.iter().map(|(sample, id)| (*sample, *id));
        let mut samples: Vec<_> = samples.chain(run.copies.iter().copied()).collect();
        let mut senders: Vec<_> = run.names.iter().collect();
        let mut links: Vec<_> = run.links.iter().map(|(link, (id, birth))| (*link, *id, *birth)).collect();
        uniques.sort_unstable();
        samples.sort_unstable();
        senders.sort_unstable_by_key(|(sender, _)| *sender);
        links.sort_unstable();
        let of_sender = |(sender, names): (&Arc<str>, &std::collections::BTreeSet<(String, i64)>)| {
            let names: Vec<_> =
                names.iter().map(|(name, id)| (Arc::clone(sender), name.clone(), *id)).collect();
            names
        };
        let names = senders.into_iter().flat_map(of_sender).collect();
        Sorted { uniques, samples, names, links, last: run.last() }
    }

    /// How many keys have not been passed.
    pub(super) fn left(&self, cursor: &Cursor) -> usize {
        let all = self.uniques.len() + self.samples.len() + self.names.len() + self.links.len();
        all - (cursor.unique + cursor.sample + cursor.name + cursor.link)
    }
}

/// A generation that is being sorted, beside the writer.
#[derive(Debug)]
pub(super) enum Sorting {
    UnderWay(Arc<Run>, Option<JoinHandle<Sorted>>),
    Done(Sorted),
}

impl Sorting {
    pub(super) fn start(run: &Arc<Run>) -> Sorting {
        if run.len() <= FEW {
            return Sorting::Done(Sorted::of(run));
        }
        let theirs = Arc::clone(run);
        let work = move || {
            // Where it may not be nice it is as fast as the others.
            let _ = rustix::process::nice(NICE);
            Sorted::of(&theirs)
        };
        // Without a thread it is sorted when it is asked for.
        Sorting::UnderWay(
            Arc::clone(run),
            std::thread::Builder::new().name("store-sort".to_owned()).spawn(work).ok(),
        )
    }

    /// The sorted keys, when they are there.
    pub(super) fn done(&mut self) -> Option<&Sorted> {
        if let Sorting::UnderWay(run, thread) = self {
            if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
                return None;
            }
            let sorted = thread.take().and_then(|thread| thread.join().ok());
            *self = Sorting::Done(sorted.unwrap_or_else(|| Sorted::of(run)));
        }
        match self {
            Sorting::Done(sorted) => Some(sorted),
            Sorting::UnderWay(..) => None,
        }
    }
}

/// How far a generation has got: how many keys of each table have been passed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    unique: usize,
    sample: usize,
    name: usize,
    link: usize,
}

/// The next of these keys, at most so many, and moves both on.
fn next<'k, K>(keys: &'k [K], at: &mut usize, left: &mut usize) -> &'k [K] {
    let from = *at;
    *at = keys.len().min(from + *left);
    *left -= *at - from;
    &keys[from..*at]
}

/// The statements that fill the tables. What a crash left of a run is there already, and stays.
pub(super) struct Seal<'c> {
    unique: Statement<'c>,
    sample: Statement<'c>,
    name: Statement<'c>,
    link: Statement<'c>,
    done: Statement<'c>,
}

impl<'c> Seal<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Seal<'c>> {
        Ok(Seal {
            unique: prepare(connection, "INSERT OR IGNORE INTO uniques VALUES (?1, ?2, ?3)")?,
            sample: prepare(connection, "INSERT OR IGNORE INTO samples VALUES (?1, ?2, ?3)")?,
            name: prepare(connection, "INSERT OR IGNORE INTO names VALUES (?1, ?2, ?3, ?4)")?,
            link: prepare(connection, "INSERT OR IGNORE INTO links VALUES (?1, ?2, ?3)")?,
            done: prepare(
                connection,
                "UPDATE counters SET value = max(value, ?1) WHERE name = 'sealed up to'",
            )?,
        })
    }

    /// Copies at most `most` keys of generation `number` but those of results that are gone, and says whether that was all.
    pub(super) fn step(
        &mut self,
        sorted: &Sorted,
        gone: &HashSet<i64>,
        number: i64,
        cursor: &mut Cursor,
        filters: &mut Filters,
        most: usize,
    ) -> rusqlite::Result<bool> {
        let mut left = most;
        let here = |id: &i64| gone.is_empty() || !gone.contains(id);
        for (fingerprint, id) in next(&sorted.uniques, &mut cursor.unique, &mut left) {
            if here(id) {
                self.unique.execute((number, fingerprint, id))?;
                filters.insert(Fingerprint(*fingerprint));
            }
        }
        for (fingerprint, id) in next(&sorted.samples, &mut cursor.sample, &mut left) {
            if here(id) {
                self.sample.execute((number, fingerprint, id))?;
            }
        }
        for (sender, name, id) in next(&sorted.names, &mut cursor.name, &mut left) {
            if here(id) {
                self.name.execute((number, &**sender, name, id))?;
            }
        }
        for (link, id, birth) in next(&sorted.links, &mut cursor.link, &mut left) {
            if here(id) {
                self.link.execute((link, id, birth))?;
            }
        }
        if left == 0 {
            return Ok(false);
        }
        self.done.execute([sorted.last])?;
        Ok(true)
    }
}
