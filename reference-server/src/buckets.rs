//! Token buckets: who sends faster than the rate is refused, and told when the next token comes.
//!
//! A bucket is one instant, the one at which it will be full again (the generic cell rate algorithm, ITU-T I.371; "virtual
//! scheduling"): a request is let in when that lies less than the whole burst ahead, and moves it by the time of one token. A
//! bucket that is full again is as one that never was, so it is forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::Kind;
use crate::class::Class;
use crate::config;
use crate::token::Identity;

/// Keys that are always kept, so that few senders cost no sweeping.
const KEPT: usize = 1_024;

/// The buckets of a server.
#[derive(Debug)]
pub(crate) struct Buckets {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    account: Option<Keyed<Arc<str>>>,
    software: Option<Keyed<Box<str>>>,
    address: Option<Keyed<IpAddr>>,
}

impl Buckets {
    pub(crate) fn new(config: &config::Buckets) -> Buckets {
        let state = State {
            account: config.account.as_ref().map(Keyed::new),
            software: config.software.as_ref().map(Keyed::new),
            address: config.address.as_ref().map(Keyed::new),
        };
        Buckets { state: Mutex::new(state) }
    }

    /// Takes a token from every bucket that this request belongs to, or none.
    ///
    /// # Errors
    /// When one of them is empty: how long until it has a token.
    pub(crate) fn take(
        &self,
        class: Class,
        address: IpAddr,
        account: Option<&Identity>,
    ) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { account: by_account, software: by_software, address: by_address } = &mut *state;
        let software =
            account.filter(|account| account.kind == Kind::Software).map(|account| software(&account.client));
        let (account, network) = (account.map(|account| Arc::clone(&account.client)), network(address));
        let now = Instant::now();
        let waits = [
            by_account.as_ref().zip(account.as_ref()).map(|(bucket, key)| bucket.wait(class, key, now)),
            by_software.as_ref().zip(software).map(|(bucket, key)| bucket.wait(class, key, now)),
            by_address.as_ref().map(|bucket| bucket.wait(class, &network, now)),
        ];
        if let Some(longest) = waits.into_iter().flatten().max()
            && !longest.is_zero()
        {
            return Err(longest);
        }
        if let Some((bucket, key)) = by_account.as_mut().zip(account) {
            bucket.take(class, key, now);
        }
        if let Some((bucket, key)) = by_software.as_mut().zip(software) {
            bucket.take(class, key.into(), now);
        }
        if let Some(bucket) = by_address {
            bucket.take(class, network, now);
        }
        Ok(())
    }

    /// Keys in memory, by what they are.
    pub(crate) fn keys(&self) -> [(&'static str, Option<usize>); 3] {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        [
            ("account", state.account.as_ref().map(Keyed::len)),
            ("software", state.software.as_ref().map(Keyed::len)),
            ("address", state.address.as_ref().map(Keyed::len)),
        ]
    }
}

/// The software of an account `sw-NAME-…`: `sw-NAME`.
fn software(client: &str) -> &str {
    match client.rsplit_once('-') {
        Some((software, _)) if software != "sw" => software,
        _ => client,
    }
}

/// What counts as one address: of IPv6 the network of 64 bits, which one customer has for himself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Buckets of one kind.
#[derive(Debug)]
struct Keyed<K> {
    /// Time of one token.
    token: Duration,
    /// Time in which an empty bucket becomes full.
    burst: Duration,
    classes: [bool; Class::ALL.len()],
    /// When the bucket of each key will be full again.
    full_at: HashMap<K, Instant>,
    /// Keys at which those that are full again are looked for: twice as many as were left the last time, so that a request
    /// pays for a few of them.
    sweep_at: usize,
}

impl<K: Eq + Hash> Keyed<K> {
    fn new(config: &config::Bucket) -> Self {
        // Slower than a token in a century is never.
        let token = Duration::try_from_secs_f64(1.0 / config.rate.get()).unwrap_or(Duration::MAX);
        let token = token.min(Duration::from_secs(100 * 365 * 86_400) / config.burst);
        Keyed {
            token,
            burst: token * config.burst,
            classes: Class::ALL.map(|class| config.classes.is_empty() || config.classes.contains(&class)),
            full_at: HashMap::new(),
            sweep_at: KEPT,
        }
    }

    /// How long until there is a token; zero: there is one.
    fn wait<Q: Eq + Hash + ?Sized>(&self, class: Class, key: &Q, now: Instant) -> Duration
    where
        K: std::borrow::Borrow<Q>,
    {
        let full_at = self.full_at.get(key).filter(|_| self.classes[class.index()]);
        let ahead = full_at.map_or(Duration::ZERO, |full_at| full_at.saturating_duration_since(now));
        (ahead + self.token).saturating_sub(self.burst)
    }

    fn take(&mut self, class: Class, key: K, now: Instant) {
        if !self.classes[class.index()] {
            return;
        }
        let full_at = self.full_at.entry(key).or_insert(now);
        *full_at = now.max(*full_at) + self.token;
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = (2 * self.full_at.len()).max(KEPT);
        }
    }

    fn len(&self) -> usize {
        self.full_at.len()
    }
}

#[cfg(test)]
mod tests;
