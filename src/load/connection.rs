//! One connection of our own: opened, used, closed by being dropped.
//!
//! A general client (pools, redirects, cookies, proxies) costs 9 us more a request, hides whose a connection is, and
//! opens new ones when it likes: that is how a hiccup becomes a storm of connections.

use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answered;
use super::fault::Fault;
use super::render::Rendered;
use super::streams::Streams;
use super::wire::{Stream, Wire};

/// An open connection that carries one request at a time; over HTTP/2 it may be a share in one that carries many.
#[derive(Debug)]
pub(super) struct Connection {
    via: Via,
    /// It has carried a request before.
    used: bool,
    /// Its place among all connections of the run, which comes back with its end.
    place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Via {
    One(Wire),
    Two(Streams),
}

impl Connection {
    /// A connection that speaks HTTP/1.1 over an open byte stream.
    pub(super) fn over(stream: impl Stream + 'static) -> Self {
        Self { via: Via::One(Wire::new(stream)), used: false, place: None }
    }

    /// A connection that speaks HTTP/2 over an open byte stream, to a server that is known to. `scheme` is `http` or
    /// `https`.
    ///
    /// # Errors
    /// The stream is closed already.
    pub(super) async fn http2(stream: impl Stream + 'static, scheme: &'static str) -> Result<Self, Fault> {
        Ok(Self { via: Via::Two(Streams::over(stream, scheme).await?), used: false, place: None })
    }

    /// As after its first request.
    #[cfg(test)]
    pub(super) fn used(self) -> Self {
        Self { used: true, ..self }
    }

    /// Another share in the same connection, where it carries many requests at once.
    pub(super) fn share(&self) -> Option<Self> {
        match &self.via {
            Via::One(_) => None,
            Via::Two(streams) => Some(Self { via: Via::Two(streams.clone()), used: self.used, place: None }),
        }
    }

    /// Keeps a place as long as it is there itself.
    pub(super) fn hold(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// False when no further request can go over it, as far as is known without looking.
    pub(super) fn is_open(&self) -> bool {
        match &self.via {
            Via::One(wire) => wire.is_open(),
            Via::Two(streams) => streams.is_open(),
        }
    }

    /// Looks whether the other side has closed it since it was used last.
    pub(super) fn is_still_open(&mut self) -> bool {
        match &mut self.via {
            Via::One(wire) if self.used => wire.is_still_open(),
            _ => self.is_open(),
        }
    }

    /// True when it has carried a request before: only then may a failure mean that it was closed while idle.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No answer, or none to its end; the connection must not be used again.
    pub(super) async fn exchange(&mut self, request: &Rendered) -> Result<Answered, Broken> {
        let mut answer_began = false;
        let answered = match &mut self.via {
            Via::One(wire) => wire.exchange(request.wire(), request.is_head(), &mut answer_began).await,
            Via::Two(streams) => streams.exchange(request, &mut answer_began).await,
        };
        self.used = true;
        answered.map_err(|fault| Broken { fault, answer_began })
    }
}

/// An exchange that did not come to its end.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) fault: Fault,
    /// Some of an answer had come.
    pub(super) answer_began: bool,
}

impl Broken {
    /// True when it may have been closed while it was idle: not a byte of an answer had come.
    pub(super) fn is_idle_close(&self) -> bool {
        !self.answer_began && self.fault == Fault::Closed
    }
}
