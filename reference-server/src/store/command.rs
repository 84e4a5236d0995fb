//! The commands that go through the store's channels.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::StoreError;
use super::model::{
    Accepted, Attempt, Birth, Draft, Due, Expired, Fingerprint, Lockout, Message, NewAccepted, NewResult,
    Purged, Saved, StoredResult,
};
use crate::link::LinkKey;
use crate::moment::Moment;

/// Where the answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A change, answered when it is on disk.
#[derive(Debug)]
pub(crate) enum Write {
    Results {
        results: Vec<NewResult>,
        reply: Reply<Vec<Saved>>,
    },
    Draft {
        sender: Arc<str>,
        body: Vec<u8>,
        received: Moment,
        reply: Reply<i64>,
    },
    BirthDate {
        link: LinkKey,
        birth: Birth,
        now: Moment,
        lockout: Lockout,
        reply: Reply<Attempt>,
    },
    Certificate {
        id: i64,
        text: String,
        reply: Reply<String>,
    },
    Accept {
        message: NewAccepted,
        reply: Reply<i64>,
    },
    Settle {
        id: i64,
        entries: u32,
        ends: String,
        reply: Reply<()>,
    },
    Delivered {
        due: Due,
        reply: Reply<()>,
    },
    Postpone {
        due: Due,
        until: Moment,
        reply: Reply<()>,
    },
    /// Erases at most so many expired results (and drafts, and ends of accepted messages), with every key, link, certificate, message and count of
    /// failures that belongs to them.
    Purge {
        expired: Expired,
        limit: u32,
        reply: Reply<Purged>,
    },
    /// Leaves nothing of what was erased in files or pages that are not in use, where that is up to the program.
    Scrub {
        reply: Reply<()>,
    },
    /// Writes the tables anew where erased bytes would stay in their pages.
    Rewrite {
        reply: Reply<()>,
    },
    /// Finish what came before, then end.
    Stop,
}

impl Write {
    /// How much of a commit group it takes up.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Write::Results { results, .. } => results.len(),
            Write::Purge { limit, .. } => *limit as usize,
            _ => 1,
        }
    }
}

/// A question.
#[derive(Debug)]
pub(crate) enum Read {
    Result {
        id: i64,
        reply: Reply<Option<StoredResult>>,
    },
    ByLink {
        link: LinkKey,
        reply: Reply<Option<StoredResult>>,
    },
    Certificate {
        id: i64,
        reply: Reply<Option<String>>,
    },
    Draft {
        id: i64,
        reply: Reply<Option<Draft>>,
    },
    Copies {
        sample: Fingerprint,
        reply: Reply<u32>,
    },
    Search {
        sender: Arc<str>,
        prefix: String,
        limit: u32,
        reply: Reply<Vec<StoredResult>>,
    },
    /// Results received from one moment on and before another, behind this one, in the order in which they came.
    Received {
        from: Moment,
        before: Moment,
        after: Option<i64>,
        limit: u32,
        reply: Reply<Vec<StoredResult>>,
    },
    /// Accepted messages that are not settled, in the order of their ids.
    Accepted {
        limit: u32,
        reply: Reply<Vec<Accepted>>,
    },
    Acceptance {
        receipt: i64,
        reply: Reply<Option<(i64, Option<String>)>>,
    },
    Due {
        now: Moment,
        limit: u32,
        reply: Reply<(Vec<Message>, Option<Moment>)>,
    },
    FirstDue {
        now: Moment,
        reply: Reply<Option<Moment>>,
    },
    Waiting {
        limit: u32,
        reply: Reply<Vec<Message>>,
    },
    /// One reader ends.
    Stop,
}
