//! Accepts connections, bounded in number, and speaks HTTP/1.1 on each.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::Limits;

/// Pause after a failed `accept` (no free file descriptor), so that it is not tried in a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

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
    pub(crate) async fn accept(&self, listener: &TcpListener, router: Router) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let open = Open::new(place, Arc::clone(&self.open));
            let work = speak(stream, router.clone(), self.headers, self.stopping.clone());
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

/// Serves one connection until either side closes it, or, once the server is stopping, until its request is answered.
async fn speak(stream: TcpStream, router: Router, headers: Duration, mut stopping: watch::Receiver<bool>) {
    // Without it an answer may wait 40 ms for the client's acknowledgement. A socket that refuses is served all the same.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // A connection that breaks is the client's affair.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
