//! The answer of a waiting room: a page that is static but for the place and the time, made without a slot and without the store.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::language::Language;
use crate::pages::waiting;

/// The page for somebody at this place, for about so long; `None`: every place is taken. It comes back by itself after
/// `poll`, and tells programs so too.
pub(super) fn answer(
    language: Language,
    place: Option<(usize, Duration)>,
    poll: Duration,
    cookie: Option<HeaderValue>,
) -> Response {
    let mut response = waiting::room(language, place).into_response();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let seconds = HeaderValue::from(poll.as_secs() + u64::from(poll.subsec_nanos() > 0));
    let headers = response.headers_mut();
    // As a header it works as it does in the page. Nobody can be given more time: the place is void when nobody asks again
    // (WCAG 2.2.1, the exception for what happens in real time).
    headers.insert(header::REFRESH, seconds.clone());
    headers.insert(header::RETRY_AFTER, seconds);
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
