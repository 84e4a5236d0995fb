//! The first page, and, for a demonstration without an SMS gateway, the messages that wait.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::language::Language;
use crate::pages::{Page, start as pages};
use crate::refusal::Refusal;

/// Messages that are shown at most.
const SHOWN: u32 = 20;

/// `GET /`.
pub(crate) async fn start(State(app): State<Arc<App>>, language: Language) -> Page {
    pages::start(language, app.shows_messages)
}

/// `GET /demo/messages`. Who reads a message can open its link: with a gateway, or for other machines, there is no such page.
pub(crate) async fn messages(State(app): State<Arc<App>>, language: Language) -> Result<Page, Refusal> {
    if !app.shows_messages {
        return Err(Refusal::NotFound);
    }
    let waiting = app.store.waiting(SHOWN).await?;
    Ok(pages::messages(language, &app.public_url, &waiting))
}
