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
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::consent;
use super::extract::Text;
use super::lane::Floor;
use super::neighbours::{Neighbours, PASSED_ON};
use super::plan::Plan;
use super::recorder::Aside;
use super::request::Share;
use super::team::Pigeonholes;
use super::vars::Vars;
use crate::record::{Event, Severity, What};
use crate::scenario::{Messages, Subject};
use crate::units::Offset;

/// The largest message that is taken.
const LARGEST: usize = 64 * 1_024;

/// Where messages come in, before anybody listens.
#[derive(Debug)]
pub(super) enum Gateway {
    /// At an address of this machine.
    Net(TcpListener, SocketAddr),
    /// From whoever started this generator, sorted already.
    Parent(mpsc::UnboundedReceiver<Bytes>),
}

/// To whom messages go.
#[derive(Debug, Clone)]
pub(super) enum Desk {
    /// All are for the journeys of this process.
    Own(Arc<Floor>),
    /// Some are for other shards.
    Among(Arc<Floor>, Arc<Neighbours>),
    /// Each is for one of the generators that this process has started.
    Team(Arc<Plan>, Pigeonholes),
}

impl Desk {
    /// The desk of a generator whose plan's shards listen at `share.addresses`; none: what comes here is for it.
    pub(super) fn of(floor: &Arc<Floor>, share: &Share) -> Self {
        match share.addresses.as_slice() {
            [] => Self::Own(Arc::clone(floor)),
            some => Self::Among(Arc::clone(floor), Arc::new(Neighbours::new(some, share.token.as_deref()))),
        }
    }

    /// The other shards, where messages are passed on to some.
    fn neighbours(&self) -> Option<&Arc<Neighbours>> {
        match self {
            Self::Among(_, neighbours) => Some(neighbours),
            Self::Own(_) | Self::Team(..) => None,
        }
    }

    fn plan(&self) -> &Plan {
        match self {
            Self::Own(floor) | Self::Among(floor, _) => &floor.plan,
            Self::Team(plan, _) => plan,
        }
    }
}

/// The open gateway.
#[derive(Debug)]
pub(super) struct Open {
    counts: Arc<Counts>,
    neighbours: Option<Arc<Neighbours>>,
    listening: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    /// Without a reference, or with one that this run has not given.
    foreign: AtomicU64,
    /// Without something that the journeys they bring need.
    unusable: AtomicU64,
    /// For a shard that could not be reached.
    undelivered: AtomicU64,
}

impl Gateway {
    /// Takes an address; `None`: a free port of this machine.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub(super) async fn bind(address: Option<SocketAddr>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into())).await?;
        let address = listener.local_addr()?;
        Ok(Self::Net(listener, address))
    }

    /// Its URL, for the system under test: it posts to `URL/messages`.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::Net(_, address) => Some(format!("http://{address}")),
            Self::Parent(_) => None,
        }
    }

    /// Listens, until it is closed.
    pub(super) fn open(self, desk: Desk) -> Open {
        let (counts, neighbours) = (Arc::new(Counts::default()), desk.neighbours().cloned());
        let listening = match self {
            Self::Net(listener, _) => tokio::spawn(listen(listener, desk, Arc::clone(&counts))),
            Self::Parent(mut messages) => tokio::spawn({
                let counts = Arc::clone(&counts);
                async move {
                    while let Some(body) = messages.recv().await {
                        message(&desk, &counts, body, true);
                    }
                }
            }),
        };
        Open { counts, neighbours, listening }
    }
}

async fn listen(listener: TcpListener, desk: Desk, counts: Arc<Counts>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is free: one may be, soon.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let (desk, counts) = (desk.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            let service = service_fn(|request| receive(&desk, &counts, request));
            let http = hyper::server::conn::http1::Builder::new();
            // The system under test may leave when it likes.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
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
        if count(&self.counts.undelivered) > 0 {
            let why =
                self.neighbours.as_ref().and_then(|neighbours| neighbours.trouble()).unwrap_or_default();
            let detail = format!(
                "{} of {received} messages were for shards that could not be reached: their readers never came ({why})",
                count(&self.counts.undelivered)
            );
            finding("undelivered-messages", Severity::Degraded, detail);
        }
    }
}

async fn receive(
    desk: &Desk,
    counts: &Arc<Counts>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let asked = (request.method() == Method::GET && request.uri().path() == consent::PATH)
        .then(|| desk.neighbours()?.consent())
        .flatten();
    *response.status_mut() = if let Some(consent) = asked {
        *response.body_mut() = Full::from(consent);
        StatusCode::OK
    } else if request.method() != Method::POST || request.uri().path() != "/messages" {
        StatusCode::NOT_FOUND
    } else {
        let sorted = request.headers().contains_key(PASSED_ON);
        match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => {
                message(desk, counts, body.to_bytes(), sorted);
                StatusCode::ACCEPTED
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    Ok(response)
}

/// Brings the readers of a message, or hands it to the shard that does; one that is `sorted` is for whoever has it. One
/// that brings nobody is taken all the same: the system did its part.
fn message(desk: &Desk, counts: &Arc<Counts>, body: Bytes, sorted: bool) {
    counts.received.fetch_add(1, Ordering::Relaxed);
    let plan = desk.plan();
    let Some(messages) = &plan.scenario.messages else { return };
    let foreign = || {
        counts.foreign.fetch_add(1, Ordering::Relaxed);
    };
    match desk {
        Desk::Own(floor) => bring(floor, messages, counts, &body),
        Desk::Team(_, shards) => match subject(messages, &body) {
            Some(subject) => shards.put(plan.home(subject, shards.count()), &body),
            None => foreign(),
        },
        Desk::Among(floor, neighbours) => match subject(messages, &body) {
            Some(subject) => {
                let home = plan.home(subject, plan.shard.of());
                if sorted || home == plan.shard.number() {
                    bring(floor, messages, counts, &body);
                } else {
                    let (counts, neighbours) = (Arc::clone(counts), Arc::clone(neighbours));
                    tokio::spawn(async move {
                        if !neighbours.pass_on(home, body).await {
                            counts.undelivered.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            }
            None => foreign(),
        },
    }
}

fn bring(floor: &Floor, messages: &Messages, counts: &Counts, body: &[u8]) {
    let Some(clock) = floor.clock.get() else { return };
    match read(messages, body) {
        Read::Usable(subject, vars) => floor.bring_by_message(subject, &Arc::new(vars), clock.now()),
        Read::Foreign => drop(counts.foreign.fetch_add(1, Ordering::Relaxed)),
        Read::Unusable => drop(counts.unusable.fetch_add(1, Ordering::Relaxed)),
    }
}

/// Whom a message is about.
fn subject(messages: &Messages, body: &[u8]) -> Option<Subject> {
    Text::message(body).json(&messages.reference).into_iter().next()?.parse().ok()
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
    let Some(subject) = subject(messages, body) else { return Read::Foreign };
    let text = Text::message(body);
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
