//! How the requests of a population go over the network: whose a connection is, how many, from where, how fast they read.

use std::fmt;

/// How the requests of a population go over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Connections that are being opened at once; whoever needs one more waits. It keeps a hiccup of the server from
    /// becoming a storm of connections.
    pub opening: u32,
    /// Where its connections come from; `None`: from the address that the system chooses.
    pub sources: Option<Sources>,
    /// The protocol.
    pub http: Http,
    /// Whether a client that comes again resumes its TLS session, or begins a new one every time.
    pub resumption: bool,
    /// The fastest that its clients read, in bytes per second; `None`: as fast as they can.
    pub read_rate: Option<ByteRate>,
}

impl Network {
    /// Connections that are being opened at once where nothing is said.
    pub const OPENING: u32 = 64;
}

impl Default for Network {
    fn default() -> Self {
        Self { opening: Self::OPENING, sources: None, http: Http::One, resumption: true, read_rate: None }
    }
}

/// The version of HTTP that a population speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1: a connection carries one request at a time.
    One,
    /// HTTP/2: a connection carries many at once.
    Two,
}

/// A range of addresses within 127.0.0.0/8: on a machine's loopback every client can have one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    first: u32,
    bits: u8,
}

impl Sources {
    /// Reads a range as in `127.1.0.0/16`; `None` unless it lies within 127.0.0.0/8 and begins at its first address.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, bits) = text.split_once('/')?;
        let bits: u8 = bits.parse().ok().filter(|bits| (8..=32).contains(bits))?;
        let octets: Vec<u8> = first.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
        let octets = <[u8; 4]>::try_from(octets).ok()?;
        let first = u32::from_be_bytes(octets);
        let below = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
        (octets[0] == 127 && first & below == 0).then_some(Self { first, bits })
    }

    /// The IPv4 address of the client of this number. Ranges of four and more leave out their first and last address.
    pub fn address(&self, number: u64) -> [u8; 4] {
        let size = 1_u64 << (32 - u32::from(self.bits));
        let (skipped, usable) = if size < 4 { (0, size) } else { (1, size - 2) };
        // Below 2^24, as the range lies within 127.0.0.0/8.
        (self.first + (skipped + number % usable) as u32).to_be_bytes()
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.first.to_be_bytes();
        write!(f, "{a}.{b}.{c}.{d}/{}", self.bits)
    }
}

/// Bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRate(u32);

impl ByteRate {
    /// Reads `200B/s`, `2kB/s`, `1MB/s`; `None` for anything else, for nothing, and above 1 GB/s.
    pub fn parse(text: &str) -> Option<Self> {
        let amount = text.trim().strip_suffix("/s")?.trim();
        let units = [("MB", 1_000_000), ("kB", 1_000), ("B", 1)];
        let (number, unit) =
            units.iter().find_map(|(name, unit)| Some((amount.strip_suffix(name)?.trim(), *unit)))?;
        let bytes = number.parse::<u32>().ok()?.checked_mul(unit)?;
        (1..=1_000_000_000).contains(&bytes).then_some(Self(bytes))
    }

    /// The number, 1 to a billion.
    pub fn bytes_per_second(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_range_of_sources_lies_within_the_loopback_network() {
        for text in ["127.1.0.0/16", "127.0.0.0/8", "127.64.0.0/10", "127.0.0.9/32"] {
            assert_eq!(Sources::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["10.0.0.0/8", "127.0.0.0/7", "127.0.0.1/16", "127.1.0.0", "127.1.0.0/33", "::1/128", "x/8", ""]
        {
            assert_eq!(Sources::parse(text), None, "{text}");
        }
    }

    #[test]
    fn clients_have_addresses_of_their_own_as_long_as_there_are_some() {
        let sources = Sources::parse("127.1.0.0/16").unwrap();
        let addresses: BTreeSet<[u8; 4]> = (0..20_000).map(|number| sources.address(number)).collect();
        assert_eq!(addresses.len(), 20_000);
        assert!(addresses.iter().all(|address| address[..2] == [127, 1]));
        assert_eq!(sources.address(0), [127, 1, 0, 1]);
        assert_eq!(sources.address(65_533), [127, 1, 255, 254]);
        assert_eq!(sources.address(65_534), sources.address(0));
        assert_eq!(Sources::parse("127.0.0.9/32").unwrap().address(7), [127, 0, 0, 9]);
    }

    #[test]
    fn a_rate_of_bytes_has_a_unit() {
        let bytes = |text| ByteRate::parse(text).map(ByteRate::bytes_per_second);
        assert_eq!(
            (bytes("200B/s"), bytes("2 kB/s"), bytes("3MB/s")),
            (Some(200), Some(2_000), Some(3_000_000))
        );
        for text in ["200", "0B/s", "2kB", "2kb/s", "-1B/s", "2000MB/s"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
