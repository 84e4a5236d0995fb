//! What all requests have in common: an id, a count by status, a line in the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::config::Level;
use crate::log::Value;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request, under an id.
pub(crate) async fn answered(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (id, started) = (app.log.request(), Instant::now());
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let status = response.status();
    app.metrics.answered(status);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let level = level(status);
    if app.log.heeds(level) {
        let values = [
            ("request", Value::Request(id)),
            ("method", Value::Text(method)),
            ("route", Value::Route(route)),
            ("status", Value::Number(status.as_u16().into())),
            ("seconds", Value::Duration(started.elapsed())),
        ];
        app.log.write(level, "request", &values);
    }
    response
}

/// A failure of the server is an error; that it is busy is told by the metrics.
fn level(status: StatusCode) -> Level {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Level::Debug,
        status if status.is_server_error() => Level::Error,
        _ => Level::Debug,
    }
}

/// The method, if it is one of those that have a name in HTTP: a client may write anything there.
fn known(method: &Method) -> &'static str {
    const NAMES: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "PATCH", "TRACE"];
    NAMES.into_iter().find(|name| method.as_str() == *name).unwrap_or("another")
}
