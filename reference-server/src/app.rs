//! What every handler works with.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::acceptance::Intake;
use crate::access::AccessLog;
use crate::buckets::Buckets;
use crate::certificate::Certificates;
use crate::config::Config;
use crate::connections::Connections;
use crate::faults::Faults;
use crate::hold::Holds;
use crate::issuer::Codes;
use crate::keyring::Schedule;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::statistics::Days;
use crate::store::{Lockout, Store};
use crate::timer::Timer;
use crate::token::Verifier;
use crate::truth::Truth;
use crate::waiting_room::WaitingRooms;

/// The parts of a running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) tokens: Verifier,
    pub(crate) codes: Codes,
    pub(crate) waiting_rooms: WaitingRooms,
    pub(crate) buckets: Buckets,
    pub(crate) lanes: Lanes,
    pub(crate) holds: Holds,
    pub(crate) pool: Option<Pool>,
    /// With asynchronous intake.
    pub(crate) intake: Option<Intake>,
    pub(crate) timer: Timer,
    pub(crate) truth: Truth,
    pub(crate) metrics: Metrics,
    pub(crate) certificates: Certificates,
    pub(crate) connections: Connections,
    pub(crate) access: AccessLog,
    pub(crate) log: Log,
    pub(crate) statistics: Days,
    /// Statistics are read by one at a time: they cost more than any other request.
    pub(crate) statistics_turn: Semaphore,
    /// Without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) faults: Arc<Faults>,
    /// Whether messages that wait are shown: there is no gateway, and only this machine can ask.
    pub(crate) shows_messages: bool,
}

/// What lies in the data folder.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) store: Store,
    pub(crate) access: AccessLog,
    pub(crate) keys: Keys,
}

impl App {
    pub(crate) fn new(
        config: Config,
        mut data: Data,
        timer: Timer,
        connections: Connections,
        public_url: String,
        faults: Arc<Faults>,
    ) -> App {
        data.keys.issuer.follow(Schedule::of(&config.issuer));
        App {
            tokens: Verifier::new(public_url.clone()),
            codes: Codes::default(),
            waiting_rooms: WaitingRooms::new(&config.waiting_room),
            buckets: Buckets::new(&config.bucket),
            lanes: Lanes::new(&config),
            holds: Holds::new(config.hold.seed, |class| config.hold_law(class).copied()),
            pool: config.pool.as_ref().map(Pool::new),
            intake: config.intake.as_ref().map(|intake| Intake::new(intake, config.hold.seed)),
            timer,
            truth: Truth::new(&config.truth),
            metrics: Metrics::default(),
            certificates: Certificates::new(config.certificates.when),
            access: data.access,
            log: Log::new(config.log.level),
            statistics: Days::default(),
            statistics_turn: Semaphore::new(1),
            config,
            store: data.store,
            keys: data.keys,
            connections,
            public_url,
            faults,
            shows_messages: false,
        }
    }

    /// When wrong birth dates lock a link.
    pub(crate) fn lockout(&self) -> Lockout {
        let patients = &self.config.patients;
        Lockout {
            lock_after: patients.lock_after,
            lock_for: patients.lock_for,
            dead_after: patients.dead_after,
        }
    }
}
