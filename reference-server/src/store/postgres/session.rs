//! A connection that comes back: after a restart of the server, or when a network between gave up on it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};

use crate::store::StoreError;

/// How long a piece of work is tried before its callers are told that it failed: a restart of PostgreSQL takes less.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Pause before the second try, doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Where the database is.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Config>);

impl Server {
    pub(super) fn new(mut config: Config) -> Server {
        if config.get_application_name().is_none() {
            config.application_name("sidep-server");
        }
        // A server that is frozen or behind a dead network must not hold a task for ever.
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        Server(Arc::new(config))
    }

    /// A connection whose commits are on disk when they are answered, unless the database is configured otherwise.
    pub(super) fn line(&self) -> Line {
        Line { config: Arc::clone(&self.0), session: None }
    }

    /// A connection whose commits are on disk no later than the next one of another kind of line: for what a crash may undo.
    pub(super) fn relaxed_line(&self) -> Line {
        let mut config = Config::clone(&self.0);
        let options = config.get_options().unwrap_or_default();
        config.options(format!("{options} -c synchronous_commit=off").trim_start());
        Line { config: Arc::new(config), session: None }
    }
}

/// A connection, or what it takes to have it again.
#[derive(Debug)]
pub(super) struct Line {
    config: Arc<Config>,
    session: Option<Session>,
}

impl Line {
    /// Does the work, which may be done again: after a serialization failure or a deadlock (PostgreSQL asks for it, and
    /// engines that speak its protocol do more often), and when the connection was lost, whether it had been done or not.
    ///
    /// # Errors
    /// The database refused it, or did not do it within [`PATIENCE`].
    pub(super) async fn run<T>(
        &mut self,
        work: impl AsyncFn(&Session) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.run_within(PATIENCE, work).await
    }

    /// The same for work that takes as long as this.
    ///
    /// # Errors
    /// The database refused it, or did not do it in time.
    pub(super) async fn run_within<T>(
        &mut self,
        patience: Duration,
        work: impl AsyncFn(&Session) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = async { work(self.session().await?).await };
            let error = match timeout_at(deadline, attempt).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => {
                    // What is still under way there ends with its connection.
                    self.session = None;
                    return Err(StoreError::Failed("the database does not answer".to_owned()));
                }
            };
            if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
                self.session = None;
            }
            if !passes(&error) || Instant::now() + pause > deadline {
                return Err(error.into());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn session(&mut self) -> Result<&Session, Error> {
        let session = match self.session.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => {
                let (client, connection) = self.config.connect(NoTls).await?;
                // It ends with its client, or with an error that every later command is told.
                spawn_local(connection);
                Session { client, prepared: RefCell::default() }
            }
        };
        Ok(self.session.insert(session))
    }
}

/// An open connection, with the statements that were prepared on it.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    prepared: RefCell<HashMap<&'static str, Statement>>,
}

impl Session {
    pub(super) async fn query(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.client.query(&self.statement(sql).await?, values).await
    }

    pub(super) async fn first(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Returns how many rows it concerned.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        self.client.execute(&self.statement(sql).await?, values).await
    }

    /// Statements without values and answers.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await
    }

    async fn statement(&self, sql: &'static str) -> Result<Statement, Error> {
        let known = self.prepared.borrow().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.prepared.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }
}

/// Whether it is worth while to try again what failed like this.
fn passes(error: &Error) -> bool {
    let Some(state) = error.code() else {
        // The connection was lost, or there is no server (yet).
        return true;
    };
    let again = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    // Class 08: connection exceptions.
    again.contains(state) || state.code().starts_with("08")
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // The message of the database names tables and states; its detail would have values, and is left out.
        let said = error.as_db_error().map(|error| format!("{} ({})", error.message(), error.code().code()));
        let cause = || std::error::Error::source(&error).map(|cause| format!("{error}: {cause}"));
        StoreError::Failed(said.or_else(cause).unwrap_or_else(|| error.to_string()))
    }
}
