//! A patient's link: the page behind it, the birth date, the result, the certificate.
//!
//! Whether a link exists, is locked or leads to a result cannot be told from the answers without the birth date: an
//! unknown link shows the same page, is refused in the same way after the same work, and is locked after as many
//! failures.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use crate::access::{Operation, Who};
use crate::app::App;
use crate::body::Sent;
use crate::caller::Caller;
use crate::certificate::Form;
use crate::class::Class;
use crate::entry::Record;
use crate::language::Language;
use crate::link::{Link, LinkKey};
use crate::moment::Moment;
use crate::pages::{joined, patient as pages, protected};
use crate::refusal::Refusal;
use crate::store::{Attempt, StoredResult};
use crate::{birth, certificate, service, session, validate};

/// What stands for a text that is no link: the key of none.
const NO_LINK: LinkKey = LinkKey([0; 20]);

fn key_of(link: &str) -> LinkKey {
    Link::parse(link).map_or(NO_LINK, |link| link.key())
}

/// `GET /p/{link}`.
pub(crate) async fn landing(State(app): State<Arc<App>>, caller: Caller, language: Language) -> Response {
    let work = Arc::clone(&app);
    let page = async move { pages::question(language, &work.config.patients).into_response() };
    service::in_slot(&app, Class::Landing, caller, page).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DateForm {
    /// In one piece, as programs send it.
    birth_date: String,
    day: String,
    month: String,
    year: String,
}

impl DateForm {
    fn date(&self) -> String {
        if self.birth_date.is_empty() {
            joined(&self.day, &self.month, &self.year)
        } else {
            self.birth_date.clone()
        }
    }
}

/// `POST /p/{link}`.
pub(crate) async fn birth_date(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(link): Path<String>,
    language: Language,
    sent: Sent,
) -> Result<Response, Refusal> {
    let form = sent.form(&app).await?;
    let work = Arc::clone(&app);
    let work = async move { judged(&work, &link, language, form).await.into_response() };
    Ok(service::in_slot(&app, Class::BirthDate, caller, work).await)
}

async fn judged(app: &App, link: &str, language: Language, form: Bytes) -> Result<Response, Refusal> {
    let form = serde_urlencoded::from_bytes::<DateForm>(&form).unwrap_or_default();
    let (key, now, rules) = (key_of(link), Moment::now(), &app.config.patients);
    // What cannot be anybody's birth date is no attempt, whatever the link.
    let Ok(date) = validate::birth_date(&form.date(), now) else {
        return Ok(pages::no_date(language, rules, [&form.day, &form.month, &form.year]));
    };
    let birth = birth::hash(&app.keys.secret, key, &date);
    match app.store.try_birth_date(key, birth, now, app.lockout()).await? {
        Attempt::Right(id) => {
            app.access.record(Who::Patient, Operation::Open, &[id]);
            let secure = app.public_url.starts_with("https://");
            let lifetime = app.config.patients.session;
            let cookie = session::set_cookie(&app.keys.secret, key, now, lifetime, secure);
            let mut response = pages::opened(language, rules, link).into_response();
            let cookie = HeaderValue::try_from(cookie).map_err(|_| Refusal::Broken)?;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Attempt::Wrong => Ok(pages::refused(language, rules)),
        Attempt::Locked => Ok(pages::locked(language, rules)),
    }
}

/// `GET /p/{link}/result`.
pub(crate) async fn result(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(link): Path<String>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    let work = Arc::clone(&app);
    let work = async move {
        match behind(&work, Operation::Result, &link, &headers).await {
            Ok(Some((_, record))) => pages::result(language, &link, &record).into_response(),
            Ok(None) => pages::closed(language, &work.config.patients, &link),
            Err(refusal) => refusal.into_response(),
        }
    };
    service::in_slot(&app, Class::Result, caller, work).await
}

/// `GET /p/{link}/certificate.txt`.
pub(crate) async fn certificate_text(
    app: State<Arc<App>>,
    caller: Caller,
    link: Path<String>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    certificate_as(Form::Text, app, caller, link, language, headers).await
}

/// `GET /p/{link}/certificate.png`.
pub(crate) async fn certificate_picture(
    app: State<Arc<App>>,
    caller: Caller,
    link: Path<String>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    certificate_as(Form::Picture, app, caller, link, language, headers).await
}

/// `GET /p/{link}/certificate.pdf`.
pub(crate) async fn certificate_document(
    app: State<Arc<App>>,
    caller: Caller,
    link: Path<String>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    certificate_as(Form::Document, app, caller, link, language, headers).await
}

async fn certificate_as(
    form: Form,
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(link): Path<String>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    let work = Arc::clone(&app);
    let work = async move {
        match behind(&work, Operation::Certificate, &link, &headers).await {
            Ok(Some((result, record))) => match certificate::answer(&work, form, &result, &record).await {
                Ok(answer) => protected(answer),
                Err(Refusal::NoCertificate) => {
                    with_status(StatusCode::NOT_FOUND, pages::no_certificate(language, &link).into_response())
                }
                Err(refusal) => refusal.into_response(),
            },
            Ok(None) => pages::closed(language, &work.config.patients, &link),
            Err(refusal) => refusal.into_response(),
        }
    };
    service::in_slot(&app, Class::Certificate, caller, work).await
}

/// The result behind a link, for whoever has a session of it.
async fn behind(
    app: &App,
    operation: Operation,
    link: &str,
    headers: &HeaderMap,
) -> Result<Option<(StoredResult, Record)>, Refusal> {
    let key = key_of(link);
    if !session::open(&app.keys.secret, key, headers, Moment::now()) {
        return Ok(None);
    }
    let Some(result) = app.store.result_by_link(key).await? else { return Ok(None) };
    let record = serde_json::from_slice(&result.body).map_err(|_| Refusal::Broken)?;
    app.access.record(Who::Patient, operation, &[result.id]);
    Ok(Some((result, record)))
}

fn with_status(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response
}
