//! The writer thread: takes every command that waits, applies them in one transaction, and answers after the commit.
//!
//! While one group is being committed the next one gathers by itself. Only where the disk would take commits faster than that
//! pays does it wait for company: each costs some 60 µs of the processor that its results are served by, and pages of the
//! log that the next commit writes again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Statement};
use tokio::sync::mpsc;

use super::acceptance::Acceptance;
use super::attempts::Attempts;
use super::checkpoint::{self, Log};
use super::index::Index;
use super::outbox::Outbox;
use super::purge::{Purge, scrub};
use super::recent::Latest;
use super::results::{Ids, Results};
use super::seal::Seal;
use super::{optional, prepare};
use crate::store::answers::{Acknowledge, Answers};
use crate::store::command::{Reply, Write};
use crate::store::stats::Change;
use crate::store::{GROUP, Shared, StoreError};

/// From one commit's beginning to the next, as long as there is company. Under 20,000 single results a second, on one core, a
/// result takes 37 µs of it so, and 42 without.
const PACE: Duration = Duration::from_millis(1);

/// What the writer remembers between transactions.
pub(super) struct State {
    index: Index,
    ids: Ids,
    shared: Arc<Shared>,
}

impl State {
    pub(super) fn load(connection: &Connection, shared: Arc<Shared>) -> Result<State, StoreError> {
        shared.stats.set_pending(Outbox::count(connection)?);
        shared.stats.set_accepted(Acceptance::count(connection)?);
        Ok(State { index: Index::load(connection)?, ids: Ids::load(connection)?, shared })
    }

    /// The keys in memory, for the readers.
    pub(super) fn latest(&self) -> Latest {
        self.index.latest().clone()
    }
}

/// Serves commands until [`Write::Stop`] or until every sender is gone.
pub(super) fn run(connection: &Connection, state: State, mut commands: mpsc::Receiver<Write>, log: &Log) {
    // The tables exist since the database was opened; without its statements the thread ends, and every later command
    // is answered that the store is closed.
    let Ok(mut writer) = Writer::prepare(connection, state) else { return };
    let mut group = Vec::new();
    let mut next_at = Instant::now();
    while let Some(first) = commands.blocking_recv() {
        std::thread::sleep(next_at.saturating_duration_since(Instant::now()));
        let begun = Instant::now();
        let mut rows = first.rows();
        group.push(first);
        while rows < GROUP
            && let Ok(next) = commands.try_recv()
        {
            rows += next.rows();
            group.push(next);
        }
        // One who waits for each answer before the next command has nobody to wait for.
        next_at = if group.len() > 1 { begun + PACE } else { begun };
        std::thread::sleep(writer.state.shared.faults.commit());
        if !writer.commit(&mut group, rows) {
            return;
        }
        if log.is_long() {
            // What is left to copy since the thread's last time is little, and nobody writes beside it now: so all of the log
            // is copied, and the next transaction begins it anew. Where that fails the log is longer, and it is tried again.
            let _ = checkpoint::passive(connection);
        }
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    insert_draft: Statement<'c>,
    keep_certificate: Statement<'c>,
    results: Results<'c>,
    attempts: Attempts<'c>,
    outbox: Outbox<'c>,
    purge: Purge<'c>,
    acceptance: Acceptance<'c>,
    seal: Seal<'c>,
    state: State,
    /// Those who wait for a scrub, which comes after the commit: no log is cut off inside a transaction.
    scrubs: Vec<Reply<()>>,
    stopping: bool,
}

impl<'c> Writer<'c> {
    fn prepare(connection: &'c Connection, state: State) -> rusqlite::Result<Writer<'c>> {
        Ok(Writer {
            connection,
            begin: prepare(connection, "BEGIN IMMEDIATE")?,
            commit: prepare(connection, "COMMIT")?,
            rollback: prepare(connection, "ROLLBACK")?,
            insert_draft: prepare(connection, "INSERT INTO drafts VALUES (?1, ?2, ?3, ?4)")?,
            keep_certificate: prepare(
                connection,
                // The update changes nothing; without it, RETURNING has no row when there is one already.
                "INSERT INTO certificates SELECT id, ?2 FROM results WHERE id = ?1
                 ON CONFLICT DO UPDATE SET text = text RETURNING text",
            )?,
            results: Results::prepare(connection)?,
            attempts: Attempts::prepare(connection)?,
            outbox: Outbox::prepare(connection)?,
            purge: Purge::prepare(connection)?,
            acceptance: Acceptance::prepare(connection)?,
            seal: Seal::prepare(connection)?,
            state,
            scrubs: Vec::new(),
            stopping: false,
        })
    }

    /// Applies a group in one transaction and answers it. False: a [`Write::Stop`] was in it.
    fn commit(&mut self, group: &mut Vec<Write>, rows: usize) -> bool {
        let begun = Instant::now();
        let mut callers = Vec::with_capacity(group.len());
        let mut change = Change::default();
        self.state.index.begin();
        let mut outcome = self.begin.execute([]).map(drop).map_err(StoreError::from);
        for command in group.drain(..) {
            if let Some((caller, applied)) = self.apply(command, &mut change, outcome.is_ok()) {
                callers.push(caller);
                outcome = outcome.and(applied);
            }
        }
        outcome = outcome.and_then(|()| Ok(self.state.index.copy(&mut self.seal)?));
        outcome = outcome.and_then(|()| self.commit.execute([]).map(drop).map_err(StoreError::from));
        let State { shared, index, .. } = &mut self.state;
        match &outcome {
            Ok(()) => {
                shared.stats.committed(&change);
                index.committed();
            }
            Err(_) => {
                shared.stats.failed();
                // It fails when the transaction was rolled back already, or never began.
                let _ = self.rollback.execute([]);
                index.rolled_back();
            }
        }
        std::thread::sleep(shared.commit_takes(rows).saturating_sub(begun.elapsed()));
        if outcome.is_ok() && change.messages > 0 {
            shared.messages.notify_one();
        }
        for reply in self.scrubs.drain(..) {
            let _ = reply.send(outcome.clone().and_then(|()| scrub(self.connection)));
        }
        shared.answering.give(Answers { outcome, callers });
        !self.stopping
    }

    /// Applies one command (not at all if `usable` is false: the transaction is lost), and says how to answer it, if that is
    /// up to the commit.
    fn apply(
        &mut self,
        command: Write,
        change: &mut Change,
        usable: bool,
    ) -> Option<(Acknowledge, Result<(), StoreError>)> {
        let state = &mut self.state;
        Some(match command {
            Write::Results { results, reply } => {
                let save = |result| self.results.save(result, &mut state.index, &mut state.ids, change);
                answer(reply, usable, || results.iter().map(save).collect())
            }
            Write::Draft { sender, body, received, reply } => answer(reply, usable, || {
                let id = state.ids.next(received);
                self.insert_draft.execute((id, &*sender, received.millis(), body))?;
                Ok(id)
            }),
            Write::BirthDate { link, birth, now, lockout, reply } => answer(reply, usable, || {
                self.attempts.judge(state.index.latest(), link, birth, now, lockout, change)
            }),
            Write::Certificate { id, text, reply } => answer(reply, usable, || {
                let kept = self.keep_certificate.query_row((id, &text), |row| row.get(0));
                Ok(optional(kept)?.unwrap_or(text))
            }),
            Write::Accept { message, reply } => {
                answer(reply, usable, || self.acceptance.accept(&message, &mut state.ids, change))
            }
            Write::Settle { id, entries, ends, reply } => {
                answer(reply, usable, || self.acceptance.settle(id, entries, &ends, change))
            }
            Write::Delivered { due, reply } => answer(reply, usable, || self.outbox.delivered(due, change)),
            Write::Postpone { due, until, reply } => {
                answer(reply, usable, || self.outbox.postpone(due, until))
            }
            Write::Purge { expired, limit, reply } => {
                answer(reply, usable, || self.purge.step(expired, limit, &mut state.index, change))
            }
            Write::Rewrite { reply } => answer(reply, usable, || Ok(())),
            Write::Scrub { reply } => {
                self.scrubs.push(reply);
                return None;
            }
            Write::Stop => {
                self.stopping = true;
                return None;
            }
        })
    }
}

/// Does the work, and keeps its answer until the commit.
fn answer<T: Send + 'static>(
    reply: Reply<T>,
    usable: bool,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> (Acknowledge, Result<(), StoreError>) {
    let (value, applied) = match usable.then(work) {
        Some(Ok(value)) => (Some(value), Ok(())),
        Some(Err(error)) => (None, Err(error.into())),
        None => (None, Ok(())),
    };
    let acknowledge = move |outcome: Result<(), StoreError>| {
        let answer = match (outcome, value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
            (Err(error), _) => Err(error),
        };
        // A caller that has gone does not need its answer.
        let _ = reply.send(answer);
    };
    (Box::new(acknowledge), applied)
}
