//! The configuration of a server: plain data, read from TOML with every problem reported at once.
//!
//! ```toml
//! about = "one line"
//! cpus = [0]                      # cores the server wants; whoever starts it applies them
//!
//! [instances]                     # processes of this configuration behind one address; whoever starts them puts them there
//! count = 2
//! dispatch = "shortest-queue"     # how one is chosen for a request; or "round-robin"
//!
//! [store]
//! backend = "postgres"            # or "sqlite", in the data folder
//! url = "postgresql://sidep@db/sidep"     # absent: a PostgreSQL of its own, in the data folder
//!
//! [slots]
//! workers = 32                    # requests in service at once
//! queue = 319                     # waiting places; one more is answered 503 with Retry-After
//! retry_after = "5s"
//! abandoned = "serve"             # or "drop": a request whose client has left
//! discipline = "fifo"             # or "lifo", "priority" (with [slots.priority], a number for each class, 0 first)
//! longest_wait = "15s"            # waited longer at its turn: 503; the clients' deadline less a reserve for the work
//! limit = { least = 8, most = 300, target = "1s" }    # adaptive bound on the requests present (AIMD)
//!
//! [lane.lab]                      # slots of their own for some classes; other keys as in [slots]
//! classes = ["lab"]
//! workers = 4
//! listen = "127.0.0.1:8081"       # and a listener of their own
//!
//! [bucket.account]                # or software, address: what comes faster is answered 429
//! rate = "3/min"
//! burst = 10
//! classes = ["validate"]          # default: all
//!
//! [waiting_room.patients]         # or professionals: whoever comes faster is given a ticket and a page that tells the place
//! rate = "25/s"                   # and places, poll, session
//!
//! [hold]                          # a slot is held for max(this, the real work with its commit)
//! seed = 1
//! law = { lognormal = { mean = "100ms", cv = 1.0 } }
//! [hold.class]
//! lab = { lognormal = { mean = "400ms", cv = 1.0 } }
//!
//! [pool]                          # behind the slots: a request in its slot also takes a connection
//! connections = 8
//! law = { exponential = { mean = "20ms" } }           # and seed, class
//!
//! [commit]                        # a commit of the store takes at least this
//! cycle = "8ms"
//! each = "50us"
//!
//! [intake]                        # asynchronous: 202 and a receipt after a durable append, workers do the rest
//! workers = 16
//!
//! [cache]                         # results in memory, for patients who look again
//! results = 16384
//!
//! [certificates]
//! when = "on-demand"              # or "background": issued after each stored result, before anybody asks
//!
//! [issuer]
//! workers = 16
//! queue = 256
//! token_lifetime = "8h"
//!
//! [retention]                     # what is older is erased, with all that leads to it
//! results = "90d"
//! positives = "180d"
//! drafts = "7d"
//! every = "1h"
//! rewrite = true                  # PostgreSQL: and no page keeps it (VACUUM FULL)
//!
//! [access_log]
//! keep = "365d"
//!
//! [statistics]
//! smallest_group = 11             # of fewer tests of a day, sex and age are not told
//!
//! [log]
//! level = "info"                  # or "error", "warn", "debug": every request
//!
//! [truth.constant]                # GET /truth/constant: a queue of which everything is known (M/D/8 under Poisson arrivals)
//! workers = 8
//! law = { constant = "50ms" }     # and seed, queue
//!
//! [tls]                           # absent: cleartext
//! resumption = true
//! ```
//!
//! Without a table, its defaults hold: an open server whose bounds are far above what one core can use, and no
//! modelled hold times.

mod back_end;
mod bucket;
mod build;
mod certificates;
mod instances;
mod intake;
mod law;
mod privacy;
mod read;
mod slots;
mod units;
mod waiting_room;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::back_end::{Commit, Pool};
pub use self::bucket::{Bucket, Buckets};
pub use self::certificates::{Certificates, When};
pub use self::instances::{Backend, Dispatch, Instances, Store};
pub use self::intake::{Cache, Intake};
pub use self::law::Law;
pub use self::privacy::{AccessLog, Level, Log, Retention, Statistics};
pub use self::slots::{Abandoned, Adaptive, Discipline, Lane, Slots};
pub use self::units::Rate;
use self::units::{duration_text, size_text};
pub use self::waiting_room::{WaitingRoom, WaitingRooms};
use crate::class::Class;
pub use crate::problem::Problem;

/// Everything that bounds a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Config {
    /// One line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Cores that the server wants; empty: no wish. The server itself does not apply them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<usize>,
    /// Processes of this configuration behind one address, on one store. A server process is one of them; whoever starts
    /// it starts the others.
    pub instances: Instances,
    /// Where results are kept.
    pub store: Store,
    /// Worker slots and the queue before them.
    pub slots: Slots,
    /// Slots of their own for some classes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lane: BTreeMap<String, Lane>,
    /// Token buckets.
    #[serde(skip_serializing_if = "Buckets::is_empty")]
    pub bucket: Buckets,
    /// Waiting rooms.
    #[serde(skip_serializing_if = "WaitingRooms::is_empty")]
    pub waiting_room: WaitingRooms,
    /// Modelled hold times.
    pub hold: Hold,
    /// A modelled pool of connections behind the slots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// How long a commit takes at least.
    #[serde(skip_serializing_if = "Commit::is_zero")]
    pub commit: Commit,
    /// Asynchronous intake; `None`: an entry is answered when it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intake: Option<Intake>,
    /// Results in memory; `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// The issuer of tokens, limited apart from the rest.
    pub issuer: Issuer,
    /// Messages to patients.
    pub outbox: Outbox,
    /// Limits on what a client may send and how long it may take.
    pub limits: Limits,
    /// Patients' links.
    pub patients: Patients,
    /// When certificates are issued.
    pub certificates: Certificates,
    /// How long results are kept.
    pub retention: Retention,
    /// Who saw what.
    pub access_log: AccessLog,
    /// The feed of statistics.
    pub statistics: Statistics,
    /// The log on standard error.
    pub log: Log,
    /// Queues of which everything is known, to test what measures them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub truth: BTreeMap<String, TruthQueue>,
    /// TLS on the listener; `None`: cleartext. HTTP/1.1 and HTTP/2 are spoken either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Consent to be loaded from another machine, served at `/.well-known/peakday.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

/// Modelled hold times of a slot (`[hold]`): back ends that the server does not have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hold {
    /// Seed of the draws; every class draws from a stream of its own. Default 1.
    pub seed: u64,
    /// The law of every class that has none of its own; `None`: a slot is held only for the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<Law>,
    /// Laws of single classes. `sign-in` is not among them: see [`Issuer::hold`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class: BTreeMap<Class, Law>,
}

/// The issuer of tokens (`[issuer]`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Issuer {
    /// Sign-ins in service at once. Default 64.
    pub workers: usize,
    /// Waiting places. Default 4,096.
    pub queue: usize,
    /// How long a token is good for. Default 8 h, a working day.
    #[serde(serialize_with = "duration_text")]
    pub token_lifetime: Duration,
    /// Time from one signing key to the next. Default 24 h.
    #[serde(serialize_with = "duration_text")]
    pub rotate_keys: Duration,
    /// Modelled hold time of a sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Law>,
}

/// Messages to patients (`[outbox]`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outbox {
    /// Highest rate of messages handed to the gateway; `None`: as fast as it takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// A message waits for a random time up to this before it is due, so that those of a busy minute do not bring their
    /// patients at once. Default: none.
    #[serde(serialize_with = "duration_text")]
    pub jitter: Duration,
    /// A message is given up when its entry is older than this: it is erased, its link included, and counted. Default 3 days.
    #[serde(serialize_with = "duration_text")]
    pub longest_age: Duration,
    /// Connections to the gateway, so also messages under way at once. Default 4.
    pub connections: usize,
    /// The longest pause after the first failure of a message, doubled for each further one; the pause is drawn between
    /// zero and this. A gateway that says `Retry-After` is left alone for at least that long. Default 1 s.
    #[serde(serialize_with = "duration_text")]
    pub retry_first: Duration,
    /// The longest pause. Default 60 s.
    #[serde(serialize_with = "duration_text")]
    pub retry_longest: Duration,
    /// How long the gateway may take for one message. Default 10 s.
    #[serde(serialize_with = "duration_text")]
    pub timeout: Duration,
}

/// Limits on what a client may send and how long it may take (`[limits]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Connections open at once; further ones wait to be accepted. Default 16,384.
    pub connections: usize,
    /// Largest request body. Default 2 MB, some 2,500 results.
    #[serde(serialize_with = "size_text")]
    pub body: usize,
    /// Most entries in one batch. Default 1,000.
    pub batch: usize,
    /// Time to send the headers of a request, from the end of the one before: so also how long a connection may
    /// be idle. Default 120 s.
    #[serde(serialize_with = "duration_text")]
    pub headers: Duration,
    /// Time to send the body of a request. Default 20 s.
    #[serde(serialize_with = "duration_text")]
    pub body_time: Duration,
    /// How long accepted work may take to finish after SIGTERM. Default 10 s.
    #[serde(serialize_with = "duration_text")]
    pub drain: Duration,
}

/// TLS 1.3 with a certificate of the server's own, which lies as `tls.pem` in the data folder (`[tls]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// Whether clients that come again may resume a session. Default true.
    pub resumption: bool,
}

/// Patients' links (`[patients]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patients {
    /// How long a session lasts after the right birth date. Default 15 min.
    #[serde(serialize_with = "duration_text")]
    pub session: Duration,
    /// Wrong birth dates after which a link is locked. Default 5.
    pub lock_after: u32,
    /// How long it is locked. Default 1 h.
    #[serde(serialize_with = "duration_text")]
    pub lock_for: Duration,
    /// Wrong birth dates after which a link is dead. Default 10.
    pub dead_after: u32,
}

/// A queue of the truth mode (`[truth.NAME]`), behind `/truth/NAME`: slots, one queue, a law, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthQueue {
    /// Requests in service at once.
    pub workers: usize,
    /// Waiting places; one request more is answered 503. `None`: as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// Seed of the hold times: the n-th request that is let in draws the n-th. Default 1.
    pub seed: u64,
    /// How long each holds its slot. Above some 50 ms a timer's lateness of 0.1 ms does not matter.
    pub law: Law,
}

/// Consent to be loaded from another machine (`[consent]`); a loopback address needs none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Consent {
    /// Hard ceiling of the load.
    pub max_rate: Rate,
    /// End of the consent, RFC 3339.
    pub until: String,
    /// SHA-256 of the token that the tool must show, hexadecimal.
    pub token_sha256: String,
}

impl Config {
    /// The configuration as a file has it, with every default: read again it is the same.
    pub fn to_toml(&self) -> String {
        // What can be read from a table can be written as one.
        toml::to_string(self).unwrap_or_default()
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its key's path and a hint.
    pub fn parse(text: &str) -> Result<Config, ConfigErrors> {
        match text.parse::<toml::Table>() {
            Ok(table) => Config::try_from(table),
            Err(error) => Err(ConfigErrors(vec![Problem {
                path: String::new(),
                problem: format!("not TOML: {}", error.to_string().trim_end()),
                hint: String::new(),
            }])),
        }
    }

    /// The lane of a class, with its name; `None`: it goes through `[slots]` (sign-in through `[issuer]`).
    pub fn lane_of(&self, class: Class) -> Option<(&str, &Lane)> {
        let mut lanes = self.lane.iter().map(|(name, lane)| (name.as_str(), lane));
        lanes.find(|(_, lane)| lane.classes.contains(&class))
    }

    /// The law of the time for which a request of this class holds its slot at least; `None`: only for its work.
    pub fn hold_law(&self, class: Class) -> Option<&Law> {
        match class {
            Class::SignIn => self.issuer.hold.as_ref(),
            other => self.hold.class.get(&other).or(self.hold.law.as_ref()),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Default for Hold {
    fn default() -> Self {
        Hold { seed: 1, law: None, class: BTreeMap::new() }
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Issuer {
            workers: 64,
            queue: 4_096,
            token_lifetime: Duration::from_secs(8 * 3_600),
            rotate_keys: Duration::from_secs(24 * 3_600),
            hold: None,
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            rate: None,
            jitter: Duration::ZERO,
            longest_age: Duration::from_secs(3 * 86_400),
            connections: 4,
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 16_384,
            body: 2_000_000,
            batch: 1_000,
            headers: Duration::from_secs(120),
            body_time: Duration::from_secs(20),
            drain: Duration::from_secs(10),
        }
    }
}

impl Default for Patients {
    fn default() -> Self {
        Patients {
            session: Duration::from_secs(15 * 60),
            lock_after: 5,
            lock_for: Duration::from_secs(3_600),
            dead_after: 10,
        }
    }
}

#[cfg(test)]
mod tests;
