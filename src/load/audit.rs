//! After the run, everything that was acknowledged is asked for again: is it there, and is it there once?

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::extract::Text;
use super::guard::Target;
use super::opener::Opener;
use super::render::Rendered;
use crate::scenario::Audit;

/// Requests under way at once.
const AT_ONCE: usize = 16;
/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest time in which what was only accepted becomes stored, once everything has been asked for.
const STORED_WITHIN: Duration = Duration::from_secs(10);
/// Pause before those that were not stored yet are asked for again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// The longest time for the first pass: this, and a millisecond for each receipt.
const FIRST_PASS: Duration = Duration::from_secs(30);

/// Receipts read at a time.
const PIECE: usize = 10_000;

/// What the audit found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Receipts, each once however often it was given.
    pub(super) acknowledged: u64,
    /// Of these, not stored.
    pub(super) lost: u64,
    /// Of these, stored more than once.
    pub(super) duplicated: u64,
    /// Of these, those about which nothing was answered.
    pub(super) unanswered: u64,
}

/// What one receipt's answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stored { copies: u64 },
    NotStored,
    Unanswered,
}

/// Asks for every receipt, a line each.
///
/// # Errors
/// The receipts cannot be read.
pub(super) async fn audit(
    audit: &Audit,
    target: &Target,
    opener: Opener,
    receipts: impl BufRead,
) -> io::Result<Found> {
    let inquiry = Inquiry { audit, target, opener };
    let mut seen = HashSet::new();
    let mut found = Found::default();
    let mut left = Vec::new();
    let mut until = Instant::now() + FIRST_PASS;
    let mut lines = receipts.lines();
    loop {
        // Read in pieces, so that memory is no matter of the run's length, and each receipt once however often it was
        // given. Of those that were asked for a hash is kept, 8 bytes: two of a million receipts share one with a
        // chance of 3 in 10^8.
        let piece = lines.by_ref().take(PIECE).collect::<io::Result<Vec<String>>>()?;
        if piece.is_empty() {
            break;
        }
        let distinct = piece.into_iter().filter(|receipt| seen.insert(hash(receipt)));
        let distinct: Vec<_> = distinct.map(|receipt| (receipt, State::Unanswered)).collect();
        found.acknowledged += distinct.len() as u64;
        until += Duration::from_millis(distinct.len() as u64) + target.time_for(distinct.len());
        left.extend(ask_all(&inquiry, distinct, until, &mut found.duplicated).await);
    }
    let until = Instant::now() + STORED_WITHIN;
    while !left.is_empty() && Instant::now() < until {
        tokio::time::sleep(AGAIN_AFTER).await;
        left = ask_all(&inquiry, left, until, &mut found.duplicated).await;
    }
    found.unanswered = left.iter().filter(|(_, state)| *state == State::Unanswered).count() as u64;
    found.lost = left.len() as u64 - found.unanswered;
    Ok(found)
}

fn hash(receipt: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    receipt.hash(&mut hasher);
    hasher.finish()
}

struct Inquiry<'a> {
    audit: &'a Audit,
    target: &'a Target,
    opener: Opener,
}

/// Asks for these receipts; those that are not stored come back, with what was said about them.
async fn ask_all(
    inquiry: &Inquiry<'_>,
    receipts: Vec<(String, State)>,
    until: Instant,
    duplicated: &mut u64,
) -> Vec<(String, State)> {
    let queue = Mutex::new(receipts);
    let askers = (0..AT_ONCE).map(|_| async {
        let mut connection = None;
        let mut duplicated = 0;
        let mut left = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((receipt, last)) = next else { break (left, duplicated) };
            // When time is up, what was said last stands.
            let in_time = Instant::now() < until;
            let state = if in_time { inquiry.ask(&receipt, &mut connection).await } else { last };
            match state {
                State::Stored { copies } => duplicated += u64::from(copies > 1),
                State::NotStored | State::Unanswered => left.push((receipt, state)),
            }
        }
    });
    let mut left = Vec::new();
    for (mine, twice) in join_all(askers).await {
        left.extend(mine);
        *duplicated += twice;
    }
    left
}

impl Inquiry<'_> {
    async fn ask(&self, receipt: &str, connection: &mut Option<Connection>) -> State {
        // A connection that was closed while it was idle is opened again, once.
        for _ in 0..2 {
            let reused = connection.take().and_then(|mut open| open.is_still_open().then_some(open));
            let fresh = reused.is_none();
            // The wait is the tool's own, and no fault of the system.
            self.target.pass().await;
            match timeout(PATIENCE, self.answer(receipt, reused)).await {
                Ok(Some((state, open))) => {
                    *connection = Some(open);
                    return state;
                }
                Ok(None) if !fresh => {}
                Ok(None) | Err(_) => return State::Unanswered,
            }
        }
        State::Unanswered
    }

    async fn answer(&self, receipt: &str, connection: Option<Connection>) -> Option<(State, Connection)> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.opener.open(0).await.ok()?,
        };
        let mut path = self.target.base.clone();
        let value = |name: &str, out: &mut String| {
            out.push_str(receipt);
            name == "receipt"
        };
        self.audit.path.render(&mut path, value).ok()?;
        let request = Rendered::new("GET", self.target, &path, "", b"").ok()?;
        let answered = connection.exchange(&request).await.ok()?;
        // Overload of the system is no word about the receipt.
        if matches!(answered.status, 429 | 500..=599) {
            return Some((State::Unanswered, connection));
        }
        let text = Text::answer(&answered.headers, &answered.body);
        let stored = text.json(&self.audit.state).first() == Some(&self.audit.stored);
        let copies = self.audit.copies.as_deref().and_then(|copies| text.json(copies).first()?.parse().ok());
        let state = if stored && (200..300).contains(&answered.status) {
            State::Stored { copies: copies.unwrap_or(1) }
        } else {
            State::NotStored
        };
        Some((state, connection))
    }
}
