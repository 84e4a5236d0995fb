//! PostgreSQL as the backend, shared by any number of instances.
//!
//! One thread does all the waiting. Every kind of command has a desk there: a task with a connection of its own that takes what waits and does it as one group.
//! Whatever a desk does it may do twice, so that it does it again after a serialization failure, a deadlock, or when the
//! server was away; only the count of a wrong birth date is not repeated when nobody knows whether it was kept. After
//! [`session::PATIENCE`] the callers are told that it failed.
//!
//! The rows of one result (`results`, `outbox`, `certificates`) are keyed by its id, those of a link (`links`, `attempts`) by
//! the link, and every transaction touches rows of one kind of key only: an engine that spreads tables over several machines by
//! the hash of their keys never needs a transaction across them. `results.rs` says how a result is stored once all the same.

mod acceptance;
mod attempts;
mod certificates;
mod desk;
mod drafts;
mod ids;
mod instance;
mod outbox;
mod purge;
mod reader;
mod results;
mod schema;
mod session;

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio_postgres::Config;

use self::acceptance::Acceptance;
use self::attempts::Attempts;
use self::certificates::Certificates;
use self::desk::{Desk, Desks};
use self::drafts::Drafts;
use self::ids::Ids;
use self::instance::Instance;
use self::outbox::Outbox;
use self::purge::Purge;
use self::reader::Reader;
use self::results::Results;
use self::session::Server;
use super::answers::Answering;
use super::command::{Read, Write};
use super::{Shared, Store, StoreError};
use crate::faults::Faults;

/// Commands that may wait on their way; a full channel makes the callers wait, in their slots.
const WRITES: usize = 8_192;

/// Questions that may wait for a reader.
const READS: usize = 8_192;

/// Connections for questions. With those of the desks an instance has twelve at most.
const READERS: usize = 3;

/// How often an instance looks for messages that another one has left behind.
const POLL: Duration = Duration::from_secs(2);

/// Connects to the database, brings its tables up to date, and starts the desks.
pub(super) async fn open(url: &str, faults: Arc<Faults>) -> Result<Store, StoreError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| StoreError::Failed(format!("{what}: {error}"));
    let config: Config = url.parse().map_err(|error| failed("its URL is none", &error))?;
    let shared = Arc::new(Shared { faults, answering: Answering::start(), ..Shared::default() });
    let (to_writer, writes) = mpsc::channel(WRITES);
    let (to_reader, reads) = mpsc::channel(READS);
    let (tell, opened) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("cannot start a runtime", &error))?;
    let theirs = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("store-postgres".to_owned());
    let thread = thread.spawn(move || {
        LocalSet::new().block_on(&runtime, async move {
            match Backend::start(config, &theirs, reads).await {
                Ok(backend) => {
                    // Nobody waits for it any more: then nobody sends anything either, and it ends.
                    let _ = tell.send(Ok(()));
                    backend.run(writes).await;
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
    });
    let thread = thread.map_err(|error| failed("cannot start a thread", &error))?;
    opened.await.map_err(|_| StoreError::Closed)??;
    Ok(Store {
        writer: to_writer,
        reader: to_reader,
        readers: READERS,
        shared,
        threads: Arc::new(Mutex::new(vec![thread])),
        poll: Some(POLL),
    })
}

/// Everything that runs on the thread.
struct Backend {
    desks: Desks,
    instance: Instance,
    readers: Vec<tokio::task::JoinHandle<()>>,
}

impl Backend {
    async fn start(
        config: Config,
        shared: &Arc<Shared>,
        reads: mpsc::Receiver<Read>,
    ) -> Result<Backend, StoreError> {
        let server = Server::new(config);
        schema::migrate(&server).await?;
        let mut outbox = Outbox::new(&server, shared);
        outbox.count().await?;
        let instance = Instance::join(&server).await?;
        let ids = Rc::new(Ids::new(&server));
        let mut acceptance = Acceptance::new(&server, shared, &ids, instance.number());
        acceptance.count().await?;
        let desks = Desks {
            results: Desk::open(Results::new(&server, shared, &ids), shared),
            drafts: Desk::open(Drafts::new(&server, shared, &ids), shared),
            certificates: Desk::open(Certificates::new(&server, shared), shared),
            attempts: Desk::open(Attempts::new(&server, shared), shared),
            outbox: Desk::open(outbox, shared),
            purge: Desk::open(Purge::new(&server, shared), shared),
            acceptance: Desk::open(acceptance, shared),
        };
        let reads = Rc::new(tokio::sync::Mutex::new(reads));
        let reader = |_| spawn_local(Reader::new(&server, shared, instance.number()).run(Rc::clone(&reads)));
        let readers = (0..READERS).map(reader).collect();
        Ok(Backend { desks, instance, readers })
    }

    /// Serves until the store is closed, or nobody has it any more.
    async fn run(self, writes: mpsc::Receiver<Write>) {
        self.desks.run(writes).await;
        for reader in self.readers {
            // Ended, or about to: it is told as the desks are.
            let _ = reader.await;
        }
        self.instance.leave().await;
    }
}
