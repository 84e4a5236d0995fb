//! The consent of a target that is not this machine: what it says, and asking for it (CONTRACT: `/.well-known/peakday.json`).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ceiling::Ceiling;
use super::tls::Tls;
use crate::record::digest;

/// Where a target says it.
pub(super) const PATH: &str = "/.well-known/peakday.json";
/// The longest wait for a connection, and for the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A lower rate than this, per second, allows nothing that could be called a run.
const LEAST: f64 = 0.01;
/// No consent is longer.
const LONGEST: usize = 64 << 10;

/// A consent that was given, and what has become of it.
#[derive(Debug)]
pub(super) struct Consent {
    /// The token that was shown.
    pub(super) token: String,
    /// How it is asked over TLS.
    pub(super) tls: Option<Tls>,
    pub(super) ceiling: Ceiling,
    /// Why it is over, once it is.
    pub(super) withdrawn: OnceLock<String>,
    /// How often it is asked for again.
    pub(super) every: Duration,
    /// A target that gives no answer for so long has withdrawn it.
    pub(super) silence: Duration,
}

/// What a consent allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms {
    /// Requests per second, above 0.
    pub(super) max_rate_per_s: f64,
    pub(super) until: DateTime<Utc>,
}

/// What a target answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Granted(Terms),
    /// It says no, or something that is no consent.
    Refused(String),
    /// It says nothing, or that it cannot answer now.
    Silent(String),
}

#[derive(Debug, Deserialize, Serialize)]
struct Document {
    allow: bool,
    max_rate_per_s: f64,
    until: String,
    token_sha256: String,
}

/// Asks each of the addresses, over TLS where that is said; granted only when each grants, and then what all allow.
pub(super) fn ask(
    addresses: &[SocketAddr],
    authority: &str,
    tls: Option<&Tls>,
    token: &str,
    before: impl Fn(),
) -> Reply {
    let mut terms: Option<Terms> = None;
    let mut silent = None;
    for address in addresses {
        before();
        let reply = match fetch(*address, authority, tls) {
            Ok((200, body)) => judge(&body, token, Utc::now()),
            Ok((status @ (408 | 429 | 500..=599), _)) => Reply::Silent(format!("answers {status}")),
            Ok((status, _)) => Reply::Refused(format!("answers {status}")),
            Err(error) => Reply::Silent(error.to_string()),
        };
        match reply {
            Reply::Refused(why) => return Reply::Refused(format!("{address}{PATH}: {why}")),
            Reply::Silent(why) => silent = Some(format!("{address}{PATH}: {why}")),
            Reply::Granted(new) => {
                terms = Some(terms.map_or(new, |old| Terms {
                    max_rate_per_s: old.max_rate_per_s.min(new.max_rate_per_s),
                    until: old.until.min(new.until),
                }));
            }
        }
    }
    match (silent, terms) {
        (Some(why), _) => Reply::Silent(why),
        (None, Some(terms)) => Reply::Granted(terms),
        (None, None) => Reply::Silent("the name has no address".to_owned()),
    }
}

/// The text of a consent to whoever has this token.
pub(super) fn document(token: &str, terms: Terms) -> String {
    let until = terms.until.to_rfc3339();
    let document =
        Document { allow: true, max_rate_per_s: terms.max_rate_per_s, until, token_sha256: digest(token) };
    serde_json::json!(document).to_string()
}

/// What the text of a consent means to who shows this token now.
pub(super) fn judge(text: &str, token: &str, now: DateTime<Utc>) -> Reply {
    let refused = |why: &str| Reply::Refused(why.to_owned());
    let Ok(document) = serde_json::from_str::<Document>(text) else {
        return refused("is no consent (allow, max_rate_per_s, until, token_sha256)");
    };
    let Ok(until) = DateTime::parse_from_rfc3339(&document.until) else {
        return Reply::Refused(format!("until = {:?} is no time (RFC 3339)", document.until));
    };
    let (until, rate) = (until.to_utc(), document.max_rate_per_s);
    if !document.allow {
        refused("says allow = false")
    } else if !document.token_sha256.eq_ignore_ascii_case(&digest(token)) {
        refused("the token is not the one that it names (token_sha256)")
    } else if until <= now {
        Reply::Refused(format!("the consent ended at {until}"))
    } else if !(LEAST..f64::MAX).contains(&rate) {
        Reply::Refused(format!("max_rate_per_s = {rate} allows nothing"))
    } else {
        Reply::Granted(Terms { max_rate_per_s: rate, until })
    }
}

/// Status and body. HTTP/1.0, so that the answer ends with the connection; a redirect is an answer like any other.
fn fetch(address: SocketAddr, authority: &str, tls: Option<&Tls>) -> io::Result<(u16, String)> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let answer = match tls {
        Some(tls) => question(tls.blocking(stream)?, authority)?,
        None => question(stream, authority)?,
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP"))?;
    Ok((status, body.to_owned()))
}

/// Asks, and reads until the other side closes.
fn question(mut stream: impl Read + Write, authority: &str) -> io::Result<String> {
    let agent = concat!("peakday/", env!("CARGO_PKG_VERSION"));
    write!(
        stream,
        "GET {PATH} HTTP/1.0\r\nHost: {authority}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    )?;
    stream.flush()?;
    let begun = Instant::now();
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    while answer.len() < LONGEST {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Some servers end TLS without a word. What is cut off is no consent: it is no JSON.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
        if begun.elapsed() > PATIENCE {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    String::from_utf8(answer).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(allow: bool, until: &str, rate: &str, token: &str) -> String {
        let hash = digest(token);
        format!(r#"{{"allow":{allow},"max_rate_per_s":{rate},"until":"{until}","token_sha256":"{hash}"}}"#)
    }

    #[test]
    fn a_consent_is_one_for_who_has_the_token_until_its_time() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let until = "2026-12-24T00:00:00Z";
        let granted = judge(&document(true, until, "5000", "secret"), "secret", now);
        assert_eq!(granted, Reply::Granted(Terms { max_rate_per_s: 5000.0, until: until.parse().unwrap() }));
        for (text, why) in [
            (document(false, until, "5000", "secret"), "allow = false"),
            (document(true, until, "5000", "other"), "token"),
            (document(true, "2026-11-30T00:00:00Z", "5000", "secret"), "ended"),
            (document(true, "tomorrow", "5000", "secret"), "no time"),
            (document(true, until, "0", "secret"), "allows nothing"),
            ("<html>".to_owned(), "no consent"),
        ] {
            let Reply::Refused(said) = judge(&text, "secret", now) else { panic!("{text}") };
            assert!(said.contains(why), "{said}");
        }
    }
}
