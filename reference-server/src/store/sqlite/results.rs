//! Stores results: once each, with their keys, their link and their message.

use rusqlite::{Connection, Statement, params};

use super::index::{Index, Uniques};
use super::recent::Keys;
use super::{optional, prepare};
use crate::moment::Moment;
use crate::store::stats::Change;
use crate::store::{Fingerprint, NewResult, Saved};

/// Ids that grow with time and never repeat: milliseconds since 1970, then 20 bits of a counter.
#[derive(Debug)]
pub(super) struct Ids {
    last: i64,
}

/// Bits of an id below its milliseconds.
const COUNTER_BITS: u32 = 20;

/// The lowest id that anything received at this moment can have, as long as the clock is not set back.
pub(super) fn first_id(moment: Moment) -> i64 {
    moment.millis() << COUNTER_BITS
}

impl Ids {
    /// Goes on after the highest id in the database, also if the clock has been set back.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Ids> {
        let last = connection.query_row(
            "SELECT max(
                coalesce((SELECT max(id) FROM results), 0), coalesce((SELECT max(id) FROM drafts), 0),
                coalesce((SELECT max(id + entries) FROM accepted), 0),
                coalesce((SELECT id + entries FROM settled ORDER BY id DESC LIMIT 1), 0))",
            [],
            |row| row.get(0),
        )?;
        Ok(Ids { last })
    }

    pub(super) fn next(&mut self, now: Moment) -> i64 {
        self.take(now, 1)
    }

    /// Takes so many ids in a row, at least one, and returns the first.
    pub(super) fn take(&mut self, now: Moment, count: u32) -> i64 {
        let first = (self.last + 1).max(first_id(now));
        self.last = first + i64::from(count.max(1)) - 1;
        first
    }
}

/// The statements that store results.
pub(super) struct Results<'c> {
    uniques: Uniques<'c>,
    find_reference: Statement<'c>,
    insert_result: Statement<'c>,
    insert_message: Statement<'c>,
}

impl<'c> Results<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Results<'c>> {
        Ok(Results {
            uniques: Uniques::prepare(connection)?,
            find_reference: prepare(connection, "SELECT reference FROM results WHERE id = ?1")?,
            insert_result: prepare(
                connection,
                "INSERT INTO results VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?,
            insert_message: prepare(connection, "INSERT INTO outbox VALUES (?1, ?2, 0, ?3, ?4, ?5)")?,
        })
    }

    /// Stores one result, or finds the one that is there already.
    pub(super) fn save(
        &mut self,
        result: &NewResult,
        index: &mut Index,
        ids: &mut Ids,
        change: &mut Change,
    ) -> rusqlite::Result<Saved> {
        let reference = Fingerprint::reference(&result.sender, &result.reference);
        for known in [result.idempotency, Some(reference)].into_iter().flatten() {
            if let Some(id) = self.uniques.find(index, known)? {
                let stored = optional(self.find_reference.query_row([id], |row| row.get(0)))?;
                let reference = stored.unwrap_or_else(|| result.reference.clone());
                return Ok(Saved { id, reference, fresh: false });
            }
        }
        let id = ids.next(result.received);
        let NewResult { sender, sample, body, received, positive, name, idempotency, .. } = result;
        self.insert_result.execute(params![
            id,
            &**sender,
            &result.reference,
            sample,
            received.millis(),
            body,
            positive,
            index.generation(),
            result.link.0,
            result.birth.0,
            name,
            idempotency.map(|fingerprint| fingerprint.0),
        ])?;
        index.add(Keys::of(result, id));
        change.rows += 1;
        if let Some(message) = &result.message {
            self.insert_message.execute((
                message.due.millis(),
                id,
                &message.to,
                &result.reference,
                &message.link,
            ))?;
            change.messages += 1;
        }
        Ok(Saved { id, reference: result.reference.clone(), fresh: true })
    }
}

#[cfg(test)]
pub(super) fn sample_result() -> NewResult {
    NewResult {
        sender: "899000000001".into(),
        reference: "ref".to_owned(),
        sample: "sample".to_owned(),
        idempotency: None,
        name: "MARTIN".to_owned(),
        link: crate::link::LinkKey([7; 20]),
        birth: crate::store::Birth([1; 16]),
        body: b"{}".to_vec(),
        positive: false,
        received: Moment::from_millis(1_000),
        message: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_is_set_back() {
        let mut ids = Ids { last: 0 };
        let mut all = Vec::new();
        for millis in [5, 5, 6, 3, 3, 9] {
            all.push(ids.next(Moment::from_millis(millis)));
        }
        assert!(all.is_sorted_by(|earlier, later| earlier < later), "{all:?}");
        assert_eq!(all[0], 5 << 20);
        assert_eq!(all[5], 9 << 20);
        let first = ids.take(Moment::from_millis(9), 50);
        assert_eq!(ids.next(Moment::from_millis(9)), first + 50);
    }
}
