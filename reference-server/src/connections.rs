//! Accepts connections, bounded in number, and speaks HTTP/1.1 or HTTP/2 on each, over TLS where that is configured.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::caller::Way;
use crate::config::Limits;

/// Pause after a failed `accept` (no free file descriptor), so that it is not tried in a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Bytes of one connection that wait to be read or written, so also the largest head of a request: a thousand of those who
/// send half a head and no more take 64 MB.
const BUFFER: usize = 64 << 10;

/// The open connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    open: Arc<AtomicUsize>,
    limit: u32,
    headers: Duration,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    pub(crate) fn new(limits: &Limits, stopping: watch::Receiver<bool>) -> Self {
        let limit = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        Connections {
            places: Arc::new(Semaphore::new(limits.connections)),
            open: Arc::default(),
            limit,
            headers: limits.headers,
            stopping,
        }
    }

    /// Accepts connections for ever, each served by a task of its own. At the limit, new ones wait in the kernel.
    pub(crate) async fn accept(
        &self,
        listener: &TcpListener,
        tls: Option<&TlsAcceptor>,
        router: Router,
        lane: Option<Arc<str>>,
    ) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let (stream, address) = match listener.accept().await {
                Ok((stream, peer)) => (stream, peer.ip()),
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let open = Open::new(place, Arc::clone(&self.open));
            let answers = Answers { router: router.clone(), way: Way { address, lane: lane.clone() } };
            let work = speak(stream, tls.cloned(), answers, self.headers, self.stopping.clone());
            tokio::spawn(async move {
                work.await;
                drop(open);
            });
        }
    }

    /// Completes when no connection is open any more.
    pub(crate) async fn closed(&self) {
        let _ = self.places.acquire_many(self.limit).await;
    }

    /// Whether the server is stopping.
    pub(crate) fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// How many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Who answers the requests of a connection, and what it says of them.
struct Answers {
    router: Router,
    way: Way,
}

/// One open connection; dropping it gives its place back.
struct Open {
    _place: OwnedSemaphorePermit,
    count: Arc<AtomicUsize>,
}

impl Open {
    fn new(place: OwnedSemaphorePermit, count: Arc<AtomicUsize>) -> Open {
        count.fetch_add(1, Ordering::Relaxed);
        Open { _place: place, count }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one connection until either side closes it, or, once the server is stopping, until its requests are answered.
async fn speak(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    answers: Answers,
    headers: Duration,
    stopping: watch::Receiver<bool>,
) {
    // Without it an answer may wait 40 ms for the client's acknowledgement. A socket that refuses is served all the same.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        // A client that says nothing is sent away as one that says too little.
        if let Some(is_http2) = begun(begins_http2(&stream), headers, &stopping).await {
            serve(stream, is_http2, answers, headers, stopping).await;
        }
        return;
    };
    // A handshake that fails or does not go on is the client's affair.
    if let Some(Ok(stream)) = begun(tls.accept(stream), headers, &stopping).await {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        serve(stream, is_http2, answers, headers, stopping).await;
    }
}

/// How a connection begins; `None`: it does not in time, or not before the server stops. Whoever has asked for nothing by then
/// has nothing to wait for.
async fn begun<T>(
    beginning: impl Future<Output = T>,
    within: Duration,
    stopping: &watch::Receiver<bool>,
) -> Option<T> {
    let mut stopping = stopping.clone();
    tokio::select! {
        biased;
        _ = stopping.wait_for(|stop| *stop) => None,
        begun = tokio::time::timeout(within, beginning) => begun.ok(),
    }
}

/// Whether the client begins with the preface of HTTP/2 (RFC 9113, section 3.4), as it does with prior knowledge. No method
/// of HTTP/1.1 begins so.
async fn begins_http2(stream: &TcpStream) -> bool {
    let mut begin = [0; 3];
    matches!(stream.peek(&mut begin).await, Ok(3)) && begin == *b"PRI"
}

async fn serve<S>(
    stream: S,
    is_http2: bool,
    answers: Answers,
    headers: Duration,
    stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (stream, router) = (TokioIo::new(stream), TowerToHyperService::new(answers.router));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(answers.way.clone());
        router.call(request)
    });
    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(headers)
            .serve_connection(stream, service);
        finish(pin!(connection), |connection| connection.graceful_shutdown(), stopping).await;
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(headers)
            .max_buf_size(BUFFER)
            .serve_connection(stream, service);
        finish(pin!(connection), |connection| connection.graceful_shutdown(), stopping).await;
    }
}

/// Awaits the end of a connection, which is asked to come once the server is stopping.
async fn finish<C: Future>(
    mut connection: Pin<&mut C>,
    ask: impl FnOnce(Pin<&mut C>),
    mut stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        // A connection that breaks is the client's affair.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    ask(connection.as_mut());
    let _ = connection.await;
}
