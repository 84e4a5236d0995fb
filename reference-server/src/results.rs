//! Results: taking them in, showing them to their sender, answering for receipts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::access::{Operation, Who};
use crate::accounts::Kind;
use crate::app::App;
use crate::bearer::Bearer;
use crate::body::Sent;
use crate::caller::Caller;
use crate::certificate::Form;
use crate::class::Class;
use crate::entry::{Entry, Outcome, Record, fold};
use crate::format::Format;
use crate::intake::{self, Rejected};
use crate::link::Link;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::refusal::Refusal;
use crate::store::{Fingerprint, NewMessage, NewResult, Saved, StoredResult};
use crate::token::{Identity, Scope};
use crate::{acceptance, birth, certificate, fhir, hl7, outbox, receipt, service};

/// Longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// `POST /v1/results`.
pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    sent: Sent,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Write)?;
    let format = Format::of(&sent.headers)?;
    let key = match idempotency_key(&sent.headers) {
        Ok(key) => key,
        Err(refusal) => return Ok(format.refuse(refusal)),
    };
    let body = match sent.read(&app, format.media_type()).await {
        Ok(body) => body,
        Err(refusal) => return Ok(format.refuse(refusal)),
    };
    let class = match (format.is_batch(&body), sender.kind) {
        (true, _) => Class::Lab,
        (false, Kind::Person) => Class::Validate,
        (false, Kind::Software | Kind::Lab | Kind::Statistics) => Class::Software,
    };
    let work = Arc::clone(&app);
    let caller = caller.with(&sender);
    if app.intake.is_some() && format == Format::Json {
        let work = async move {
            let Some(intake) = &work.intake else { return Refusal::Broken.into_response() };
            acceptance::accept(&work, intake, &sender, key, body).await.into_response()
        };
        return Ok(service::accepting(&app, class, caller, work).await);
    }
    let work = async move {
        let key = key.as_deref();
        match format {
            Format::Json => store(&work, &sender, key, body).await.into_response(),
            Format::Hl7 => hl7::answer(&work, &sender, key, body).await.into_response(),
            Format::Fhir => fhir::answer(&work, &sender, key, body).await,
        }
    };
    Ok(service::in_slot(&app, class, caller, work).await)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key)
            if (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(key.to_owned()))
        }
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
    let saved = save(app, sender, key, intake.entries, now).await?;
    if saved.iter().all(Result::is_err) {
        let problems = saved.into_iter().filter_map(Result::err).flat_map(|rejected| rejected.problems);
        return Err(Refusal::Problems(problems.collect()));
    }
    let results = saved.iter().map(|became| Became::of(app, became)).collect();
    Ok((StatusCode::CREATED, Json(Answer { results })).into_response())
}

/// What became of the entries that were handed in.
#[derive(Serialize)]
struct Answer<'a> {
    results: Vec<Became<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Became<'a> {
    Stored {
        receipt: String,
        #[serde(rename = "ref")]
        reference: &'a str,
        result_id: String,
        state: &'static str,
    },
    Rejected {
        problems: &'a [Problem],
        #[serde(rename = "ref")]
        reference: Option<&'a str>,
        state: &'static str,
    },
}

impl<'a> Became<'a> {
    fn of(app: &App, became: &'a Result<Saved, Rejected>) -> Became<'a> {
        match became {
            Ok(saved) => Became::Stored {
                receipt: receipt::receipt(&app.keys.secret, saved.id),
                reference: &saved.reference,
                result_id: receipt::id_text(saved.id),
                state: "stored",
            },
            Err(Rejected { reference, problems }) => {
                Became::Rejected { problems, reference: reference.as_deref(), state: "rejected" }
            }
        }
    }
}

/// Stores the good ones of some entries, whatever format they came in, and returns what became of each, in their order.
///
/// # Errors
/// When the store did not do it: none of them is acknowledged then.
pub(crate) async fn save(
    app: &App,
    sender: &Identity,
    key: Option<&str>,
    entries: Vec<Result<Entry, Rejected>>,
    now: Moment,
) -> Result<Vec<Result<Saved, Rejected>>, Refusal> {
    let mut fresh = Vec::with_capacity(entries.len());
    let mut became = Vec::with_capacity(entries.len());
    for (place, entry) in entries.into_iter().enumerate() {
        match entry {
            Ok(entry) => {
                let mut result = prepare(app, Arc::clone(&sender.client), &entry, now)?;
                result.idempotency = key.map(|key| Fingerprint::idempotency(&sender.client, key, place));
                fresh.push(result);
                became.push(None);
            }
            Err(rejected) => became.push(Some(rejected)),
        }
    }
    let saved = if fresh.is_empty() { Vec::new() } else { app.store.save_results(fresh).await? };
    if let Some(waiting) = app.certificates.waiting() {
        waiting.add(saved.iter().filter(|saved| saved.fresh).map(|saved| saved.id));
    }
    let ids: Vec<_> = saved.iter().map(|saved| saved.id).collect();
    if !ids.is_empty() {
        app.access.record(Who::Account(&sender.client), Operation::Enter, &ids);
    }
    let mut saved = saved.into_iter();
    let fill = |rejected: Option<Rejected>| match rejected {
        Some(rejected) => Ok(Err(rejected)),
        None => saved.next().map(Ok).ok_or(Refusal::Broken),
    };
    became.into_iter().map(fill).collect()
}

/// What the store needs of a checked entry: with a new link, and a message that carries it.
fn prepare(app: &App, sender: Arc<str>, entry: &Entry, now: Moment) -> Result<NewResult, Refusal> {
    let link = Link::draw(now).map_err(|_| Refusal::Broken)?;
    let message = NewMessage {
        to: entry.record.patient.mobile.clone(),
        link: link.as_str().to_owned(),
        due: outbox::due(&link, now, app.config.outbox.jitter),
    };
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
        positive: entry.record.test.result == Outcome::Positive,
        received,
        message,
    })
}

/// `GET /v1/results/{id}`.
pub(crate) async fn view(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Read)?;
    let caller = caller.with(&sender);
    let work = Arc::clone(&app);
    let work = async move {
        let shown = own(&work, &sender, Operation::View, &id).await.map(|(result, record)| {
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
    Ok(service::in_slot(&app, Class::View, caller, work).await)
}

/// `GET /v1/results/{id}/certificate.txt`.
pub(crate) async fn print(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Read)?;
    let caller = caller.with(&sender);
    let work = Arc::clone(&app);
    let work = async move {
        let printed = match own(&work, &sender, Operation::Print, &id).await {
            Ok((result, record)) => certificate::answer(&work, Form::Text, &result, &record).await,
            Err(refusal) => Err(refusal),
        };
        private(printed.into_response())
    };
    Ok(service::in_slot(&app, Class::Print, caller, work).await)
}

/// A result of this sender's. One of somebody else's is not there, but that it was asked for is recorded.
pub(crate) async fn own(
    app: &App,
    sender: &Identity,
    operation: Operation,
    id: &str,
) -> Result<(StoredResult, Record), Refusal> {
    let id = receipt::id_of(id).ok_or(Refusal::NotFound)?;
    let result = app.store.result(id).await?.ok_or(Refusal::NotFound)?;
    if *result.sender != *sender.client {
        app.access.refused(Who::Account(&sender.client), operation, id);
        return Err(Refusal::NotFound);
    }
    let record = serde_json::from_slice(&result.body).map_err(|_| Refusal::Broken)?;
    app.access.record(Who::Account(&sender.client), operation, &[id]);
    Ok((result, record))
}

/// `GET /v1/receipts/{receipt}`: outside the slots, since whoever audits a server must not be its load.
pub(crate) async fn answer_for(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = receipt::id_of_receipt(&app.keys.secret, &text).ok_or(Refusal::NotFound)?;
    let state = match stored_state(&app, id).await? {
        Some(state) => Some(state),
        None => acceptance::answer_for(&app, id).await?,
    };
    state.map(Json).ok_or(Refusal::NotFound)
}

/// What a receipt says of a stored result; `None`: there is none with this id.
pub(crate) async fn stored_state(app: &App, id: i64) -> Result<Option<Value>, Refusal> {
    let Some(result) = app.store.result(id).await? else { return Ok(None) };
    let copies = app.store.copies(&result.sender, &result.sample).await?;
    Ok(Some(json!({ "state": "stored", "result_id": receipt::id_text(id), "copies": copies })))
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
