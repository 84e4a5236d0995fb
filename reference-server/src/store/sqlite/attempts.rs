//! Judges birth dates, and counts the wrong ones so that a restart forgets none.
//!
//! The writer thread does it, one attempt after the other: were dates compared by the readers, a hundred guesses sent at
//! once would all be compared before the first failure counts. An unknown link is treated as a known one with a wrong
//! date, by the same statements: its failures are counted on disk as well, so that it is locked after as many, and a
//! restart opens neither. Since anybody can make up links, unknown ones are bounded in number; beyond, the first of them
//! are forgotten.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rusqlite::{Connection, Statement};

use super::recent::Latest;
use super::{optional, prepare};
use crate::link::LinkKey;
use crate::moment::Moment;
use crate::store::lockout::Failures;
use crate::store::stats::Change;
use crate::store::{Attempt, Birth, Lockout};

/// How many unknown links are forgotten at once: this share of those that may be remembered.
const SHARE: u32 = 100;

const UNKNOWN_LINKS: &str = "FROM attempts WHERE link NOT IN (SELECT link FROM links)";

/// The statements that judge birth dates.
pub(super) struct Attempts<'c> {
    find_link: Statement<'c>,
    find_failures: Statement<'c>,
    set_failures: Statement<'c>,
    count_refused: Statement<'c>,
    forget: Statement<'c>,
    /// Unknown links whose failures are remembered, and how many may be.
    unknown: u32,
    most: u32,
}

impl<'c> Attempts<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Attempts<'c>> {
        let unknown =
            connection.query_row(&format!("SELECT count(*) {UNKNOWN_LINKS}"), [], |row| row.get(0))?;
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
            forget: prepare(
                connection,
                &format!("DELETE FROM attempts WHERE link IN (SELECT link {UNKNOWN_LINKS} LIMIT ?1)"),
            )?,
            unknown,
            most: Failures::UNKNOWN,
        })
    }

    pub(super) fn judge(
        &mut self,
        latest: &Latest,
        link: LinkKey,
        birth: Birth,
        now: Moment,
        lockout: Lockout,
        change: &mut Change,
    ) -> rusqlite::Result<Attempt> {
        // In memory and in the table whatever comes of it, so that every link takes the same steps.
        let latest = latest.read().link(link.0);
        let in_table = optional(self.find_link.query_row([link.0], |row| Ok((row.get(0)?, row.get(1)?))))?;
        let known: Option<(i64, [u8; 16])> = latest.or(in_table);
        let stored = optional(self.find_failures.query_row([link.0], |row| {
            Ok(Failures { count: row.get(0)?, locked_until: Moment::from_millis(row.get(1)?) })
        }))?;
        let failures = stored.unwrap_or(Failures::NONE);
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
        self.set_failures.execute((link.0, failures.count, failures.locked_until.millis()))?;
        if known.is_none() && stored.is_none() {
            self.unknown += 1;
            if self.unknown > self.most {
                let forgotten = self.forget.execute([self.most / SHARE])?;
                self.unknown = self.unknown.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
            }
        }
        Ok(Attempt::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::StatementStatus;

    use super::super::schema;
    use super::*;

    const LOCKOUT: Lockout = Lockout { lock_after: 5, lock_for: Duration::from_secs(3_600), dead_after: 10 };
    const KNOWN: LinkKey = LinkKey([1; 20]);
    const UNKNOWN_LINK: LinkKey = LinkKey([2; 20]);

    fn connection(folder: &std::path::Path) -> Connection {
        let connection = schema::create(&folder.join("results.db")).unwrap();
        connection.execute("INSERT INTO links VALUES (?1, 7, ?2)", (KNOWN.0, [9; 16])).unwrap();
        connection
    }

    /// What the statements have done so far: runs, steps of the virtual machine, and rows that were changed.
    fn work(attempts: &Attempts<'_>, connection: &Connection) -> ([i32; 4], i32, u64) {
        let all =
            [&attempts.find_link, &attempts.find_failures, &attempts.set_failures, &attempts.count_refused];
        let steps = all.iter().map(|statement| statement.get_status(StatementStatus::VmStep)).sum();
        (all.map(|statement| statement.get_status(StatementStatus::Run)), steps, connection.total_changes())
    }

    /// Timing follows from work: an unknown link and a wrong date take the same statements as often, change the same
    /// rows, and differ by the steps that read a row which is found.
    #[test]
    fn an_unknown_link_takes_the_same_work_as_a_wrong_date() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connection(folder.path());
        let mut attempts = Attempts::prepare(&connection).unwrap();
        let mut change = Change::default();
        let mut now = Moment::from_millis(1_641_405_600_000);
        for attempt in 0..14 {
            let mut seen = Vec::new();
            for link in [KNOWN, UNKNOWN_LINK] {
                let before = work(&attempts, &connection);
                let outcome = attempts
                    .judge(&Latest::default(), link, Birth([0; 16]), now, LOCKOUT, &mut change)
                    .unwrap();
                let after = work(&attempts, &connection);
                let runs = std::array::from_fn::<_, 4, _>(|index| after.0[index] - before.0[index]);
                seen.push((outcome, runs, after.1 - before.1, after.2 - before.2));
            }
            let [known, unknown] = seen[..] else { unreachable!() };
            assert_eq!((known.0, known.1, known.3), (unknown.0, unknown.1, unknown.3), "attempt {attempt}");
            assert!(
                known.2.abs_diff(unknown.2) <= 8,
                "attempt {attempt}: {} and {} steps",
                known.2,
                unknown.2
            );
            let expected = if attempt < 5 { Attempt::Wrong } else { known.0 };
            assert_eq!(known.0, expected);
            // From the fifth failure on each one locks for an hour: let it pass.
            now = now.after(Duration::from_secs(if attempt < 5 { 1 } else { 1_900 }));
        }
    }

    #[test]
    fn made_up_links_are_forgotten_before_they_fill_the_disk_and_real_ones_never() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connection(folder.path());
        let mut attempts = Attempts { most: 500, ..Attempts::prepare(&connection).unwrap() };
        let now = Moment::from_millis(1_641_405_600_000);
        let wrong = |attempts: &mut Attempts<'_>, link| {
            attempts
                .judge(&Latest::default(), link, Birth([0; 16]), now, LOCKOUT, &mut Change::default())
                .unwrap();
        };
        wrong(&mut attempts, KNOWN);
        connection.execute_batch("BEGIN").unwrap();
        for number in 0..501_u64 {
            let mut link = [0; 20];
            link[..8].copy_from_slice(&number.to_be_bytes());
            wrong(&mut attempts, LinkKey(link));
        }
        connection.execute_batch("COMMIT").unwrap();
        let count =
            || connection.query_row("SELECT count(*) FROM attempts", [], |row| row.get::<_, u32>(0)).unwrap();
        assert_eq!((attempts.unknown, count()), (496, 497));
        // Counted again after a restart.
        assert_eq!(Attempts::prepare(&connection).unwrap().unknown, attempts.unknown);
        let known: u32 = connection
            .query_row("SELECT failures FROM attempts WHERE link = ?1", [KNOWN.0], |row| row.get(0))
            .unwrap();
        assert_eq!(known, 1);
    }
}
