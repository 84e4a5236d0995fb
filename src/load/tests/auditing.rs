//! The audit: what was acknowledged is stored once, later, twice, or not at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::bench::{ok, server};
use crate::load::audit::{Found, audit};
use crate::load::guard::Target;
use crate::load::opener::Opener;
use crate::scenario::{Audit, Template};

fn question() -> Audit {
    Audit {
        path: Template::parse("/receipts/${receipt}").unwrap(),
        state: "/state".to_owned(),
        stored: "stored".to_owned(),
        copies: Some("/copies".to_owned()),
    }
}

fn state(state: &str, copies: u32) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from(format!(r#"{{"state":"{state}","copies":{copies}}}"#))))
}

async fn ask(receipts: &str) -> Found {
    let asked: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let dial = server(move |request| {
        let asked = Arc::clone(&asked);
        async move {
            let receipt = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let times = {
                let mut asked = asked.lock().unwrap();
                let times = asked.entry(receipt.clone()).or_default();
                *times += 1;
                *times
            };
            match receipt.split('-').next().unwrap_or_default() {
                "once" => state("stored", 1),
                "twice" => state("stored", 2),
                "late" if times < 5 => state("accepted", 0),
                "late" => state("stored", 1),
                "rejected" => state("rejected", 0),
                "slow" => {
                    tokio::time::sleep(Duration::from_secs(3_600)).await;
                    ok()
                }
                "broken" => {
                    let mut response = state("stored", 1);
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
                _ => {
                    let mut response = ok();
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    response
                }
            }
        }
    });
    let target = Target::parse("http://127.0.0.1:9").unwrap();
    let receipts = std::io::Cursor::new(receipts.as_bytes().to_vec());
    audit(&question(), &target, Opener::plain(dial).unwrap(), receipts).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_receipt_is_asked_for_once_however_often_it_was_given() {
    let mut receipts: String = (0..500).map(|number| format!("once-{number}\n")).collect();
    receipts.push_str("once-1\nonce-1\nonce-7\n");
    assert_eq!(ask(&receipts).await, Found { acknowledged: 500, ..Found::default() });
    assert_eq!(ask("").await, Found::default());
}

#[tokio::test(start_paused = true)]
async fn what_is_only_accepted_is_asked_for_again_until_it_is_stored() {
    assert_eq!(ask("late-1\nlate-2\nonce-1\n").await, Found { acknowledged: 3, ..Found::default() });
}

#[tokio::test(start_paused = true)]
async fn lost_and_duplicated_ones_are_counted() {
    let found = ask("once-1\nrejected-1\nunknown-1\ntwice-1\n").await;
    assert_eq!(found, Found { acknowledged: 4, lost: 2, duplicated: 1, unanswered: 0 });
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_neither_lost_nor_stored() {
    let found = ask("once-1\nslow-1\nbroken-1\n").await;
    assert_eq!(found, Found { acknowledged: 3, lost: 0, duplicated: 0, unanswered: 2 });
}
