//! The issuer of tokens: OpenID Connect discovery, keys, and sign-in with client credentials (RFC 6749, section 4.4).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Operation, Who};
use crate::accounts::Kind;
use crate::app::App;
use crate::caller::Caller;
use crate::class::Class;
use crate::keyring::Schedule;
use crate::metrics::Cause;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::token::Scope;
use crate::{accounts, body, hex, service, token};

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn discovery(State(app): State<Arc<App>>) -> Result<Json<Value>, Refusal> {
    up(&app, None)?;
    let url = &app.public_url;
    Ok(Json(json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oidc/token"),
        "jwks_uri": format!("{url}/oidc/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": Scope::ALL.map(Scope::name),
    })))
}

/// `GET /oidc/jwks.json`.
pub(crate) async fn keys(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    up(&app, None)?;
    let keys = Json(json!({ "keys": app.keys.issuer.published(Moment::now()) }));
    // Copies must be younger than the time for which a key is published before it signs.
    let seconds = Schedule::of(&app.config.issuer).ahead().as_secs() / 2;
    Ok(([(header::CACHE_CONTROL, format!("max-age={seconds}"))], keys).into_response())
}

/// Refuses whoever signs in while the issuer is down. Laboratories have an entrance of their own: on 13 August 2021, when
/// the identity provider of the professions was down, they went on.
fn up(app: &App, kind: Option<Kind>) -> Result<(), Refusal> {
    if app.faults.issuer_down() && kind != Some(Kind::Lab) {
        app.metrics.refused(Class::SignIn, Cause::Down);
        return Err(Refusal::Busy(app.config.slots.retry_after));
    }
    Ok(())
}

/// `POST /oidc/token`.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let form = body::receive(&app.config.limits, &headers, "application/x-www-form-urlencoded", body).await?;
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&form) else {
        return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request"));
    };
    up(&app, Kind::of(&form.client_id))?;
    let work = answer(Arc::clone(&app), form);
    Ok(service::in_slot(&app, Class::SignIn, caller, work).await)
}

#[derive(Debug, Deserialize)]
struct Form {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    scope: Option<String>,
}

async fn answer(app: Arc<App>, form: Form) -> Response {
    if form.grant_type != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let Some(kind) = accounts::verify(&form.client_id, &form.client_secret) else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let may: Vec<_> = Scope::of(kind).iter().map(|scope| scope.name()).collect();
    let scope = form.scope.unwrap_or_else(|| may.join(" "));
    if !scope.split(' ').all(|name| may.contains(&name)) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope");
    }
    let (now, lifetime) = (Moment::now(), app.config.issuer.token_lifetime);
    let mut id = [0; 16];
    let token = aws_lc_rs::rand::fill(&mut id).ok().and_then(|()| {
        let (key, expires) = (app.keys.issuer.signing(now)?, now.after(lifetime));
        token::issue(&key, &app.public_url, &form.client_id, &scope, hex::encode(&id), now, expires)
    });
    let Some(token) = token else { return Refusal::Broken.into_response() };
    app.access.record(Who::Account(&form.client_id), Operation::SignIn, &[]);
    let answer = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": lifetime.as_secs(), "scope": scope,
    });
    no_store((StatusCode::OK, Json(answer)).into_response())
}

/// An error as RFC 6749, section 5.2, has it.
fn refuse(status: StatusCode, error: &str) -> Response {
    no_store((status, Json(json!({ "error": error }))).into_response())
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
