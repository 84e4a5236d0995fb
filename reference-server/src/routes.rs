//! Which path is answered by what. `class.rs` says which of them go through the slots.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::app::App;
use crate::{issuer, language, operations, pages, patient, portal, requests, results, statistics, truth};

/// What people see, in their language. Their own pages, which no program asks for, are with the portal.
fn for_people() -> Router<Arc<App>> {
    Router::new()
        .merge(portal::pages())
        .route("/pro/entry", get(portal::show))
        .route("/pro/patients", get(portal::search))
        .route("/p/{link}", get(patient::landing).post(patient::birth_date))
        .route("/p/{link}/result", get(patient::result))
        .route("/p/{link}/certificate.txt", get(patient::certificate_text))
        .route("/p/{link}/certificate.png", get(patient::certificate_picture))
        .route("/p/{link}/certificate.pdf", get(patient::certificate_document))
        .route_layer(from_fn(pages::for_people))
        .route_layer(from_fn(language::switch))
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(for_people())
        .route("/v1/results", post(results::enter))
        .route("/v1/results/{id}", get(results::view))
        .route("/v1/results/{id}/certificate.txt", get(results::print))
        .route("/v1/receipts/{receipt}", get(results::answer_for))
        .route("/v1/certificates/signer.pem", get(results::signer))
        .route("/v1/statistics", get(statistics::day))
        .route("/pro/drafts", post(portal::save))
        .route("/oidc/token", post(issuer::sign_in))
        .route("/oidc/jwks.json", get(issuer::keys))
        .route("/.well-known/openid-configuration", get(issuer::discovery))
        .route("/.well-known/peakday.json", get(operations::consent))
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .route("/openapi.json", get(operations::openapi))
        .route("/truth/{name}", get(truth::answer).post(truth::answer))
        .fallback(pages::nowhere)
        .layer(from_fn_with_state(Arc::clone(&app), requests::answered))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::operations::OPENAPI;

    /// Every path with its methods, as this file and the portal's say it.
    fn routes() -> BTreeSet<String> {
        let here = include_str!("routes.rs").split("#[cfg(test)]").next().unwrap();
        let portal = include_str!("portal.rs").split_once("fn pages()").unwrap().1;
        let portal = portal.split_once("\n}").unwrap().0;
        let routes = [here, portal].into_iter().flat_map(|source| source.split(".route(").skip(1));
        let routes = routes.flat_map(|route| {
            let route = route.split(".fallback(").next().unwrap();
            let path = route.split('"').nth(1).unwrap();
            let methods = ["get", "post", "put", "delete"].into_iter();
            let named = |method: &str| route.contains(&format!("{method}("));
            methods.filter(move |method| named(method)).map(move |method| format!("{method} {path}"))
        });
        routes.collect()
    }

    #[test]
    fn the_document_of_the_interface_has_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let told: BTreeSet<String> = paths
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
            })
            .collect();
        let routes = routes();
        assert!(routes.len() > 35, "{routes:?}");
        let untold: Vec<_> = routes.difference(&told).collect();
        let unserved: Vec<_> = told.difference(&routes).collect();
        assert!(untold.is_empty(), "add to src/openapi.json: {untold:?}");
        assert!(unserved.is_empty(), "src/openapi.json has what routes.rs has not: {unserved:?}");
    }
}
