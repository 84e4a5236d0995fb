//! Where load may go: this machine, and nowhere else without consent (CONTRACT.md, "Consent of a target").
//!
//! The decision is made on the text of the target, before anything is looked up or connected to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::Uri;
use tokio::time::Instant;

use super::ceiling::Ceiling;
use super::consent::{self, Consent, Reply};
use super::tls::{Tls, Trust};
use crate::scenario::Network;

/// How a name becomes addresses: `(host, port)`. A parameter, so that tests need no network.
pub type Lookup<'a> = &'a dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// The system's own look-up.
///
/// # Errors
/// The name has no address, or nobody knows it.
pub fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (host.trim_start_matches('[').trim_end_matches(']'), port).to_socket_addrs().map(Iterator::collect)
}

/// A system under test that may be loaded.
#[derive(Debug, Clone)]
pub struct Target {
    /// The addresses to try, in order: of this machine, or those that have consented. No other is ever connected to; a name
    /// is looked up once.
    pub(super) addresses: Vec<SocketAddr>,
    /// It is spoken to over TLS.
    pub(super) tls: bool,
    /// Value of the `Host` header.
    pub(super) authority: String,
    /// What stands before the path of every request, without a slash at its end.
    pub(super) base: String,
    /// Of a target that is not this machine.
    consent: Option<Arc<Consent>>,
}

/// Why a target is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL that this tool can use.
    #[error("target {url:?}: {problem} (write it as http://127.0.0.1:8080)")]
    Unusable {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It is another machine.
    #[error(
        "target {url:?} is not this machine, and load goes only where it is wanted: \
         nothing was sent to it and its name was not looked up. \
         Give a loopback address (127.0.0.1, [::1], localhost), or --consent TOKEN where the target says at \
         /.well-known/peakday.json that it agrees"
    )]
    Elsewhere {
        /// As given.
        url: String,
    },
    /// It was asked, and does not consent.
    #[error(
        "target {url:?} does not consent to be loaded, and nothing but that question was sent to it: {problem}"
    )]
    NoConsent {
        /// As given.
        url: String,
        /// What it said, or that it did not answer.
        problem: String,
    },
}

/// How often a consent is asked for again.
const EVERY: Duration = Duration::from_secs(60);
/// A target that gives no answer for so long has withdrawn its consent: two questions in a row may be lost in a server that
/// is as busy as it was wished to be.
const SILENCE: Duration = Duration::from_secs(180);

impl Target {
    /// Reads a target's URL: `http://` or `https://`, a literal loopback address or `localhost`, a port, and perhaps a path.
    ///
    /// # Errors
    /// It is no such URL, or another machine.
    pub fn parse(url: &str) -> Result<Self, Refused> {
        let (host, port, target) = Self::read(url)?;
        // Before anything else: whatever else is wrong with it, another machine is refused as such.
        let ips = loopback(&host).ok_or_else(|| Refused::Elsewhere { url: url.to_owned() })?;
        let target = target.map_err(|problem| Refused::Unusable { url: url.to_owned(), problem })?;
        Ok(Self { addresses: ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(), ..target })
    }

    /// The same of another machine that consents to be loaded by who has this token. The name is looked up once, every
    /// address is asked, each has to consent, and no other is connected to later. Over TLS each has to show a certificate
    /// for the name, below `ca` (PEM) where that is given, else below what this system trusts. This machine is not asked.
    /// Blocks for some seconds at most for each address.
    ///
    /// # Errors
    /// It is no such URL, `ca` is no certificate, or an address does not consent.
    pub fn consenting(
        url: &str,
        token: &str,
        ca: Option<&str>,
        look_up: Lookup<'_>,
    ) -> Result<Self, Refused> {
        let (host, port, target) = Self::read(url)?;
        if loopback(&host).is_some() {
            return Self::parse(url);
        }
        let target = target.map_err(|problem| Refused::Unusable { url: url.to_owned(), problem })?;
        let trust = ca.map_or(Trust::System, |pem| Trust::These(pem.to_owned()));
        let tls = target.tls.then(|| Tls::new(&trust, target.host(), &Network::default())).transpose();
        let tls = tls.map_err(|problem| Refused::Unusable { url: url.to_owned(), problem })?;
        let no = |problem: String| Refused::NoConsent { url: url.to_owned(), problem };
        let addresses =
            look_up(&host, port).map_err(|error| no(format!("{host} has no address: {error}")))?;
        let target = Self { addresses, ..target };
        match target.ask(token, tls.as_ref()) {
            Reply::Granted(terms) => {
                let consent = Consent {
                    token: token.to_owned(),
                    tls,
                    ceiling: Ceiling::new(terms.max_rate_per_s),
                    withdrawn: OnceLock::new(),
                    every: EVERY,
                    silence: SILENCE,
                };
                Ok(Self { consent: Some(Arc::new(consent)), ..target })
            }
            Reply::Refused(why) | Reply::Silent(why) => Err(no(why)),
        }
    }

    /// A consent that is asked for again so often (a minute, unless this says otherwise), and is over after so long without
    /// an answer (three minutes). Nothing changes for this machine.
    #[must_use]
    pub fn asked_every(self, every: Duration, silence: Duration) -> Self {
        let consent = self.consent.map(|consent| {
            let ceiling = Ceiling::new(consent.ceiling.per_second());
            let (token, tls, withdrawn) = (consent.token.clone(), consent.tls.clone(), OnceLock::new());
            Arc::new(Consent { token, tls, ceiling, withdrawn, every, silence })
        });
        Self { consent, ..self }
    }

    /// Host and port of a URL, and the rest of it as a target without addresses, or what is wrong with it.
    fn read(url: &str) -> Result<(String, u16, Result<Self, String>), Refused> {
        let unusable = |problem: String| Refused::Unusable { url: url.to_owned(), problem };
        let uri: Uri = url.trim().parse().map_err(|error| unusable(format!("no URL: {error}")))?;
        let authority = uri.authority().ok_or_else(|| unusable("it names no host".to_owned()))?;
        let tls = uri.scheme_str() == Some("https");
        let problem = match uri.scheme_str() {
            Some("http" | "https") if authority.as_str().contains('@') => {
                Some("a user name in it would be ignored".to_owned())
            }
            Some("http" | "https") if uri.query().is_some() => {
                Some("a query belongs to a step's path".to_owned())
            }
            Some("http" | "https") => None,
            Some(other) => Some(format!("{other}:// is not offered")),
            None => Some("it does not say http:// or https://".to_owned()),
        };
        let target = Self {
            addresses: Vec::new(),
            tls,
            authority: authority.as_str().to_owned(),
            base: uri.path().trim_end_matches('/').to_owned(),
            consent: None,
        };
        let (host, port) =
            (authority.host().to_owned(), authority.port_u16().unwrap_or(if tls { 443 } else { 80 }));
        Ok((host, port, problem.map_or(Ok(target), Err)))
    }

    /// Asks every address for its consent.
    pub(super) fn ask(&self, token: &str, tls: Option<&Tls>) -> Reply {
        // Under the ceiling too, once there is one.
        let wait = || {
            if let Some(consent) = &self.consent {
                let now = Instant::now();
                std::thread::sleep(consent.ceiling.reserve(now).duration_since(now));
            }
        };
        consent::ask(&self.addresses, &self.authority, tls, token, wait)
    }

    /// The consent; `None` for this machine.
    pub(super) fn consent(&self) -> Option<&Arc<Consent>> {
        self.consent.as_ref()
    }

    /// When one more request may be sent; `None`: at once.
    pub(super) fn reserve(&self) -> Option<Instant> {
        self.consent.as_ref().map(|consent| consent.ceiling.reserve(Instant::now()))
    }

    /// Waits until one more request may be sent.
    pub(super) async fn pass(&self) {
        if let Some(at) = self.reserve() {
            tokio::time::sleep_until(at).await;
        }
    }

    /// How long so many requests take at least.
    pub(super) fn time_for(&self, requests: usize) -> Duration {
        let consent = self.consent.as_ref();
        consent.map_or(Duration::ZERO, |consent| consent.ceiling.time_for(requests))
    }

    /// Why the target no longer consents.
    pub(super) fn withdrawn(&self) -> Option<&str> {
        self.consent.as_ref()?.withdrawn.get().map(String::as_str)
    }

    /// The target as a URL.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority, self.base)
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The host, without the port.
    pub(super) fn host(&self) -> &str {
        let port = self.authority.rfind(':').filter(|at| !self.authority[*at..].contains(']'));
        &self.authority[..port.unwrap_or(self.authority.len())]
    }
}

/// The addresses of a host that is literally this machine. `localhost` is not looked up: it is this machine by
/// RFC 6761, section 6.3.
fn loopback(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let ip: IpAddr = literal.parse().ok()?;
    // An IPv4 address written as IPv6 is where its packets go.
    let ip = ip.to_canonical();
    ip.is_loopback().then(|| vec![ip])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_may_be_loaded_under_all_its_names() {
        for (url, first, base) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("http://127.9.8.7:1/", "127.9.8.7:1", ""),
            ("http://[::1]:80/api/", "[::1]:80", "/api"),
            ("http://LocalHost", "127.0.0.1:80", ""),
            ("http://[::ffff:127.0.0.1]:80", "127.0.0.1:80", ""),
            ("https://127.0.0.1/a/", "127.0.0.1:443", "/a"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(
                (target.addresses[0].to_string().as_str(), target.base.as_str()),
                (first, base),
                "{url}"
            );
        }
    }

    #[test]
    fn the_host_of_a_target_is_what_its_certificate_is_for() {
        for (url, host) in [
            ("https://127.0.0.1:8443", "127.0.0.1"),
            ("https://localhost", "localhost"),
            ("https://[::1]:1", "[::1]"),
            ("https://[::1]", "[::1]"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host(), target.scheme(), target.url().as_str()), (host, "https", url));
        }
    }

    #[test]
    fn another_machine_is_refused_by_its_text_alone() {
        for url in [
            "http://example.org",
            "http://192.0.2.1:80",
            "http://localhost.example.org",
            "http://[::ffff:192.0.2.1]/",
            "http://0.0.0.0:80",
            "http://127.1:80",
            "http://2130706433/",
        ] {
            assert!(matches!(Target::parse(url), Err(Refused::Elsewhere { .. })), "{url}");
        }
    }

    #[test]
    fn what_is_no_usable_url_is_refused_with_the_right_form() {
        for url in
            ["", "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://a@127.0.0.1", "http://127.0.0.1/?a=1"]
        {
            let error = Target::parse(url).unwrap_err();
            assert!(matches!(error, Refused::Unusable { .. }), "{url}");
            assert!(error.to_string().contains("http://127.0.0.1:8080"), "{error}");
        }
    }
}
