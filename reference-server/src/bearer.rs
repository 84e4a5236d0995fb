//! Who sends a request: the account of its bearer token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};

use crate::app::App;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::token::{Identity, Scope};

/// Who a token belongs to; `None`: it is not good (now).
pub(crate) fn identity(app: &App, token: &str) -> Option<Arc<Identity>> {
    app.tokens.verify(&app.keys.issuer, token, Moment::now())
}

/// The account that a request's token belongs to. Checked before a slot is asked for: a refusal costs nobody's turn.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(Arc<Identity>);

impl Bearer {
    /// The account, if its token allows this.
    pub(crate) fn allowed(self, scope: Scope) -> Result<Arc<Identity>, Refusal> {
        if self.0.may(scope) { Ok(self.0) } else { Err(Refusal::Forbidden(scope)) }
    }
}

impl FromRequestParts<Arc<App>> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(Refusal::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Unauthorized);
        }
        identity(app, token.trim()).map(Bearer).ok_or(Refusal::Unauthorized)
    }
}
