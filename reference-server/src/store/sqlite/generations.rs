//! Keys that are found by a hash or a name, kept in generations.
//!
//! Inserting random keys into one large index dirties a page for almost every row, which halves the rate and grows the
//! log fivefold. So the keys of every [`SIZE`] results in a row form a generation, which stands in front of the key: its
//! part of the index is small enough to stay in memory, and older parts are never written again. The price is that a
//! look-up asks every generation. For the uniqueness of references and idempotency keys, which every insert asks for, a
//! filter a generation answers in memory; the rare other questions ask them all.

use rusqlite::{Connection, Statement};

use super::filter::Filter;
use super::{optional, prepare};
use crate::store::{Fingerprint, NewResult};

/// Results in one generation. Their keys take some 30 MB, half of the cache.
const SIZE: u32 = 262_144;

/// Fingerprints that a result has at most in `uniques`: reference and idempotency key.
const UNIQUES_EACH: usize = 2;

/// The generations that there are. Two questions, since SQLite answers each from an end of the index, and both in one
/// `SELECT` by reading all of it.
pub(super) const FIRST_AND_LAST: &str =
    "SELECT (SELECT min(generation) FROM samples), (SELECT max(generation) FROM samples)";

/// The filters of all generations, and how full the last one is.
#[derive(Debug)]
pub(super) struct Generations {
    first: i64,
    filters: Vec<Filter>,
    in_last: u32,
    size: u32,
}

impl Generations {
    /// Reads what the database has.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Generations> {
        Generations::load_sized(connection, SIZE)
    }

    fn load_sized(connection: &Connection, size: u32) -> rusqlite::Result<Generations> {
        let (first, last): (Option<i64>, Option<i64>) =
            connection.query_row(FIRST_AND_LAST, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (first, last) = (first.unwrap_or(0), last.unwrap_or(0));
        let mut generations = Generations { first, filters: Vec::new(), in_last: 0, size };
        let mut uniques = connection.prepare("SELECT fingerprint FROM uniques WHERE generation = ?1")?;
        for generation in first..=last {
            generations.open();
            let mut rows = uniques.query([generation])?;
            while let Some(row) = rows.next()? {
                let fingerprint = Fingerprint(row.get(0)?);
                generations.remember(fingerprint);
            }
        }
        generations.in_last =
            connection
                .query_row("SELECT count(*) FROM samples WHERE generation = ?1", [last], |row| row.get(0))?;
        Ok(generations)
    }

    /// The generation that the next result belongs to; begins a new one when the last is full.
    fn place(&mut self) -> i64 {
        if self.in_last >= self.size {
            self.open();
        }
        self.in_last += 1;
        self.last()
    }

    fn open(&mut self) {
        let expected = usize::try_from(self.size).unwrap_or(usize::MAX).saturating_mul(UNIQUES_EACH);
        self.filters.push(Filter::new(expected));
        self.in_last = 0;
    }

    fn last(&self) -> i64 {
        self.first + i64::try_from(self.filters.len()).unwrap_or(i64::MAX) - 1
    }

    fn remember(&mut self, fingerprint: Fingerprint) {
        if let Some(filter) = self.filters.last_mut() {
            filter.insert(fingerprint);
        }
    }

    /// Generations that may have this fingerprint, the latest first.
    fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = i64> {
        (self.first..=self.last())
            .rev()
            .zip(self.filters.iter().rev())
            .filter(move |(_, filter)| filter.may_contain(fingerprint))
            .map(|(generation, _)| generation)
    }
}

/// The statements that keep the keys.
pub(super) struct Keys<'c> {
    find_unique: Statement<'c>,
    insert_unique: Statement<'c>,
    insert_sample: Statement<'c>,
    insert_name: Statement<'c>,
}

impl<'c> Keys<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Keys<'c>> {
        Ok(Keys {
            find_unique: prepare(
                connection,
                "SELECT id FROM uniques WHERE generation = ?1 AND fingerprint = ?2",
            )?,
            insert_unique: prepare(connection, "INSERT INTO uniques VALUES (?1, ?2, ?3)")?,
            insert_sample: prepare(connection, "INSERT INTO samples VALUES (?1, ?2, ?3)")?,
            insert_name: prepare(connection, "INSERT INTO names VALUES (?1, ?2, ?3, ?4)")?,
        })
    }

    /// The result that has this fingerprint already.
    pub(super) fn find(
        &mut self,
        generations: &Generations,
        fingerprint: Fingerprint,
    ) -> rusqlite::Result<Option<i64>> {
        for generation in generations.candidates(fingerprint) {
            let found = self.find_unique.query_row((generation, fingerprint.0), |row| row.get(0));
            if let Some(id) = optional(found)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Records the keys of a new result, and returns their generation.
    pub(super) fn insert(
        &mut self,
        generations: &mut Generations,
        result: &NewResult,
        reference: Fingerprint,
        id: i64,
    ) -> rusqlite::Result<i64> {
        let generation = generations.place();
        for fingerprint in [Some(reference), result.idempotency].into_iter().flatten() {
            self.insert_unique.execute((generation, fingerprint.0, id))?;
            generations.remember(fingerprint);
        }
        let sample = Fingerprint::sample(&result.sender, &result.sample);
        self.insert_sample.execute((generation, sample.0, id))?;
        self.insert_name.execute((generation, &*result.sender, &result.name, id))?;
        Ok(generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of results' keys whose generations hold three each.
    fn generations(connection: &Connection) -> Generations {
        Generations::load_sized(connection, 3).unwrap()
    }

    fn result(number: u32) -> NewResult {
        NewResult { reference: format!("ref-{number}"), ..crate::store::sqlite::results::sample_result() }
    }

    fn reference(result: &NewResult) -> Fingerprint {
        Fingerprint::reference(&result.sender, &result.reference)
    }

    #[test]
    fn keys_are_found_in_every_generation_and_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let connection = super::super::schema::create(&folder.path().join("keys.db")).unwrap();
        let mut keys = Keys::prepare(&connection).unwrap();
        let mut before = generations(&connection);
        for number in 0..10_u32 {
            let result = result(number);
            assert_eq!(keys.find(&before, reference(&result)).unwrap(), None);
            keys.insert(&mut before, &result, reference(&result), i64::from(number)).unwrap();
        }
        let after = generations(&connection);
        assert_eq!((after.last(), after.in_last), (3, 1));
        for generations in [&before, &after] {
            for number in 0..10_u32 {
                let found = keys.find(generations, reference(&result(number))).unwrap();
                assert_eq!(found, Some(i64::from(number)));
            }
            assert_eq!(keys.find(generations, reference(&result(10))).unwrap(), None);
        }
    }
}
