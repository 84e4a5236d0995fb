//! Who uses the portal in a browser: the token of the issuer in a cookie, and the token that each form of it carries.
//!
//! The cookie goes nowhere but to the portal's own pages, and the interfaces for programs do not look at it: what they
//! do cannot be done by a page of somebody else's.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::bearer::{self, Bearer};
use crate::cookie;
use crate::keys::Secret;
use crate::pages::{self, SignedIn};
use crate::refusal::Refusal;
use crate::token::{Identity, Scope};

/// Name of the cookie.
const NAME: &str = "pro";
const PURPOSE: &str = "csrf";

/// Bytes of a form's token.
const CSRF: usize = 16;

/// Where somebody without a session is sent.
const SIGN_IN: &str = "/pro/sign-in";

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Professional {
    identity: Arc<Identity>,
    csrf: String,
}

impl Professional {
    /// The account, if its token allows this.
    pub(crate) fn allowed(&self, scope: Scope) -> Result<Arc<Identity>, Refusal> {
        if self.identity.may(scope) { Ok(Arc::clone(&self.identity)) } else { Err(Refusal::Forbidden(scope)) }
    }

    /// Refuses a form that was not made for this session.
    pub(crate) fn own_form(&self, csrf: &str) -> Result<(), Refusal> {
        let equal = aws_lc_rs::constant_time::verify_slices_are_equal(csrf.as_bytes(), self.csrf.as_bytes());
        equal.map_err(|_| Refusal::ForeignForm)
    }

    /// What the frame of a page needs.
    pub(crate) fn signed_in(&self) -> SignedIn {
        SignedIn { account: self.identity.client.to_string(), csrf: self.csrf.clone() }
    }
}

/// The `Set-Cookie` value that opens a session with this token; without a token and a lifetime, the one that closes it.
pub(super) fn set_cookie(token: &str, lifetime: Duration, secure: &str) -> String {
    format!("{NAME}={token}; Path=/pro; Max-Age={}; HttpOnly; SameSite=Strict{secure}", lifetime.as_secs())
}

fn csrf(secret: &Secret, token: &str) -> String {
    let mac = secret.mac(PURPOSE, &[&Sha256::digest(token)]);
    URL_SAFE_NO_PAD.encode(&mac[..CSRF])
}

fn of(parts: &Parts, app: &App) -> Option<Professional> {
    let mut tokens = cookie::values(&parts.headers, NAME);
    tokens.find_map(|token| {
        let identity = bearer::identity(app, token)?;
        Some(Professional { identity, csrf: csrf(&app.keys.secret, token) })
    })
}

/// People are sent to sign in, programs are told that they need a token.
fn stranger(parts: &Parts) -> Response {
    if pages::wanted(&parts.headers) {
        pages::protected((StatusCode::SEE_OTHER, [(header::LOCATION, SIGN_IN)]).into_response())
    } else {
        Refusal::Unauthorized.into_response()
    }
}

impl FromRequestParts<Arc<App>> for Professional {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        of(parts, app).ok_or_else(|| stranger(parts))
    }
}

/// Who asks for something that both pages and programs ask for.
#[derive(Debug)]
pub(crate) enum Visitor {
    /// With a bearer token: it is answered with data.
    Program(Bearer),
    /// With the portal's cookie: a page.
    Person(Professional),
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let bearer = Bearer::from_request_parts(parts, app).await;
            return bearer.map(Visitor::Program).map_err(IntoResponse::into_response);
        }
        Professional::from_request_parts(parts, app).await.map(Visitor::Person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    #[test]
    fn a_cookie_of_the_portal_is_for_its_pages_alone() {
        let set = set_cookie("a.b.c", Duration::from_secs(60), "; Secure");
        assert_eq!(set, "pro=a.b.c; Path=/pro; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        assert!(set_cookie("", Duration::ZERO, "").starts_with("pro=; Path=/pro; Max-Age=0;"));
    }

    #[test]
    fn the_token_of_a_form_belongs_to_one_session() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Keys::open(folder.path()).unwrap().secret;
        assert_eq!(csrf(&secret, "a"), csrf(&secret, "a"));
        assert_ne!(csrf(&secret, "a"), csrf(&secret, "b"));
        assert_eq!(csrf(&secret, "a").len(), 22);
    }
}
