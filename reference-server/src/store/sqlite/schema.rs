//! The tables, and how a connection is set up.
//!
//! Every key grows with time, so that an insert touches the last pages of its table and not a random one: `results`,
//! `drafts`, `certificates` and `outbox` by their ids, `links` and `attempts` by the link's leading seconds, and what has to be found by
//! a hash or a name by its generation (see `index.rs`). A row of `results` also says where its keys are, so that
//! a purge finds them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::acceptance;
use crate::store::StoreError;

/// Written into the file; a database of another version is refused.
const VERSION: i64 = 3;

const TABLES: &str = "
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    sender TEXT NOT NULL, reference TEXT NOT NULL, sample TEXT NOT NULL,
    received INTEGER NOT NULL, body BLOB NOT NULL,
    positive INTEGER NOT NULL, generation INTEGER NOT NULL, link BLOB NOT NULL, birth BLOB NOT NULL, name TEXT NOT NULL,
    idempotency BLOB
) STRICT;
CREATE TABLE links (
    link BLOB PRIMARY KEY, id INTEGER NOT NULL, birth BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    link BLOB PRIMARY KEY, failures INTEGER NOT NULL, locked_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE uniques (
    generation INTEGER NOT NULL, fingerprint BLOB NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (generation, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE TABLE samples (
    generation INTEGER NOT NULL, fingerprint BLOB NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (generation, fingerprint, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE names (
    generation INTEGER NOT NULL, sender TEXT NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (generation, sender, name, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    due INTEGER NOT NULL, id INTEGER NOT NULL, attempts INTEGER NOT NULL,
    phone TEXT NOT NULL, reference TEXT NOT NULL, link TEXT NOT NULL,
    PRIMARY KEY (due, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY, sender TEXT NOT NULL, received INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE certificates (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('birth dates refused', 0), ('purged up to', 0), ('sealed up to', 0);
";

/// Opens the database for writing; creates it if there is none.
pub(super) fn create(file: &Path) -> Result<Connection, StoreError> {
    let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        VERSION => {}
        0 => {
            connection.execute_batch("PRAGMA page_size=4096; PRAGMA journal_mode=WAL;")?;
            connection.execute_batch(&format!("BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;"))?;
        }
        other => {
            return Err(StoreError::Failed(format!(
                "{} has version {other} and this program reads version {VERSION}; use another data folder",
                file.display()
            )));
        }
    }
    connection.execute_batch(acceptance::TABLES)?;
    Ok(connection)
}

/// Opens a connection of one thread.
pub(super) fn connect(file: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| StoreError::Failed(format!("cannot open {}: {error}", file.display())))?;
    // A restarting checkpoint holds the writer up for as long as it copies the log; nothing else locks.
    connection.busy_timeout(Duration::from_secs(30))?;
    // secure_delete: what is erased (a delivered link, a purged result) is overwritten, also in pages that become free.
    connection.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536; PRAGMA mmap_size=0;
         PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;",
    )?;
    Ok(connection)
}
