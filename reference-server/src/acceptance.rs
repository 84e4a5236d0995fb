//! Asynchronous intake: what is handed in is appended durably and answered 202 with a receipt for each entry; workers store
//! it, in the order of acceptance, and the receipts tell how it ended.
//!
//! Only the form of a message is looked at before it is accepted; what is wrong with an entry is found by the worker. A
//! message that a worker had begun when the server was killed is worked on again: its entries are known by their
//! references, so that each is stored once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::accounts::Kind;
use crate::app::App;
use crate::class::Class;
use crate::config;
use crate::entry::Entry;
use crate::hold::Holds;
use crate::intake::{self, Rejected};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::refusal::Refusal;
use crate::store::{Accepted, NewAccepted, StoreError};
use crate::token::Identity;
use crate::{receipt, results};

/// Messages read from the store at once.
const READ: u32 = 64;

/// Pause after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the store is asked when nothing was accepted here.
const LOOK: Duration = Duration::from_secs(10);

/// What asynchronous intake needs beside the store.
#[derive(Debug)]
pub(crate) struct Intake {
    config: config::Intake,
    /// For how long acceptances hold their slots.
    pub(crate) holds: Holds,
    workers: Arc<Semaphore>,
    /// Messages that a worker has.
    under_way: Mutex<HashSet<i64>>,
    /// Told after every message that was accepted.
    accepted: Notify,
}

/// How an entry ended, as it is kept for its receipt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    /// Stored under this id.
    Stored(i64),
    /// Not stored, for these reasons.
    Rejected(Vec<Problem>),
}

impl Intake {
    pub(crate) fn new(config: &config::Intake, seed: u64) -> Intake {
        Intake {
            holds: Holds::new(seed, |_| config.law),
            workers: Arc::new(Semaphore::new(config.workers)),
            under_way: Mutex::default(),
            accepted: Notify::new(),
            config: config.clone(),
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workers, and how many of them are busy.
    pub(crate) fn workers(&self) -> (usize, usize) {
        (self.config.workers, self.config.workers - self.workers.available_permits())
    }
}

/// Accepts a message: it is on disk when this returns.
pub(crate) async fn accept(
    app: &App,
    intake: &Intake,
    sender: &Identity,
    key: Option<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    if app.store.stats().accepted() >= intake.config.queue as u64 {
        return Err(Refusal::Busy(app.config.slots.retry_after));
    }
    let now = Moment::now();
    let read = intake::read(&body, app.config.limits.batch, now).map_err(Refusal::Problems)?;
    if read.entries.iter().all(is_nothing) {
        let problems =
            read.entries.into_iter().filter_map(Result::err).flat_map(|rejected| rejected.problems);
        return Err(Refusal::Problems(problems.collect()));
    }
    let references: Vec<Option<String>> = read.entries.into_iter().map(reference).collect();
    let accepted = NewAccepted {
        sender: Arc::clone(&sender.client),
        key,
        entries: u32::try_from(references.len()).unwrap_or(u32::MAX),
        received: now,
        body: body.into(),
    };
    let first = app.store.accept(accepted).await?;
    intake.accepted.notify_one();
    let line = |(id, reference): (i64, Option<String>)| {
        let receipt = receipt::receipt(&app.keys.secret, id);
        json!({ "ref": reference, "receipt": receipt, "state": "accepted" })
    };
    let lines: Vec<Value> = (first..).zip(references).map(line).collect();
    Ok((StatusCode::ACCEPTED, Json(json!({ "results": lines }))).into_response())
}

/// What has no reference that could be read is no entry.
fn is_nothing(entry: &Result<Entry, Rejected>) -> bool {
    matches!(entry, Err(Rejected { reference: None, .. }))
}

fn reference(entry: Result<Entry, Rejected>) -> Option<String> {
    match entry {
        Ok(entry) => Some(entry.reference),
        Err(rejected) => rejected.reference,
    }
}

/// Works off what was accepted, for ever.
pub(crate) async fn run(app: Arc<App>) {
    let Some(intake) = &app.intake else { return };
    loop {
        let accepted = waiting(&app, intake).await;
        if accepted.is_empty() {
            // Another instance may have gone and left something behind.
            let _ = tokio::time::timeout(LOOK, intake.accepted.notified()).await;
        }
        for message in accepted {
            let Ok(worker) = Arc::clone(&intake.workers).acquire_owned().await else { return };
            intake.under_way().insert(message.id);
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                // What the store could not take is tried again, for it was acknowledged: now, or after the next start.
                while let Err(refusal) = store(&app, &message).await
                    && !matches!(refusal, Refusal::Store(StoreError::Closed))
                {
                    tokio::time::sleep(PAUSE).await;
                }
                if let Some(intake) = &app.intake {
                    intake.under_way().remove(&message.id);
                }
                drop(worker);
            });
        }
    }
}

/// The first of what was accepted and no worker has.
async fn waiting(app: &App, intake: &Intake) -> Vec<Accepted> {
    // Taken before the store is asked: one that is settled while it answers may be in the answer and no longer here.
    let under_way = intake.under_way().clone();
    let limit = READ.saturating_add(u32::try_from(under_way.len()).unwrap_or(u32::MAX));
    match app.store.accepted(limit).await {
        Ok(mut accepted) => {
            accepted.retain(|message| !under_way.contains(&message.id));
            accepted
        }
        Err(_) => {
            tokio::time::sleep(PAUSE).await;
            Vec::new()
        }
    }
}

/// Stores one message, and holds its worker as long as the model says.
async fn store(app: &App, message: &Accepted) -> Result<(), Refusal> {
    let started = Instant::now();
    let class = class(message);
    let hold = app.holds.draw(class);
    let work = async {
        let ends = ends(app, message).await?;
        let ends = serde_json::to_string(&ends).map_err(|_| Refusal::Broken)?;
        app.store.settle(message.id, message.entries, ends).await.map_err(Refusal::from)
    };
    let worked = match &app.pool {
        Some(pool) => pool.with(class, &app.timer, work).await,
        None => work.await,
    };
    if started.elapsed() < hold {
        app.timer.until(started + hold).await;
    }
    worked
}

async fn ends(app: &App, message: &Accepted) -> Result<Vec<End>, Refusal> {
    let entries = match intake::read(&message.body, usize::MAX, message.received) {
        Ok(read) => read.entries,
        // It could be read when it was accepted.
        Err(problems) => return Ok(vec![End::Rejected(problems)]),
    };
    let sender = Identity::accepted(&message.sender).ok_or(Refusal::Broken)?;
    let saved = results::save(app, &sender, message.key.as_deref(), entries, message.received).await?;
    Ok(saved
        .into_iter()
        .map(|became| match became {
            Ok(saved) => End::Stored(saved.id),
            Err(rejected) => End::Rejected(rejected.problems),
        })
        .collect())
}

/// The class of an accepted message: the one that it was accepted as.
fn class(message: &Accepted) -> Class {
    match Kind::of(&message.sender) {
        _ if intake::is_batch(&message.body) => Class::Lab,
        Some(Kind::Person) => Class::Validate,
        _ => Class::Software,
    }
}

/// What the receipt with this id says; `None`: nothing was accepted under it.
pub(crate) async fn answer_for(app: &App, id: i64) -> Result<Option<Value>, Refusal> {
    let Some((first, ends)) = app.store.acceptance(id).await? else { return Ok(None) };
    let Some(ends) = ends else { return Ok(Some(json!({ "state": "accepted" }))) };
    let ends: Vec<End> = serde_json::from_str(&ends).map_err(|_| Refusal::Broken)?;
    let place = usize::try_from(id - first).unwrap_or(usize::MAX);
    match ends.into_iter().nth(place) {
        None => Ok(None),
        Some(End::Stored(id)) => results::stored_state(app, id).await,
        Some(End::Rejected(problems)) => Ok(Some(json!({ "state": "rejected", "problems": problems }))),
    }
}
