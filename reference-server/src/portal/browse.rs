//! What a professional looks up in the browser: patients by name, a result, and its certificate to be printed at the counter.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::session::Professional;
use crate::access::Operation;
use crate::app::App;
use crate::caller::Caller;
use crate::class::Class;
use crate::entry::Record;
use crate::language::Language;
use crate::pages::portal as pages;
use crate::refusal::Refusal;
use crate::token::{Identity, Scope};
use crate::{certificate, receipt, results, service};

/// The page of a search: with what was found if a name is given.
pub(super) async fn search(
    app: Arc<App>,
    person: Professional,
    caller: Caller,
    language: Language,
    name: Option<String>,
) -> Result<Response, Refusal> {
    let sender = person.allowed(Scope::Read)?;
    let caller = caller.with(&sender);
    let Some(name) = name else {
        let page = async move { pages::search(language, person.signed_in(), "", None).into_response() };
        return Ok(service::in_slot(&app, Class::Form, caller, page).await);
    };
    let Some(prefix) = super::prefix(&name) else {
        return Ok(pages::search_refused(language, person.signed_in(), &name).into_response());
    };
    let work = Arc::clone(&app);
    let work = async move {
        match found(&work, &sender, prefix).await {
            Ok(found) => pages::search(language, person.signed_in(), &name, Some(&found)).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    };
    Ok(service::in_slot(&app, Class::Search, caller, work).await)
}

async fn found(app: &App, sender: &Identity, prefix: String) -> Result<Vec<(String, Record)>, Refusal> {
    let results = super::patients(app, sender, prefix).await?;
    Ok(results.into_iter().map(|(id, record)| (receipt::id_text(id), record)).collect())
}

#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    /// Whether it was recorded just now.
    recorded: Option<String>,
}

/// `GET /pro/results/{id}`.
pub(crate) async fn result(
    State(app): State<Arc<App>>,
    person: Professional,
    caller: Caller,
    language: Language,
    Path(id): Path<String>,
    Query(Shown { recorded }): Query<Shown>,
) -> Result<Response, Refusal> {
    let sender = person.allowed(Scope::Read)?;
    let caller = caller.with(&sender);
    let work = Arc::clone(&app);
    let work = async move {
        match results::own(&work, &sender, Operation::View, &id).await {
            Ok((result, record)) => {
                let id = receipt::id_text(result.id);
                pages::result(language, person.signed_in(), &id, &record, recorded.is_some()).into_response()
            }
            Err(refusal) => refusal.into_response(),
        }
    };
    Ok(service::in_slot(&app, Class::View, caller, work).await)
}

/// `GET /pro/results/{id}/print`.
pub(crate) async fn print(
    State(app): State<Arc<App>>,
    person: Professional,
    caller: Caller,
    language: Language,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let sender = person.allowed(Scope::Read)?;
    let caller = caller.with(&sender);
    let work = Arc::clone(&app);
    let work = async move {
        let printed = async {
            let (result, record) = results::own(&work, &sender, Operation::Print, &id).await?;
            let printed = certificate::printed(&work, &result, &record).await?;
            Ok::<_, Refusal>(pages::print(language, person.signed_in(), &record, &printed))
        };
        printed.await.into_response()
    };
    Ok(service::in_slot(&app, Class::Print, caller, work).await)
}
