//! Waiting rooms: sessions begin at a rate; whoever comes faster is given a signed ticket and a page that tells the place.
//!
//! A room stands before the first page of a session, a patient's landing page or a professional's form. Who is let in is
//! given a pass, a signed cookie, and is not asked again for the time of a session; everything after the first page passes.
//! A ticket is a place in the queue (`queue.rs`), signed for one subject: a patient's link, a professional's account. Who
//! shows none, as programs without cookies do, stands at the place of its subject, if that has one.

mod page;
mod queue;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::Response;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

pub use self::queue::{Queue, Standing, Subject};
use crate::caller::{Caller, Visit};
use crate::class::Class;
use crate::config;
use crate::cookie;
use crate::hex;
use crate::keys::Secret;
use crate::language::Language;
use crate::link::Link;
use crate::moment::Moment;
use crate::session;

const TICKET: &str = "ticket";
const PASS: &str = "pass";

/// The waiting rooms of a server.
#[derive(Debug)]
pub(crate) struct WaitingRooms {
    patients: Option<Room>,
    professionals: Option<Room>,
}

impl WaitingRooms {
    pub(crate) fn new(config: &config::WaitingRooms) -> WaitingRooms {
        WaitingRooms {
            patients: config.patients.as_ref().map(|room| Room::new("patients", "/p/", room)),
            professionals: config
                .professionals
                .as_ref()
                .map(|room| Room::new("professionals", "/pro/", room)),
        }
    }

    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        self.all().next().is_some()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Room> {
        self.patients.iter().chain(&self.professionals)
    }

    /// Lets a request of this class go on, perhaps with a pass as cookie.
    ///
    /// # Errors
    /// The page of the waiting room.
    #[expect(clippy::result_large_err, reason = "the page is an answer, and is sent as it is")]
    pub(crate) fn enter(
        &self,
        class: Class,
        caller: &Caller,
        secret: &Secret,
        secure: bool,
    ) -> Result<Option<HeaderValue>, Response> {
        let Some(visit) = &caller.visit else { return Ok(None) };
        match (class, &self.patients, &self.professionals) {
            (Class::Landing, Some(room), _) => {
                let link = visit.path.strip_prefix("/p/").and_then(Link::parse);
                let has_session =
                    |link: &Link| session::open(secret, link.key(), &visit.headers, Moment::now());
                if link.as_ref().is_some_and(has_session) {
                    return Ok(None);
                }
                // All that is no link has one place together.
                room.enter(link.as_ref().map_or("", Link::as_str), visit, secret, secure)
            }
            (Class::Form, _, Some(room)) => match &caller.account {
                Some(account) => room.enter(&account.client, visit, secret, secure),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

/// One waiting room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    path: &'static str,
    config: config::WaitingRoom,
    /// Of this start of the server: a ticket of an earlier one is a place in a queue that is gone.
    epoch: [u8; 8],
    /// Since when its queue counts time.
    began: Instant,
    queue: Mutex<Queue<str>>,
    jitter: Mutex<Xoshiro256PlusPlus>,
}

impl Room {
    fn new(name: &'static str, path: &'static str, config: &config::WaitingRoom) -> Room {
        let mut epoch = [0; 8];
        // Without randomness the time has to do: an epoch is no secret.
        if aws_lc_rs::rand::fill(&mut epoch).is_err() {
            epoch = Moment::now().millis().to_be_bytes();
        }
        let jitter = Xoshiro256PlusPlus::seed_from_u64(u64::from_be_bytes(epoch));
        Room {
            name,
            path,
            began: Instant::now(),
            queue: Mutex::new(Queue::new(config.rate.get(), config.places, config.poll, Duration::ZERO)),
            config: config.clone(),
            epoch,
            jitter: Mutex::new(jitter),
        }
    }

    /// The queue, for the metrics too.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue<str>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::result_large_err, reason = "the page is an answer, and is sent as it is")]
    fn enter(
        &self,
        subject: &str,
        visit: &Visit,
        secret: &Secret,
        secure: bool,
    ) -> Result<Option<HeaderValue>, Response> {
        let now = Moment::now();
        if cookie::values(&visit.headers, PASS).any(|pass| self.is_pass(secret, subject, pass, now)) {
            return Ok(None);
        }
        let ticket =
            cookie::values(&visit.headers, TICKET).find_map(|ticket| self.number(secret, subject, ticket));
        let language = Language::of(&visit.headers);
        let standing = self.queue().stand(subject, ticket, self.began.elapsed());
        match standing {
            Standing::In { .. } => {
                let lasts = self.config.session;
                Ok(self.cookie(PASS, &self.pass(secret, subject, now.after(lasts)), lasts, secure))
            }
            Standing::Waits { number, ahead, left } => {
                let cookie = self.cookie(
                    TICKET,
                    &self.ticket(secret, subject, number),
                    queue::VOID * self.config.poll,
                    secure,
                );
                Err(page::answer(language, Some((ahead + 1, left)), self.poll(), cookie))
            }
            Standing::NoPlace => Err(page::answer(language, None, self.poll(), None)),
        }
    }

    /// When the page asks again: between once and twice the poll, so that those who came together do not come back together.
    fn poll(&self) -> Duration {
        let share = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).random_range(1.0..=2.0);
        self.config.poll.mul_f64(share)
    }

    fn cookie(&self, name: &str, value: &str, lasts: Duration, secure: bool) -> Option<HeaderValue> {
        let (path, seconds) = (self.path, lasts.as_secs().max(1));
        let secure = if secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(cookie).ok()
    }

    fn ticket(&self, secret: &Secret, subject: &str, number: u64) -> String {
        self.signed(secret, TICKET, subject, number.to_be_bytes())
    }

    /// The number of a ticket that this room has given to this subject.
    fn number(&self, secret: &Secret, subject: &str, ticket: &str) -> Option<u64> {
        self.verified(secret, TICKET, subject, ticket).map(u64::from_be_bytes)
    }

    fn pass(&self, secret: &Secret, subject: &str, until: Moment) -> String {
        self.signed(secret, PASS, subject, until.millis().to_be_bytes())
    }

    fn is_pass(&self, secret: &Secret, subject: &str, pass: &str, now: Moment) -> bool {
        let until = self.verified(secret, PASS, subject, pass).map(i64::from_be_bytes);
        until.is_some_and(|until| until > now.millis())
    }

    /// A value and its keyed hash: 32 hexadecimal digits each and none that says whose it is.
    fn signed(&self, secret: &Secret, purpose: &str, subject: &str, value: [u8; 8]) -> String {
        let mac = secret.mac(purpose, &self.parts(purpose, subject, &value));
        hex::encode(&value) + &hex::encode(&mac[..MAC])
    }

    fn verified(&self, secret: &Secret, purpose: &str, subject: &str, text: &str) -> Option<[u8; 8]> {
        let bytes: [u8; 8 + MAC] = hex::decode(text)?;
        let mut value = [0; 8];
        value.copy_from_slice(&bytes[..8]);
        secret.matches(purpose, &self.parts(purpose, subject, &value), &bytes[8..]).then_some(value)
    }

    /// What is signed. A pass outlives a restart, a ticket does not.
    fn parts<'a>(&'a self, purpose: &str, subject: &'a str, value: &'a [u8; 8]) -> [&'a [u8]; 4] {
        let epoch: &[u8] = if purpose == TICKET { &self.epoch } else { &[] };
        [self.name.as_bytes(), epoch, subject.as_bytes(), value]
    }
}

/// Bytes of a keyed hash.
const MAC: usize = 16;

#[cfg(test)]
mod tests;
