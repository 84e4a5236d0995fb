//! Where load may go: this machine, and nowhere else without consent (CONTRACT.md, "Consent of a target").
//!
//! The decision is made on the text of the target, before anything is looked up or connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::Uri;

/// A system under test that may be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The addresses to try, in order. Always of this machine.
    pub(super) addresses: Vec<SocketAddr>,
    /// It is spoken to over TLS.
    pub(super) tls: bool,
    /// Value of the `Host` header.
    pub(super) authority: String,
    /// What stands before the path of every request, without a slash at its end.
    pub(super) base: String,
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
         Give a loopback address (127.0.0.1, [::1], localhost)"
    )]
    Elsewhere {
        /// As given.
        url: String,
    },
}

impl Target {
    /// Reads a target's URL: `http://` or `https://`, a literal loopback address or `localhost`, a port, and perhaps a path.
    ///
    /// # Errors
    /// It is no such URL, or another machine.
    pub fn parse(url: &str) -> Result<Self, Refused> {
        let unusable = |problem: &str| Refused::Unusable { url: url.to_owned(), problem: problem.to_owned() };
        let uri: Uri = url.trim().parse().map_err(|error| unusable(&format!("no URL: {error}")))?;
        let authority = uri.authority().ok_or_else(|| unusable("it names no host"))?;
        // Before anything else: whatever else is wrong with it, another machine is refused as such.
        let ips = loopback(authority.host()).ok_or_else(|| Refused::Elsewhere { url: url.to_owned() })?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(unusable(&format!("{other}:// is not offered"))),
            None => return Err(unusable("it does not say http:// or https://")),
        };
        if authority.as_str().contains('@') {
            return Err(unusable("a user name in it would be ignored"));
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        if uri.query().is_some() {
            return Err(unusable("a query belongs to a step's path"));
        }
        Ok(Self {
            addresses: ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
            tls,
            authority: authority.as_str().to_owned(),
            base: uri.path().trim_end_matches('/').to_owned(),
        })
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
