//! A reader thread: short questions only, since a long one keeps the log from being recycled.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, Statement};
use tokio::sync::mpsc;

use super::acceptance::Questions;
use super::recent::Latest;
use super::results::first_id;
use super::{optional, prepare};
use crate::moment::Moment;
use crate::store::answers::{Acknowledge, Answers, told};
use crate::store::command::{Read, Reply};
use crate::store::{Draft, Due, Fingerprint, Message, Shared, StoreError, StoredResult};

/// Questions that one reader takes at once.
const AT_ONCE: usize = 8;

/// Serves questions until [`Read::Stop`] or until every sender is gone.
pub(super) fn run(
    connection: &Connection,
    latest: Latest,
    questions: &Mutex<mpsc::Receiver<Read>>,
    shared: &Shared,
) {
    // As for the writer: without its statements the thread ends.
    let Ok(mut reader) = Reader::prepare(connection, latest) else { return };
    loop {
        let taken = take(questions);
        let goes_on = !taken.is_empty();
        let mut callers = Vec::with_capacity(taken.len());
        for question in taken {
            std::thread::sleep(shared.faults.read());
            match reader.answer(question) {
                Some(caller) => callers.push(caller),
                None => {
                    shared.answering.give(Answers::of(callers));
                    return;
                }
            }
        }
        shared.answering.give(Answers::of(callers));
        if !goes_on {
            return;
        }
    }
}

/// Waits for a question, and takes those that wait behind it, up to the first that may take longer: nobody is to wait for its
/// answer but who asked. None: there will be no more.
fn take(questions: &Mutex<mpsc::Receiver<Read>>) -> Vec<Read> {
    // Whoever holds the lock waits for the next question, the other readers wait for the lock.
    let mut questions = questions.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken: Vec<Read> = questions.blocking_recv().into_iter().collect();
    while taken.len() < AT_ONCE
        && taken.last().is_some_and(of_one_row)
        && let Ok(next) = questions.try_recv()
    {
        taken.push(next);
    }
    taken
}

/// Whether it is about one row, found by its key.
fn of_one_row(question: &Read) -> bool {
    matches!(
        question,
        Read::Result { .. }
            | Read::ByLink { .. }
            | Read::Certificate { .. }
            | Read::Draft { .. }
            | Read::Acceptance { .. }
    )
}

struct Reader<'c> {
    latest: Latest,
    result: Statement<'c>,
    link: Statement<'c>,
    certificate: Statement<'c>,
    draft: Statement<'c>,
    generations: Statement<'c>,
    copies: Statement<'c>,
    names: Statement<'c>,
    received: Statement<'c>,
    due: Statement<'c>,
    first_due: Statement<'c>,
    next_due: Statement<'c>,
    acceptance: Questions<'c>,
    waiting: Statement<'c>,
}

impl<'c> Reader<'c> {
    fn prepare(connection: &'c Connection, latest: Latest) -> rusqlite::Result<Reader<'c>> {
        Ok(Reader {
            latest,
            result: prepare(connection, "SELECT * FROM results WHERE id = ?1")?,
            link: prepare(connection, "SELECT id FROM links WHERE link = ?1")?,
            certificate: prepare(connection, "SELECT text FROM certificates WHERE id = ?1")?,
            draft: prepare(connection, "SELECT sender, body FROM drafts WHERE id = ?1")?,
            generations: prepare(connection, super::index::FIRST_AND_LAST)?,
            copies: prepare(connection, "SELECT id FROM samples WHERE generation = ?1 AND fingerprint = ?2")?,
            names: prepare(
                connection,
                "SELECT id FROM names WHERE generation = ?1 AND sender = ?2 AND name >= ?3 AND name < ?4
                 ORDER BY name, id LIMIT ?5",
            )?,
            received: prepare(
                connection,
                "SELECT * FROM results WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
            )?,
            due: prepare(
                connection,
                "SELECT due, id, attempts, phone, reference, link FROM outbox
                 WHERE due <= ?1 ORDER BY due, id LIMIT ?2",
            )?,
            first_due: prepare(connection, "SELECT due FROM outbox WHERE due <= ?1 ORDER BY due LIMIT 1")?,
            next_due: prepare(connection, "SELECT due FROM outbox WHERE due > ?1 ORDER BY due LIMIT 1")?,
            acceptance: Questions::prepare(connection)?,
            waiting: prepare(
                connection,
                "SELECT due, id, attempts, phone, reference, link FROM outbox ORDER BY due DESC, id DESC LIMIT ?1",
            )?,
        })
    }

    /// How a question is to be answered; `None`: it was to stop.
    fn answer(&mut self, question: Read) -> Option<Acknowledge> {
        Some(match question {
            Read::Stop => return None,
            Read::Result { id, reply } => answer(reply, self.result(id)),
            Read::ByLink { link, reply } => answer(reply, self.by_link(link.0)),
            Read::Certificate { id, reply } => answer(reply, self.certificate(id)),
            Read::Draft { id, reply } => answer(reply, self.draft(id)),
            Read::Copies { sample, reply } => answer(reply, self.copies(sample)),
            Read::Search { sender, prefix, limit, reply } => {
                answer(reply, self.search(&sender, &prefix, limit))
            }
            Read::Received { from, before, after, limit, reply } => {
                answer(reply, self.received(from, before, after, limit))
            }
            Read::Accepted { limit, reply } => answer(reply, self.acceptance.waiting(limit)),
            Read::Acceptance { receipt, reply } => answer(reply, self.acceptance.of(receipt)),
            Read::Due { now, limit, reply } => answer(reply, self.due(now, limit)),
            Read::FirstDue { now, reply } => answer(reply, self.first_due(now)),
            Read::Waiting { limit, reply } => answer(reply, self.waiting(limit)),
        })
    }

    fn result(&mut self, id: i64) -> rusqlite::Result<Option<StoredResult>> {
        optional(self.result.query_row([id], stored_result))
    }

    fn by_link(&mut self, link: [u8; 20]) -> rusqlite::Result<Option<StoredResult>> {
        let latest = self.latest.read().link(link).map(|(id, _)| id);
        let id = match latest {
            Some(id) => Some(id),
            None => optional(self.link.query_row([link], |row| row.get(0)))?,
        };
        id.map_or(Ok(None), |id| self.result(id))
    }

    fn certificate(&mut self, id: i64) -> rusqlite::Result<Option<String>> {
        optional(self.certificate.query_row([id], |row| row.get(0)))
    }

    fn draft(&mut self, id: i64) -> rusqlite::Result<Option<Draft>> {
        let draft = |row: &Row<'_>| Ok(Draft { sender: row.get(0)?, body: row.get(1)? });
        optional(self.draft.query_row([id], draft))
    }

    /// Every generation there is, the latest first.
    fn generations(&mut self) -> rusqlite::Result<impl Iterator<Item = i64> + use<>> {
        let range: (Option<i64>, Option<i64>) =
            self.generations.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((range.0.unwrap_or(0)..=range.1.unwrap_or(-1)).rev())
    }

    fn copies(&mut self, Fingerprint(sample): Fingerprint) -> rusqlite::Result<u32> {
        // What is on its way into the table may be there and in memory.
        let mut ids: BTreeSet<i64> = self.latest.read().samples(sample).collect();
        for generation in self.generations()? {
            let found = self.copies.query_map((generation, sample), |row| row.get(0))?;
            for id in found {
                ids.insert(id?);
            }
        }
        Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
    }

    fn search(&mut self, sender: &str, prefix: &str, limit: u32) -> rusqlite::Result<Vec<StoredResult>> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut ids: Vec<i64> = self.latest.read().names(sender, prefix).take(most).collect();
        let end = format!("{prefix}{}", char::MAX);
        for generation in self.generations()? {
            if ids.len() >= most {
                break;
            }
            let found = self.names.query_map((generation, sender, prefix, &end, limit), |row| row.get(0))?;
            for id in found {
                let id = id?;
                if ids.len() < most && !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        // One that has not been committed, or has just been erased, is not there.
        ids.into_iter().filter_map(|id| self.result(id).transpose()).collect()
    }

    fn received(
        &mut self,
        from: Moment,
        before: Moment,
        after: Option<i64>,
        limit: u32,
    ) -> rusqlite::Result<Vec<StoredResult>> {
        let after = after.map_or(first_id(from) - 1, |id| id.max(first_id(from) - 1));
        self.received.query_map((after, first_id(before), limit), stored_result)?.collect()
    }

    fn due(&mut self, now: Moment, limit: u32) -> rusqlite::Result<(Vec<Message>, Option<Moment>)> {
        let messages: Vec<Message> =
            self.due.query_map((now.millis(), limit), message)?.collect::<Result<_, _>>()?;
        let next = optional(self.next_due.query_row([now.millis()], |row| row.get(0)))?;
        Ok((messages, next.map(Moment::from_millis)))
    }

    fn first_due(&mut self, now: Moment) -> rusqlite::Result<Option<Moment>> {
        let first = optional(self.first_due.query_row([now.millis()], |row| row.get(0)))?;
        Ok(first.map(Moment::from_millis))
    }

    fn waiting(&mut self, limit: u32) -> rusqlite::Result<Vec<Message>> {
        self.waiting.query_map([limit], message)?.collect()
    }
}

fn answer<T: Send + 'static>(reply: Reply<T>, value: rusqlite::Result<T>) -> Acknowledge {
    told(reply, value.map_err(StoreError::from))
}

fn stored_result(row: &Row<'_>) -> rusqlite::Result<StoredResult> {
    Ok(StoredResult {
        id: row.get(0)?,
        sender: row.get(1)?,
        reference: row.get(2)?,
        sample: row.get(3)?,
        received: Moment::from_millis(row.get(4)?),
        body: row.get(5)?,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        due: Due { at: Moment::from_millis(row.get(0)?), id: row.get(1)? },
        attempts: row.get(2)?,
        to: row.get(3)?,
        reference: row.get(4)?,
        link: row.get(5)?,
    })
}
