//! What a caller asks of the load engine, and what it gets back.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::child::{Launch, StartError};
use super::guard::Target;
use super::parent::Parent;
use super::plan::Unplayable;
use super::progress::Listener;
use crate::record::HeaderError;
use crate::scenario::{Scenario, ServerEntry, Shard, Timeline};
use crate::units::TimeOfDay;

/// A run: one scenario against one system after the other, from the same seed.
#[derive(Clone)]
pub struct RunRequest {
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// Which part of its day, how fast.
    pub timeline: Timeline,
    /// The root of every random draw.
    pub seed: u64,
    /// Names of the populations that play; empty: all.
    pub only: Vec<String>,
    /// The systems, in the order in which they are played against.
    pub systems: Vec<System>,
    /// The run's folder; created if missing.
    pub run_dir: PathBuf,
    /// What the header says beside that.
    pub about: About,
    /// Where messages of systems that run already come in (`ADDRESS/messages`); `None`: nobody listens for them. A server
    /// that the tool starts is told where to send its messages.
    pub messages: Option<SocketAddr>,
    /// Which part of the plan this generator plays, and from when on.
    pub share: Share,
    /// Told once a second how it goes.
    pub progress: Option<Listener>,
    /// How servers are started.
    pub launch: Launch,
    /// Keeps the stores of started servers after the run; they lie in `SERVER/data` of the run's folder.
    pub keep_data: bool,
}

impl std::fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scenario, timeline, seed, only, systems, run_dir, .. } = self;
        f.debug_struct("RunRequest")
            .field("scenario", &scenario.name)
            .field("timeline", timeline)
            .field("seed", seed)
            .field("only", only)
            .field("systems", systems)
            .field("run_dir", run_dir)
            .finish_non_exhaustive()
    }
}

/// What one of several generators plays of the one plan.
#[derive(Debug, Clone)]
pub struct Share {
    /// Which part.
    pub shard: Shard,
    /// When the run-in begins, by the wall clock; `None`: as soon as all is ready.
    pub start_at: Option<SystemTime>,
    /// Where each shard awaits messages, by number, where they come to any of them and are passed on; empty: messages that
    /// come here are this generator's.
    pub addresses: Vec<SocketAddr>,
    /// What the shards of other machines are asked with before a message is passed on, and answer to; `None`: messages go
    /// to shards of this machine only.
    pub token: Option<String>,
    /// Processes of this machine that play this run; 1: this one does.
    pub generators: u32,
    /// How such a process is started; it is told the rest on its standard input ([`Parent::listen`]).
    pub launch: Option<Launch>,
    /// Whoever started this process to play a shard.
    pub parent: Option<Arc<Parent>>,
}

impl Default for Share {
    /// The whole plan, as soon as all is ready.
    fn default() -> Self {
        Self {
            shard: Shard::WHOLE,
            start_at: None,
            addresses: Vec::new(),
            token: None,
            generators: 1,
            launch: None,
            parent: None,
        }
    }
}

/// What the header of a run says of how it came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Name of the run's folder.
    pub run_id: String,
    /// Wall-clock time, RFC 3339.
    pub started_at: String,
    /// The command line.
    pub command: Vec<String>,
    /// The scenario as resolved, as TOML.
    pub scenario_text: String,
}

/// A system under test.
#[derive(Debug, Clone)]
pub enum System {
    /// A server of this configuration, which the tool starts on a fresh store.
    Started(ServerEntry),
    /// One that runs already.
    Running {
        /// A name for it, `[a-z0-9-]+`.
        name: String,
        /// Where it is.
        target: Target,
    },
}

impl System {
    /// Its name, that of its folder in the run's.
    pub fn name(&self) -> &str {
        match self {
            Self::Started(entry) => &entry.name,
            Self::Running { name, .. } => name,
        }
    }
}

/// What a run came to. Everything else is in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOutcome {
    /// Somebody pressed Ctrl-C; what was measured until then is in the record.
    pub interrupted: bool,
    /// The target withdrew its consent; what was measured until then is in the record.
    pub refused: bool,
    /// Systems that were played against, in whole or in part.
    pub played: usize,
}

/// The tool could not play the run. Requests that fail are no error: they are what a run is about.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario names something that HTTP does not allow.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// The configuration of a server is wrong.
    #[error("server {name:?}: {problems}")]
    Configuration {
        /// Its name.
        name: String,
        /// All that is wrong in it.
        problems: String,
    },
    /// An incident cannot be brought about there.
    #[error("the incident at {at} ({what}) cannot be played on {name:?}: {problem}")]
    Incident {
        /// Its time of day.
        at: TimeOfDay,
        /// What happens.
        what: String,
        /// Name of the system.
        name: String,
        /// Why not, and what to do.
        problem: String,
    },
    /// The plan is more than the target consents to.
    #[error(
        "the plan comes to {planned:.0} requests a second in its busiest minute, and {url} consents to {allowed} a second: \
         nothing was sent; lower --scale, name another --window, or ask for a higher max_rate_per_s"
    )]
    AboveConsent {
        /// Expected requests per second.
        planned: f64,
        /// The target.
        url: String,
        /// Its ceiling, requests per second.
        allowed: f64,
    },
    /// A server did not come up.
    #[error("server {name:?}: {source}")]
    Server {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: StartError,
    },
    /// A server says that it listens where load may not go.
    #[error("server {name:?}: {problem}")]
    Elsewhere {
        /// Its name.
        name: String,
        /// What it said.
        problem: String,
    },
    /// A journey that reads a message was to be tried, and there is no message.
    #[error(
        "population {population:?} reads messages: it can be tried only against a server that the tool starts \
         (--server), in a scenario that says messages.preload and has senders before its window"
    )]
    NothingToRead {
        /// Its name.
        population: String,
    },
    /// TLS cannot be spoken.
    #[error("{0}")]
    Tls(String),
    /// A file of the run cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The header of the run cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The record could not be written to its end; what was written before can be read.
    #[error("the record in {} is cut off: {source}", path.display())]
    Record {
        /// The server's folder in the run's.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that every process has is missing: a thread, a timer, a socket.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The instant at which the run was to begin has passed.
    #[error(
        "the run was to begin {:.3} s ago (--start-at): starting the server and the lanes took longer than was left; \
         name a later instant",
        late.as_secs_f64()
    )]
    TooLate {
        /// How long ago.
        late: Duration,
    },
    /// The lanes could not be started or stopped.
    #[error("the lanes failed: {0}")]
    Lanes(String),
}

/// Puts what was tried beside an error of the system.
pub(super) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { doing, source }
}

/// Puts the file beside an error about it.
pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RunError {
    let path = path.into();
    move |source| RunError::File { path, source }
}
