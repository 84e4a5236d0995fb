//! The tables, brought up to date by whichever instance comes first.

use super::session::{Server, Session};
use crate::store::StoreError;

/// What makes each version of the tables of the one before, the first of nothing. A line that has landed is never changed:
/// changes are new lines.
const MIGRATIONS: &[&str] = &[FIRST, RETENTION, ACCEPTANCE, RECEIPTS];

const FIRST: &str = r#"
CREATE SEQUENCE draws;
CREATE TABLE instances (number bigint PRIMARY KEY, seen timestamptz NOT NULL);
CREATE TABLE results (
    id bigint PRIMARY KEY,
    sender text NOT NULL, reference text NOT NULL, sample text NOT NULL,
    received bigint NOT NULL, body bytea NOT NULL,
    sample_key bytea NOT NULL, name text COLLATE "C" NOT NULL
);
CREATE INDEX results_samples ON results (sample_key);
CREATE INDEX results_names ON results (sender, name, id);
CREATE TABLE keys (key bytea PRIMARY KEY, id bigint NOT NULL);
CREATE TABLE links (link bytea PRIMARY KEY, id bigint NOT NULL, birth bytea NOT NULL);
CREATE TABLE attempts (
    link bytea PRIMARY KEY,
    failures bigint NOT NULL, locked_until bigint NOT NULL, touched bigint NOT NULL, known boolean NOT NULL
);
CREATE TABLE outbox (
    id bigint PRIMARY KEY,
    due bigint NOT NULL, attempts bigint NOT NULL, phone text NOT NULL, reference text NOT NULL, link text NOT NULL,
    claimed_by bigint
);
CREATE INDEX outbox_due ON outbox (due, id);
CREATE TABLE certificates (id bigint PRIMARY KEY, text text NOT NULL);
CREATE TABLE drafts (id bigint PRIMARY KEY, sender text NOT NULL, received bigint NOT NULL, body bytea NOT NULL);
"#;

/// What a purge needs to find a result in time, and everything that leads to it. Of results that are older than these columns it
/// finds the result and its reference.
const RETENTION: &str = r#"
ALTER TABLE results
    ADD COLUMN positive boolean NOT NULL DEFAULT false, ADD COLUMN link bytea, ADD COLUMN idempotency bytea;
CREATE INDEX results_received ON results (positive, received, id);
CREATE INDEX drafts_received ON drafts (received);
"#;
const ACCEPTANCE: &str = "
CREATE TABLE accepted (
    id bigint PRIMARY KEY, entries bigint NOT NULL, sender text NOT NULL, key text, received bigint NOT NULL,
    body bytea NOT NULL, instance bigint NOT NULL
);
CREATE TABLE settled (id bigint PRIMARY KEY, entries bigint NOT NULL, ends text NOT NULL);
";

/// When the message was received, by which a purge finds it: ids do not tell the time. Of what was settled before it is when this
/// was run.
const RECEIPTS: &str = "
ALTER TABLE settled
    ADD COLUMN received bigint NOT NULL DEFAULT (extract(epoch FROM now()) * 1000)::bigint;
ALTER TABLE settled ALTER COLUMN received DROP DEFAULT;
CREATE INDEX settled_received ON settled (received);
";

/// Brings the tables up to date. Instances that start at once wait for each other: the row of a version is its lock.
pub(super) async fn migrate(server: &Server) -> Result<(), StoreError> {
    let mut line = server.line();
    line.run(async |session| prepare(session).await).await?;
    for (version, migration) in (1_i32..).zip(MIGRATIONS) {
        line.run(async |session| step(session, version, migration).await).await?;
    }
    let latest =
        line.run(async |session| session.first("SELECT max(version) FROM migrations", &[]).await).await?;
    let latest: i32 = latest.and_then(|row| row.get(0)).unwrap_or(0);
    if usize::try_from(latest).is_ok_and(|latest| latest > MIGRATIONS.len()) {
        return Err(StoreError::Failed(format!(
            "the database has version {latest} and this program knows version {}; use a later program or another database",
            MIGRATIONS.len()
        )));
    }
    Ok(())
}

async fn prepare(session: &Session) -> Result<(), tokio_postgres::Error> {
    const TABLE: &str =
        "CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY, at timestamptz NOT NULL)";
    match session.batch(TABLE).await {
        // Two that create it at once: the second is told so in one of several ways, and finds it there.
        Err(error) if error.code().is_some() => session.batch(TABLE).await,
        other => other,
    }
}

/// Takes one step unless it was taken; another instance that is taking it is waited for.
async fn step(session: &Session, version: i32, migration: &str) -> Result<(), tokio_postgres::Error> {
    const TAKE: &str = "INSERT INTO migrations VALUES ($1, now()) ON CONFLICT DO NOTHING";
    session.batch("BEGIN").await?;
    let taken = async {
        if session.execute(TAKE, &[&version]).await? == 1 {
            session.batch(migration).await?;
        }
        session.batch("COMMIT").await
    };
    let taken = taken.await;
    if taken.is_err() {
        // It fails where the connection is lost, and the transaction with it.
        let _ = session.batch("ROLLBACK").await;
    }
    taken
}
