//! The other shards of a plan, to which messages are passed on: those of this machine at once, those elsewhere once they have
//! said that they take part in this run.
//!
//! A shard that was given a token answers for itself as a target does (CONTRACT.md, "Consent of a target"), at the address
//! where it awaits messages. So nobody who does not play this plan is ever sent one.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ceiling::Ceiling;
use super::consent::{self, Reply, Terms};

/// The header of a message that another shard has passed on: it is not passed on again.
pub(super) const PASSED_ON: &str = "x-peakday-shard";

/// Messages per second that a shard takes from each of the others: more than a server of this machine has ever sent.
const RATE: f64 = 50_000.0;
/// How long what a shard has said holds. A shard that is still to be started is asked again sooner.
const HOLDS: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

/// The shards, by number, and what those elsewhere have said.
#[derive(Debug)]
pub(super) struct Neighbours {
    shards: Vec<Neighbour>,
    token: Option<String>,
    /// Why the first message that was not passed on was not.
    trouble: OnceLock<String>,
}

#[derive(Debug)]
struct Neighbour {
    address: SocketAddr,
    said: Mutex<Option<Said>>,
}

#[derive(Debug)]
struct Said {
    until: Instant,
    answer: Result<Arc<Ceiling>, String>,
}

impl Neighbours {
    /// The shards at these addresses; those elsewhere are asked with `token`.
    pub(super) fn new(addresses: &[SocketAddr], token: Option<&str>) -> Self {
        let neighbour = |address: &SocketAddr| Neighbour { address: *address, said: Mutex::new(None) };
        Self {
            shards: addresses.iter().map(neighbour).collect(),
            token: token.map(str::to_owned),
            trouble: OnceLock::new(),
        }
    }

    /// What this shard says to one that asks whether it takes part; `None` without a token.
    pub(super) fn consent(&self) -> Option<String> {
        let until = Utc::now() + 2 * HOLDS;
        self.token.as_deref().map(|token| consent::document(token, Terms { max_rate_per_s: RATE, until }))
    }

    /// Hands a message to the shard of this number, counted from 1; whether it was taken.
    pub(super) async fn pass_on(&self, number: u32, body: Bytes) -> bool {
        let Some(neighbour) = self.shards.get(number as usize - 1) else { return false };
        let passed = match self.admitted(neighbour).await {
            Ok(at) => {
                tokio::time::sleep_until(at).await;
                post(neighbour.address, body).await
            }
            Err(why) => Err(why),
        };
        if let Err(why) = &passed {
            let _ = self.trouble.set(format!("{}: {why}", neighbour.address));
        }
        passed.is_ok()
    }

    /// Why the first message that was not passed on was not.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// When one more message may be sent there, or why none may.
    async fn admitted(&self, to: &Neighbour) -> Result<Instant, String> {
        if to.address.ip().to_canonical().is_loopback() {
            return Ok(Instant::now());
        }
        let mut said = to.said.lock().await;
        let holds = match said.take() {
            Some(holds) if holds.until > Instant::now() => holds,
            over => self.ask(to.address, over.and_then(|over| over.answer.ok())).await,
        };
        let holds = said.insert(holds);
        holds.answer.as_ref().map(|ceiling| ceiling.reserve(Instant::now())).map_err(Clone::clone)
    }

    /// Asks a shard elsewhere; `before` is its ceiling so far.
    async fn ask(&self, address: SocketAddr, before: Option<Arc<Ceiling>>) -> Said {
        let Some(token) = self.token.clone() else {
            return Said { until: Instant::now() + HOLDS, answer: Err("it is another machine".to_owned()) };
        };
        let question = move || consent::ask(&[address], &address.to_string(), None, &token, || {});
        let reply = tokio::task::spawn_blocking(question).await;
        let now = Instant::now();
        match reply.unwrap_or_else(|error| Reply::Silent(error.to_string())) {
            Reply::Granted(terms) => {
                let left = (terms.until - Utc::now()).to_std().unwrap_or_default();
                let ceiling = before.unwrap_or_else(|| Arc::new(Ceiling::new(terms.max_rate_per_s)));
                ceiling.set(terms.max_rate_per_s);
                Said { until: now + left.min(HOLDS), answer: Ok(ceiling) }
            }
            Reply::Refused(why) => Said { until: now + HOLDS, answer: Err(why) },
            Reply::Silent(why) => Said { until: now + AGAIN, answer: Err(why) },
        }
    }
}

/// Posts a message to the shard that listens there.
async fn post(address: SocketAddr, body: Bytes) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| say(&error))?;
    let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|error| say(&error))?;
    let driver = tokio::spawn(connection);
    let request = Request::post("/messages").header(HOST, address.to_string()).header(PASSED_ON, "1");
    let answer = match request.body(Full::new(body)) {
        Ok(request) => sender.send_request(request).await.map_err(|error| say(&error)),
        Err(error) => Err(say(&error)),
    };
    driver.abort();
    match answer?.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("answers {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shard_elsewhere_is_sent_nothing_without_a_token() {
        // A documentation address (RFC 5737): nothing goes there.
        let there = Neighbours::new(&["192.0.2.1:7001".parse().unwrap()], None);
        assert!(!there.pass_on(1, Bytes::new()).await);
        assert_eq!(there.trouble(), Some("192.0.2.1:7001: it is another machine"));
        assert_eq!(there.consent(), None);
    }

    #[test]
    fn a_shard_says_of_itself_what_another_one_with_the_token_understands() {
        let own = Neighbours::new(&[], Some("secret")).consent().unwrap();
        let read = |token| consent::judge(&own, token, Utc::now());
        assert!(matches!(read("secret"), Reply::Granted(terms) if terms.max_rate_per_s == RATE));
        assert!(matches!(read("other"), Reply::Refused(_)));
    }
}
