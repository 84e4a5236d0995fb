//! One HTTP/1.1 connection of our own: opened, used for one request at a time, closed by being dropped.
//!
//! A general client (pools, redirects, cookies, proxies) costs 9 us more a request, hides whose a connection is, and
//! opens new ones when it likes: that is how a hiccup becomes a storm of connections.

use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::fault::Fault;

/// The most of an answer's body that is kept. What comes after it is read, so that the connection stays usable and
/// the last byte is what is timed, but it is not looked at.
const KEPT_BODY: usize = 8 << 20;

/// An answer, with its whole body.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An open connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    /// It has carried a request before.
    used: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Without this a request that was given up would be read to its end in the background.
        self.driver.abort();
    }
}

impl Connection {
    /// A connection over an open byte stream.
    ///
    /// # Errors
    /// The stream is closed already.
    pub(super) async fn over<S>(stream: S) -> Result<Self, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| Fault::of_exchange(&error))?;
        // Its errors reach the request that is under way; an idle one has no one to tell.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, driver, used: false })
    }

    /// False when the other side has closed it, as far as is known here.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// True when it has carried a request before: only then may a failure mean that it was closed while idle.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No answer, or none to its end; the connection must not be used again.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answered, Broken> {
        let unanswered =
            |error: hyper::Error| Broken { fault: Fault::of_exchange(&error), answer_began: false };
        self.sender.ready().await.map_err(unanswered)?;
        let response = self.sender.send_request(request).await.map_err(unanswered)?;
        let (head, mut body) = response.into_parts();
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| Broken { fault: Fault::of_exchange(&error), answer_began: true })?;
            let Ok(data) = frame.into_data() else { continue };
            // Nearly every answer is one frame: then nothing is copied.
            if first.is_empty() {
                first = data;
            } else if first.len() + rest.len() < KEPT_BODY {
                rest.extend_from_slice(&data);
            }
        }
        if !rest.is_empty() {
            let mut whole = BytesMut::with_capacity(first.len() + rest.len());
            whole.extend_from_slice(&first);
            whole.extend_from_slice(&rest);
            first = whole.freeze();
        }
        self.used = true;
        Ok(Answered { status: head.status.as_u16(), headers: head.headers, body: first })
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
            Self::Memory(open) => return Connection::over(open()).await,
        };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // A request is one write; waiting to fill a segment would only add to its time.
                    stream.set_nodelay(true).map_err(|error| Fault::of_dial(&error))?;
                    return Connection::over(stream).await;
                }
                Err(error) => last = error,
            }
        }
        Err(Fault::of_dial(&last))
    }
}
