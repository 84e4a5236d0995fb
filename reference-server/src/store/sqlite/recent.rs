//! The keys of the latest results, in memory.
//!
//! A key is random, so that a table of keys has a page to write for almost every row; the same keys in sorted runs have one
//! for a hundred. A result's own row says all of them. So a commit writes that row, the keys stay here, and when there are
//! enough of them they are sorted and go into the tables as one run, some with every commit (`seal.rs`). After a crash they
//! are read from the rows again. Here they are hashed: to keep them in order costs five searches of a tree for each result.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::Row;

use crate::store::{Fingerprint, NewResult};

/// What a result is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: i64,
    pub(super) sender: Arc<str>,
    pub(super) name: String,
    pub(super) reference: Fingerprint,
    pub(super) idempotency: Option<Fingerprint>,
    pub(super) sample: Fingerprint,
    pub(super) link: [u8; 20],
    pub(super) birth: [u8; 16],
}

impl Keys {
    /// The columns of `results` that [`Keys::read`] reads.
    pub(super) const COLUMNS: &'static str = "id, sender, reference, sample, name, idempotency, link, birth";

    pub(super) fn of(result: &NewResult, id: i64) -> Keys {
        Keys {
            id,
            sender: Arc::clone(&result.sender),
            name: result.name.clone(),
            reference: Fingerprint::reference(&result.sender, &result.reference),
            idempotency: result.idempotency,
            sample: Fingerprint::sample(&result.sender, &result.sample),
            link: result.link.0,
            birth: result.birth.0,
        }
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Keys> {
        let sender: Arc<str> = row.get(1)?;
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        Ok(Keys {
            id: row.get(0)?,
            reference: Fingerprint::reference(&sender, text(2)?),
            sample: Fingerprint::sample(&sender, text(3)?),
            name: row.get(4)?,
            idempotency: row.get::<_, Option<_>>(5)?.map(Fingerprint),
            link: row.get(6)?,
            birth: row.get(7)?,
            sender,
        })
    }

    /// Reference and idempotency key: no two results have one in common.
    pub(super) fn uniques(&self) -> impl Iterator<Item = Fingerprint> + use<> {
        [Some(self.reference), self.idempotency].into_iter().flatten()
    }
}

/// The keys of one generation of results.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) uniques: HashMap<[u8; 16], i64>,
    /// The first result of each sample.
    pub(super) samples: HashMap<[u8; 16], i64>,
    /// Further results of a sample, which are few.
    pub(super) copies: BTreeSet<([u8; 16], i64)>,
    /// Of each sender.
    pub(super) names: HashMap<Arc<str>, BTreeSet<(String, i64)>>,
    pub(super) links: HashMap<[u8; 20], (i64, [u8; 16])>,
}

impl Run {
    /// Empties it, but keeps its memory: the pauses in which it grows, and in which the system gives the memory, are for a
    /// server that has not been busy yet.
    pub(super) fn clear(&mut self) {
        self.uniques.clear();
        self.samples.clear();
        self.copies.clear();
        self.names.clear();
        self.links.clear();
    }

    /// Results whose keys are in it.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The highest id in it; 0 when there is none. It looks at all of them: one that was rolled back is given out again, perhaps
    /// to a result of the next generation, and must not stand for this one's end.
    pub(super) fn last(&self) -> i64 {
        self.links.values().map(|(id, _)| *id).max().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, keys: Keys) {
        for unique in keys.uniques() {
            self.uniques.insert(unique.0, keys.id);
        }
        match self.samples.entry(keys.sample.0) {
            Entry::Vacant(place) => {
                place.insert(keys.id);
            }
            Entry::Occupied(_) => {
                self.copies.insert((keys.sample.0, keys.id));
            }
        }
        self.names.entry(keys.sender).or_default().insert((keys.name, keys.id));
        self.links.insert(keys.link, (keys.id, keys.birth));
    }

    /// Whether they were there.
    pub(super) fn remove(&mut self, keys: &Keys) -> bool {
        for unique in keys.uniques() {
            self.uniques.remove(&unique.0);
        }
        let copy = (keys.sample.0, keys.id);
        if !self.copies.remove(&copy) && self.samples.get(&copy.0) == Some(&copy.1) {
            match self.copies.range((copy.0, i64::MIN)..=(copy.0, i64::MAX)).next().copied() {
                Some(next) => {
                    self.copies.remove(&next);
                    self.samples.insert(next.0, next.1);
                }
                None => {
                    self.samples.remove(&copy.0);
                }
            }
        }
        if let Some(names) = self.names.get_mut(&keys.sender) {
            names.remove(&(keys.name.clone(), keys.id));
        }
        self.links.remove(&keys.link).is_some()
    }

    fn samples(&self, sample: [u8; 16]) -> impl Iterator<Item = i64> {
        let copies = self.copies.range((sample, i64::MIN)..=(sample, i64::MAX)).map(|(_, id)| *id);
        self.samples.get(&sample).copied().into_iter().chain(copies)
    }

    fn names<'a>(&'a self, sender: &str, prefix: &'a str) -> impl Iterator<Item = i64> + use<'a> {
        let from = (prefix.to_owned(), i64::MIN);
        let names = self.names.get(sender).into_iter().flat_map(move |names| names.range(from.clone()..));
        names.take_while(move |(name, _)| name.starts_with(prefix)).map(|(_, id)| *id)
    }
}

/// A generation that is full: nothing is added to it, and what is removed from it is only marked, so that others may read it
/// beside the writer.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) run: Arc<Run>,
    /// Results that have been erased since.
    pub(super) gone: HashSet<i64>,
}

/// The latest generations: one that grows, and one that is on its way into the tables.
///
/// What is on its way is there and here. Whoever asks both asks here first: nothing leaves before it has arrived.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) open: Run,
    pub(super) sealing: Option<Closed>,
}

impl Recent {
    /// What a question finds in the two, the one that grows first.
    fn find<'a, I: Iterator<Item = i64>>(
        &'a self,
        question: impl Fn(&'a Run) -> I,
    ) -> impl Iterator<Item = i64> {
        let closed = self.sealing.as_ref();
        let older = closed.map(|closed| question(&closed.run).filter(|id| !closed.gone.contains(id)));
        question(&self.open).chain(older.into_iter().flatten())
    }

    /// The result with this reference or idempotency key.
    pub(super) fn unique(&self, fingerprint: Fingerprint) -> Option<i64> {
        self.find(|run| run.uniques.get(&fingerprint.0).copied().into_iter()).next()
    }

    /// The result behind a link, and the hash of the birth date.
    pub(super) fn link(&self, link: [u8; 20]) -> Option<(i64, [u8; 16])> {
        let closed = || {
            let closed = self.sealing.as_ref()?;
            closed.run.links.get(&link).filter(|(id, _)| !closed.gone.contains(id))
        };
        self.open.links.get(&link).or_else(closed).copied()
    }

    /// The results of a sample.
    pub(super) fn samples(&self, sample: [u8; 16]) -> impl Iterator<Item = i64> {
        self.find(move |run| run.samples(sample))
    }

    /// Results of a sender whose patient's name begins with `prefix`: of each generation in the order of the names.
    pub(super) fn names<'a>(&'a self, sender: &'a str, prefix: &'a str) -> impl Iterator<Item = i64> + 'a {
        self.find(move |run| run.names(sender, prefix))
    }

    /// Whether they were there.
    pub(super) fn remove(&mut self, keys: &Keys) -> bool {
        let closed = |closed: &mut Closed| {
            closed.run.links.get(&keys.link).is_some_and(|(id, _)| *id == keys.id)
                && closed.gone.insert(keys.id)
        };
        self.open.remove(keys) || self.sealing.as_mut().is_some_and(closed)
    }

    /// Puts back what was removed.
    pub(super) fn restore(&mut self, keys: Keys) {
        if !self.sealing.as_mut().is_some_and(|closed| closed.gone.remove(&keys.id)) {
            self.open.insert(keys);
        }
    }
}

/// The same, for the writer and the readers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest(Arc<RwLock<Recent>>);

impl Latest {
    pub(super) fn new(recent: Recent) -> Latest {
        Latest(Arc::new(RwLock::new(recent)))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Recent> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Recent> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
