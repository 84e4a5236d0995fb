//! Starts a server, says where it listens, serves until it is told to stop, and drains.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::access::AccessLog;
use crate::app::{App, Data};
use crate::config::{Backend, Config, Level, Limits};
use crate::connections::Connections;
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::keyring::Schedule;
use crate::keys::{KeyError, Keys};
use crate::log::Value;
use crate::moment::Moment;
use crate::postgres::{OwnPostgres, PostgresError};
use crate::preload::{self, PreloadError};
use crate::store::{Store, StoreError};
use crate::timer::Timer;
use crate::{acceptance, certificate, outbox, retention, routes, tls};

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
    /// Folder of its keys, which several servers on one database share; `None`: the data folder.
    pub keys: Option<PathBuf>,
    /// URL of its PostgreSQL database, whatever the configuration says; `None`: as the configuration says.
    pub database_url: Option<String>,
    /// URL of the SMS gateway (`http://host:port`); `None`: messages stay pending.
    pub gateway: Option<String>,
    /// Earlier results to load before it listens (JSON lines).
    pub preload: Option<PathBuf>,
    /// The URL under which patients and clients reach it; `None`: `http://` and the address it listens on.
    pub public_url: Option<String>,
    /// Stop when standard input ends, so that a child does not outlive its parent.
    pub until_stdin_closes: bool,
    /// Faults that can be ordered while it serves.
    pub faults: Arc<Faults>,
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
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}: {problem}; choose another one with --data", path.display())]
    Data {
        /// The folder that was asked for.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The database cannot be used.
    #[error("cannot use the database: {0}; give another one with --database-url")]
    Database(StoreError),
    /// It was to have a PostgreSQL of its own.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A key file is spoilt.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The gateway's URL cannot be used.
    #[error("cannot use the gateway {url}: {problem}")]
    Gateway {
        /// The URL that was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The public URL cannot be used.
    #[error("cannot use the public URL {0}: write it as http://HOST[:PORT] or https://HOST")]
    PublicUrl(String),
    /// The results to preload cannot be loaded.
    #[error(transparent)]
    Preload(#[from] PreloadError),
    /// The process lacks something that every one has: signal handlers, threads.
    #[error("cannot set up the process: {0}")]
    Process(#[source] io::Error),
}

/// Runs a server: starts it, prints the line `listening on http://ADDRESS` to standard output when it is ready (with TLS
/// `https://`; before it `certificate PATH`, the certificate that clients are to trust, and `lane NAME on URL` for each listener
/// of a lane),
/// serves until `shutdown` completes, and finishes the work that it accepted (at most for `limits.drain`).
///
/// # Errors
/// See [`StartError`]; once it is ready, it does not fail.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    let server = Server::start(options).await?;
    let (address, scheme) = (server.address(), scheme(server.tls.is_some()));
    // Nobody may be reading; that is no reason to stop serving.
    let mut stdout = io::stdout();
    if let Some((_, certificate)) = &server.tls {
        let _ = writeln!(stdout, "certificate {}", certificate.display());
    }
    for lane in &server.lanes {
        if let Ok(address) = lane.listener.local_addr() {
            let _ = writeln!(stdout, "lane {} on {scheme}://{address}", lane.name);
        }
    }
    let _ = writeln!(stdout, "listening on {scheme}://{address}").and_then(|()| stdout.flush());
    server.serve(shutdown).await;
    Ok(())
}

/// A server that is ready: it listens, and serves as soon as [`Server::serve`] is awaited.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    gateway: Option<Gateway>,
    listener: TcpListener,
    lanes: Vec<LaneListener>,
    /// With it, and where its certificate lies.
    tls: Option<(Arc<ServerConfig>, PathBuf)>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Keeps the data folder for this process; the system gives it up when the process ends, however it ends.
    _folder: Option<File>,
    /// The one that the server has started, to be ended after it.
    _postgres: Option<OwnPostgres>,
}

/// A lane with a listener of its own.
#[derive(Debug)]
struct LaneListener {
    name: Arc<str>,
    listener: TcpListener,
    connections: Connections,
}

impl Server {
    /// Opens everything that the server needs, loads what is to be preloaded, and listens.
    ///
    /// # Errors
    /// See [`StartError`]. A port in use is found before anything is written.
    pub async fn start(options: Options) -> Result<Server, StartError> {
        let Options {
            config, listen, data, keys, database_url, gateway, preload, public_url, faults, ..
        } = options;
        let not_listening = |source| StartError::Listen { address: listen, source };
        let socket = bind(listen).map_err(not_listening)?;
        let address = socket.local_addr().map_err(not_listening)?;
        let mut lane_sockets = Vec::new();
        for (name, lane) in &config.lane {
            if let Some(listen) = lane.listen {
                let socket = bind(listen).map_err(|source| StartError::Listen { address: listen, source })?;
                lane_sockets.push((Arc::from(name.as_str()), lane.connections, listen, socket));
            }
        }
        let public_url = public_url_of(public_url, scheme(config.tls.is_some()), address)?;
        let gateway = gateway
            .map(|url| {
                Gateway::parse(&url, config.outbox.timeout)
                    .map_err(|problem| StartError::Gateway { url, problem })
            })
            .transpose()?;
        if let Some(file) = preload.as_deref() {
            // Before the data folder is made, so that a misspelt name leaves nothing behind.
            File::open(file).map_err(|source| PreloadError::File { path: file.to_owned(), source })?;
        }

        let unusable = |problem: String| StartError::Data { path: data.clone(), problem };
        std::fs::create_dir_all(&data).map_err(|error| unusable(error.to_string()))?;
        // Of several on one database each keeps its store there.
        let elsewhere = database_url.is_some() || config.store.url.is_some();
        let folder = if elsewhere { None } else { Some(take_folder(&data).map_err(unusable)?) };
        let tls = config.tls.as_ref().map(|tls| tls::acceptor(tls, &data, address)).transpose();
        let tls = tls.map_err(unusable)?;
        let keys = match keys {
            Some(keys) => {
                std::fs::create_dir_all(&keys).map_err(|error| unusable(error.to_string()))?;
                Keys::open(&keys)?
            }
            None => Keys::open(&data)?,
        };
        let (database, postgres) = database(&config, database_url, &data)?;
        let store = match database {
            Some(url) => {
                Store::faulty_postgres(&url, Arc::clone(&faults)).await.map_err(StartError::Database)?
            }
            None => Store::faulty(&data, Arc::clone(&faults)).map_err(|error| unusable(error.to_string()))?,
        };
        let access =
            AccessLog::open(&data, config.access_log.keep).map_err(|error| unusable(error.to_string()))?;
        store.model_commit(config.commit);
        if let Some(cache) = &config.cache {
            store.cache_results(cache);
        }
        let timer = Timer::start().map_err(StartError::Process)?;
        let (stop, stopping) = watch::channel(false);
        let connections = Connections::new(&config.limits, stopping.clone());
        let limits = config.limits.clone();
        let shows_messages = gateway.is_none() && address.ip().is_loopback() && !elsewhere;
        let app = App::new(config, Data { store, access, keys }, timer, connections, public_url, faults);
        let app = Arc::new(App { shows_messages, ..app });
        if let Some(file) = preload {
            preload::load(&app, &file).await?;
        }
        raise_file_limit();
        let mut lanes = Vec::new();
        for (name, connections, listen, socket) in lane_sockets {
            let listener =
                socket.listen(BACKLOG).map_err(|source| StartError::Listen { address: listen, source })?;
            let limits = Limits { connections, ..limits.clone() };
            lanes.push(LaneListener {
                name,
                listener,
                connections: Connections::new(&limits, stopping.clone()),
            });
        }
        let listener = socket.listen(BACKLOG).map_err(not_listening)?;
        Ok(Server { app, gateway, listener, lanes, tls, address, stop, _folder: folder, _postgres: postgres })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the listener of a lane listens, if it has one.
    pub fn lane_address(&self, name: &str) -> Option<SocketAddr> {
        self.lanes.iter().find(|lane| *lane.name == *name)?.listener.local_addr().ok()
    }

    /// Serves until `shutdown` completes, then drains: no new connections, every request that was accepted is answered
    /// (for `limits.drain` at most), what is not delivered waits for the next start.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        // The rest is kept to the end.
        let Server { app, gateway, listener, lanes, tls, stop, address: _, _folder, _postgres } = self;
        let tls = tls.map(|(tls, _)| TlsAcceptor::from(tls));
        let outbox = gateway.map(|gateway| tokio::spawn(outbox::run(Arc::clone(&app), gateway)));
        let purges = tokio::spawn(retention::run(Arc::clone(&app)));
        let intake = tokio::spawn(acceptance::run(Arc::clone(&app)));
        let keys = tokio::spawn(look_after_keys(Arc::clone(&app)));
        let certifier = app.certificates.waiting().map(|_| tokio::spawn(certificate::run(Arc::clone(&app))));
        let router = routes::router(Arc::clone(&app));
        app.log.write(Level::Info, "serving", &[]);
        let mut lane_connections = Vec::new();
        let mut lane_listeners = Vec::new();
        for LaneListener { name, listener, connections } in lanes {
            lane_connections.push(connections.clone());
            let (tls, router) = (tls.clone(), router.clone());
            lane_listeners.push(tokio::spawn(async move {
                connections.accept(&listener, tls.as_ref(), router, Some(name)).await;
            }));
        }
        tokio::select! {
            () = app.connections.accept(&listener, tls.as_ref(), router, None) => {}
            () = shutdown => {}
        }
        drop(listener);
        lane_listeners.iter().for_each(JoinHandle::abort);
        stop.send_replace(true);
        let open = u64::try_from(app.connections.count()).unwrap_or(u64::MAX);
        app.log.write(Level::Info, "stopping", &[("connections", Value::Number(open))]);
        purges.abort();
        let drained = async {
            for connections in lane_connections.iter().chain([&app.connections]) {
                connections.closed().await;
            }
            // Work whose client has left has no connection any more.
            app.lanes.idle().await;
        };
        let drained = tokio::time::timeout(app.config.limits.drain, drained).await;
        for task in [outbox, certifier].into_iter().flatten() {
            task.abort();
        }
        intake.abort();
        keys.abort();
        app.store.close().await;
        match drained {
            Ok(()) => app.log.write(Level::Info, "stopped", &[]),
            Err(_) => app.log.write(Level::Warn, "stopped with work unfinished", &[]),
        }
    }
}

/// Changes the issuer's keys when it is time, and takes up those that other instances have made.
async fn look_after_keys(app: Arc<App>) {
    let pause = Schedule::of(&app.config.issuer).look();
    loop {
        // A folder that cannot be read or written now may be later; until then those keys count that there are.
        let _ = app.keys.issuer.look_after(Moment::now());
        tokio::time::sleep(pause).await;
    }
}

/// A socket bound to `address` that does not listen yet: a port in use is found before anything else is touched, and
/// nobody is let in before the server is ready.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn scheme(with_tls: bool) -> &'static str {
    if with_tls { "https" } else { "http" }
}

fn public_url_of(given: Option<String>, scheme: &str, address: SocketAddr) -> Result<String, StartError> {
    let Some(url) = given else { return Ok(format!("{scheme}://{address}")) };
    let known = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    if known.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(StartError::PublicUrl(url))
    }
}

/// The URL of the database, if it is to be PostgreSQL; and the PostgreSQL, where the server is to have its own.
pub(crate) fn database(
    config: &Config,
    given: Option<String>,
    data: &Path,
) -> Result<(Option<String>, Option<OwnPostgres>), PostgresError> {
    match (given, config.store.backend) {
        (Some(url), _) => Ok((Some(url), None)),
        (None, Backend::Sqlite) => Ok((None, None)),
        (None, Backend::Postgres) => match &config.store.url {
            Some(url) => Ok((Some(url.clone()), None)),
            None => {
                let own = OwnPostgres::start(&data.join("postgres"), &[])?;
                Ok((Some(own.url("postgres")), Some(own)))
            }
        },
    }
}

/// Takes the data folder for this process alone.
pub(crate) fn take_folder(path: &Path) -> Result<File, String> {
    let file = File::create(path.join("lock")).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err("another server uses it".to_owned()),
        Err(TryLockError::Error(error)) => Err(error.to_string()),
    }
}

/// Takes as many file descriptors as the system gives: every connection is one.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer, connections wait to be accepted.
    let _ = setrlimit(Resource::Nofile, limit);
}
