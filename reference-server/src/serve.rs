//! Starts a server, says where it listens, serves until it is told to stop, and drains.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::config::Config;
use crate::connections::Connections;
use crate::routes;

/// Connections that the kernel may hold ready for `accept` (Linux caps it at `net.core.somaxconn`, 4,096 by default).
const BACKLOG: u32 = 4_096;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything that bounds it.
    pub config: Config,
    /// Where it listens; port 0: a free one.
    pub listen: SocketAddr,
    /// Folder of its database and keys, created if it is missing.
    pub data: PathBuf,
    /// URL of the SMS gateway (`http://host:port`); `None`: messages stay pending.
    pub gateway: Option<String>,
    /// Earlier results to load before it listens (JSON lines).
    pub preload: Option<PathBuf>,
    /// The URL under which patients and clients reach it; `None`: `http://` and the address it listens on.
    pub public_url: Option<String>,
    /// Stop when standard input ends, so that a child does not outlive its parent.
    pub until_stdin_closes: bool,
}

/// Why a server could not start. Every one is something that the caller can put right.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another --listen address, or port 0 for a free one"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The process lacks something that every one has: signal handlers, threads.
    #[error("cannot set up the process: {0}")]
    Process(#[source] std::io::Error),
}

/// Runs a server: starts it, prints the one line `listening on http://ADDRESS` to standard output when it is ready,
/// serves until `shutdown` completes, and finishes the work that it accepted (at most for `limits.drain`).
///
/// # Errors
/// See [`StartError`]; once it is ready, it does not fail.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    let server = Server::start(options).await?;
    let address = server.address();
    // Nobody may be reading; that is no reason to stop serving.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
    server.serve(shutdown).await;
    Ok(())
}

/// A server that is ready: it listens, and serves as soon as [`Server::serve`] is awaited.
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Opens everything that the server needs and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Server, StartError> {
        let failed = |source| StartError::Listen { address: options.listen, source };
        let socket = bind(options.listen).map_err(failed)?;
        let listener = socket.listen(BACKLOG).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { config: Arc::new(options.config), listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes, then drains.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let connections = Connections::new(&self.config.limits, stopping);
        let router = routes::router();
        tokio::select! {
            () = connections.accept(&self.listener, router) => {}
            () = shutdown => {}
        }
        drop(self.listener);
        stop.send_replace(true);
        let _ = tokio::time::timeout(self.config.limits.drain, connections.closed()).await;
    }
}

/// A socket bound to `address` that does not listen yet: a port in use is found before anything else is touched.
fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
