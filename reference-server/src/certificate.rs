//! The certificate of a result: issued once, when it is first asked for, and the same text ever after.

mod code;
mod document;
mod picture;

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use quick_cache::sync::Cache;

use crate::app::App;
use crate::dcc;
use crate::entry::{Outcome, Record, TestKind};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::store::StoredResult;

/// Texts that are kept in memory, of some 600 bytes each.
const CACHED: usize = 16_384;

/// Certificates that were asked for lately. Whoever asks for one that is being issued waits for it.
#[derive(Debug)]
pub(crate) struct Certificates(Cache<i64, Arc<str>>);

impl Default for Certificates {
    fn default() -> Self {
        Certificates(Cache::new(CACHED))
    }
}

impl Certificates {
    /// Forgets those of results that have been erased.
    pub(crate) fn forget(&self, results: &[i64]) {
        for id in results {
            self.0.remove(id);
        }
    }
}

/// In which form a certificate is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The `HC1:` text.
    Text,
    /// Its code as PNG.
    Picture,
    /// A page for people as PDF.
    Document,
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Form::Text => "text/plain; charset=utf-8",
            Form::Picture => "image/png",
            Form::Document => "application/pdf",
        }
    }
}

/// The certificate of a result as an answer.
pub(crate) async fn answer(
    app: &App,
    form: Form,
    result: &StoredResult,
    record: &Record,
) -> Result<Response, Refusal> {
    let text = text(app, result, record).await?;
    let body = match form {
        Form::Text => Some(format!("{text}\n").into_bytes()),
        Form::Picture => code::code(&text).and_then(|code| picture::png(&code)),
        Form::Document => {
            let uvci = dcc::uvci(&app.keys.secret, result.id);
            code::code(&text).and_then(|code| document::pdf(record, &uvci, &code))
        }
    };
    let body = body.ok_or(Refusal::Broken)?;
    let media_type = HeaderValue::from_static(form.media_type());
    Ok(([(header::CONTENT_TYPE, media_type)], body).into_response())
}

/// The text of a result's certificate. It is on disk before it is returned, so that there is never a second one.
async fn text(app: &App, result: &StoredResult, record: &Record) -> Result<Arc<str>, Refusal> {
    let id = result.id;
    let place = match app.certificates.0.get_value_or_guard_async(&id).await {
        Ok(text) => return Ok(text),
        Err(place) => place,
    };
    let text = match app.store.certificate(id).await? {
        Some(text) => text,
        None => app.store.keep_certificate(id, issue(app, result, record)?).await?,
    };
    let text = Arc::from(text);
    // It fails when the entry was dropped meanwhile; then the next one reads it from the store.
    let _ = place.insert(Arc::clone(&text));
    Ok(text)
}

fn issue(app: &App, result: &StoredResult, record: &Record) -> Result<String, Refusal> {
    let uvci = dcc::uvci(&app.keys.secret, result.id);
    let payload = dcc::payload(record, &result.sender, uvci).ok_or(Refusal::NoCertificate)?;
    dcc::seal(&app.keys.document, &app.keys.signer, &payload, Moment::now()).ok_or(Refusal::Broken)
}

/// The kind of a test in French.
pub(crate) fn kind(kind: TestKind) -> &'static str {
    match kind {
        TestKind::Antigen => "test antigénique",
        TestKind::Pcr => "test RT-PCR",
    }
}

/// A result in French.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Negative => "négatif",
        Outcome::Positive => "positif",
        Outcome::Indeterminate => "indéterminé",
    }
}
