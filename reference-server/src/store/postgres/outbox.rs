//! Erases delivered messages and puts off those that failed.

use std::sync::Arc;

use super::desk::{self, Clerk};
use super::session::{Line, Server};
use crate::moment::Moment;
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{Due, Shared, StoreError};

const DELIVERED: &str = "
DELETE FROM outbox USING unnest($1::bigint[], $2::bigint[]) AS gone (id, due)
WHERE outbox.id = gone.id AND outbox.due = gone.due";
/// Put off, a message is nobody's: whoever lives when it is due takes it.
const POSTPONE: &str = "
UPDATE outbox SET due = late.until, attempts = attempts + 1, claimed_by = NULL
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS late (id, due, until)
WHERE outbox.id = late.id AND outbox.due = late.due";

/// [`Write::Delivered`](crate::store::command::Write::Delivered), or with a moment
/// [`Write::Postpone`](crate::store::command::Write::Postpone).
#[derive(Debug)]
pub(super) struct Settle {
    pub(super) due: Due,
    pub(super) until: Option<Moment>,
    pub(super) reply: Reply<()>,
}

#[derive(Debug)]
pub(super) struct Outbox {
    line: Line,
    shared: Arc<Shared>,
}

impl Outbox {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>) -> Outbox {
        Outbox { line: server.line(), shared: Arc::clone(shared) }
    }

    /// Messages waiting, counted once at opening.
    pub(super) async fn count(&mut self) -> Result<(), StoreError> {
        let rows =
            self.line.run(async |session| session.query("SELECT count(*) FROM outbox", &[]).await).await?;
        self.shared.stats.set_pending(rows.first().map_or(0, |row| row.get(0)));
        Ok(())
    }

    async fn settle(&mut self, group: &[Settle]) -> Result<i64, StoreError> {
        let (mut gone, mut late) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new()));
        for Settle { due, until, .. } in group {
            match until {
                None => {
                    gone.0.push(due.id);
                    gone.1.push(due.at.millis());
                }
                Some(until) => {
                    late.0.push(due.id);
                    late.1.push(due.at.millis());
                    late.2.push(until.millis());
                }
            }
        }
        let settled = self.line.run(async |session| {
            if !late.0.is_empty() {
                session.execute(POSTPONE, &[&late.0, &late.1, &late.2]).await?;
            }
            if gone.0.is_empty() { Ok(0) } else { session.execute(DELIVERED, &[&gone.0, &gone.1]).await }
        });
        Ok(i64::try_from(settled.await?).unwrap_or(0))
    }
}

impl Clerk for Outbox {
    type Command = Settle;

    async fn serve(&mut self, group: Vec<Settle>) {
        let outcome = self.settle(&group).await;
        let gone = outcome.as_ref().map_or(0, |gone| *gone);
        self.shared.stats.ended(&outcome, Change { gone, ..Change::default() });
        let done = outcome.map(|_| std::iter::repeat(()));
        desk::answer(&self.shared, group.into_iter().map(|settle| settle.reply), done);
    }
}
