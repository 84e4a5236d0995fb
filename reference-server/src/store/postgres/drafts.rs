//! Stores drafts.

use std::rc::Rc;
use std::sync::Arc;

use super::desk::{self, Clerk};
use super::ids::Ids;
use super::session::{Line, Server};
use crate::moment::Moment;
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{Shared, StoreError};

const INSERT: &str = "
INSERT INTO drafts (id, sender, received, body)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING";

/// [`Write::Draft`](crate::store::command::Write::Draft).
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) sender: Arc<str>,
    pub(super) body: Vec<u8>,
    pub(super) received: Moment,
    pub(super) reply: Reply<i64>,
}

#[derive(Debug)]
pub(super) struct Drafts {
    line: Line,
    ids: Rc<Ids>,
    shared: Arc<Shared>,
}

impl Drafts {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>, ids: &Rc<Ids>) -> Drafts {
        Drafts { line: server.line(), ids: Rc::clone(ids), shared: Arc::clone(shared) }
    }

    async fn store(&mut self, drafts: &[Draft]) -> Result<Vec<i64>, StoreError> {
        let first = self.ids.take(drafts.len()).await?;
        let ids: Vec<i64> = (first..).take(drafts.len()).collect();
        let senders: Vec<&str> = drafts.iter().map(|draft| &*draft.sender).collect();
        let received: Vec<i64> = drafts.iter().map(|draft| draft.received.millis()).collect();
        let bodies: Vec<&[u8]> = drafts.iter().map(|draft| &*draft.body).collect();
        self.line
            .run(async |session| session.execute(INSERT, &[&ids, &senders, &received, &bodies]).await)
            .await?;
        Ok(ids)
    }
}

impl Clerk for Drafts {
    type Command = Draft;

    async fn serve(&mut self, group: Vec<Draft>) {
        let outcome = self.store(&group).await;
        self.shared.stats.ended(&outcome, Change::default());
        desk::answer(&self.shared, group.into_iter().map(|draft| draft.reply), outcome);
    }
}
