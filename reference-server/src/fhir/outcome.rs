//! What is wrong, as an OperationOutcome.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::MEDIA_TYPE;
use crate::problem::Problem;
use crate::refusal::Refusal;

/// One issue a problem.
pub(crate) fn outcome(problems: &[Problem]) -> Value {
    let issue = |problem: &Problem| {
        let mut issue = json!({
            "severity": "error", "code": code(problem), "diagnostics": problem.to_string(),
        });
        if !problem.path.is_empty() {
            issue["expression"] = json!([problem.path]);
        }
        issue
    };
    json!({ "resourceType": "OperationOutcome", "issue": problems.iter().map(issue).collect::<Vec<_>>() })
}

/// That nothing is wrong, and what there is to know.
pub(crate) fn note(text: &str) -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational", "diagnostics": text }],
    })
}

/// The code of a problem in the value set `issue-type`.
fn code(problem: &Problem) -> &'static str {
    match &*problem.problem {
        what if what.ends_with("is missing") || what == "has no result" => "required",
        what if what.starts_with("is not JSON") || what == "has the wrong type" => "structure",
        what if what.ends_with("taken here") => "not-supported",
        what if what.starts_with("refers to nothing") => "not-found",
        "is there more than once" => "duplicate",
        _ => "value",
    }
}

/// A refusal with the same status and headers as in any other format, and an OperationOutcome for its body.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    let body = match &refusal {
        Refusal::Problems(problems) => outcome(problems),
        other => {
            let (status, text) = other.said();
            let code = match status {
                StatusCode::PAYLOAD_TOO_LARGE => "too-long",
                StatusCode::REQUEST_TIMEOUT => "timeout",
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "throttled",
                status if status.is_server_error() => "exception",
                _ => "processing",
            };
            let issue = json!({ "severity": "error", "code": code, "diagnostics": text });
            json!({ "resourceType": "OperationOutcome", "issue": [issue] })
        }
    };
    let (mut parts, _) = refusal.into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Response::from_parts(parts, Body::from(body.to_string()))
}
