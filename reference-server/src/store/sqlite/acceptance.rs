//! What was accepted and is not worked off, and how what was worked off ended.

use rusqlite::{Connection, Row, Statement};

use super::results::Ids;
use super::{optional, prepare};
use crate::moment::Moment;
use crate::store::stats::Change;
use crate::store::{Accepted, NewAccepted};

/// `accepted` holds messages until they are settled; the ids from a row's own on, one for each entry, are those of its
/// receipts.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS accepted (
    id INTEGER PRIMARY KEY, entries INTEGER NOT NULL, sender TEXT NOT NULL, key TEXT, received INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS settled (
    id INTEGER PRIMARY KEY, entries INTEGER NOT NULL, ends TEXT NOT NULL
) STRICT;";

/// The statements that accept and settle.
pub(super) struct Acceptance<'c> {
    accept: Statement<'c>,
    settle: Statement<'c>,
    erase: Statement<'c>,
}

impl<'c> Acceptance<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Acceptance<'c>> {
        Ok(Acceptance {
            accept: prepare(connection, "INSERT INTO accepted VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            settle: prepare(connection, "INSERT INTO settled VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?,
            erase: prepare(connection, "DELETE FROM accepted WHERE id = ?1")?,
        })
    }

    /// Messages waiting, counted once at opening.
    pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM accepted", [], |row| row.get(0))
    }

    /// The id of its first receipt.
    pub(super) fn accept(
        &mut self,
        message: &NewAccepted,
        ids: &mut Ids,
        change: &mut Change,
    ) -> rusqlite::Result<i64> {
        let NewAccepted { sender, key, entries, received, body } = message;
        let id = ids.take(*received, *entries);
        self.accept.execute((id, entries, &**sender, key, received.millis(), body))?;
        change.accepted += 1;
        Ok(id)
    }

    pub(super) fn settle(
        &mut self,
        id: i64,
        entries: u32,
        ends: &str,
        change: &mut Change,
    ) -> rusqlite::Result<()> {
        self.settle.execute((id, entries, ends))?;
        change.accepted -= i64::try_from(self.erase.execute([id])?).unwrap_or(0);
        Ok(())
    }
}

/// The questions about it.
pub(super) struct Questions<'c> {
    waiting: Statement<'c>,
    accepted: Statement<'c>,
    settled: Statement<'c>,
}

impl<'c> Questions<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Questions<'c>> {
        Ok(Questions {
            waiting: prepare(connection, "SELECT * FROM accepted ORDER BY id LIMIT ?1")?,
            accepted: prepare(
                connection,
                "SELECT id, entries FROM accepted WHERE id <= ?1 ORDER BY id DESC LIMIT 1",
            )?,
            settled: prepare(
                connection,
                "SELECT id, entries, ends FROM settled WHERE id <= ?1 ORDER BY id DESC LIMIT 1",
            )?,
        })
    }

    /// Messages that are not settled, at most so many.
    pub(super) fn waiting(&mut self, limit: u32) -> rusqlite::Result<Vec<Accepted>> {
        self.waiting.query_map([limit], accepted)?.collect()
    }

    /// The message to which the receipt with this id belongs, by its first receipt, and how its entries ended.
    pub(super) fn of(&mut self, receipt: i64) -> rusqlite::Result<Option<(i64, Option<String>)>> {
        // In this order a message that is settled between the two questions is found by the second.
        let waits = optional(self.accepted.query_row([receipt], |row| Ok((row.get(0)?, row.get(1)?))))?;
        let settled = optional(
            self.settled.query_row([receipt], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))),
        )?;
        let within = |first: i64, entries: i64| receipt < first + entries;
        Ok(match (settled, waits) {
            (Some((first, entries, ends)), _) if within(first, entries) => Some((first, Some(ends))),
            (_, Some((first, entries))) if within(first, entries) => Some((first, None)),
            _ => None,
        })
    }
}

fn accepted(row: &Row<'_>) -> rusqlite::Result<Accepted> {
    Ok(Accepted {
        id: row.get(0)?,
        entries: row.get(1)?,
        sender: row.get(2)?,
        key: row.get(3)?,
        received: Moment::from_millis(row.get(4)?),
        body: row.get(5)?,
    })
}
