//! The SMS gateway: `POST {gateway}/messages`, over a few connections that are kept open.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::moment::Moment;

/// Answers are read up to this size, so that a connection can be used again; what is in them does not matter.
const ANSWER: usize = 65_536;

/// A gateway that takes messages.
#[derive(Debug)]
pub(crate) struct Gateway {
    host: String,
    port: u16,
    path: String,
    timeout: Duration,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The gateway cannot be reached, answers nothing in time, fails or is busy: other messages would fare no better. With
    /// how long it asks to be left alone.
    Unreachable(Option<Duration>),
    /// The gateway does not want this message.
    Refused(StatusCode),
}

/// What a gateway answered: its status, and its `Retry-After`.
type Answered = (StatusCode, Option<Duration>);

impl Gateway {
    /// A gateway by its URL, `http://HOST[:PORT][/PATH]`.
    pub(crate) fn parse(url: &str, timeout: Duration) -> Result<Gateway, String> {
        let hint = "write it as http://127.0.0.1:9000";
        let uri: Uri = url.parse().map_err(|error| format!("{error}; {hint}"))?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() {
            return Err(format!("only http:// without a query is spoken; {hint}"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| format!("no host; {hint}"))?;
        Ok(Gateway {
            // An IPv6 address stands in brackets in a URL and without them in a socket address.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path: format!("{}/messages", uri.path().trim_end_matches('/')),
            timeout,
            idle: Mutex::default(),
        })
    }

    /// Hands one message over. By `key` the gateway knows one that it has taken already.
    pub(crate) async fn send(&self, message: Bytes, key: &str) -> Result<(), NotTaken> {
        let answer = tokio::time::timeout(self.timeout, self.exchange(message, key)).await;
        match answer {
            Ok(Ok((status, _))) if status.is_success() => Ok(()),
            Ok(Ok((StatusCode::TOO_MANY_REQUESTS, wait))) => Err(NotTaken::Unreachable(wait)),
            Ok(Ok((status, _))) if status.is_client_error() => Err(NotTaken::Refused(status)),
            Ok(Ok((_, wait))) => Err(NotTaken::Unreachable(wait)),
            _ => Err(NotTaken::Unreachable(None)),
        }
    }

    async fn exchange(
        &self,
        message: Bytes,
        key: &str,
    ) -> Result<Answered, Box<dyn std::error::Error + Send + Sync>> {
        // A kept connection may have been closed by the other side: then a new one gets its chance.
        while let Some(mut connection) = self.kept() {
            if connection.ready().await.is_ok() {
                return self.ask(connection, message, key).await;
            }
        }
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        self.ask(connection, message, key).await
    }

    async fn ask(
        &self,
        mut connection: SendRequest<Full<Bytes>>,
        message: Bytes,
        key: &str,
    ) -> Result<Answered, Box<dyn std::error::Error + Send + Sync>> {
        let request = Request::post(&self.path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Full::new(message))?;
        let response = connection.send_request(request).await?;
        let answered = (response.status(), retry_after(response.headers(), Moment::now()));
        Limited::new(response.into_body(), ANSWER).collect().await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answered)
    }

    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Moment) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(Moment::from_millis(date.timestamp_millis()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = Moment::from_millis(784_111_770_000);
        let of = |text: &str| {
            retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]), now)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn a_gateway_is_named_by_an_http_url() {
        let parse = |url| Gateway::parse(url, Duration::from_secs(1));
        let gateway = parse("http://127.0.0.1:9000").unwrap();
        assert_eq!(
            (gateway.host.as_str(), gateway.port, gateway.path.as_str()),
            ("127.0.0.1", 9000, "/messages")
        );
        let gateway = parse("http://[::1]/sms/").unwrap();
        assert_eq!(
            (gateway.host.as_str(), gateway.port, gateway.path.as_str()),
            ("::1", 80, "/sms/messages")
        );
        for wrong in ["", "127.0.0.1:9000", "https://x", "http://x/?a=b", "ftp://x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
