//! What every handler works with.

use std::sync::Arc;

use crate::certificate::Certificates;
use crate::class::Class;
use crate::config::Config;
use crate::connections::Connections;
use crate::faults::Faults;
use crate::hold::Holds;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::slots::Slots;
use crate::store::{Lockout, Store};
use crate::timer::Timer;
use crate::token::Verifier;
use crate::truth::Truth;

/// The parts of a running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) tokens: Verifier,
    /// The slots of everything but sign-in.
    pub(crate) slots: Slots,
    /// The slots of sign-in.
    pub(crate) issuer_slots: Slots,
    pub(crate) holds: Holds,
    pub(crate) timer: Timer,
    pub(crate) truth: Truth,
    pub(crate) metrics: Metrics,
    pub(crate) certificates: Certificates,
    pub(crate) connections: Connections,
    /// Without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) faults: Arc<Faults>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        store: Store,
        keys: Keys,
        timer: Timer,
        connections: Connections,
        public_url: String,
        faults: Arc<Faults>,
    ) -> App {
        App {
            tokens: Verifier::new(public_url.clone()),
            slots: Slots::new(config.slots.workers, config.slots.queue),
            issuer_slots: Slots::new(config.issuer.workers, config.issuer.queue),
            holds: Holds::new(&config),
            timer,
            truth: Truth::new(&config.truth),
            metrics: Metrics::default(),
            certificates: Certificates::default(),
            config,
            store,
            keys,
            connections,
            public_url,
            faults,
        }
    }

    /// The slots that requests of this class go through.
    pub(crate) fn slots_of(&self, class: Class) -> &Slots {
        match class {
            Class::SignIn => &self.issuer_slots,
            _ => &self.slots,
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
