//! The professionals' portal around an entry: the form, the search for a patient, the saved draft.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Operation, Who};
use crate::app::App;
use crate::bearer::Bearer;
use crate::caller::Caller;
use crate::class::Class;
use crate::entry::{Record, fold};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::results::private;
use crate::token::{Identity, Scope};
use crate::{body, intake, pages, receipt, service};

/// Patients that a search shows at most.
const SHOWN: u32 = 20;

/// Fewest letters of a name to search for.
const LETTERS: usize = 2;

/// `GET /pro/entry`.
pub(crate) async fn form(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Write)?;
    Ok(service::in_slot(&app, Class::Form, caller.with(&sender), async { pages::entry_form() }).await)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    name: String,
}

/// `GET /pro/patients?name=`: patients of this account's own results.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    Query(Search { name }): Query<Search>,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Read)?;
    let prefix = fold(&name);
    if prefix.chars().count() < LETTERS {
        let hint = format!("write the first letters of the family name, at least {LETTERS}");
        return Err(Refusal::problem("name", "is too short", &hint));
    }
    let (work, caller) = (Arc::clone(&app), caller.with(&sender));
    let work = async move { private(found(&work, &sender, prefix).await.into_response()) };
    Ok(service::in_slot(&app, Class::Search, caller, work).await)
}

async fn found(app: &App, sender: &Identity, prefix: String) -> Result<Json<Value>, Refusal> {
    let results = app.store.search(Arc::clone(&sender.client), prefix, SHOWN).await?;
    let ids: Vec<_> = results.iter().map(|result| result.id).collect();
    app.access.record(Who::Account(&sender.client), Operation::Search, &ids);
    let mut patients = Vec::with_capacity(results.len());
    for result in results {
        let record: Record = serde_json::from_slice(&result.body).map_err(|_| Refusal::Broken)?;
        patients.push(json!({ "result_id": receipt::id_text(result.id), "patient": record.patient }));
    }
    Ok(Json(json!({ "patients": patients })))
}

/// `POST /pro/drafts`.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let sender = bearer.allowed(Scope::Write)?;
    let body = body::receive(&app.config.limits, &headers, "application/json", body).await?;
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
