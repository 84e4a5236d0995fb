//! The server that every generator is measured against: one thread, takes a small JSON body, answers 201.
//!
//! `GET /count` tells how many requests were answered, so that all tools are counted by the same hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        #[expect(clippy::print_stdout, reason = "the script reads the address")]
        {
            println!("listening on http://{}", listener.local_addr()?);
        }
        let answered = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&answered);
        let router = Router::new()
            .route(
                "/",
                post(move |body: Bytes| async move {
                    answered.fetch_add(1, Ordering::Relaxed);
                    match serde_json::from_slice::<serde_json::Value>(&body) {
                        Ok(_) => (StatusCode::CREATED, "{\"id\":1}"),
                        Err(_) => (StatusCode::BAD_REQUEST, "{}"),
                    }
                }),
            )
            .route("/count", get(move || async move { count.load(Ordering::Relaxed).to_string() }));
        // Without it an answer may wait for the client's acknowledgement.
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, router).await
    })
}
