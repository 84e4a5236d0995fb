//! How a population opens its connections: few at once, from addresses of its own, as many in all as there are places.
//!
//! Two bounds keep a hiccup of the server from becoming a storm of connections of the tool's own making: a population
//! opens only so many at once, and all of them together hold only so many. Whoever waits for the first waits within the
//! client's patience; whoever finds no place fails here and now, which is counted and told as the generator's own want.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::fault::Fault;
use super::guard::Target;
use super::pool::{Lent, Pool};
use super::ports::Ports;
use super::slow::Slow;
use super::tls::{Tls, Trust};
use super::wire::Stream;
use crate::scenario::{self, Http, Network, Population};

/// Open files that the tool needs for itself: the record, the server's pipes, timers, the listener for messages.
const KEPT_BACK: u64 = 128;
/// What the kernel is asked to hold for a client that reads slowly; it takes its own minimum where that is more.
const SMALL_BUFFER: u32 = 2_048;

/// Where connections go.
#[derive(Clone)]
pub(super) enum Dial {
    /// Over TCP, to the first of these addresses that takes one.
    Tcp(Vec<SocketAddr>),
    /// The same, secured: the server shows that it is this host.
    Tls { addresses: Vec<SocketAddr>, host: String, trust: Trust },
    /// Within the process, where a test has paused the clock: a wait for a socket would let it jump.
    #[cfg(test)]
    Memory(Arc<dyn Fn() -> tokio::io::DuplexStream + Send + Sync>),
}

impl Dial {
    /// The way to a target; `trust` counts where it is spoken to over TLS.
    pub(super) fn to(target: &Target, trust: Trust) -> Self {
        let addresses = target.addresses.clone();
        match target.tls {
            false => Self::Tcp(addresses),
            true => Self::Tls { addresses, host: target.host().to_owned(), trust },
        }
    }
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(addresses) => f.debug_tuple("Tcp").field(addresses).finish(),
            Self::Tls { addresses, host, .. } => f.debug_tuple("Tls").field(addresses).field(host).finish(),
            #[cfg(test)]
            Self::Memory(_) => f.write_str("Memory"),
        }
    }
}

/// The places for connections that all populations of a run share, and what was counted of them.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    free: Arc<Semaphore>,
    opened: AtomicU64,
    waited: AtomicU64,
    shaken: AtomicU64,
    resumed: AtomicU64,
    ports: Ports,
}

impl Places {
    /// Places under a limit of open files; `None`: unlimited.
    pub(super) fn within(descriptors: Option<u64>) -> Self {
        // Of a very small limit half is kept back.
        let count = descriptors.map_or(u64::MAX, |all| (all / 2).max(all.saturating_sub(KEPT_BACK)));
        Self::of(usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS))
    }

    /// So many places.
    pub(super) fn of(count: usize) -> Self {
        let free = Arc::new(Semaphore::new(count));
        let [opened, waited, shaken, resumed] = [(); 4].map(|()| AtomicU64::new(0));
        Self(Arc::new(Counted { free, opened, waited, shaken, resumed, ports: Ports::new() }))
    }

    /// Connections that were opened.
    pub(super) fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    /// Of those, how many waited until fewer were being opened.
    pub(super) fn waited(&self) -> u64 {
        self.0.waited.load(Ordering::Relaxed)
    }

    /// TLS handshakes: those that began a session, and those that resumed one.
    pub(super) fn handshakes(&self) -> (u64, u64) {
        (self.0.shaken.load(Ordering::Relaxed), self.0.resumed.load(Ordering::Relaxed))
    }

    fn take(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.0.free).try_acquire_owned().map_err(|_| Fault::NoDescriptor)
    }
}

/// How a population opens its connections.
#[derive(Debug)]
pub(super) struct Opener {
    dial: Dial,
    network: Network,
    tls: Option<Tls>,
    opening: Semaphore,
    places: Places,
    pool: Option<Pool>,
}

impl Opener {
    /// The opener of a population.
    ///
    /// # Errors
    /// TLS with nothing that can be trusted.
    pub(super) fn new(dial: Dial, places: Places, population: &Population) -> Result<Self, String> {
        let pool = match population.connection {
            scenario::Connection::PoolOf(count) => Some(Pool::new(count, population.network.http)),
            scenario::Connection::New | scenario::Connection::Kept | scenario::Connection::Pool => None,
        };
        Ok(Self { pool, ..Self::of(dial, places, population.network.clone())? })
    }

    /// An opener for requests of the tool's own.
    ///
    /// # Errors
    /// TLS with nothing that can be trusted.
    pub(super) fn plain(dial: Dial) -> Result<Self, String> {
        Self::of(dial, Places::within(None), Network::default())
    }

    fn of(dial: Dial, places: Places, network: Network) -> Result<Self, String> {
        let tls = match &dial {
            Dial::Tls { host, trust, .. } => Some(Tls::new(trust, host, &network)?),
            _ => None,
        };
        let opening = Semaphore::new(network.opening as usize);
        Ok(Self { dial, network, tls, opening, places, pool: None })
    }

    /// Whether it matters which client opens a connection.
    pub(super) fn tells_clients_apart(&self) -> bool {
        self.network.sources.is_some()
    }

    /// Opens a connection for the client of this number.
    ///
    /// # Errors
    /// No place is left here, or no address takes one: the last one's error.
    pub(super) async fn open(&self, client: u64) -> Result<Connection, Fault> {
        let _turn = match self.opening.try_acquire() {
            Ok(turn) => turn,
            Err(_) => {
                self.places.0.waited.fetch_add(1, Ordering::Relaxed);
                // It is never closed.
                self.opening.acquire().await.map_err(|_| Fault::Closed)?
            }
        };
        let place = self.places.take()?;
        let mut connection = self.connect(client).await?;
        connection.hold(place);
        self.places.0.opened.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }

    /// What a request gets of the connections that its population shares: nothing where it shares none.
    ///
    /// # Errors
    /// None can be opened.
    pub(super) async fn lend(&self, client: u64) -> Result<Lent<'_>, Fault> {
        match &self.pool {
            None => Ok(Lent::default()),
            Some(pool) => pool.lend(self, client).await,
        }
    }

    /// Takes a connection back that the population shares; any other is its user's.
    pub(super) fn take_back(&self, connection: Connection) -> Option<Connection> {
        let Some(pool) = &self.pool else { return Some(connection) };
        pool.take_back(connection);
        None
    }

    async fn connect(&self, client: u64) -> Result<Connection, Fault> {
        let stream = match &self.dial {
            Dial::Tcp(addresses) | Dial::Tls { addresses, .. } => self.tcp(addresses, client).await?,
            #[cfg(test)]
            Dial::Memory(open) => return self.speak(open(), "http").await,
        };
        // A request is one write; waiting to fill a segment would only add to its time.
        stream.set_nodelay(true).map_err(|error| Fault::of_dial(&error))?;
        match self.network.read_rate {
            Some(rate) => self.secure(Slow::new(stream, rate.bytes_per_second())).await,
            None => self.secure(stream).await,
        }
    }

    async fn secure(&self, stream: impl Stream + 'static) -> Result<Connection, Fault> {
        let Some(tls) = &self.tls else { return self.speak(stream, "http").await };
        let (stream, resumed) = tls.over(stream).await.map_err(|error| Fault::of_dial(&error))?;
        let count = if resumed { &self.places.0.resumed } else { &self.places.0.shaken };
        count.fetch_add(1, Ordering::Relaxed);
        self.speak(stream, "https").await
    }

    async fn speak(&self, stream: impl Stream + 'static, scheme: &'static str) -> Result<Connection, Fault> {
        match self.network.http {
            Http::One => Ok(Connection::over(stream)),
            Http::Two => Connection::http2(stream, scheme).await,
        }
    }

    async fn tcp(&self, addresses: &[SocketAddr], client: u64) -> Result<TcpStream, Fault> {
        let source = self.network.sources.map(|sources| Ipv4Addr::from(sources.address(client)));
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            if source.is_some() && !address.ip().is_loopback() || source.is_some() && address.is_ipv6() {
                last =
                    io::Error::other("`sources` are addresses of this machine: they reach 127.0.0.0/8 only");
                continue;
            }
            let slow = self.network.read_rate.is_some();
            let opened = self.places.0.ports.connect(source, *address, || socket(*address, slow)).await;
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(Fault::of_dial(&last))
    }
}

fn socket(address: SocketAddr, slow: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if slow {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{ByteRate, Sources, example};
    use std::collections::BTreeSet;
    use std::time::Duration;
    use tokio::net::TcpListener;

    fn opener(address: SocketAddr, network: Network, places: Places) -> Opener {
        let population = Population { network, ..example::population("visitor", Vec::new()) };
        Opener::new(Dial::Tcp(vec![address]), places, &population).unwrap()
    }

    #[tokio::test]
    async fn the_server_sees_every_client_at_an_address_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let network = Network { sources: Sources::parse("127.9.0.0/16"), ..Network::default() };
        let opener = opener(listener.local_addr().unwrap(), network, Places::within(None));
        let mut seen = BTreeSet::new();
        for client in 0..50 {
            let (opened, accepted) = tokio::join!(opener.open(client), listener.accept());
            opened.unwrap();
            seen.insert(accepted.unwrap().1.ip());
        }
        assert_eq!(seen.len(), 50);
        assert!(seen.iter().all(|ip| ip.to_string().starts_with("127.9.")));
        assert_eq!((opener.places.opened(), opener.places.waited()), (50, 0));
    }

    #[tokio::test]
    async fn sources_of_this_machine_reach_nothing_else() {
        let network = Network { sources: Sources::parse("127.9.0.0/16"), ..Network::default() };
        // Documentation addresses (RFC 5737): nothing is sent there.
        let opener = opener("192.0.2.1:9".parse().unwrap(), network, Places::within(None));
        let fault = opener.open(0).await.unwrap_err();
        assert!(fault.name().contains("127.0.0.0/8"), "{}", fault.name());
    }

    #[tokio::test]
    async fn who_finds_no_place_fails_at_once_and_a_place_comes_back_with_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let opener = opener(listener.local_addr().unwrap(), Network::default(), Places::of(2));
        let (first, second) = (opener.open(0).await.unwrap(), opener.open(0).await.unwrap());
        assert_eq!(opener.open(0).await.unwrap_err(), Fault::NoDescriptor);
        drop(first);
        let third = opener.open(0).await.unwrap();
        assert_eq!(opener.open(0).await.unwrap_err(), Fault::NoDescriptor);
        drop((second, third));
        assert_eq!(opener.places.opened(), 3);
    }

    #[test]
    fn the_tool_keeps_files_for_itself() {
        let free = |descriptors| Places::within(descriptors).0.free.available_permits();
        assert_eq!((free(Some(1_024)), free(Some(64)), free(None)), (896, 32, Semaphore::MAX_PERMITS));
    }

    #[tokio::test]
    async fn a_slow_reader_has_a_small_window() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let network = Network { read_rate: ByteRate::parse("200B/s"), ..Network::default() };
        let opener = opener(listener.local_addr().unwrap(), network, Places::within(None));
        let (opened, accepted) = tokio::join!(opener.open(0), listener.accept());
        let _opened = opened.unwrap();
        let (server, _) = accepted.unwrap();
        // What the client's side takes without being read is a few kilobytes, not megabytes.
        rustix::net::sockopt::set_socket_send_buffer_size(&server, 4_096).unwrap();
        let mut taken = 0;
        while let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(50), server.writable()).await {
            match server.try_write(&[0; 4_096]) {
                Ok(n) => taken += n,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            assert!(taken < 200_000, "the reader takes all that it is given");
        }
    }
}
