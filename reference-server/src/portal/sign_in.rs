//! Signing in to the portal in a browser, by the issuer, and out of it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::session::{self, Professional};
use crate::app::App;
use crate::body::Sent;
use crate::caller::Caller;
use crate::cookie;
use crate::issuer::{self, Asked};
use crate::language::Language;
use crate::pages::{Page, portal as pages, see_other};
use crate::refusal::Refusal;

/// Name of the cookie that lives from the first step of a sign-in to its last: the state and the proof.
const NAME: &str = "sign-in";

/// How long somebody may take, in seconds.
const PATIENCE: u32 = 600;

/// `GET /pro`.
pub(crate) async fn home(_: Professional) -> Response {
    see_other("/pro/entry")
}

#[derive(Debug, Deserialize)]
pub(crate) struct Invited {
    out: Option<String>,
}

/// `GET /pro/sign-in`.
pub(crate) async fn invite(
    State(app): State<Arc<App>>,
    language: Language,
    Query(Invited { out }): Query<Invited>,
) -> Page {
    pages::invite(language, &app.public_url, out.is_some())
}

/// `GET /pro/sign-in/begin`: to the issuer, with a state and a proof that only this browser has.
pub(crate) async fn sign_in(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let drawn = || {
        let mut bytes = [0; 32];
        let filled = aws_lc_rs::rand::fill(&mut bytes);
        filled.map(|()| URL_SAFE_NO_PAD.encode(bytes)).map_err(|_| Refusal::Broken)
    };
    let (state, proof) = (drawn()?, drawn()?);
    let asked = Asked {
        response_type: "code".to_owned(),
        client_id: issuer::PORTAL.to_owned(),
        redirect_uri: issuer::redirect_uri(&app),
        state: state.clone(),
        code_challenge: URL_SAFE_NO_PAD.encode(issuer::challenge_of(&proof)),
        code_challenge_method: "S256".to_owned(),
    };
    let query = serde_urlencoded::to_string(asked).map_err(|_| Refusal::Broken)?;
    // Lax, since the browser comes back from the issuer, which may be another site.
    let cookie = format!(
        "{NAME}={state}.{proof}; Path=/pro; Max-Age={PATIENCE}; HttpOnly; SameSite=Lax{}",
        secure(&app)
    );
    with_cookie(see_other(&format!("{}/oidc/authorize?{query}", app.public_url)), &cookie)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    code: String,
    state: String,
}

/// `GET /pro/callback`: back from the issuer.
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    caller: Caller,
    language: Language,
    headers: HeaderMap,
    Query(Answer { code, state }): Query<Answer>,
) -> Result<Response, Refusal> {
    let proof = cookie::values(&headers, NAME).find_map(|value| {
        let (own, proof) = value.split_once('.')?;
        (own == state && !state.is_empty()).then(|| proof.to_owned())
    });
    let Some(proof) = proof else { return Ok(pages::not_signed_in(language, StatusCode::FORBIDDEN)) };
    match issuer::redeem(&app, caller, code, proof).await {
        Ok(token) => {
            let opened = session::set_cookie(&token, app.config.issuer.token_lifetime, secure(&app));
            let response = with_cookie(see_other("/pro/entry"), &opened)?;
            with_cookie(response, &format!("{NAME}=; Path=/pro; Max-Age=0"))
        }
        Err(status) => Ok(pages::not_signed_in(language, status)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form {
    csrf: String,
}

/// `POST /pro/sign-out`.
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    person: Professional,
    sent: Sent,
) -> Result<Response, Refusal> {
    let body = sent.form(&app).await?;
    person.own_form(&serde_urlencoded::from_bytes::<Form>(&body).unwrap_or_default().csrf)?;
    with_cookie(see_other("/pro/sign-in?out"), &session::set_cookie("", Duration::ZERO, ""))
}

/// What a cookie says on a server that is reached over TLS.
fn secure(app: &App) -> &'static str {
    if app.public_url.starts_with("https://") { "; Secure" } else { "" }
}

fn with_cookie(mut response: Response, cookie: &str) -> Result<Response, Refusal> {
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Refusal::Broken)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
