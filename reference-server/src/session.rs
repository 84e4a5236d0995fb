//! A patient's session: a signed cookie, good for one link and a short time.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

use crate::cookie;
use crate::keys::Secret;
use crate::link::LinkKey;
use crate::moment::Moment;

const NAME: &str = "session";
const PURPOSE: &str = "session";

/// The `Set-Cookie` value that opens a session; `secure` for a server that is reached over TLS.
pub(crate) fn set_cookie(
    secret: &Secret,
    link: LinkKey,
    now: Moment,
    lifetime: Duration,
    secure: bool,
) -> String {
    let end = now.after(lifetime).millis().to_be_bytes();
    let mac = secret.mac(PURPOSE, &[&end, &link.0]);
    let value = URL_SAFE_NO_PAD.encode([&end[..], &mac].concat());
    let secure = if secure { "; Secure" } else { "" };
    let seconds = lifetime.as_secs();
    format!("{NAME}={value}; Path=/p/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether a request has a session of this link.
pub(crate) fn open(secret: &Secret, link: LinkKey, headers: &HeaderMap, now: Moment) -> bool {
    cookie::values(headers, NAME).any(|value| good(secret, link, value, now))
}

fn good(secret: &Secret, link: LinkKey, value: &str, now: Moment) -> bool {
    let Some(bytes) = URL_SAFE_NO_PAD.decode(value).ok().filter(|bytes| bytes.len() == 40) else {
        return false;
    };
    let mut end = [0; 8];
    end.copy_from_slice(&bytes[..8]);
    secret.matches(PURPOSE, &[&end, &link.0], &bytes[8..]) && i64::from_be_bytes(end) > now.millis()
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::keys::Keys;

    #[test]
    fn a_session_is_good_for_its_link_and_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Keys::open(folder.path()).unwrap().secret;
        let (link, now) = (LinkKey([1; 20]), Moment::from_millis(1_000));
        let set = set_cookie(&secret, link, now, Duration::from_secs(60), false);
        let value = set.split(';').next().unwrap();
        let headers = |cookie: &str| HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]);
        assert!(open(&secret, link, &headers(&format!("a=b; {value}")), now));
        assert!(!open(&secret, LinkKey([2; 20]), &headers(value), now));
        assert!(!open(&secret, link, &headers(value), now.after(Duration::from_secs(60))));
        assert!(!open(&secret, link, &headers("session="), now));
        assert!(!open(&secret, link, &headers(&value[..value.len() - 2]), now));
        assert!(!open(&secret, link, &HeaderMap::new(), now));
        assert!(set_cookie(&secret, link, now, Duration::from_secs(60), true).ends_with("; Secure"));
    }
}
