//! Why a request was refused, and how that is answered.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::class::Class;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::token::Scope;

/// A request that was refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 400: what was sent is wrong.
    Problems(Vec<Problem>),
    /// 401: no token, or one that is not good.
    Unauthorized,
    /// 403: the token is good, but not for this.
    Forbidden(Scope),
    /// 403: the form was not made for this session.
    ForeignForm,
    /// 404: there is no such thing, or it is somebody else's.
    NotFound,
    /// 404: an indeterminate result certifies nothing.
    NoCertificate,
    /// 408: the body took too long.
    TooSlow,
    /// 413: the body is too large; its limit in bytes.
    TooLarge(usize),
    /// 415: not a media type that is understood here; the one that is.
    MediaType(&'static str),
    /// 421: the listener of a lane, which does not serve this class.
    WrongListener(Class),
    /// 429: faster than agreed; when to come back.
    TooFast(Duration),
    /// 503: no slot and no waiting place, or too late; when to come back.
    Busy(Duration),
    /// 503: the store did not do it; what was sent is not acknowledged.
    Store(StoreError),
    /// 500: the server made a mistake.
    Broken,
}

impl Refusal {
    /// One thing wrong.
    pub(crate) fn problem(path: &str, problem: &str, hint: &str) -> Refusal {
        Refusal::Problems(vec![Problem {
            path: path.to_owned(),
            problem: problem.to_owned(),
            hint: hint.to_owned(),
        }])
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Store(error)
    }
}

impl Refusal {
    /// Its status, and what is said in one sentence.
    pub(crate) fn said(&self) -> (StatusCode, String) {
        match self {
            Refusal::Problems(_) => (StatusCode::BAD_REQUEST, "what was sent is wrong".to_owned()),
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "a good bearer token is needed".to_owned()),
            Refusal::Forbidden(scope) => {
                (StatusCode::FORBIDDEN, format!("the token has not the scope {}", scope.name()))
            }
            Refusal::ForeignForm => {
                (StatusCode::FORBIDDEN, "the form was not made for this session".to_owned())
            }
            Refusal::NotFound => (StatusCode::NOT_FOUND, "there is no such thing".to_owned()),
            Refusal::NoCertificate => {
                (StatusCode::NOT_FOUND, "an indeterminate result has no certificate".to_owned())
            }
            Refusal::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()),
            Refusal::TooLarge(limit) => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
            }
            Refusal::MediaType(expected) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the content type must be {expected}"))
            }
            Refusal::WrongListener(class) => {
                (StatusCode::MISDIRECTED_REQUEST, format!("this listener does not serve {class}"))
            }
            Refusal::TooFast(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "more requests than agreed: come back later".to_owned())
            }
            Refusal::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "the server is busy".to_owned()),
            Refusal::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Refusal::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "the server made a mistake".to_owned()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = self.said();
        let said = match &self {
            Refusal::Problems(problems) => json!({ "problems": problems }),
            _ => json!({ "error": error }),
        };
        let mut response = (status, Json(said)).into_response();
        let headers = response.headers_mut();
        match self {
            Refusal::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Refusal::Busy(retry_after) | Refusal::TooFast(retry_after) => {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}
