//! HTTP/1.1 over a byte stream, from the client's side: one request at a time, its bytes ready-made, the answer read to
//! its last byte.
//!
//! The general client library costs more than the two system calls of a request: a task of its own for every connection,
//! with two hand-overs a request, a map of headers each way. What a load generator needs of the protocol is its framing
//! (RFC 9112, sections 6 and 7.1).

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::answer::{Answered, Headers};
use super::fault::Fault;

/// The most of an answer's body that is kept. What comes after it is read, so that the connection stays usable and the
/// last byte is what is timed, but it is not looked at.
pub(super) const KEPT_BODY: usize = 8 << 20;
/// Room for one read: nearly every answer comes in one.
const READ: usize = 4 << 10;
/// The longest head of an answer, and the longest line within a chunked body.
const LONGEST_HEAD: usize = 64 << 10;
/// Header fields of an answer.
const MOST_FIELDS: usize = 100;

/// A byte stream both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What frames the body of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    /// It ends with the connection.
    Close,
}

/// The head of an answer.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: Headers,
    framing: Framing,
    /// The server leaves the connection open.
    keeps: bool,
}

/// A connection's stream, and what was read from it ahead.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
    /// Another request may go over it, as far as is known.
    open: bool,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: BytesMut::new(), open: true }
    }

    /// False when no further request can go over it.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Looks whether the other side has closed it while it was idle, or sent what nobody asked for.
    pub(super) fn is_still_open(&mut self) -> bool {
        use futures_util::FutureExt;
        // Many are looked at in a row, which is no reason to be told that there is nothing to read.
        let mut byte = [0; 1];
        let look = tokio::task::coop::unconstrained(self.stream.read(&mut byte));
        self.open = self.open && look.now_or_never().is_none();
        self.open
    }

    /// Sends the bytes of a request and reads the whole answer. `began` is set with its first byte.
    ///
    /// # Errors
    /// No answer, or none to its end.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        is_head: bool,
        began: &mut bool,
    ) -> Result<Answered, Fault> {
        // Whatever ends this early leaves the connection in the middle of something.
        self.open = false;
        // Over TLS what is written waits for a flush; over TCP there is nothing to flush.
        let written = match self.stream.write_all(request).await {
            Ok(()) => self.stream.flush().await,
            Err(error) => Err(error),
        };
        let head = match (self.head(began).await, written) {
            // A server may refuse a request before it has read all of it: then its answer counts.
            (Ok(head), _) => head,
            (Err(_), Err(error)) => return Err(Fault::of_dial(&error)),
            (Err(fault), Ok(())) => return Err(fault),
        };
        let Head { status, headers, framing, keeps } = head;
        let framing = if is_head || matches!(status, 204 | 304) { Framing::Length(0) } else { framing };
        let body = self.body(framing).await?;
        self.open = keeps && framing != Framing::Close && self.buffer.is_empty();
        Ok(Answered { status, headers, body })
    }

    /// The head of the final answer; interim ones are passed over.
    async fn head(&mut self, began: &mut bool) -> Result<Head, Fault> {
        loop {
            if !self.buffer.is_empty() {
                *began = true;
                match parse(&mut self.buffer)? {
                    Some(head) if (100..200).contains(&head.status) && head.status != 101 => continue,
                    Some(head) => return Ok(head),
                    None if self.buffer.len() > LONGEST_HEAD => return Err(Fault::NotHttp),
                    None => {}
                }
            }
            self.fill().await?;
        }
    }

    async fn body(&mut self, framing: Framing) -> Result<Bytes, Fault> {
        let mut body = BytesMut::new();
        match framing {
            // Nearly every answer is here already: then nothing is copied.
            Framing::Length(length) if length <= self.buffer.len() as u64 => {
                return Ok(self.buffer.split_to(length as usize).freeze());
            }
            Framing::Length(length) => self.pass(length, &mut body).await?,
            Framing::Chunked => {
                while let size @ 1.. = self.chunk().await? {
                    self.pass(size, &mut body).await?;
                    self.line().await?;
                }
                // Trailer fields, to the empty line.
                while self.line().await? > 0 {}
            }
            Framing::Close => loop {
                keep(&self.buffer, &mut body);
                self.buffer.clear();
                match self.fill().await {
                    Ok(()) => {}
                    Err(Fault::Closed) => break,
                    Err(fault) => return Err(fault),
                }
            },
        }
        Ok(body.freeze())
    }

    /// Takes `length` bytes into the body.
    async fn pass(&mut self, mut length: u64, body: &mut BytesMut) -> Result<(), Fault> {
        loop {
            let part = self.buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            keep(&self.buffer[..part], body);
            self.buffer.advance(part);
            length -= part as u64;
            if length == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// The size of the chunk that begins here.
    async fn chunk(&mut self) -> Result<u64, Fault> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((used, size))) => {
                    self.buffer.advance(used);
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if self.buffer.len() <= LONGEST_HEAD => self.fill().await?,
                Ok(httparse::Status::Partial) | Err(_) => return Err(Fault::NotHttp),
            }
        }
    }

    /// Passes over a line; its length without its end.
    async fn line(&mut self) -> Result<usize, Fault> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let length = self.buffer[..end].trim_ascii_end().len();
                self.buffer.advance(end + 1);
                return Ok(length);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(Fault::NotHttp);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        self.buffer.reserve(READ);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Fault::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::of_dial(&error)),
        }
    }
}

fn keep(bytes: &[u8], body: &mut BytesMut) {
    let room = KEPT_BODY.saturating_sub(body.len());
    body.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Takes a head from the beginning of the buffer, if it is there to its end.
fn parse(buffer: &mut BytesMut) -> Result<Option<Head>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Fault::NotHttp),
    };
    let status = response.code.ok_or(Fault::NotHttp)?;
    let mut keeps = response.version == Some(1);
    let mut framing = Framing::Close;
    for field in response.headers.iter() {
        let says = |word: &[u8]| {
            field.value.split(|byte| *byte == b',').any(|of| of.trim_ascii().eq_ignore_ascii_case(word))
        };
        if field.name.eq_ignore_ascii_case("content-length") && framing == Framing::Close {
            let digits = std::str::from_utf8(field.value).map_err(|_| Fault::NotHttp)?;
            framing = Framing::Length(digits.trim().parse().map_err(|_| Fault::NotHttp)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") && says(b"chunked") {
            framing = Framing::Chunked;
        } else if field.name.eq_ignore_ascii_case("connection") {
            keeps = (keeps || says(b"keep-alive")) && !says(b"close");
        }
    }
    let mut head = buffer.split_to(length).freeze();
    let lines = head.iter().position(|byte| *byte == b'\n').map_or(length, |end| end + 1);
    Ok(Some(Head { status, headers: Headers::of_lines(head.split_off(lines)), framing, keeps }))
}

#[cfg(test)]
mod tests;
