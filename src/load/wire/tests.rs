//! Answers as bytes: every framing, every cut, and what is no HTTP.

use super::*;
use proptest::prelude::*;

/// What comes of these bytes, given in pieces; and whether the connection is open after it.
fn read(pieces: &[&[u8]], is_head: bool) -> (Result<Answered, Fault>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut stream = tokio_piece::Pieces::default();
        stream.0.extend(pieces.iter().map(|piece| piece.to_vec()));
        let mut wire = Wire::new(stream);
        let answered = wire.exchange(b"GET / HTTP/1.1\r\n\r\n", is_head, &mut false).await;
        let open = wire.is_open();
        (answered, open)
    })
}

/// A stream that gives out one piece a read and then ends, and takes whatever is written.
mod tokio_piece {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    #[derive(Default)]
    pub(super) struct Pieces(pub(super) VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let rest = piece.split_off(piece.len().min(into.remaining()));
                into.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Pieces {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}

/// Status, body and whether the connection stays open.
fn whole(bytes: &str) -> Result<(u16, String, bool), Fault> {
    let (answered, open) = read(&[bytes.as_bytes()], false);
    answered.map(|answered| (answered.status, String::from_utf8(answered.body.to_vec()).unwrap(), open))
}

#[test]
fn every_framing_ends_where_the_standard_says() {
    for (bytes, status, body, open) in [
        ("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, "ok", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, "", true),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok", false),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, "ok", true),
        ("HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", 200, "ok", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
            200,
            "abc0123456789",
            true,
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", 200, "x", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxunasked", 200, "x", false),
    ] {
        assert_eq!(whole(bytes), Ok((status, body.to_owned(), open)), "{bytes:?}");
    }
    let (answered, open) = read(&[b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"], true);
    assert_eq!((answered.unwrap().body.len(), open), (0, true), "an answer to HEAD has no body");
}

#[test]
fn what_is_cut_off_or_no_http_is_a_fault() {
    for (bytes, fault) in [
        ("", Fault::Closed),
        ("HTTP/1.1 200 OK\r\ncontent-le", Fault::Closed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", Fault::Closed),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab", Fault::Closed),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", Fault::NotHttp),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", Fault::NotHttp),
        ("SSH-2.0-OpenSSH\r\n", Fault::NotHttp),
    ] {
        assert_eq!(whole(bytes).map(drop), Err(fault), "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_answer_is_the_same_in_whatever_pieces_it_comes(
        body in prop::collection::vec(any::<u8>(), 0..6_000),
        chunk in 1..2_000_usize,
        piece in 1..3_000_usize,
        chunked in any::<bool>(),
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\nx: y\r\n".to_vec();
        if chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in body.chunks(chunk) {
                bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
        }
        let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
        let (answered, open) = read(&pieces, false);
        let answered = answered.unwrap();
        prop_assert_eq!(&answered.body[..], &body[..]);
        prop_assert_eq!((answered.headers.get("X"), open), (Some("y"), true));
    }
}
