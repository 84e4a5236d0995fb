//! The messages of the system under test: what it sends to people is what brings their journeys.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::extract::Text;
use super::lane::Floor;
use super::recorder::Aside;
use super::vars::Vars;
use crate::record::{Event, Severity, What};
use crate::scenario::{Messages, Subject};
use crate::units::Offset;

/// The largest message that is taken.
const LARGEST: usize = 64 * 1_024;

/// Where messages come in, before anybody listens.
#[derive(Debug)]
pub(super) struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
}

/// The open gateway.
#[derive(Debug)]
pub(super) struct Open {
    counts: Arc<Counts>,
    listening: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    /// Without a reference, or with one that this run has not given.
    foreign: AtomicU64,
    /// Without something that the journeys they bring need.
    unusable: AtomicU64,
}

impl Gateway {
    /// Takes an address; `None`: a free port of this machine.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub(super) async fn bind(address: Option<SocketAddr>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into())).await?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    /// Its URL, for the system under test: it posts to `URL/messages`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Listens, until it is closed.
    pub(super) fn open(self, floor: Arc<Floor>) -> Open {
        let counts = Arc::new(Counts::default());
        let listening = tokio::spawn({
            let counts = Arc::clone(&counts);
            async move {
                loop {
                    let Ok((stream, _)) = self.listener.accept().await else {
                        // No descriptor is free: one may be, soon.
                        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                        continue;
                    };
                    let (floor, counts) = (Arc::clone(&floor), Arc::clone(&counts));
                    tokio::spawn(async move {
                        let service = service_fn(|request| receive(&floor, &counts, request));
                        let http = hyper::server::conn::http1::Builder::new();
                        // The system under test may leave when it likes.
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            }
        });
        Open { counts, listening }
    }
}

impl Open {
    /// Stops listening and tells the record what could not be used.
    pub(super) fn close(self, at: Offset, to: &Aside) {
        self.listening.abort();
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let received = count(&self.counts.received);
        let finding = |code: &str, severity, detail: String| {
            to.event(Event { at, what: What::Finding { code: code.to_owned(), detail, severity } });
        };
        finding("messages", Severity::Note, format!("{received} messages of the system came in"));
        if count(&self.counts.foreign) > 0 {
            let detail = format!(
                "{} of {received} messages carried no reference of this run and brought nobody",
                count(&self.counts.foreign)
            );
            finding("foreign-messages", Severity::Note, detail);
        }
        if count(&self.counts.unusable) > 0 {
            let detail = format!(
                "{} of {received} messages lacked what `messages.keep` looks for: their readers never came",
                count(&self.counts.unusable)
            );
            finding("unusable-messages", Severity::Degraded, detail);
        }
    }
}

async fn receive(
    floor: &Floor,
    counts: &Counts,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = if request.method() != Method::POST || request.uri().path() != "/messages" {
        StatusCode::NOT_FOUND
    } else {
        match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => {
                message(floor, counts, &body.to_bytes());
                StatusCode::ACCEPTED
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    Ok(response)
}

/// Brings the readers of a message. One that brings nobody is taken all the same: the system did its part.
fn message(floor: &Floor, counts: &Counts, body: &[u8]) {
    counts.received.fetch_add(1, Ordering::Relaxed);
    let (Some(messages), Some(clock)) = (&floor.plan.scenario.messages, floor.clock.get()) else { return };
    match read(messages, body) {
        Read::Usable(subject, vars) => floor.bring_by_message(subject, &Arc::new(vars), clock.now()),
        Read::Foreign => drop(counts.foreign.fetch_add(1, Ordering::Relaxed)),
        Read::Unusable => drop(counts.unusable.fetch_add(1, Ordering::Relaxed)),
    }
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Whom it is about, and what its readers remember of it.
    Usable(Subject, Vars),
    /// It is not about something of this run.
    Foreign,
    /// It lacks what its readers need.
    Unusable,
}

/// Reads a message.
pub(super) fn read(messages: &Messages, body: &[u8]) -> Read {
    let text = Text::message(body);
    let reference = text.json(&messages.reference).into_iter().next();
    let Some(Ok(subject)) = reference.map(|reference| reference.parse::<Subject>()) else {
        return Read::Foreign;
    };
    let mut vars = Vars::default();
    for keep in &messages.keep {
        match text.first(&keep.from) {
            Some(value) => vars.set(&keep.name, value),
            None => return Read::Unusable,
        }
    }
    Read::Usable(subject, vars)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Extract, Keep};
    use crate::units::Span;

    #[test]
    fn a_message_is_read_foreign_or_unusable() {
        let messages = Messages {
            reference: "/ref".to_owned(),
            keep: vec![Keep {
                name: "link".to_owned(),
                from: Extract::Regex(regex::Regex::new("/p/([0-9a-f]+)").unwrap()),
                by_account: false,
            }],
            delay: Span::ZERO,
            preload: None,
        };
        let subject = Subject { population: 2, journey: 5, item: 1 };
        let body =
            |reference: &str, text: &str| format!(r#"{{"to":"+33","ref":"{reference}","text":"{text}"}}"#);
        let read = |text: String| read(&messages, text.as_bytes());
        let mut vars = Vars::default();
        vars.set("link", "00ff".to_owned());
        assert_eq!(read(body(&subject.to_string(), "see http://x/p/00ff")), Read::Usable(subject, vars));
        assert_eq!(read(body(&subject.to_string(), "see")), Read::Unusable);
        assert_eq!(read(body("MSG-1", "see http://x/p/00ff")), Read::Foreign);
        assert_eq!(read("{}".to_owned()), Read::Foreign);
    }
}
