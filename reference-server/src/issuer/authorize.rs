//! Sign-in of people in a browser: authorization code with PKCE (RFC 6749, section 4.1, and RFC 7636).
//!
//! The portal sends a browser to `GET /oidc/authorize`; the person shows who they are on the issuer's own page; the
//! browser comes back with a code; the portal changes the code and its proof into a token.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::code::{self, Challenge};
use crate::accounts::{self, Kind};
use crate::app::App;
use crate::body::Sent;
use crate::caller::Caller;
use crate::class::Class;
use crate::language::Language;
use crate::moment::Moment;
use crate::pages::{issuer as pages, see_other};
use crate::refusal::Refusal;
use crate::service;

/// The one client that people sign in for.
pub(crate) const PORTAL: &str = "portal";

/// Where the browser is sent back to.
pub(crate) fn redirect_uri(app: &App) -> String {
    format!("{}/pro/callback", app.public_url)
}

/// What the portal asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) response_type: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: String,
    pub(crate) code_challenge: String,
    pub(crate) code_challenge_method: String,
}

impl Asked {
    /// The challenge, if everything is as the portal asks it. A browser is never sent anywhere else.
    fn challenge(&self, app: &App) -> Result<Challenge, Refusal> {
        let expected = [
            ("response_type", self.response_type.as_str(), "code"),
            ("client_id", &self.client_id, PORTAL),
            ("redirect_uri", &self.redirect_uri, &redirect_uri(app)),
            ("code_challenge_method", &self.code_challenge_method, "S256"),
        ];
        if let Some((key, _, right)) = expected.into_iter().find(|(_, given, right)| given != right) {
            return Err(Refusal::problem(key, "is not what is spoken here", &format!("send {right}")));
        }
        let challenge = URL_SAFE_NO_PAD.decode(&self.code_challenge).ok();
        challenge.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            Refusal::problem("code_challenge", "is not the SHA-256 of a proof", "43 characters of base64url")
        })
    }
}

/// `GET /oidc/authorize`.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    language: Language,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    if app.faults.issuer_down() {
        return Err(Refusal::Busy(app.config.slots.retry_after));
    }
    asked.challenge(&app)?;
    Ok(pages::sign_in(language, &asked, "", false).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    account: String,
    secret: String,
}

/// `POST /oidc/authorize`.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    language: Language,
    sent: Sent,
) -> Result<Response, Refusal> {
    if app.faults.issuer_down() {
        return Err(Refusal::Busy(app.config.slots.retry_after));
    }
    let body = sent.form(&app).await?;
    let not_a_form = |_| Refusal::problem("", "is not a form", "");
    let asked: Asked = serde_urlencoded::from_bytes(&body).map_err(not_a_form)?;
    let shown: Shown = serde_urlencoded::from_bytes(&body).map_err(not_a_form)?;
    let challenge = asked.challenge(&app)?;
    let work = Arc::clone(&app);
    let work = async move {
        let account = shown.account.trim();
        if accounts::verify(account, shown.secret.trim()) != Some(Kind::Person) {
            let mut page = pages::sign_in(language, &asked, account, true).into_response();
            *page.status_mut() = StatusCode::UNAUTHORIZED;
            return page;
        }
        match code::issue(&work.keys.secret, account, challenge, Moment::now()) {
            Some(code) => {
                let query = [("code", code.as_str()), ("state", &asked.state)];
                let query = serde_urlencoded::to_string(query).unwrap_or_default();
                see_other(&format!("{}?{query}", asked.redirect_uri))
            }
            None => Refusal::Broken.into_response(),
        }
    };
    Ok(service::in_slot(&app, Class::SignIn, caller, work).await)
}
