//! Erases what has been kept long enough, step by step, with every key that leads to it.

use std::time::Duration;

use rusqlite::{Connection, Statement};

use super::index::Index;
use super::prepare;
use super::recent::Keys;
use super::results::first_id;
use crate::store::stats::Change;
use crate::store::{Expired, Purged, StoreError};

/// The statements of a purge.
pub(super) struct Purge<'c> {
    /// Results that are not positive are found behind the last one that was purged, so that positive ones, which stay for
    /// longer, are not passed over again each time.
    others: Statement<'c>,
    purged_up_to: Statement<'c>,
    positives: Statement<'c>,
    result: Statement<'c>,
    link: Statement<'c>,
    attempts: Statement<'c>,
    certificate: Statement<'c>,
    unique: Statement<'c>,
    sample: Statement<'c>,
    name: Statement<'c>,
    messages: Statement<'c>,
    drafts: Statement<'c>,
    receipts: Statement<'c>,
}

/// A result that is to be erased, and the generation of its keys.
struct Doomed {
    keys: Keys,
    generation: i64,
}

impl<'c> Purge<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Purge<'c>> {
        const COLUMNS: &str = Keys::COLUMNS;
        let prepare = |sql: &str| prepare(connection, sql);
        Ok(Purge {
            others: prepare(&format!(
                "SELECT {COLUMNS}, generation FROM results
                 WHERE id > (SELECT value FROM counters WHERE name = 'purged up to') AND id < ?1 AND positive = 0
                 ORDER BY id LIMIT ?2"
            ))?,
            purged_up_to: prepare("UPDATE counters SET value = ?1 WHERE name = 'purged up to'")?,
            positives: prepare(&format!(
                "SELECT {COLUMNS}, generation FROM results
                 WHERE id < ?1 AND positive = 1 ORDER BY id LIMIT ?2"
            ))?,
            result: prepare("DELETE FROM results WHERE id = ?1")?,
            link: prepare("DELETE FROM links WHERE link = ?1")?,
            attempts: prepare("DELETE FROM attempts WHERE link = ?1")?,
            certificate: prepare("DELETE FROM certificates WHERE id = ?1")?,
            unique: prepare("DELETE FROM uniques WHERE generation = ?1 AND fingerprint = ?2 AND id = ?3")?,
            sample: prepare("DELETE FROM samples WHERE generation = ?1 AND fingerprint = ?2 AND id = ?3")?,
            name: prepare(
                "DELETE FROM names WHERE generation = ?1 AND sender = ?2 AND name = ?3 AND id = ?4",
            )?,
            // Once a purge: messages that nobody took for months are few, or the gateway has been away for as long.
            messages: prepare(
                "DELETE FROM outbox WHERE id < ?1 AND NOT EXISTS (SELECT 1 FROM results WHERE results.id = outbox.id)",
            )?,
            drafts: prepare(
                "DELETE FROM drafts WHERE id IN (SELECT id FROM drafts WHERE id < ?1 ORDER BY id LIMIT ?2)",
            )?,
            receipts: prepare(
                "DELETE FROM settled WHERE id IN (SELECT id FROM settled WHERE id < ?1 ORDER BY id LIMIT ?2)",
            )?,
        })
    }

    /// Erases at most `limit` results, at most `limit` drafts, and at most `limit` ends of accepted messages.
    pub(super) fn step(
        &mut self,
        expired: Expired,
        limit: u32,
        index: &mut Index,
        change: &mut Change,
    ) -> rusqlite::Result<Purged> {
        let mut purged = Purged::default();
        let positives = doomed(&mut self.positives, first_id(expired.positives), limit)?;
        purged.positives = positives.len();
        let left = limit.saturating_sub(u32::try_from(positives.len()).unwrap_or(limit));
        let others = doomed(&mut self.others, first_id(expired.results), left)?;
        if let Some(last) = others.last() {
            self.purged_up_to.execute([last.keys.id])?;
        }
        for result in positives.into_iter().chain(others) {
            purged.results.push(result.keys.id);
            self.erase(result, index)?;
        }
        purged.drafts = self.drafts.execute((first_id(expired.drafts), limit))?;
        purged.receipts = self.receipts.execute((first_id(expired.receipts), limit))?;
        let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= limit);
        purged.more = full(purged.results.len()) || full(purged.drafts) || full(purged.receipts);
        if !purged.more {
            purged.messages = self.messages.execute([first_id(expired.results.max(expired.positives))])?;
            change.gone += i64::try_from(purged.messages).unwrap_or(0);
        }
        Ok(purged)
    }

    fn erase(&mut self, Doomed { keys, generation }: Doomed, index: &mut Index) -> rusqlite::Result<()> {
        let Keys { id, sender, sample, link, name, .. } = &keys;
        for fingerprint in keys.uniques() {
            self.unique.execute((generation, fingerprint.0, id))?;
        }
        self.sample.execute((generation, sample.0, id))?;
        self.name.execute((generation, &**sender, name, id))?;
        self.link.execute([link])?;
        self.attempts.execute([link])?;
        self.certificate.execute([id])?;
        self.result.execute([id])?;
        index.remove(keys);
        Ok(())
    }
}

fn doomed(statement: &mut Statement<'_>, before: i64, limit: u32) -> rusqlite::Result<Vec<Doomed>> {
    statement
        .query_map((before, limit), |row| Ok(Doomed { keys: Keys::read(row)?, generation: row.get(8)? }))?
        .collect()
}

/// How often, and after which pauses, the log is tried to be cut off: a checkpoint may be under way, for which SQLite does not
/// wait by itself.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// Copies the log into the database and cuts it off. Pages that are free were overwritten when they became so.
pub(super) fn scrub(connection: &Connection) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(StoreError::Failed("the log is being read; it is cut off by the next purge".to_owned()))
}
