//! Judges birth dates, and counts the wrong ones so that a restart forgets none.
//!
//! The writer thread does it, one attempt after the other: were dates compared by the readers, a hundred guesses sent at
//! once would all be compared before the first failure counts. An unknown link is treated as a known one with a wrong
//! date: it is locked after as many failures, and every refusal changes the database and waits for a commit. Its count
//! is kept in memory, bounded, since anybody can make up links; some 40 bytes each.

use std::collections::HashMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rusqlite::{Connection, Statement};

use super::{optional, prepare};
use crate::link::LinkKey;
use crate::moment::Moment;
use crate::store::lockout::Failures;
use crate::store::stats::Change;
use crate::store::{Attempt, Birth, Lockout};

/// The statements that judge birth dates, and the failures of unknown links.
pub(super) struct Attempts<'c> {
    find_link: Statement<'c>,
    find_failures: Statement<'c>,
    set_failures: Statement<'c>,
    count_refused: Statement<'c>,
    unknown: HashMap<LinkKey, Failures>,
}

impl<'c> Attempts<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Attempts<'c>> {
        Ok(Attempts {
            find_link: prepare(connection, "SELECT id, birth FROM links WHERE link = ?1")?,
            find_failures: prepare(
                connection,
                "SELECT failures, locked_until FROM attempts WHERE link = ?1",
            )?,
            set_failures: prepare(connection, "INSERT OR REPLACE INTO attempts VALUES (?1, ?2, ?3)")?,
            count_refused: prepare(
                connection,
                "UPDATE counters SET value = value + 1 WHERE name = 'birth dates refused'",
            )?,
            unknown: HashMap::new(),
        })
    }

    pub(super) fn judge(
        &mut self,
        link: LinkKey,
        birth: Birth,
        now: Moment,
        lockout: Lockout,
        change: &mut Change,
    ) -> rusqlite::Result<Attempt> {
        let known: Option<(i64, [u8; 16])> =
            optional(self.find_link.query_row([link.0], |row| Ok((row.get(0)?, row.get(1)?))))?;
        // Asked for unknown links too, so that both take the same steps.
        let stored = optional(self.find_failures.query_row([link.0], |row| {
            Ok(Failures { count: row.get(0)?, locked_until: Moment::from_millis(row.get(1)?) })
        }))?;
        let failures = match known {
            Some(_) => stored.unwrap_or(Failures::NONE),
            None => self.unknown.get(&link).copied().unwrap_or(Failures::NONE),
        };
        let (id, right) = known.unwrap_or((0, [0; 16]));
        let equal = verify_slices_are_equal(&right, &birth.0).is_ok();
        let locked = failures.locked(now, lockout);
        if equal && known.is_some() && !locked {
            return Ok(Attempt::Right(id));
        }
        self.count_refused.execute([])?;
        change.refused += 1;
        if locked {
            return Ok(Attempt::Locked);
        }
        let failures = failures.one_more(now, lockout);
        if known.is_some() {
            self.set_failures.execute((link.0, failures.count, failures.locked_until.millis()))?;
        } else {
            if self.unknown.len() >= Failures::UNKNOWN {
                self.unknown.clear();
            }
            self.unknown.insert(link, failures);
        }
        Ok(Attempt::Wrong)
    }
}
