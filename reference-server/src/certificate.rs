//! The certificate of a result: issued once, when it is first asked for, and the same text ever after.

mod background;
mod code;
mod document;
mod maker;
mod picture;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_cache::sync::Cache;

pub(crate) use self::background::{Background, run};
pub use self::maker::Maker;
use crate::app::App;
use crate::config::When;
use crate::dcc;
use crate::entry::Record;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::store::StoredResult;

/// Texts of certificates that are kept in memory, of some 600 bytes each.
pub const CACHED: usize = 16_384;

/// Certificates that were asked for lately, and how many were issued. Whoever asks for one that is being issued waits for it.
#[derive(Debug)]
pub(crate) struct Certificates {
    texts: Cache<i64, Arc<str>>,
    issued: AtomicU64,
    /// Results whose certificate is issued in the background; `None`: none is.
    waiting: Option<Background>,
}

impl Certificates {
    pub(crate) fn new(when: When) -> Certificates {
        let waiting = (when == When::Background).then(Background::default);
        Certificates { texts: Cache::new(CACHED), issued: AtomicU64::new(0), waiting }
    }

    /// How many were signed since the start.
    pub(crate) fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    /// Where results wait whose certificate is issued in the background.
    pub(crate) fn waiting(&self) -> Option<&Background> {
        self.waiting.as_ref()
    }
}

impl Certificates {
    /// Forgets those of results that have been erased.
    pub(crate) fn forget(&self, results: &[i64]) {
        for id in results {
            self.texts.remove(id);
        }
    }
}

/// In which form a certificate is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
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
    let body = maker::render(&app.keys, form, result.id, record, &text).ok_or(Refusal::Broken)?;
    let media_type = HeaderValue::from_static(form.media_type());
    Ok(([(header::CONTENT_TYPE, media_type)], body).into_response())
}

/// What a sheet of paper shows of a certificate.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Its identifier.
    pub(crate) uvci: String,
    /// Its code: PNG in base64.
    pub(crate) picture: String,
}

/// The certificate of a result for a sheet of paper.
pub(crate) async fn printed(app: &App, result: &StoredResult, record: &Record) -> Result<Printed, Refusal> {
    let text = text(app, result, record).await?;
    let picture = maker::render(&app.keys, Form::Picture, result.id, record, &text).ok_or(Refusal::Broken)?;
    Ok(Printed { uvci: dcc::uvci(&app.keys.secret, result.id), picture: STANDARD.encode(picture) })
}

/// The text of a result's certificate. It is on disk before it is returned, so that there is never a second one.
async fn text(app: &App, result: &StoredResult, record: &Record) -> Result<Arc<str>, Refusal> {
    let id = result.id;
    let place = match app.certificates.texts.get_value_or_guard_async(&id).await {
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
    app.certificates.issued.fetch_add(1, Ordering::Relaxed);
    dcc::seal(&app.keys.document, &app.keys.signer, &payload, Moment::now()).ok_or(Refusal::Broken)
}
