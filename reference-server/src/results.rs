//! Results: taking them in, showing them to their sender, answering for receipts.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::accounts::Kind;
use crate::app::App;
use crate::bearer::Bearer;
use crate::certificate::Form;
use crate::class::Class;
use crate::entry::{Entry, Record, fold};
use crate::intake::{self, Rejected};
use crate::link::Link;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::store::{Fingerprint, NewMessage, NewResult, Saved, StoredResult};
use crate::token::{Identity, Scope};
use crate::{birth, body, certificate, receipt, service};

/// Longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// `POST /v1/results`.
pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Write)?;
    let key = idempotency_key(&headers)?;
    let body = body::receive(&app.config.limits, &headers, "application/json", body).await?;
    let class = match (intake::is_batch(&body), sender.kind) {
        (true, _) => Class::Lab,
        (false, Kind::Person) => Class::Validate,
        (false, Kind::Software | Kind::Lab) => Class::Software,
    };
    let work = Arc::clone(&app);
    let work = async move { store(&work, &sender, key.as_deref(), body).await.into_response() };
    Ok(service::in_slot(&app, class, work).await)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let hint = format!("1 to {LONGEST_KEY} visible ASCII characters");
            Err(Refusal::problem("Idempotency-Key", "cannot be used", &hint))
        }
    }
}

/// Checks and stores what was handed in, and says what became of each entry, in its order.
async fn store(app: &App, sender: &Identity, key: Option<&str>, body: Bytes) -> Result<Response, Refusal> {
    let now = Moment::now();
    let intake = intake::read(&body, app.config.limits.batch, now).map_err(Refusal::Problems)?;
    let mut answers: Vec<Option<Value>> = Vec::with_capacity(intake.entries.len());
    let mut results = Vec::with_capacity(intake.entries.len());
    let mut problems = Vec::new();
    for (place, entry) in intake.entries.into_iter().enumerate() {
        match entry {
            Ok(entry) => {
                let mut result = prepare(app, Arc::clone(&sender.client), &entry, now)?;
                result.idempotency = key.map(|key| Fingerprint::idempotency(&sender.client, key, place));
                results.push(result);
                answers.push(None);
            }
            Err(Rejected { reference, problems: found }) => {
                answers.push(Some(json!({ "ref": reference, "state": "rejected", "problems": &found })));
                problems.extend(found);
            }
        }
    }
    if results.is_empty() {
        return Err(Refusal::Problems(problems));
    }
    let mut saved = app.store.save_results(results).await?.into_iter();
    let filled = answers
        .into_iter()
        .filter_map(|answer| answer.or_else(|| saved.next().map(|saved| stored(app, &saved))));
    let results: Vec<Value> = filled.collect();
    Ok((StatusCode::CREATED, Json(json!({ "results": results }))).into_response())
}

fn stored(app: &App, saved: &Saved) -> Value {
    json!({
        "ref": saved.reference,
        "receipt": receipt::receipt(&app.keys.secret, saved.id),
        "result_id": receipt::id_text(saved.id),
        "state": "stored",
    })
}

/// What the store needs of a checked entry: with a new link, and a message that carries it.
fn prepare(app: &App, sender: Arc<str>, entry: &Entry, now: Moment) -> Result<NewResult, Refusal> {
    let link = Link::draw(now).map_err(|_| Refusal::Broken)?;
    let message = NewMessage { to: entry.record.patient.mobile.clone(), link: link.as_str().to_owned() };
    new_result(app, sender, entry, &link, Some(message), now).ok_or(Refusal::Broken)
}

/// A result with a given link, as the store takes it.
pub(crate) fn new_result(
    app: &App,
    sender: Arc<str>,
    entry: &Entry,
    link: &Link,
    message: Option<NewMessage>,
    received: Moment,
) -> Option<NewResult> {
    let key = link.key();
    Some(NewResult {
        sender,
        reference: entry.reference.clone(),
        sample: entry.sample.clone(),
        idempotency: None,
        name: fold(&entry.record.patient.family_name),
        birth: birth::hash(&app.keys.secret, key, &entry.record.patient.birth_date),
        link: key,
        body: serde_json::to_vec(&entry.record).ok()?,
        received,
        message,
    })
}

/// `GET /v1/results/{id}`.
pub(crate) async fn view(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Read)?;
    let work = Arc::clone(&app);
    let work = async move {
        let shown = own(&work, &sender, &id).await.map(|(result, record)| {
            Json(json!({
                "result_id": receipt::id_text(result.id),
                "ref": result.reference,
                "sample": result.sample,
                "received_at": rfc3339(result.received),
                "patient": record.patient,
                "test": record.test,
            }))
        });
        private(shown.into_response())
    };
    Ok(service::in_slot(&app, Class::View, work).await)
}

/// `GET /v1/results/{id}/certificate.txt`.
pub(crate) async fn print(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Read)?;
    let work = Arc::clone(&app);
    let work = async move {
        let printed = match own(&work, &sender, &id).await {
            Ok((result, record)) => certificate::answer(&work, Form::Text, &result, &record).await,
            Err(refusal) => Err(refusal),
        };
        private(printed.into_response())
    };
    Ok(service::in_slot(&app, Class::Print, work).await)
}

/// A result of this sender's. One of somebody else's is not there.
async fn own(app: &App, sender: &Identity, id: &str) -> Result<(StoredResult, Record), Refusal> {
    let id = receipt::id_of(id).ok_or(Refusal::NotFound)?;
    let found = app.store.result(id).await?.filter(|result| *result.sender == *sender.client);
    let result = found.ok_or(Refusal::NotFound)?;
    let record = serde_json::from_slice(&result.body).map_err(|_| Refusal::Broken)?;
    Ok((result, record))
}

/// `GET /v1/receipts/{receipt}`: outside the slots, since whoever audits a server must not be its load.
pub(crate) async fn answer_for(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = receipt::id_of_receipt(&app.keys.secret, &text).ok_or(Refusal::NotFound)?;
    let result = app.store.result(id).await?.ok_or(Refusal::NotFound)?;
    let copies = app.store.copies(&result.sender, &result.sample).await?;
    Ok(Json(json!({ "state": "stored", "result_id": receipt::id_text(id), "copies": copies })))
}

/// Nothing on the way may keep a copy.
pub(crate) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// A moment in RFC 3339, UTC.
pub(crate) fn rfc3339(moment: Moment) -> String {
    chrono::DateTime::from_timestamp_millis(moment.millis())
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .unwrap_or_default()
}

/// `GET /v1/certificates/signer.pem`: what a verifier of certificates trusts.
pub(crate) async fn signer(State(app): State<Arc<App>>) -> Response {
    let media_type = header::HeaderValue::from_static("application/x-pem-file");
    ([(header::CONTENT_TYPE, media_type)], app.keys.signer.pem().to_owned()).into_response()
}
