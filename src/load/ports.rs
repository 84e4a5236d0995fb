//! Local ports, chosen here instead of by the kernel.
//!
//! Left to the kernel, the choice of a port fails a load generator in three ways. For a client with an address of its own,
//! whose socket is bound before it connects, it is either too narrow (no port of a connection that ended within the last
//! minute) or blind (`SO_REUSEADDR`: also one whose connection is open, so that a share of the connections fails long before
//! ports run out). For any other it is a search through all ports: once half of them are taken, some 14,100 connections, each
//! new one costs milliseconds of the generator's time, and what it can open falls from thousands a second to a hundred. So
//! ports are taken in turn, each when it was left longest ago, which costs the same however many are open.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use tokio::net::{TcpSocket, TcpStream};

/// Ports that are tried for one connection. Each costs some 15 us, in which nothing else is sent: a bound on that, where nearly
/// all are in use.
const TRIES: u32 = 64;

/// The local ports of this machine, in turn.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    turn: AtomicU32,
}

impl Ports {
    /// Those that this machine gives to clients.
    pub(super) fn new() -> Self {
        let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut bounds = text.split_whitespace().map_while(|bound| bound.parse().ok());
        let range = match (bounds.next(), bounds.next()) {
            (Some(first), Some(last)) if first <= last => first..=last,
            _ => 32_768..=60_999,
        };
        // Several generators of one machine begin in different places.
        Self { range, turn: AtomicU32::new(std::process::id().wrapping_mul(0x9e37_79b9)) }
    }

    fn next(&self) -> u16 {
        let count = u32::from(self.range.end() - self.range.start()) + 1;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.range.start() + (turn % count) as u16
    }

    /// Connects from this address of this machine (`None`: whichever leads there), with the first port in turn that is free
    /// for that.
    ///
    /// # Errors
    /// None is, or the other side does not take the connection.
    pub(super) async fn connect(
        &self,
        source: Option<Ipv4Addr>,
        to: SocketAddr,
        socket: impl Fn() -> io::Result<TcpSocket>,
    ) -> io::Result<TcpStream> {
        let source: IpAddr = match source {
            Some(source) => source.into(),
            None if to.is_ipv4() => Ipv4Addr::UNSPECIFIED.into(),
            None => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut tries = TRIES.min(u32::from(self.range.end() - self.range.start()) + 1);
        loop {
            tries -= 1;
            let socket = socket()?;
            // Also a port whose last connection has ended a moment ago.
            socket.set_reuseaddr(true)?;
            let opened = match socket.bind(SocketAddr::from((source, self.next()))) {
                Ok(()) => socket.connect(to).await,
                Err(error) => Err(error),
            };
            match opened {
                Err(error) if tries > 0 && is_taken(&error) => {}
                opened => return opened,
            }
        }
    }
}

/// The port is bound, or a connection from it to there is open or ended less than a second ago.
fn is_taken(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::ADDRINUSE | Errno::ADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn every_port_of_an_address_is_used_before_none_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        // Not of the range that the machine gives to others, and an address of this test's own.
        let ports = Ports { range: 20_100..=20_139, turn: AtomicU32::new(7) };
        let source = Ipv4Addr::new(127, 83, 1, 9);
        let connect = || ports.connect(Some(source), to, TcpSocket::new_v4);
        let mut open = Vec::new();
        for _ in 0..40 {
            open.push(connect().await.unwrap());
        }
        let none_left = connect().await.unwrap_err();
        assert!(is_taken(&none_left), "{none_left}");
        // A port comes back with its connection, whichever it is. Ended by the other side first: nothing lingers here.
        let (accepted, _) = listener.accept().await.unwrap();
        drop(accepted);
        let gone = open.remove(0);
        gone.readable().await.unwrap();
        drop(gone);
        open.push(connect().await.unwrap());
        assert!(connect().await.is_err());
    }

    #[tokio::test]
    async fn who_has_no_address_of_his_own_is_given_ports_in_turn_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let ports = Ports { range: 20_200..=20_239, turn: AtomicU32::new(0) };
        let mut taken = Vec::new();
        for _ in 0..20 {
            let stream = ports.connect(None, to, TcpSocket::new_v4).await.unwrap();
            taken.push((stream.local_addr().unwrap().port(), stream));
        }
        let taken: Vec<u16> = taken.iter().map(|(port, _)| *port).collect();
        assert!(taken.is_sorted() && taken.iter().all(|port| (20_200..=20_239).contains(port)), "{taken:?}");
    }
}
