//! Cookies as a request carries them (RFC 6265).

use axum::http::{HeaderMap, header};

/// The values of every cookie with this name, in their order.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers: HeaderMap = ["a=1; session=x", "sessions=2;session=y=z"]
            .into_iter()
            .map(|line| (header::COOKIE, line.parse().unwrap()))
            .collect();
        assert_eq!(values(&headers, "session").collect::<Vec<_>>(), ["x", "y=z"]);
        assert_eq!(values(&headers, "missing").next(), None);
    }
}
