//! The form of an entry: shown, sent back with what is wrong, saved as a draft, stored.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::session::{Professional, Visitor};
use super::typed::Typed;
use crate::access::{Operation, Who};
use crate::app::App;
use crate::body::Sent;
use crate::caller::Caller;
use crate::class::Class;
use crate::language::Language;
use crate::moment::Moment;
use crate::pages::entry::{Because, form};
use crate::pages::{Wrong, see_other};
use crate::refusal::Refusal;
use crate::token::{Identity, Scope};
use crate::{receipt, results, service};

/// What the form begins with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Begin {
    /// A draft.
    draft: Option<String>,
    /// The patient of this earlier result.
    patient: Option<String>,
}

/// `GET /pro/entry`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    caller: Caller,
    language: Language,
    Query(begin): Query<Begin>,
) -> Result<Response, Refusal> {
    let (sender, signed_in) = match visitor {
        Visitor::Program(bearer) => (bearer.allowed(Scope::Write)?, None),
        Visitor::Person(person) => (person.allowed(Scope::Write)?, Some(person.signed_in())),
    };
    let (work, caller) = (Arc::clone(&app), caller.with(&sender));
    let work = async move {
        let because = if begin.draft.is_some() { Because::Saved } else { Because::Asked };
        match begun(&work, &sender, begin).await {
            Ok(typed) => form(language, signed_in, &typed, &[], because).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    };
    Ok(service::in_slot(&app, Class::Form, caller, work).await)
}

async fn begun(app: &App, sender: &Identity, begin: Begin) -> Result<Typed, Refusal> {
    let fresh = Typed::fresh(Moment::now()).ok_or(Refusal::Broken)?;
    if let Some(draft) = begin.draft {
        let id = receipt::id_of(&draft).ok_or(Refusal::NotFound)?;
        let found = app.store.draft(id).await?.filter(|draft| *draft.sender == *sender.client);
        let draft = found.ok_or(Refusal::NotFound)?;
        app.access.record(Who::Account(&sender.client), Operation::Draft, &[id]);
        let patient = serde_json::from_slice(&draft.body).map_err(|_| Refusal::Broken)?;
        return Ok(fresh.with_draft(&patient));
    }
    match begin.patient {
        Some(id) => Ok(fresh.with_patient(&results::own(app, sender, Operation::View, &id).await?.1.patient)),
        None => Ok(fresh),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pressed {
    csrf: String,
    action: String,
}

/// `POST /pro/entry`: `action=save` saves the patient as a draft, anything else validates the entry.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    person: Professional,
    caller: Caller,
    language: Language,
    sent: Sent,
) -> Result<Response, Refusal> {
    let sender = person.allowed(Scope::Write)?;
    let body = sent.form(&app).await?;
    let not_a_form = |_| Refusal::problem("", "is not a form", "");
    let pressed: Pressed = serde_urlencoded::from_bytes(&body).map_err(not_a_form)?;
    let typed: Typed = serde_urlencoded::from_bytes(&body).map_err(not_a_form)?;
    person.own_form(&pressed.csrf)?;
    let class = if pressed.action == "save" { Class::Save } else { Class::Validate };
    let (work, caller) = (Arc::clone(&app), caller.with(&sender));
    let work = async move {
        let stored = match class {
            Class::Save => save(&work, &sender, &typed).await,
            _ => validate(&work, &sender, &typed).await,
        };
        match stored {
            Ok(place) => see_other(&place),
            Err(Failure::Typed(wrong)) => {
                let page = form(language, Some(person.signed_in()), &typed, &wrong, Because::Asked);
                let mut response = page.into_response();
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                response
            }
            Err(Failure::Refused(refusal)) => refusal.into_response(),
        }
    };
    Ok(service::in_slot(&app, class, caller, work).await)
}

/// Why nothing was stored.
enum Failure {
    /// For what was typed.
    Typed(Vec<Wrong>),
    /// For another reason.
    Refused(Refusal),
}

impl<R: Into<Refusal>> From<R> for Failure {
    fn from(refusal: R) -> Self {
        Failure::Refused(refusal.into())
    }
}

async fn save(app: &App, sender: &Identity, typed: &Typed) -> Result<String, Failure> {
    let now = Moment::now();
    let draft = typed.draft(now).map_err(Failure::Typed)?;
    let id = app.store.save_draft(Arc::clone(&sender.client), draft, now).await?;
    app.access.record(Who::Account(&sender.client), Operation::Draft, &[id]);
    Ok(format!("/pro/entry?draft={}", receipt::id_text(id)))
}

async fn validate(app: &App, sender: &Identity, typed: &Typed) -> Result<String, Failure> {
    let now = Moment::now();
    let entry = typed.entry(now).map_err(Failure::Typed)?;
    let saved = results::save(app, sender, None, vec![Ok(entry)], now).await?;
    let saved = saved.into_iter().next().and_then(Result::ok).ok_or(Refusal::Broken)?;
    Ok(format!("/pro/results/{}?recorded", receipt::id_text(saved.id)))
}
