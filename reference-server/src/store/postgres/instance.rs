//! Says to the other instances that this one lives: what it has claimed is theirs when it does not.

use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};

use super::session::{Line, Server};
use crate::store::StoreError;

/// How often an instance says that it lives. It counts as dead after 30 s of silence, by the clock of the database.
const PAUSE: Duration = Duration::from_secs(5);

const SAY: &str = "INSERT INTO instances VALUES ($1, now()) ON CONFLICT (number) DO UPDATE SET seen = now()";

/// One that serves, from its start to its end.
#[derive(Debug)]
pub(super) struct Instance {
    number: i64,
    server: Server,
    says: JoinHandle<()>,
}

impl Instance {
    /// Takes a number that no other instance ever had.
    pub(super) async fn join(server: &Server) -> Result<Instance, StoreError> {
        let mut line = server.relaxed_line();
        let drawn = line.run(async |session| session.query("SELECT nextval('draws')", &[]).await).await?;
        let number: i64 = drawn.first().map_or(0, |row| row.get(0));
        say(&mut line, number).await?;
        // Those of which nothing has been heard for long will not come back.
        const FORGET: &str = "DELETE FROM instances WHERE seen < now() - interval '1 day'";
        line.run(async |session| session.execute(FORGET, &[]).await).await?;
        let says = spawn_local(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                // When the database is away, so it is for the others.
                let _ = say(&mut line, number).await;
            }
        });
        Ok(Instance { number, server: server.clone(), says })
    }

    pub(super) fn number(&self) -> i64 {
        self.number
    }

    /// Gives up at once what it has claimed.
    pub(super) async fn leave(self) {
        self.says.abort();
        // Without this it is given up when the time is over.
        const LEAVE: &str = "DELETE FROM instances WHERE number = $1";
        let _ = self.server.line().run(async |session| session.execute(LEAVE, &[&self.number]).await).await;
    }
}

async fn say(line: &mut Line, number: i64) -> Result<(), StoreError> {
    line.run(async |session| session.execute(SAY, &[&number]).await).await.map(drop)
}
