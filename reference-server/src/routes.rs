//! Which path is answered by what. `class.rs` says which of them go through the slots.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::app::App;
use crate::refusal::Refusal;
use crate::{issuer, operations, patient, portal, results, truth};

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/results", post(results::enter))
        .route("/v1/results/{id}", get(results::view))
        .route("/v1/results/{id}/certificate.txt", get(results::print))
        .route("/v1/receipts/{receipt}", get(results::answer_for))
        .route("/v1/certificates/signer.pem", get(results::signer))
        .route("/pro/entry", get(portal::form))
        .route("/pro/patients", get(portal::search))
        .route("/pro/drafts", post(portal::save))
        .route("/p/{link}", get(patient::landing).post(patient::birth_date))
        .route("/p/{link}/result", get(patient::result))
        .route("/p/{link}/certificate.txt", get(patient::certificate_text))
        .route("/p/{link}/certificate.png", get(patient::certificate_picture))
        .route("/p/{link}/certificate.pdf", get(patient::certificate_document))
        .route("/oidc/token", post(issuer::sign_in))
        .route("/oidc/jwks.json", get(issuer::keys))
        .route("/.well-known/openid-configuration", get(issuer::discovery))
        .route("/.well-known/peakday.json", get(operations::consent))
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .route("/truth/{name}", get(truth::answer).post(truth::answer))
        .fallback(async || Refusal::NotFound.into_response())
        .with_state(app)
}
