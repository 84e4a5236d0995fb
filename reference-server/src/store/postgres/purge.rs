//! Erases what has been kept long enough, step by step, with every key that leads to it.
//!
//! A result's own row goes last: a step that was cut off is found again, and done again.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Row;

use super::desk::Clerk;
use super::results::RELEASE;
use super::session::{Line, Server, Session};
use crate::moment::Moment;
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{Expired, Fingerprint, Purged, Shared, StoreError};

const POSITIVES: &str = "
SELECT id, sender, reference, link, idempotency FROM results
WHERE positive = true AND received < $1 ORDER BY received, id LIMIT $2";
const OTHERS: &str = "
SELECT id, sender, reference, link, idempotency FROM results
WHERE positive = false AND received < $1 ORDER BY received, id LIMIT $2";
const CERTIFICATES: &str = "DELETE FROM certificates WHERE id = ANY ($1::bigint[])";
const MESSAGES: &str = "DELETE FROM outbox WHERE id = ANY ($1::bigint[])";
const ATTEMPTS: &str = "DELETE FROM attempts WHERE link = ANY ($1::bytea[])";
const LINKS: &str = "DELETE FROM links WHERE link = ANY ($1::bytea[])";
const RESULTS: &str = "DELETE FROM results WHERE id = ANY ($1::bigint[])";
const DRAFTS: &str = "
DELETE FROM drafts WHERE id IN (SELECT id FROM drafts WHERE received < $1 ORDER BY received LIMIT $2)";
const RECEIPTS: &str = "
DELETE FROM settled WHERE id IN (SELECT id FROM settled WHERE received < $1 ORDER BY received LIMIT $2)";

/// What a rewrite does, one statement after the other: a table's rows are copied into new files, with new indexes and new
/// samples of its values for the planner, and then so are the samples.
const REWRITE: [&str; 10] = [
    "VACUUM (FULL, ANALYZE) results",
    "VACUUM (FULL, ANALYZE) keys",
    "VACUUM (FULL, ANALYZE) links",
    "VACUUM (FULL, ANALYZE) attempts",
    "VACUUM (FULL, ANALYZE) outbox",
    "VACUUM (FULL, ANALYZE) certificates",
    "VACUUM (FULL, ANALYZE) drafts",
    "VACUUM (FULL, ANALYZE) accepted",
    "VACUUM (FULL, ANALYZE) settled",
    "VACUUM FULL pg_catalog.pg_statistic",
];

/// How long one of them may take: a copy of some hundred gigabytes.
const REWRITTEN_WITHIN: Duration = Duration::from_secs(3_600);

/// [`Write::Purge`](crate::store::command::Write::Purge) or [`Write::Rewrite`](crate::store::command::Write::Rewrite).
#[derive(Debug)]
pub(super) enum Task {
    Step { expired: Expired, limit: u32, reply: Reply<Purged> },
    Rewrite { reply: Reply<()> },
}

#[derive(Debug)]
pub(super) struct Purge {
    line: Line,
    shared: Arc<Shared>,
}

impl Purge {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>) -> Purge {
        Purge { line: server.line(), shared: Arc::clone(shared) }
    }

    async fn step(&mut self, expired: Expired, limit: u32) -> Result<Purged, StoreError> {
        let positives = self.doomed(POSITIVES, expired.positives, i64::from(limit)).await?;
        let left = i64::from(limit) - i64::try_from(positives.len()).unwrap_or(i64::MAX);
        let others = self.doomed(OTHERS, expired.results, left.max(0)).await?;
        let mut purged = Purged { positives: positives.len(), ..Purged::default() };
        let doomed: Vec<&Row> = positives.iter().chain(&others).collect();
        if !doomed.is_empty() {
            purged.messages = self.line.run(async |session| erase(session, &doomed).await).await?;
        }
        purged.results = doomed.iter().map(|row| row.get(0)).collect();
        purged.drafts = self.old(DRAFTS, expired.drafts, limit).await?;
        purged.receipts = self.old(RECEIPTS, expired.receipts, limit).await?;
        let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= limit);
        purged.more = full(purged.results.len()) || full(purged.drafts) || full(purged.receipts);
        Ok(purged)
    }

    /// Erases at most so many rows to which nothing leads, and returns how many they were.
    async fn old(&mut self, which: &'static str, before: Moment, limit: u32) -> Result<usize, StoreError> {
        let (before, most) = (before.millis(), i64::from(limit));
        let erased = self.line.run(async |session| session.execute(which, &[&before, &most]).await).await?;
        Ok(usize::try_from(erased).unwrap_or(usize::MAX))
    }

    async fn rewrite(&mut self) -> Result<(), StoreError> {
        for statement in REWRITE {
            self.line.run_within(REWRITTEN_WITHIN, async |session| session.batch(statement).await).await?;
        }
        Ok(())
    }

    async fn doomed(
        &mut self,
        which: &'static str,
        before: Moment,
        limit: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let before = before.millis();
        self.line.run(async |session| session.query(which, &[&before, &limit]).await).await
    }
}

/// Erases these results, each kind of key by itself, and returns how many messages were among it.
async fn erase(session: &Session, doomed: &[&Row]) -> Result<usize, tokio_postgres::Error> {
    let ids: Vec<i64> = doomed.iter().map(|row| row.get(0)).collect();
    let links: Vec<&[u8]> = doomed.iter().filter_map(|row| row.get::<_, Option<&[u8]>>(3)).collect();
    let mut keys: Vec<(Vec<u8>, i64)> = Vec::with_capacity(2 * doomed.len());
    for row in doomed {
        let reference = Fingerprint::reference(row.get(1), row.get(2));
        keys.push((reference.0.to_vec(), row.get(0)));
        keys.extend(row.get::<_, Option<Vec<u8>>>(4).map(|key| (key, row.get(0))));
    }
    let (keys, of): (Vec<Vec<u8>>, Vec<i64>) = keys.into_iter().unzip();
    session.execute(CERTIFICATES, &[&ids]).await?;
    let messages = session.execute(MESSAGES, &[&ids]).await?;
    session.execute(ATTEMPTS, &[&links]).await?;
    session.execute(LINKS, &[&links]).await?;
    session.execute(RELEASE, &[&keys, &of]).await?;
    session.execute(RESULTS, &[&ids]).await?;
    Ok(usize::try_from(messages).unwrap_or(usize::MAX))
}

impl Clerk for Purge {
    type Command = Task;

    async fn serve(&mut self, group: Vec<Task>) {
        // A caller that has gone does not need its answer.
        for task in group {
            match task {
                Task::Step { expired, limit, reply } => {
                    let outcome = self.step(expired, limit).await;
                    let gone =
                        outcome.as_ref().map_or(0, |purged| i64::try_from(purged.messages).unwrap_or(0));
                    self.shared.stats.ended(&outcome, Change { gone, ..Change::default() });
                    let _ = reply.send(outcome);
                }
                Task::Rewrite { reply } => drop(reply.send(self.rewrite().await)),
            }
        }
    }
}
