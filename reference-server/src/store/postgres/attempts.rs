//! Judges birth dates, and counts the wrong ones for all instances and for good.
//!
//! The row of a link in `attempts` is locked before its date is compared: of a hundred guesses sent at once, to whichever
//! instances, each is judged after the one before it was counted. An unknown link has a row too, so that it is locked after as
//! many failures as a known one, takes the same steps, and every refusal changes a row and waits for its commit.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio_postgres::Error;

use super::desk::{self, Clerk};
use super::session::{Line, Server, Session};
use crate::link::LinkKey;
use crate::moment::Moment;
use crate::store::command::Reply;
use crate::store::lockout::Failures;
use crate::store::stats::Change;
use crate::store::{Attempt, Birth, Lockout, Shared, StoreError};

/// Locks the rows of links, in one order for all so that two instances never wait for each other.
const LOCK: &str = "
INSERT INTO attempts AS known (link, failures, locked_until, touched, known)
SELECT link, 0, 0, $2, false FROM unnest($1::bytea[]) AS new (link) ORDER BY link
ON CONFLICT (link) DO UPDATE SET touched = excluded.touched
RETURNING link, failures, locked_until";
const FIND: &str = "SELECT link, id, birth FROM links WHERE link = ANY ($1::bytea[])";
const COUNT: &str = "
UPDATE attempts SET failures = new.failures, locked_until = new.locked_until, known = new.known
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::boolean[]) AS new (link, failures, locked_until, known)
WHERE attempts.link = new.link";
/// A link of which every date was right needs no row.
const CLEAN: &str = "DELETE FROM attempts WHERE failures = 0 AND link = ANY ($1::bytea[])";
const FORGET: &str = "
DELETE FROM attempts WHERE NOT known AND link IN
    (SELECT link FROM attempts WHERE NOT known ORDER BY touched DESC OFFSET $1)";

/// Refusals of unknown links after which an instance looks whether there are too many of them.
const LOOK: usize = 10_000;

/// [`Write::BirthDate`](crate::store::command::Write::BirthDate).
#[derive(Debug)]
pub(super) struct Try {
    pub(super) link: LinkKey,
    pub(super) birth: Birth,
    pub(super) now: Moment,
    pub(super) lockout: Lockout,
    pub(super) reply: Reply<Attempt>,
}

/// What is known of a link while a group is judged.
#[derive(Debug)]
struct Link {
    stored: Option<(i64, [u8; 16])>,
    failures: Failures,
    refused: bool,
}

#[derive(Debug)]
pub(super) struct Attempts {
    line: Line,
    shared: Arc<Shared>,
    /// Refusals of unknown links since the last look.
    unknown: usize,
}

impl Attempts {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>) -> Attempts {
        Attempts { line: server.line(), shared: Arc::clone(shared), unknown: 0 }
    }

    async fn judge(&mut self, group: &[Try]) -> Result<Judged, StoreError> {
        let judged = async |session: &Session| {
            session.batch("BEGIN").await?;
            let judged = judge(session, group).await;
            if judged.is_err() {
                // It fails where the connection is lost, and the transaction with it.
                let _ = session.batch("ROLLBACK").await;
            }
            judged
        };
        let judged = self.line.run(judged).await?;
        if judged.unsure {
            return Err(StoreError::Failed("the connection to the database was lost".to_owned()));
        }
        self.unknown += judged.unknown;
        if self.unknown > LOOK {
            self.unknown = 0;
            let keep = i64::from(Failures::UNKNOWN);
            // Done by a later one if not by this.
            let _ = self.line.run(async |session| session.execute(FORGET, &[&keep]).await).await;
        }
        Ok(judged)
    }
}

impl Clerk for Attempts {
    type Command = Try;

    async fn serve(&mut self, group: Vec<Try>) {
        let outcome = self.judge(&group).await;
        let refused = outcome.as_ref().map_or(0, |judged| judged.refused);
        self.shared.stats.ended(&outcome, Change { refused, ..Change::default() });
        desk::answer(
            &self.shared,
            group.into_iter().map(|attempt| attempt.reply),
            outcome.map(|judged| judged.attempts),
        );
    }
}

#[derive(Debug)]
struct Judged {
    attempts: Vec<Attempt>,
    refused: u64,
    unknown: usize,
    /// Nobody knows whether the failures were counted. To count them again could lock a link too early; not to answer what
    /// was found could let a guess through that was not counted.
    unsure: bool,
}

async fn judge(session: &Session, group: &[Try]) -> Result<Judged, Error> {
    let mut keys: Vec<&[u8]> = group.iter().map(|attempt| &attempt.link.0[..]).collect();
    keys.sort_unstable();
    keys.dedup();
    let now = group.iter().map(|attempt| attempt.now.millis()).max().unwrap_or(0);
    let rows = session.query(LOCK, &[&keys, &now]).await?;
    let mut links: HashMap<&[u8], Link> = HashMap::with_capacity(keys.len());
    for row in &rows {
        let count = u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX);
        let failures = Failures { count, locked_until: Moment::from_millis(row.get(2)) };
        links.insert(row.get(0), Link { stored: None, failures, refused: false });
    }
    let stored = session.query(FIND, &[&keys]).await?;
    for row in &stored {
        let birth = <[u8; 16]>::try_from(row.get::<_, &[u8]>(2)).unwrap_or_default();
        if let Some(link) = links.get_mut(row.get::<_, &[u8]>(0)) {
            link.stored = Some((row.get(1), birth));
        }
    }
    let attempts: Vec<Attempt> =
        group.iter().filter_map(|attempt| Some(links.get_mut(&attempt.link.0[..])?.judge(attempt))).collect();
    let refused = attempts.iter().filter(|attempt| !matches!(attempt, Attempt::Right(_))).count();
    let mut judged = Judged { attempts, refused: refused as u64, unknown: 0, unsure: false };
    if refused == 0 {
        session.batch("ROLLBACK").await?;
        return Ok(judged);
    }
    let (wrong, right): (Vec<_>, Vec<_>) = links.iter().partition(|(_, link)| link.refused);
    let (mut keys, mut counts, mut until, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (key, link) in &wrong {
        keys.push(**key);
        counts.push(i64::from(link.failures.count));
        until.push(link.failures.locked_until.millis());
        known.push(link.stored.is_some());
    }
    judged.unknown = known.iter().filter(|known| !**known).count();
    session.execute(COUNT, &[&keys, &counts, &until, &known]).await?;
    let right: Vec<&[u8]> = right.into_iter().map(|(key, _)| *key).collect();
    if !right.is_empty() {
        session.execute(CLEAN, &[&right]).await?;
    }
    match session.batch("COMMIT").await {
        // Undone for certain: the database says so.
        Err(error) if error.code().is_some() => return Err(error),
        committed => judged.unsure = committed.is_err(),
    }
    Ok(judged)
}

impl Link {
    fn judge(&mut self, attempt: &Try) -> Attempt {
        let (id, right) = self.stored.unwrap_or((0, [0; 16]));
        let equal = verify_slices_are_equal(&right, &attempt.birth.0).is_ok();
        let locked = self.failures.locked(attempt.now, attempt.lockout);
        if equal && self.stored.is_some() && !locked {
            return Attempt::Right(id);
        }
        self.refused = true;
        if locked {
            return Attempt::Locked;
        }
        self.failures = self.failures.one_more(attempt.now, attempt.lockout);
        Attempt::Wrong
    }
}
