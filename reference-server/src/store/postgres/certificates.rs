//! Keeps the first text of each certificate, for good.

use std::collections::HashMap;
use std::sync::Arc;

use super::desk::{self, Clerk};
use super::session::{Line, Server};
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{Shared, StoreError};

const KEEP: &str = "
INSERT INTO certificates (id, text)
SELECT new.id, text FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS new (id, text, place)
JOIN results ON results.id = new.id ORDER BY new.id, place
ON CONFLICT DO NOTHING";
const KEPT: &str = "SELECT id, text FROM certificates WHERE id = ANY ($1::bigint[])";

/// [`Write::Certificate`](crate::store::command::Write::Certificate).
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) id: i64,
    pub(super) text: String,
    pub(super) reply: Reply<String>,
}

#[derive(Debug)]
pub(super) struct Certificates {
    line: Line,
    shared: Arc<Shared>,
}

impl Certificates {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>) -> Certificates {
        Certificates { line: server.line(), shared: Arc::clone(shared) }
    }

    /// The texts that are kept, in the order of the group.
    async fn keep(&mut self, group: &[Keep]) -> Result<Vec<String>, StoreError> {
        let ids: Vec<i64> = group.iter().map(|keep| keep.id).collect();
        let texts: Vec<&str> = group.iter().map(|keep| &*keep.text).collect();
        let keep = async |session: &super::session::Session| session.execute(KEEP, &[&ids, &texts]).await;
        let fresh = self.line.run(keep).await?;
        if fresh == ids.len() as u64 {
            return Ok(texts.into_iter().map(str::to_owned).collect());
        }
        let rows = self.line.run(async |session| session.query(KEPT, &[&ids]).await).await?;
        let kept: HashMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        // Of a result that has been erased none is kept.
        Ok(group.iter().map(|keep| kept.get(&keep.id).unwrap_or(&keep.text).clone()).collect())
    }
}

impl Clerk for Certificates {
    type Command = Keep;

    async fn serve(&mut self, group: Vec<Keep>) {
        let outcome = self.keep(&group).await;
        self.shared.stats.ended(&outcome, Change::default());
        desk::answer(&self.shared, group.into_iter().map(|keep| keep.reply), outcome);
    }
}
