//! SQLite as the backend: one writer thread with group commit, reader threads, a checkpoint thread on a timer.
//!
//! Write-ahead log with `synchronous=FULL`: a commit is on disk before it is answered. The log is never shrunk, since
//! a recycled log commits twice as fast as a growing one. Reads never share a thread with the writer or the network: a
//! page that is not in memory costs some 200 µs. Memory mapping is off and the cache moderate; both were measured to
//! make cold reads worse.

mod acceptance;
mod attempts;
mod checkpoint;
mod filter;
mod filters;
mod index;
mod outbox;
mod purge;
mod reader;
mod recent;
mod results;
mod schema;
mod seal;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use super::answers::Answering;
use super::{Shared, Store, StoreError};
use crate::faults::Faults;

/// Name of the database inside the data folder.
const FILE: &str = "results.db";

/// Commands that may wait for the writer; a full channel makes the callers wait, in their slots.
const WRITES: usize = 8_192;

/// Questions that may wait for a reader.
const READS: usize = 8_192;

/// Reader threads. Two keep one slow page from holding up every other read.
const READERS: usize = 2;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Failed(error.to_string())
    }
}

/// Opens the database in `folder` and starts its threads.
pub(super) fn open(folder: &Path, faults: Arc<Faults>) -> Result<Store, StoreError> {
    let file = folder.join(FILE);
    let connection = schema::create(&file)?;
    let shared = Arc::new(Shared { faults, answering: Answering::start(), ..Shared::default() });
    let (to_writer, writes) = mpsc::channel(WRITES);
    let (to_reader, reads) = mpsc::channel(READS);

    let mut threads = Vec::new();
    let state = writer::State::load(&connection, Arc::clone(&shared))?;
    let latest = state.latest();
    let checkpoint = schema::connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let timer = checkpoint::Timer::default();
    let stop = timer.clone();
    let log = checkpoint::Log::default();
    let (theirs, counts) = (log.clone(), Arc::clone(&shared));
    let database = File::open(&file)
        .map_err(|error| StoreError::Failed(format!("cannot open {}: {error}", file.display())))?;
    let database = Arc::new(database);
    let synced = Arc::clone(&database);
    threads.push(spawn("store-checkpoint", &database, checkpoint, move |connection| {
        checkpoint::run(connection, &synced, &theirs, &timer, &counts.stats);
    })?);
    let reads = Arc::new(Mutex::new(reads));
    for _ in 0..READERS {
        let connection = schema::connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (reads, shared, latest) = (Arc::clone(&reads), Arc::clone(&shared), latest.clone());
        threads.push(spawn("store-reader", &database, connection, move |connection| {
            reader::run(connection, latest, &reads, &shared);
        })?);
    }
    threads.push(spawn("store-writer", &database, connection, move |connection| {
        writer::run(connection, state, writes, &log);
        stop.stop();
    })?);

    Ok(Store {
        writer: to_writer,
        reader: to_reader,
        readers: READERS,
        shared,
        threads: Arc::new(Mutex::new(threads)),
        // The data folder belongs to one process.
        poll: None,
    })
}

/// Starts a thread that works with a connection of its own.
///
/// To close any handle of a file gives up every lock that the process has on it, SQLite's among them. So the handle beside
/// theirs lasts until the last connection is closed.
fn spawn(
    name: &str,
    database: &Arc<File>,
    connection: Connection,
    work: impl FnOnce(&Connection) + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    let database = Arc::clone(database);
    let work = move || {
        work(&connection);
        drop(connection);
        drop(database);
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| StoreError::Failed(format!("cannot start the thread {name}: {error}")))
}

/// A statement failed for want of an answer that is not an error.
fn optional<T>(result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A connection's statements are prepared once; this says which connection they belong to.
type Prepared<'c> = rusqlite::Result<rusqlite::Statement<'c>>;

/// Prepares one statement.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Prepared<'c> {
    connection.prepare(sql)
}
