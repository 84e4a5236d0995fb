//! The commands that go through the store's channels.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::StoreError;
use super::model::{Attempt, Birth, Due, Fingerprint, Lockout, Message, NewResult, Saved, StoredResult};
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
    Delivered {
        due: Due,
        reply: Reply<()>,
    },
    Postpone {
        due: Due,
        until: Moment,
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
    Due {
        now: Moment,
        limit: u32,
        reply: Reply<(Vec<Message>, Option<Moment>)>,
    },
    FirstDue {
        now: Moment,
        reply: Reply<Option<Moment>>,
    },
    /// One reader ends.
    Stop,
}
