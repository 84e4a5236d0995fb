//! The keys of the latest results, in memory and in the order of the tables that they will go to.
//!
//! A key is random, so that a table of keys has a page to write for almost every row; the same keys in sorted runs have one
//! for a hundred. A result's own row says all of them. So a commit writes that row, the keys stay here, and when there are
//! enough of them they go into the tables as one run, some with every commit (`seal.rs`). After a crash they are read
//! from the rows again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
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
    pub(super) uniques: BTreeMap<[u8; 16], i64>,
    pub(super) samples: BTreeSet<([u8; 16], i64)>,
    pub(super) names: BTreeSet<(Arc<str>, String, i64)>,
    pub(super) links: BTreeMap<[u8; 20], (i64, [u8; 16])>,
}

impl Run {
    /// Results whose keys are in it.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The highest id in it; 0 when there is none.
    pub(super) fn last(&self) -> i64 {
        self.links.values().map(|(id, _)| *id).max().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, keys: Keys) {
        for unique in keys.uniques() {
            self.uniques.insert(unique.0, keys.id);
        }
        self.samples.insert((keys.sample.0, keys.id));
        self.names.insert((keys.sender, keys.name, keys.id));
        self.links.insert(keys.link, (keys.id, keys.birth));
    }

    /// Whether they were there.
    pub(super) fn remove(&mut self, keys: &Keys) -> bool {
        for unique in keys.uniques() {
            self.uniques.remove(&unique.0);
        }
        self.samples.remove(&(keys.sample.0, keys.id));
        self.names.remove(&(Arc::clone(&keys.sender), keys.name.clone(), keys.id));
        self.links.remove(&keys.link).is_some()
    }

    fn samples(&self, sample: [u8; 16]) -> impl Iterator<Item = i64> {
        self.samples.range((sample, i64::MIN)..=(sample, i64::MAX)).map(|(_, id)| *id)
    }

    fn names<'a>(&'a self, sender: &'a str, prefix: &'a str) -> impl Iterator<Item = i64> + 'a {
        let from = (Arc::from(sender), prefix.to_owned(), i64::MIN);
        self.names
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(of, name, _)| **of == *sender && name.starts_with(prefix))
            .map(|(_, _, id)| *id)
    }
}

/// The latest generations: one that grows, and one that is on its way into the tables.
///
/// What is on its way is there and here. Whoever asks both asks here first: nothing leaves before it has arrived.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) open: Run,
    pub(super) sealing: Option<Run>,
}

impl Recent {
    fn runs(&self) -> impl Iterator<Item = &Run> {
        std::iter::once(&self.open).chain(&self.sealing)
    }

    /// The result with this reference or idempotency key.
    pub(super) fn unique(&self, fingerprint: Fingerprint) -> Option<i64> {
        self.runs().find_map(|run| run.uniques.get(&fingerprint.0).copied())
    }

    /// The result behind a link, and the hash of the birth date.
    pub(super) fn link(&self, link: [u8; 20]) -> Option<(i64, [u8; 16])> {
        self.runs().find_map(|run| run.links.get(&link).copied())
    }

    /// The results of a sample.
    pub(super) fn samples(&self, sample: [u8; 16]) -> impl Iterator<Item = i64> {
        self.runs().flat_map(move |run| run.samples(sample))
    }

    /// Results of a sender whose patient's name begins with `prefix`: of each generation in the order of the names.
    pub(super) fn names<'a>(&'a self, sender: &'a str, prefix: &'a str) -> impl Iterator<Item = i64> + 'a {
        self.runs().flat_map(move |run| run.names(sender, prefix))
    }

    /// Whether they were there.
    pub(super) fn remove(&mut self, keys: &Keys) -> bool {
        self.open.remove(keys) || self.sealing.as_mut().is_some_and(|run| run.remove(keys))
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
