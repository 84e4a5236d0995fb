//! One HTTP/1.1 connection of our own: opened, used for one request at a time, closed by being dropped.
//!
//! A general client (pools, redirects, cookies, proxies) costs 9 us more a request, hides whose a connection is, and
//! opens new ones when it likes: that is how a hiccup becomes a storm of connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::answer::Answered;
use super::fault::Fault;
use super::render::Rendered;
use super::wire::{Stream, Wire};

/// An open connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    /// It has carried a request before.
    used: bool,
}

impl Connection {
    /// A connection over an open byte stream.
    pub(super) fn over(stream: impl Stream + 'static) -> Self {
        Self { wire: Wire::new(stream), used: false }
    }

    /// False when no further request can go over it, as far as is known without looking.
    pub(super) fn is_open(&self) -> bool {
        self.wire.is_open()
    }

    /// Looks whether the other side has closed it since it was used last.
    pub(super) fn is_still_open(&mut self) -> bool {
        if self.used { self.wire.is_still_open() } else { self.wire.is_open() }
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
        let answered = self.wire.exchange(request.wire(), request.is_head(), &mut answer_began).await;
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

/// How connections are opened.
#[derive(Clone)]
pub(super) enum Dial {
    /// Over TCP, to the first of these addresses that takes one.
    Tcp(Vec<SocketAddr>),
    /// Within the process, where a test has paused the clock: a wait for a socket would let it jump.
    #[cfg(test)]
    Memory(std::sync::Arc<dyn Fn() -> tokio::io::DuplexStream + Send + Sync>),
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(addresses) => f.debug_tuple("Tcp").field(addresses).finish(),
            #[cfg(test)]
            Self::Memory(_) => f.write_str("Memory"),
        }
    }
}

impl Dial {
    /// Opens a connection.
    ///
    /// # Errors
    /// No address takes one; the last one's error.
    pub(super) async fn open(&self) -> Result<Connection, Fault> {
        let addresses = match self {
            Self::Tcp(addresses) => addresses,
            #[cfg(test)]
            Self::Memory(open) => return Ok(Connection::over(open())),
        };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // A request is one write; waiting to fill a segment would only add to its time.
                    stream.set_nodelay(true).map_err(|error| Fault::of_dial(&error))?;
                    return Ok(Connection::over(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(Fault::of_dial(&last))
    }
}
