//! Erases delivered messages and puts off those that failed.

use rusqlite::{Connection, Statement};

use super::prepare;
use crate::moment::Moment;
use crate::store::Due;
use crate::store::stats::Change;

/// The statements that change the outbox.
pub(super) struct Outbox<'c> {
    erase: Statement<'c>,
    postpone: Statement<'c>,
}

impl<'c> Outbox<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Outbox<'c>> {
        Ok(Outbox {
            erase: prepare(connection, "DELETE FROM outbox WHERE due = ?1 AND id = ?2")?,
            postpone: prepare(
                connection,
                "UPDATE outbox SET due = ?3, attempts = attempts + 1 WHERE due = ?1 AND id = ?2",
            )?,
        })
    }

    /// Messages waiting, counted once at opening.
    pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
    }

    pub(super) fn delivered(&mut self, due: Due, change: &mut Change) -> rusqlite::Result<()> {
        let erased = self.erase.execute((due.at.millis(), due.id))?;
        change.gone += i64::try_from(erased).unwrap_or(0);
        Ok(())
    }

    pub(super) fn postpone(&mut self, due: Due, until: Moment) -> rusqlite::Result<()> {
        self.postpone.execute((due.at.millis(), due.id, until.millis()))?;
        Ok(())
    }
}
