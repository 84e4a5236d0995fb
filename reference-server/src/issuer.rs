//! The issuer of tokens: OpenID Connect discovery, keys, sign-in of programs with client credentials (RFC 6749, section
//! 4.4), and of people with an authorization code (`authorize`).

mod authorize;
mod code;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::authorize::{Asked, PORTAL, answer as let_in, ask, redirect_uri};
pub(crate) use self::code::{Codes, challenge_of};
use crate::access::{Operation, Who};
use crate::accounts::Kind;
use crate::app::App;
use crate::body::Sent;
use crate::caller::Caller;
use crate::class::Class;
use crate::keyring::Schedule;
use crate::metrics::Cause;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::token::Scope;
use crate::{accounts, hex, service, token};

/// Largest answer to a request for a token, in bytes.
const ANSWER: usize = 16_384;

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn discovery(State(app): State<Arc<App>>) -> Result<Json<Value>, Refusal> {
    up(&app, None)?;
    let url = &app.public_url;
    Ok(Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/oidc/authorize"),
        "token_endpoint": format!("{url}/oidc/token"),
        "jwks_uri": format!("{url}/oidc/jwks.json"),
        "grant_types_supported": ["client_credentials", "authorization_code"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "none"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
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

/// Refuses whoever signs in while the issuer is down and has no entrance of its own.
fn up(app: &App, kind: Option<Kind>) -> Result<(), Refusal> {
    if app.faults.issuer_down() && !kind.is_some_and(Kind::has_own_entrance) {
        app.metrics.refused(Class::SignIn, Cause::Down);
        return Err(Refusal::Busy(app.config.slots.retry_after));
    }
    Ok(())
}

/// `POST /oidc/token`.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    sent: Sent,
) -> Result<Response, Refusal> {
    let form = sent.form(&app).await?;
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&form) else {
        return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request"));
    };
    up(&app, Kind::of(&form.client_id))?;
    let work = Arc::clone(&app);
    let work = async move { answer(&work, form) };
    Ok(service::in_slot(&app, Class::SignIn, caller, work).await)
}

/// Changes a code into a token for the portal, in a slot of the issuer as anybody else's request, or says with which
/// status it did not.
pub(crate) async fn redeem(
    app: &Arc<App>,
    caller: Caller,
    code: String,
    proof: String,
) -> Result<String, StatusCode> {
    up(app, Some(Kind::Person)).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let form = Form {
        grant_type: "authorization_code".to_owned(),
        client_id: PORTAL.to_owned(),
        redirect_uri: redirect_uri(app),
        code,
        code_verifier: proof,
        ..Form::default()
    };
    let work = Arc::clone(app);
    let response = service::in_slot(app, Class::SignIn, caller, async move { answer(&work, form) }).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), ANSWER).await.unwrap_or_default();
    let token = serde_json::from_slice::<Value>(&body).ok();
    let token = token.as_ref().and_then(|answer| answer["access_token"].as_str());
    token.filter(|_| status.is_success()).map(str::to_owned).ok_or(status)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form {
    grant_type: String,
    client_id: String,
    client_secret: String,
    scope: Option<String>,
    code: String,
    code_verifier: String,
    redirect_uri: String,
}

fn answer(app: &App, form: Form) -> Response {
    let now = Moment::now();
    let account = match form.grant_type.as_str() {
        "client_credentials" => match accounts::verify(&form.client_id, &form.client_secret) {
            Some(_) => form.client_id,
            None => return refuse(StatusCode::UNAUTHORIZED, "invalid_client"),
        },
        "authorization_code" if form.client_id != PORTAL => {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        "authorization_code" => {
            let right_place = form.redirect_uri == redirect_uri(app);
            let redeemed = app.codes.redeem(&app.keys.secret, &form.code, &form.code_verifier, now);
            match redeemed.filter(|_| right_place) {
                Some(account) => account,
                None => return refuse(StatusCode::BAD_REQUEST, "invalid_grant"),
            }
        }
        _ => return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    };
    let may: Vec<_> =
        Kind::of(&account).map_or(&[][..], Scope::of).iter().map(|scope| scope.name()).collect();
    let scope = form.scope.unwrap_or_else(|| may.join(" "));
    if !scope.split(' ').all(|name| may.contains(&name)) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope");
    }
    let lifetime = app.config.issuer.token_lifetime;
    let mut id = [0; 16];
    let token = aws_lc_rs::rand::fill(&mut id).ok().and_then(|()| {
        let (key, expires) = (app.keys.issuer.signing(now)?, now.after(lifetime));
        token::issue(&key, &app.public_url, &account, &scope, hex::encode(&id), now, expires)
    });
    let Some(token) = token else { return Refusal::Broken.into_response() };
    app.access.record(Who::Account(&account), Operation::SignIn, &[]);
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
