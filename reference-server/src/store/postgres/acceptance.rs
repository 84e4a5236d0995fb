//! Accepts messages before they are stored, and keeps how they ended.

use std::rc::Rc;
use std::sync::Arc;

use super::desk::Clerk;
use super::ids::Ids;
use super::session::{Line, Server};
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{NewAccepted, Shared, StoreError};

/// What an instance has accepted is its own to work off, as long as it lives.
const ACCEPT: &str = "
INSERT INTO accepted (id, entries, sender, key, received, body, instance)
SELECT *, $7::bigint FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
ON CONFLICT DO NOTHING";
/// A statement sees the tables as they were before it: the message whose time is kept is still there. One that is not has been
/// settled before.
const SETTLE: &str = "
WITH ended AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS ended (id, entries, ends)
), kept AS (
    INSERT INTO settled (id, entries, ends, received)
    SELECT ended.id, ended.entries, ended.ends, accepted.received FROM ended JOIN accepted USING (id)
    ON CONFLICT DO NOTHING
), erased AS (
    DELETE FROM accepted USING ended WHERE accepted.id = ended.id RETURNING 1
)
SELECT count(*) FROM erased";
/// Those of nobody who lives are this instance's too.
const COUNT: &str = "
SELECT count(*) FROM accepted WHERE NOT EXISTS
    (SELECT 1 FROM instances WHERE number = accepted.instance AND seen > now() - interval '30 seconds')";

/// [`Write::Accept`](crate::store::command::Write::Accept) or [`Write::Settle`](crate::store::command::Write::Settle).
#[derive(Debug)]
pub(super) enum Take {
    Accept { message: NewAccepted, reply: Reply<i64> },
    Settle { id: i64, entries: u32, ends: String, reply: Reply<()> },
}

#[derive(Debug)]
pub(super) struct Acceptance {
    line: Line,
    ids: Rc<Ids>,
    shared: Arc<Shared>,
    instance: i64,
}

impl Acceptance {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>, ids: &Rc<Ids>, instance: i64) -> Acceptance {
        Acceptance { line: server.line(), ids: Rc::clone(ids), shared: Arc::clone(shared), instance }
    }

    /// Messages waiting, counted once at opening.
    pub(super) async fn count(&mut self) -> Result<(), StoreError> {
        let rows = self.line.run(async |session| session.query(COUNT, &[]).await).await?;
        self.shared.stats.set_accepted(rows.first().map_or(0, |row| row.get(0)));
        Ok(())
    }

    /// The ids of the messages' first receipts.
    async fn accept(&mut self, messages: &[NewAccepted]) -> Result<Vec<i64>, StoreError> {
        let entries: Vec<i64> = messages.iter().map(|message| i64::from(message.entries.max(1))).collect();
        let all = usize::try_from(entries.iter().sum::<i64>()).unwrap_or(usize::MAX);
        let mut next = self.ids.take(all).await?;
        let mut ids = Vec::with_capacity(messages.len());
        for entries in &entries {
            ids.push(next);
            next += entries;
        }
        let senders: Vec<&str> = messages.iter().map(|message| &*message.sender).collect();
        let keys: Vec<Option<&str>> = messages.iter().map(|message| message.key.as_deref()).collect();
        let received: Vec<i64> = messages.iter().map(|message| message.received.millis()).collect();
        let bodies: Vec<&[u8]> = messages.iter().map(|message| &*message.body).collect();
        let instance = self.instance;
        let accepted = self.line.run(async |session| {
            session.execute(ACCEPT, &[&ids, &entries, &senders, &keys, &received, &bodies, &instance]).await
        });
        accepted.await?;
        Ok(ids)
    }

    /// How many messages are erased.
    async fn settle(&mut self, ended: &[(i64, i64, String)]) -> Result<i64, StoreError> {
        let ids: Vec<i64> = ended.iter().map(|(id, ..)| *id).collect();
        let entries: Vec<i64> = ended.iter().map(|(_, entries, _)| *entries).collect();
        let ends: Vec<&str> = ended.iter().map(|(.., ends)| &**ends).collect();
        let rows = self.line.run(async |session| session.query(SETTLE, &[&ids, &entries, &ends]).await);
        Ok(rows.await?.first().map_or(0, |row| row.get(0)))
    }
}

impl Clerk for Acceptance {
    type Command = Take;

    async fn serve(&mut self, group: Vec<Take>) {
        let (mut messages, mut accepting) = (Vec::new(), Vec::new());
        let (mut ended, mut settling) = (Vec::new(), Vec::new());
        for command in group {
            match command {
                Take::Accept { message, reply } => {
                    messages.push(message);
                    accepting.push(reply);
                }
                Take::Settle { id, entries, ends, reply } => {
                    ended.push((id, i64::from(entries), ends));
                    settling.push(reply);
                }
            }
        }
        if !messages.is_empty() {
            let outcome = self.accept(&messages).await;
            let accepted = i64::try_from(messages.len()).unwrap_or(0);
            self.shared.stats.ended(&outcome, Change { accepted, ..Change::default() });
            super::desk::answer(&self.shared, accepting, outcome);
        }
        if !ended.is_empty() {
            let outcome = self.settle(&ended).await;
            let accepted = outcome.as_ref().map_or(0, |erased| -erased);
            self.shared.stats.ended(&outcome, Change { accepted, ..Change::default() });
            super::desk::answer(&self.shared, settling, outcome.map(|_| std::iter::repeat(())));
        }
    }
}
