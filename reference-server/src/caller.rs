//! By which way a request came, and whose it is: what admission goes by.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::app::App;
use crate::token::Identity;

/// What a connection says of its requests. Every request carries it as an extension.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The other side of the connection.
    pub(crate) address: IpAddr,
    /// The lane whose listener it came by; `None`: the server's own.
    pub(crate) lane: Option<Arc<str>>,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) way: Way,
    /// Whose token it shows; `None`: it needs none.
    pub(crate) account: Option<Arc<Identity>>,
    /// What a waiting room asks for, where there is one.
    pub(crate) visit: Option<Visit>,
}

/// What a waiting room goes by.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) path: Box<str>,
    pub(crate) headers: HeaderMap,
}

impl Caller {
    /// The same with its account.
    pub(crate) fn with(self, account: &Arc<Identity>) -> Caller {
        Caller { account: Some(Arc::clone(account)), ..self }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        // Every connection says it; a request without one is this process's own.
        let own = || Way { address: IpAddr::V4(Ipv4Addr::LOCALHOST), lane: None };
        let way = parts.extensions.get::<Way>().cloned().unwrap_or_else(own);
        let visit = || Visit { path: parts.uri.path().into(), headers: parts.headers.clone() };
        Ok(Caller { way, account: None, visit: app.waiting_rooms.any().then(visit) })
    }
}
