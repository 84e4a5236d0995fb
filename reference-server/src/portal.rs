//! The professionals' portal around an entry: the form, the search for a patient, the saved draft. Programs get data,
//! people who have signed in get pages.

mod browse;
mod entry;
mod paris;
mod session;
mod sign_in;
mod typed;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::entry::show;
use self::session::Visitor;
pub(crate) use self::typed::Typed;
use crate::access::{Operation, Who};
use crate::app::App;
use crate::bearer::Bearer;
use crate::body::Sent;
use crate::caller::Caller;
use crate::class::Class;
use crate::entry::{Record, fold, is_letter};
use crate::language::Language;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::results::private;
use crate::token::{Identity, Scope};
use crate::{intake, issuer, receipt, service, start};

/// Pages for people in a browser, beside those that programs ask for too, which are with `routes`.
pub(crate) fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(start::start))
        .route("/demo/messages", get(start::messages))
        .route("/pro", get(sign_in::home))
        .route("/pro/sign-in", get(sign_in::invite))
        .route("/pro/sign-in/begin", get(sign_in::sign_in))
        .route("/pro/callback", get(sign_in::callback))
        .route("/pro/sign-out", post(sign_in::sign_out))
        .route("/pro/entry", post(entry::submit))
        .route("/pro/results/{id}", get(browse::result))
        .route("/pro/results/{id}/print", get(browse::print))
        .route("/oidc/authorize", get(issuer::ask).post(issuer::let_in))
        .route("/style.css", get(crate::pages::style))
}

/// Patients that a search shows at most.
const SHOWN: u32 = 20;

/// Fewest letters of a name to search for.
const LETTERS: usize = 2;

#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    name: Option<String>,
}

/// `GET /pro/patients?name=`: patients of this account's own results.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    caller: Caller,
    language: Language,
    Query(Search { name }): Query<Search>,
) -> Result<Response, Refusal> {
    let bearer = match visitor {
        Visitor::Person(person) => return browse::search(app, person, caller, language, name).await,
        Visitor::Program(bearer) => bearer,
    };
    let sender = bearer.allowed(Scope::Read)?;
    let prefix = prefix(&name.unwrap_or_default()).ok_or_else(|| {
        let hint = format!("write the first letters of the family name, at least {LETTERS}");
        Refusal::problem("name", "is too short", &hint)
    })?;
    let (work, caller) = (Arc::clone(&app), caller.with(&sender));
    let work = async move { private(found(&work, &sender, prefix).await.into_response()) };
    Ok(service::in_slot(&app, Class::Search, caller, work).await)
}

/// What a name is searched by; `None`: it is too short. No name has digits, so that they are not counted.
fn prefix(name: &str) -> Option<String> {
    let letters = name.chars().filter(|letter| is_letter(*letter)).count();
    (letters >= LETTERS).then(|| fold(name))
}

async fn found(app: &App, sender: &Identity, prefix: String) -> Result<Json<Value>, Refusal> {
    let patients = patients(app, sender, prefix).await?;
    let line = |(id, record): &(i64, Record)| json!({ "result_id": receipt::id_text(*id), "patient": record.patient });
    Ok(Json(json!({ "patients": patients.iter().map(line).collect::<Vec<_>>() })))
}

async fn patients(app: &App, sender: &Identity, prefix: String) -> Result<Vec<(i64, Record)>, Refusal> {
    let results = app.store.search(Arc::clone(&sender.client), prefix, SHOWN).await?;
    let ids: Vec<_> = results.iter().map(|result| result.id).collect();
    app.access.record(Who::Account(&sender.client), Operation::Search, &ids);
    let record = |body: &[u8]| serde_json::from_slice(body).map_err(|_| Refusal::Broken);
    results.into_iter().map(|result| Ok((result.id, record(&result.body)?))).collect()
}

/// `POST /pro/drafts`.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    sent: Sent,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Write)?;
    let body = sent.read(&app, "application/json").await?;
    let (work, caller) = (Arc::clone(&app), caller.with(&sender));
    let work = async move { saved(&work, &sender, body).await.into_response() };
    Ok(service::in_slot(&app, Class::Save, caller, work).await)
}

async fn saved(app: &App, sender: &Identity, body: Bytes) -> Result<(StatusCode, Json<Value>), Refusal> {
    let now = Moment::now();
    let patient = intake::read_draft(&body, now).map_err(Refusal::Problems)?;
    let draft = serde_json::to_vec(&patient).map_err(|_| Refusal::Broken)?;
    let id = app.store.save_draft(Arc::clone(&sender.client), draft, now).await?;
    app.access.record(Who::Account(&sender.client), Operation::Draft, &[id]);
    Ok((StatusCode::CREATED, Json(json!({ "draft": receipt::id_text(id) }))))
}
