//! A byte stream that is read slowly: how a client on a bad line, or one that means harm, holds a server's connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Reads in a second, where the rate allows so many.
const READS_PER_SECOND: u32 = 10;

/// A stream of which so many bytes a second are read; what is written is not held up.
pub(super) struct Slow<S> {
    stream: S,
    bytes_per_second: u32,
    /// When the next bytes may be read.
    next: Pin<Box<Sleep>>,
}

impl<S> Slow<S> {
    pub(super) fn new(stream: S, bytes_per_second: u32) -> Self {
        Self { stream, bytes_per_second, next: Box::pin(sleep(Duration::ZERO)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Slow<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.next.as_mut().poll(context));
        let most = (this.bytes_per_second / READS_PER_SECOND).max(1) as usize;
        let room = buffer.remaining().min(most);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        let pause = Duration::from_secs_f64(read as f64 / f64::from(this.bytes_per_second));
        this.next.as_mut().reset(Instant::now() + pause);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Slow<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_thousand_bytes_at_two_hundred_a_second_take_five_seconds() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        // The other side has room for 64 bytes only: it is held up as a server with full buffers is.
        let sent = tokio::spawn(async move {
            theirs.write_all(&[7; 1_000]).await.unwrap();
            Instant::now()
        });
        let begun = Instant::now();
        let mut read = Vec::new();
        Slow::new(ours, 200).read_to_end(&mut read).await.unwrap();
        let took = begun.elapsed().as_secs_f64();
        assert_eq!(read, [7; 1_000]);
        assert!((4.8..5.2).contains(&took), "{took}");
        assert!(sent.await.unwrap() > begun + Duration::from_secs(4));
    }
}
