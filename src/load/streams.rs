//! HTTP/2 from the client's side: one connection, many requests at once.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::AbortHandle;

use super::answer::{Answered, Headers};
use super::fault::Fault;
use super::render::Rendered;
use super::wire::{KEPT_BODY, Stream};

/// A connection, or a share in one: every clone sends over the same.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    sender: SendRequest<Full<Bytes>>,
    scheme: &'static str,
    /// Ends the connection with its last share.
    _driver: Arc<Driver>,
}

#[derive(Debug)]
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Streams {
    /// A connection over an open stream; `scheme` is how its requests name it, `http` or `https`.
    ///
    /// # Errors
    /// The stream is closed already.
    pub(super) async fn over(stream: impl Stream + 'static, scheme: &'static str) -> Result<Self, Fault> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| fault(&error))?;
        // Its errors reach the requests that are under way; an idle one has no one to tell.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, scheme, _driver: Arc::new(Driver(driver)) })
    }

    /// False when no further request can go over it, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer. `began` is set when some of it has come.
    ///
    /// # Errors
    /// No answer, or none to its end. Others over the same connection are not concerned.
    pub(super) async fn exchange(&mut self, request: &Rendered, began: &mut bool) -> Result<Answered, Fault> {
        let said = |error: hyper::Error| fault(&error);
        let request = self.request(request)?;
        self.sender.ready().await.map_err(said)?;
        let response = self.sender.send_request(request).await.map_err(said)?;
        *began = true;
        let (head, mut body) = response.into_parts();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(said)?.into_data() {
                let room = KEPT_BODY.saturating_sub(whole.len());
                whole.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
        let headers = Headers::of_lines(lines(&head.headers));
        Ok(Answered { status: head.status.as_u16(), headers, body: whole.freeze() })
    }

    /// A request as HTTP/2 has it: the host in its address, and nothing that is about an HTTP/1.1 connection.
    fn request(&self, rendered: &Rendered) -> Result<Request<Full<Bytes>>, Fault> {
        let line = rendered.line();
        let (method, path) = line.split_once(' ').ok_or(Fault::Unsendable)?;
        let mut request = Request::builder().method(method);
        let mut authority = String::new();
        for field in rendered.fields() {
            let (name, value) = field.split_once(':').ok_or(Fault::Unsendable)?;
            match name.to_ascii_lowercase().as_str() {
                "host" => value.trim().clone_into(&mut authority),
                "content-length" | "connection" | "transfer-encoding" => {}
                name => request = request.header(name, value.trim()),
            }
        }
        let body = Full::new(Bytes::copy_from_slice(rendered.body()));
        let uri = format!("{}://{authority}{path}", self.scheme);
        request.uri(uri).body(body).map_err(|_| Fault::Unsendable)
    }
}

/// What an error of the protocol means for the request.
fn fault(error: &hyper::Error) -> Fault {
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Fault::Closed;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Fault::of_dial(io);
        }
        source = cause.source();
    }
    if error.is_parse() { Fault::NotHttp } else { Fault::Io(error.to_string()) }
}

/// The fields of an answer as they would stand on an HTTP/1.1 wire.
fn lines(headers: &HeaderMap) -> Bytes {
    let mut lines = BytesMut::with_capacity(256);
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            lines.extend_from_slice(part);
        }
    }
    lines.freeze()
}
