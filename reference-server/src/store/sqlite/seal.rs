//! Copies the keys of a full generation into the tables, each table's in its order, a piece at a time.
//!
//! In order a page is written once for all of its rows; in pieces no commit waits for a whole generation.

use std::ops::Bound;

use rusqlite::{Connection, Statement};

use super::filter::Filter;
use super::prepare;
use super::recent::Run;

/// How far a generation has got: the last key of each table that is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor {
    unique: Option<[u8; 16]>,
    sample: Option<([u8; 16], i64)>,
    name: Option<(std::sync::Arc<str>, String, i64)>,
    link: Option<[u8; 20]>,
}

fn after<K: Clone>(last: &Option<K>) -> (Bound<K>, Bound<K>) {
    (last.clone().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
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

    /// Copies at most `most` keys of generation `number`, and says whether that was all.
    pub(super) fn step(
        &mut self,
        run: &Run,
        number: i64,
        cursor: &mut Cursor,
        filter: &mut Filter,
        most: usize,
    ) -> rusqlite::Result<bool> {
        let mut left = most;
        for (fingerprint, id) in run.uniques.range(after(&cursor.unique)).take(left) {
            self.unique.execute((number, fingerprint, id))?;
            filter.insert(crate::store::Fingerprint(*fingerprint));
            cursor.unique = Some(*fingerprint);
            left -= 1;
        }
        for key @ (fingerprint, id) in run.samples.range(after(&cursor.sample)).take(left) {
            self.sample.execute((number, fingerprint, id))?;
            cursor.sample = Some(*key);
            left -= 1;
        }
        let mut last = None;
        for key @ (sender, name, id) in run.names.range(after(&cursor.name)).take(left) {
            self.name.execute((number, &**sender, name, id))?;
            last = Some(key);
            left -= 1;
        }
        if let Some(last) = last {
            cursor.name = Some(last.clone());
        }
        for (link, (id, birth)) in run.links.range(after(&cursor.link)).take(left) {
            self.link.execute((link, id, birth))?;
            cursor.link = Some(*link);
            left -= 1;
        }
        if left == 0 {
            return Ok(false);
        }
        self.done.execute([run.last()])?;
        Ok(true)
    }
}
