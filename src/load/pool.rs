//! Connections that a whole population shares: `connection = { pool = 4 }`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::connection::Connection;
use super::fault::Fault;
use super::opener::Opener;
use crate::scenario::Http;

/// The connections of a pool.
#[derive(Debug)]
pub(super) enum Pool {
    /// Each carries one request at a time: whoever finds none free waits for a turn.
    Turns { turns: Semaphore, idle: Mutex<Vec<Connection>> },
    /// Each carries many at once: requests go round.
    Shared { slots: Vec<tokio::sync::Mutex<Option<Connection>>>, next: AtomicUsize },
}

/// What a request gets of a pool.
#[derive(Debug, Default)]
pub(super) struct Lent<'a> {
    /// An open connection, if there is one.
    pub(super) connection: Option<Connection>,
    /// The right to have one, given back when it is dropped.
    pub(super) turn: Option<SemaphorePermit<'a>>,
}

impl Pool {
    pub(super) fn new(count: u32, http: Http) -> Self {
        match http {
            Http::One => Self::Turns { turns: Semaphore::new(count as usize), idle: Mutex::default() },
            Http::Two => Self::Shared {
                slots: std::iter::repeat_with(Default::default).take(count as usize).collect(),
                next: AtomicUsize::new(0),
            },
        }
    }

    /// Waits for a turn, or takes a share in a connection, which is opened where it is not open.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) async fn lend(&self, opener: &Opener, client: u64) -> Result<Lent<'_>, Fault> {
        match self {
            Self::Turns { turns, idle } => {
                // It is never closed.
                let turn = turns.acquire().await.ok();
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = std::iter::from_fn(|| idle.pop()).find(Connection::is_open);
                Ok(Lent { connection, turn })
            }
            Self::Shared { slots, next } => {
                let slot = &slots[next.fetch_add(1, Ordering::Relaxed) % slots.len()];
                // While one request opens it, the others of this slot wait for it instead of opening more.
                let mut slot = slot.lock().await;
                if !slot.as_ref().is_some_and(Connection::is_open) {
                    *slot = Some(opener.open(client).await?);
                }
                Ok(Lent { connection: slot.as_ref().and_then(Connection::share), turn: None })
            }
        }
    }

    /// Takes back what was lent.
    pub(super) fn take_back(&self, connection: Connection) {
        match self {
            Self::Turns { idle, .. } => {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            // A share is given back by being dropped.
            Self::Shared { .. } => drop(connection),
        }
    }
}
