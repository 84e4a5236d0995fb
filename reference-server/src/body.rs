//! Reads the body of a request within its limits of size and time.
//!
//! The body is read before a slot is asked for: a slow sender keeps its connection waiting, not a slot, and the work can
//! go on without the client.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::app::App;
use crate::config::Limits;
use crate::refusal::Refusal;

/// What a browser's form is sent as.
const FORM: &str = "application/x-www-form-urlencoded";

/// What was sent with a request, of which nothing has been read but its headers: whoever is not let in sends in vain.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) headers: HeaderMap,
    body: Body,
}

impl Sent {
    /// The whole body, which must be a form.
    pub(crate) async fn form(self, app: &App) -> Result<Bytes, Refusal> {
        self.read(app, FORM).await
    }

    /// The whole body, which must be of this media type.
    pub(crate) async fn read(self, app: &App, media_type: &'static str) -> Result<Bytes, Refusal> {
        receive(&app.config.limits, &self.headers, media_type, self.body).await
    }
}

impl FromRequest<Arc<App>> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        Ok(Sent { headers: parts.headers, body })
    }
}

async fn receive(
    limits: &Limits,
    headers: &HeaderMap,
    media_type: &'static str,
    body: Body,
) -> Result<Bytes, Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(Refusal::MediaType(media_type));
    }
    let collected = tokio::time::timeout(limits.body_time, Limited::new(body, limits.body).collect()).await;
    match collected {
        Err(_) => Err(Refusal::TooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(limits.body)),
        // The connection broke; nobody reads the answer.
        Ok(Err(error)) => Err(Refusal::problem("", &format!("the body broke off: {error}"), "")),
    }
}
