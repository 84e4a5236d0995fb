//! Answers questions, one after the other, on a connection of its own.

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_postgres::Row;

use super::session::{Line, Server};
use crate::moment::Moment;
use crate::store::command::{Read, Reply};
use crate::store::{Accepted, Draft, Due, Fingerprint, Message, Shared, StoreError, StoredResult};

const RESULT: &str = "SELECT id, sender, reference, sample, received, body FROM results WHERE id = $1";
const BY_LINK: &str = "
SELECT id, sender, reference, sample, received, body FROM results
WHERE id = (SELECT id FROM links WHERE link = $1)";
const CERTIFICATE: &str = "SELECT text FROM certificates WHERE id = $1";
const DRAFT: &str = "SELECT sender, body FROM drafts WHERE id = $1";
const COPIES: &str = "SELECT count(*) FROM results WHERE sample_key = $1";
const SEARCH: &str = "
SELECT id, sender, reference, sample, received, body FROM results
WHERE sender = $1 AND name >= $2 AND name < $3 ORDER BY name, id LIMIT $4";
/// What this instance has claimed already, and as many more as the limit allows: of nobody's, or of one that does not live.
/// What another one is claiming at this moment is passed over.
const DUE: &str = "
WITH mine AS (
    SELECT id, due, attempts, phone, reference, link FROM outbox
    WHERE due <= $1 AND claimed_by = $3 ORDER BY due, id LIMIT $2
), free AS (
    SELECT id FROM outbox
    WHERE due <= $1 AND (claimed_by IS NULL OR claimed_by <> $3 AND NOT EXISTS
        (SELECT 1 FROM instances WHERE number = claimed_by AND seen > now() - interval '30 seconds'))
    ORDER BY due, id LIMIT $2 - (SELECT count(*) FROM mine) FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET claimed_by = $3 FROM free WHERE outbox.id = free.id
    RETURNING outbox.id, due, attempts, phone, reference, link
)
SELECT * FROM mine UNION ALL SELECT * FROM claimed ORDER BY due, id";
const RECEIVED: &str = "
SELECT * FROM (
    (SELECT id, sender, reference, sample, received, body FROM results
     WHERE positive = true AND received >= $1 AND received < $2
       AND (received, id) > (coalesce((SELECT received FROM results WHERE id = $3), -1), $3)
     ORDER BY received, id LIMIT $4)
    UNION ALL
    (SELECT id, sender, reference, sample, received, body FROM results
     WHERE positive = false AND received >= $1 AND received < $2
       AND (received, id) > (coalesce((SELECT received FROM results WHERE id = $3), -1), $3)
     ORDER BY received, id LIMIT $4)
) AS both_kinds ORDER BY received, id LIMIT $4";
const NEXT_DUE: &str = "SELECT due FROM outbox WHERE due > $1 ORDER BY due LIMIT 1";
const FIRST_DUE: &str =
    "SELECT (SELECT due FROM outbox WHERE due <= $1 ORDER BY due LIMIT 1), (SELECT count(*) FROM outbox)";

const WAITING: &str =
    "SELECT id, due, attempts, phone, reference, link FROM outbox ORDER BY due DESC, id DESC LIMIT $1";

/// Of this instance, or of one that does not live. Two that take over the same message store its entries once.
const ACCEPTED: &str = "
SELECT id, entries, sender, key, received, body FROM accepted
WHERE instance = $2 OR NOT EXISTS
    (SELECT 1 FROM instances WHERE number = accepted.instance AND seen > now() - interval '30 seconds')
ORDER BY id LIMIT $1";
const WAITS: &str = "SELECT id, entries FROM accepted WHERE id <= $1 ORDER BY id DESC LIMIT 1";
const SETTLED: &str = "SELECT id, entries, ends FROM settled WHERE id <= $1 ORDER BY id DESC LIMIT 1";

/// One of the readers of a store.
#[derive(Debug)]
pub(super) struct Reader {
    line: Line,
    shared: Arc<Shared>,
    instance: i64,
}

impl Reader {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>, instance: i64) -> Reader {
        // A claim that a crash undoes is made again.
        Reader { line: server.relaxed_line(), shared: Arc::clone(shared), instance }
    }

    /// Serves questions until [`Read::Stop`] or until every sender is gone.
    pub(super) async fn run(mut self, questions: Rc<Mutex<mpsc::Receiver<Read>>>) {
        loop {
            let question = questions.lock().await.recv().await;
            let slow = self.shared.faults.read();
            if !slow.is_zero() {
                tokio::time::sleep(slow).await;
            }
            match question {
                None | Some(Read::Stop) => return,
                Some(Read::Result { id, reply }) => answer(reply, self.result(id).await),
                Some(Read::ByLink { link, reply }) => answer(reply, self.by_link(&link.0).await),
                Some(Read::Certificate { id, reply }) => answer(reply, self.certificate(id).await),
                Some(Read::Draft { id, reply }) => answer(reply, self.draft(id).await),
                Some(Read::Copies { sample, reply }) => answer(reply, self.copies(sample).await),
                Some(Read::Search { sender, prefix, limit, reply }) => {
                    answer(reply, self.search(&sender, &prefix, limit).await);
                }
                Some(Read::Received { from, before, after, limit, reply }) => {
                    answer(reply, self.received(from, before, after, limit).await);
                }
                Some(Read::Due { now, limit, reply }) => answer(reply, self.due(now, limit).await),
                Some(Read::Accepted { limit, reply }) => answer(reply, self.accepted(limit).await),
                Some(Read::Acceptance { receipt, reply }) => answer(reply, self.acceptance(receipt).await),
                Some(Read::FirstDue { now, reply }) => answer(reply, self.first_due(now).await),
                Some(Read::Waiting { limit, reply }) => answer(reply, self.waiting(limit).await),
            }
        }
    }

    async fn result(&mut self, id: i64) -> Result<Option<StoredResult>, StoreError> {
        let row = self.line.run(async |session| session.first(RESULT, &[&id]).await).await?;
        Ok(row.as_ref().map(stored_result))
    }

    async fn by_link(&mut self, link: &[u8]) -> Result<Option<StoredResult>, StoreError> {
        let row = self.line.run(async |session| session.first(BY_LINK, &[&link]).await).await?;
        Ok(row.as_ref().map(stored_result))
    }

    async fn certificate(&mut self, id: i64) -> Result<Option<String>, StoreError> {
        let row = self.line.run(async |session| session.first(CERTIFICATE, &[&id]).await).await?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn draft(&mut self, id: i64) -> Result<Option<Draft>, StoreError> {
        let row = self.line.run(async |session| session.first(DRAFT, &[&id]).await).await?;
        Ok(row.map(|row| Draft { sender: row.get(0), body: row.get(1) }))
    }

    async fn copies(&mut self, Fingerprint(sample): Fingerprint) -> Result<u32, StoreError> {
        let row = self.line.run(async |session| session.first(COPIES, &[&&sample[..]]).await).await?;
        Ok(row.map_or(0, |row| u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX)))
    }

    async fn search(
        &mut self,
        sender: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<StoredResult>, StoreError> {
        let end = format!("{prefix}{}", char::MAX);
        let limit = i64::from(limit);
        let rows = self
            .line
            .run(async |session| session.query(SEARCH, &[&sender, &prefix, &end, &limit]).await)
            .await?;
        Ok(rows.iter().map(stored_result).collect())
    }

    async fn received(
        &mut self,
        from: Moment,
        before: Moment,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredResult>, StoreError> {
        let (from, before, after, limit) =
            (from.millis(), before.millis(), after.unwrap_or(0), i64::from(limit));
        let rows = self
            .line
            .run(async |session| session.query(RECEIVED, &[&from, &before, &after, &limit]).await)
            .await?;
        Ok(rows.iter().map(stored_result).collect())
    }

    async fn due(&mut self, now: Moment, limit: u32) -> Result<(Vec<Message>, Option<Moment>), StoreError> {
        let (now, limit) = (now.millis(), i64::from(limit));
        let (rows, next) = self
            .line
            .run(async |session| {
                let rows = session.query(DUE, &[&now, &limit, &self.instance]).await?;
                Ok((rows, session.first(NEXT_DUE, &[&now]).await?))
            })
            .await?;
        Ok((rows.iter().map(message).collect(), next.map(|row| Moment::from_millis(row.get(0)))))
    }

    async fn accepted(&mut self, limit: u32) -> Result<Vec<Accepted>, StoreError> {
        let (limit, instance) = (i64::from(limit), self.instance);
        let rows = self.line.run(async |session| session.query(ACCEPTED, &[&limit, &instance]).await);
        Ok(rows.await?.iter().map(accepted).collect())
    }

    async fn acceptance(&mut self, receipt: i64) -> Result<Option<(i64, Option<String>)>, StoreError> {
        // In this order a message that is settled between the two questions is found by the second.
        let rows = self.line.run(async |session| {
            let waits = session.first(WAITS, &[&receipt]).await?;
            Ok((waits, session.first(SETTLED, &[&receipt]).await?))
        });
        let (waits, settled) = rows.await?;
        let covers = |row: &Row| receipt < row.get::<_, i64>(0) + row.get::<_, i64>(1);
        let settled = settled.filter(covers).map(|row| (row.get(0), Some(row.get(2))));
        Ok(settled.or_else(|| waits.filter(covers).map(|row| (row.get(0), None))))
    }

    async fn first_due(&mut self, now: Moment) -> Result<Option<Moment>, StoreError> {
        let now = now.millis();
        let row = self.line.run(async |session| session.first(FIRST_DUE, &[&now]).await).await?;
        let Some(row) = row else { return Ok(None) };
        // Other instances store and erase too.
        self.shared.stats.set_pending(row.get(1));
        Ok(row.get::<_, Option<i64>>(0).map(Moment::from_millis))
    }

    async fn waiting(&mut self, limit: u32) -> Result<Vec<Message>, StoreError> {
        let limit = i64::from(limit);
        let rows = self.line.run(async |session| session.query(WAITING, &[&limit]).await).await?;
        Ok(rows.iter().map(message).collect())
    }
}

fn answer<T>(reply: Reply<T>, value: Result<T, StoreError>) {
    // A caller that has gone does not need its answer.
    let _ = reply.send(value);
}

fn stored_result(row: &Row) -> StoredResult {
    StoredResult {
        id: row.get(0),
        sender: row.get(1),
        reference: row.get(2),
        sample: row.get(3),
        received: Moment::from_millis(row.get(4)),
        body: row.get(5),
    }
}

fn accepted(row: &Row) -> Accepted {
    Accepted {
        id: row.get(0),
        entries: u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
        sender: row.get(2),
        key: row.get(3),
        received: Moment::from_millis(row.get(4)),
        body: row.get(5),
    }
}

fn message(row: &Row) -> Message {
    Message {
        due: Due { at: Moment::from_millis(row.get(1)), id: row.get(0) },
        attempts: u32::try_from(row.get::<_, i64>(2)).unwrap_or(u32::MAX),
        to: row.get(3),
        reference: row.get(4),
        link: row.get(5),
    }
}
