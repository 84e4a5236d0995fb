//! A task that does one kind of command, whatever waits as one group; and who brings each command to its desk.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

use super::acceptance::Take;
use super::attempts::Try;
use super::certificates::Keep;
use super::drafts::Draft;
use super::outbox::Settle;
use super::purge::Task;
use super::results::Save;
use crate::store::answers::{Answers, told};
use crate::store::command::{Reply, Write};
use crate::store::{GROUP, Shared, StoreError};

/// Commands that may wait at a desk.
const WAITING: usize = 1_024;

/// Who does one kind of command.
pub(super) trait Clerk: 'static {
    type Command: 'static;

    /// How much of a group a command takes up.
    fn rows(_: &Self::Command) -> usize {
        1
    }

    /// Does a group and answers each.
    async fn serve(&mut self, group: Vec<Self::Command>);
}

/// The way to a clerk.
#[derive(Debug)]
pub(super) struct Desk<C> {
    to: mpsc::Sender<C>,
    task: JoinHandle<()>,
}

impl<C: 'static> Desk<C> {
    pub(super) fn open<K: Clerk<Command = C>>(clerk: K, shared: &Arc<Shared>) -> Desk<C> {
        let (to, commands) = mpsc::channel(WAITING);
        Desk { to, task: spawn_local(work(clerk, commands, Arc::clone(shared))) }
    }

    async fn hand(&self, command: C) {
        // Where the clerk has gone the command is dropped, and its caller told that the store is closed.
        let _ = self.to.send(command).await;
    }

    /// Waits until everything is done that was handed over.
    async fn close(self) {
        drop(self.to);
        let _ = self.task.await;
    }
}

/// It does not linger for company: while one group is being done the next one gathers by itself.
async fn work<K: Clerk>(mut clerk: K, mut commands: mpsc::Receiver<K::Command>, shared: Arc<Shared>) {
    while let Some(first) = commands.recv().await {
        let mut rows = K::rows(&first);
        let mut group = vec![first];
        while rows < GROUP
            && let Ok(next) = commands.try_recv()
        {
            rows += K::rows(&next);
            group.push(next);
        }
        let slow = shared.faults.commit() + shared.commit_takes(rows);
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        clerk.serve(group).await;
    }
}

/// The desks of a store.
#[derive(Debug)]
pub(super) struct Desks {
    pub(super) results: Desk<Save>,
    pub(super) drafts: Desk<Draft>,
    pub(super) certificates: Desk<Keep>,
    pub(super) attempts: Desk<Try>,
    pub(super) outbox: Desk<Settle>,
    pub(super) purge: Desk<Task>,
    pub(super) acceptance: Desk<Take>,
}

impl Desks {
    /// Brings commands to their desks until [`Write::Stop`], or until every sender is gone; then lets the desks finish.
    pub(super) async fn run(self, mut commands: mpsc::Receiver<Write>) {
        while let Some(command) = commands.recv().await {
            match command {
                Write::Results { results, reply } => self.results.hand(Save { results, reply }).await,
                Write::Draft { sender, body, received, reply } => {
                    self.drafts.hand(Draft { sender, body, received, reply }).await;
                }
                Write::Certificate { id, text, reply } => {
                    self.certificates.hand(Keep { id, text, reply }).await
                }
                Write::BirthDate { link, birth, now, lockout, reply } => {
                    self.attempts.hand(Try { link, birth, now, lockout, reply }).await;
                }
                Write::Delivered { due, reply } => self.outbox.hand(Settle { due, until: None, reply }).await,
                Write::Postpone { due, until, reply } => {
                    self.outbox.hand(Settle { due, until: Some(until), reply }).await;
                }
                Write::Purge { expired, limit, reply } => {
                    self.purge.hand(Task::Step { expired, limit, reply }).await;
                }
                // What it does not need any more of its log and its pages it uses again in its own time.
                Write::Scrub { reply } => drop(reply.send(Ok(()))),
                Write::Rewrite { reply } => self.purge.hand(Task::Rewrite { reply }).await,
                Write::Accept { message, reply } => {
                    self.acceptance.hand(Take::Accept { message, reply }).await
                }
                Write::Settle { id, entries, ends, reply } => {
                    self.acceptance.hand(Take::Settle { id, entries, ends, reply }).await;
                }
                Write::Stop => break,
            }
        }
        drop(commands);
        self.results.close().await;
        self.drafts.close().await;
        self.certificates.close().await;
        self.attempts.close().await;
        self.outbox.close().await;
        self.purge.close().await;
        self.acceptance.close().await;
    }
}

/// Tells each caller of a group its part, or all of them why there is none.
pub(super) fn answer<T: Send + 'static>(
    shared: &Shared,
    replies: impl IntoIterator<Item = Reply<T>>,
    outcome: Result<impl IntoIterator<Item = T>, StoreError>,
) {
    let callers = match outcome {
        Ok(values) => replies.into_iter().zip(values).map(|(reply, value)| told(reply, Ok(value))).collect(),
        Err(error) => replies.into_iter().map(|reply| told(reply, Err(error.clone()))).collect(),
    };
    shared.answering.give(Answers::of(callers));
}
