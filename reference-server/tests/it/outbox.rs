//! Messages: delivered at least once, with nothing medical in them, whatever the gateway does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::server::InProcess;
use crate::synthetic::{self, BIRTH_DATE};

/// A gateway that keeps what it is sent, and refuses as many messages as it is told.
struct Gateway {
    url: String,
    state: Arc<Mutex<GatewayState>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct GatewayState {
    messages: Vec<Value>,
    /// The idempotency key of every delivery, taken or not.
    keys: Vec<String>,
    refuse: usize,
    /// Sent with a refusal, which is 429 then.
    retry_after: Option<&'static str>,
    /// Takes a message but answers only after this.
    delay: Duration,
}

impl Gateway {
    async fn start() -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(GatewayState::default()));
        let router = Router::new().route("/messages", post(take)).with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Gateway { url, state, task }
    }

    /// Waits for so many messages.
    async fn messages(&self, count: usize) -> Vec<Value> {
        for _ in 0..1_000 {
            let messages = self.state.lock().unwrap().messages.clone();
            if messages.len() >= count {
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} of {count} messages came", self.state.lock().unwrap().messages.len());
    }
}

async fn take(
    State(state): State<Arc<Mutex<GatewayState>>>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let delay = {
        let mut state = state.lock().unwrap();
        state.keys.push(headers["idempotency-key"].to_str().unwrap().to_owned());
        if state.refuse > 0 {
            state.refuse -= 1;
            return match state.retry_after {
                Some(wait) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait)]).into_response(),
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            };
        }
        state.messages.push(message);
        state.delay
    };
    tokio::time::sleep(delay).await;
    StatusCode::ACCEPTED.into_response()
}

const QUICK: &str = "[outbox]\nretry_first = \"20ms\"\nretry_longest = \"40ms\"";

async fn pending_becomes(server: &InProcess, count: f64) {
    for _ in 0..1_000 {
        if server.metric("sidep_outbox_pending").await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {count} messages pending");
}

#[tokio::test]
async fn a_message_brings_the_patient_to_the_result_and_says_nothing_medical() {
    let gateway = Gateway::start().await;
    let server = InProcess::start_with("", |options| options.gateway = Some(gateway.url.clone())).await;
    server.signed_in("sw-1").await.enter(7).await;
    let message = gateway.messages(1).await.remove(0);
    assert_eq!(message["to"], "+33639980007");
    assert_eq!(message["ref"], "ref-7");
    let text = message["text"].as_str().unwrap();
    let (words, link) = text.split_once("http://sidep.test/p/").unwrap();
    for word in ["test", "covid", "gatif", "positif", "Exemple", "résultat"] {
        assert!(!words.to_lowercase().contains(&word.to_lowercase()), "{text}");
    }
    let mut client = server.client().await;
    client.post_form(&format!("/p/{link}"), &format!("birth_date={BIRTH_DATE}")).await.expect(200);
    pending_becomes(&server, 0.0).await;
    assert_eq!(server.metric("sidep_messages_delivered_total").await, 1.0);
}

#[tokio::test]
async fn messages_wait_for_a_gateway_over_a_restart_and_are_sent_once() {
    let mut server = InProcess::start(QUICK).await;
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..300)).await.expect(201);
    assert_eq!(server.metric("sidep_outbox_pending").await, 300.0);
    let gateway = Gateway::start().await;
    server.restart_with(|options| options.gateway = Some(gateway.url.clone())).await;
    let messages = gateway.messages(300).await;
    pending_becomes(&server, 0.0).await;
    server.restart().await;
    server.signed_in("sw-1").await.enter(1_000).await;
    let after = gateway.messages(301).await;
    assert_eq!(after.len(), 301);
    let references: HashSet<_> = messages.iter().map(|message| message["ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), 300);
    // The links are erased with their messages: none is in any file of the data folder.
    server.stop().await;
    let link = messages[0]["text"].as_str().unwrap().rsplit('/').next().unwrap().as_bytes();
    let bytes = crate::server::bytes_below(&server.folder().join("data"));
    assert!(!bytes.windows(link.len()).any(|window| window == link));
}

#[tokio::test]
async fn messages_of_entries_that_come_one_by_one_are_each_sent_once() {
    let gateway = Gateway::start().await;
    let server = InProcess::start_with("", |options| options.gateway = Some(gateway.url.clone())).await;
    let senders: Vec<_> = (0..4_u32)
        .map(|sender| {
            let address = server.address;
            tokio::spawn(async move {
                let mut client = Client::signed_in(address, &format!("sw-{sender}")).await;
                for number in 0..100 {
                    client.enter(sender * 100 + number).await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    gateway.messages(400).await;
    pending_becomes(&server, 0.0).await;
    let messages = gateway.messages(400).await;
    let references: HashSet<_> = messages.iter().map(|message| message["ref"].as_str().unwrap()).collect();
    assert_eq!((messages.len(), references.len()), (400, 400));
}

#[tokio::test]
async fn what_a_gateway_does_not_take_is_tried_again() {
    let gateway = Gateway::start().await;
    gateway.state.lock().unwrap().refuse = 7;
    let server = InProcess::start_with(QUICK, |options| options.gateway = Some(gateway.url.clone())).await;
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..5)).await.expect(201);
    assert_eq!(gateway.messages(5).await.len(), 5);
    pending_becomes(&server, 0.0).await;
    assert_eq!(server.metric("sidep_messages_failed_total").await, 7.0);
    // Away altogether, then back on the same address.
    gateway.task.abort();
    client.enter(50).await;
    pending_becomes(&server, 1.0).await;
    let address = gateway.url.strip_prefix("http://").unwrap();
    for _ in 0..100 {
        if server.metric("sidep_messages_failed_total").await > 8.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let listener = TcpListener::bind(address).await.unwrap();
    let router = Router::new().route("/messages", post(take)).with_state(Arc::clone(&gateway.state));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    assert_eq!(gateway.messages(6).await.len(), 6);
    pending_becomes(&server, 0.0).await;
}

#[tokio::test]
async fn every_delivery_of_a_message_carries_its_key_and_no_other_does() {
    let gateway = Gateway::start().await;
    gateway.state.lock().unwrap().refuse = 2;
    let server = InProcess::start_with(QUICK, |options| options.gateway = Some(gateway.url.clone())).await;
    let mut client = server.signed_in("sw-1").await;
    client.enter(1).await;
    gateway.messages(1).await;
    client.enter(2).await;
    gateway.messages(2).await;
    let keys = gateway.state.lock().unwrap().keys.clone();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys[0] == keys[1] && keys[1] == keys[2] && keys[2] != keys[3], "{keys:?}");
    assert_eq!(keys[0].len(), 32);
}

#[tokio::test]
async fn a_gateway_that_asks_to_be_left_alone_is() {
    let gateway = Gateway::start().await;
    {
        let mut state = gateway.state.lock().unwrap();
        (state.refuse, state.retry_after) = (1, Some("3600"));
    }
    let config = format!("{QUICK}\nconnections = 1");
    let server = InProcess::start_with(&config, |options| options.gateway = Some(gateway.url.clone())).await;
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..3)).await.expect(201);
    failures_become(&server, 1.0).await;
    // Many times the longest pause.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(gateway.state.lock().unwrap().keys.len(), 1, "no message bothers it");
    assert_eq!(server.metric("sidep_outbox_pending").await, 3.0);
}

#[tokio::test]
async fn a_message_is_given_up_when_it_is_too_old_and_its_link_is_erased() {
    let gateway = Gateway::start().await;
    gateway.state.lock().unwrap().refuse = usize::MAX;
    let config = format!("{QUICK}\nlongest_age = \"2s\"");
    let server = InProcess::start_with(&config, |options| options.gateway = Some(gateway.url.clone())).await;
    server.signed_in("lab-1").await.post_json("/v1/results", &synthetic::batch(0..5)).await.expect(201);
    pending_becomes(&server, 0.0).await;
    assert_eq!(server.metric("sidep_messages_given_up_total").await, 5.0);
    assert_eq!(server.metric("sidep_messages_delivered_total").await, 0.0);
    assert!(server.metric("sidep_messages_failed_total").await >= 1.0, "it was tried");
}

#[tokio::test]
async fn jitter_puts_messages_off_and_the_age_of_those_that_wait_is_seen() {
    let gateway = Gateway::start().await;
    let server =
        InProcess::start_with("[outbox]\njitter = \"1000days\"\nlongest_age = \"2000days\"", |options| {
            options.gateway = Some(gateway.url.clone());
        })
        .await;
    server.signed_in("lab-1").await.post_json("/v1/results", &synthetic::batch(0..50)).await.expect(201);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // One of 50 within a second of 1,000 days: once in two million runs.
    assert_eq!(server.metric("sidep_outbox_pending").await, 50.0);
    assert_eq!(server.metric("sidep_outbox_oldest_seconds").await, 0.0, "none is late");
}

#[tokio::test]
async fn a_slow_gateway_is_given_no_more_at_once_than_there_are_connections_and_gets_each_message_once() {
    let gateway = Gateway::start().await;
    gateway.state.lock().unwrap().delay = Duration::from_millis(150);
    let config = "[outbox]\nconnections = 3";
    let server = InProcess::start_with(config, |options| options.gateway = Some(gateway.url.clone())).await;
    server.signed_in("lab-1").await.post_json("/v1/results", &synthetic::batch(0..9)).await.expect(201);
    let mut most = 0.0_f64;
    while server.metric("sidep_outbox_pending").await > 0.0 {
        let taken = gateway.state.lock().unwrap().messages.len() as f64;
        most = most.max(taken - server.metric("sidep_messages_delivered_total").await);
    }
    assert!((1.0..=3.0).contains(&most), "{most} under way at once");
    assert_eq!(gateway.messages(9).await.len(), 9);
}

#[tokio::test]
async fn messages_leave_in_the_order_of_their_entries_and_not_faster_than_the_pace() {
    let gateway = Gateway::start().await;
    let config = "[outbox]\nconnections = 1\nrate = \"20/s\"";
    let server = InProcess::start_with(config, |options| options.gateway = Some(gateway.url.clone())).await;
    let begun = std::time::Instant::now();
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..10)).await.expect(201);
    let messages = gateway.messages(10).await;
    assert!(begun.elapsed() >= Duration::from_millis(440), "ten are nine gaps of 50 ms");
    let references: Vec<_> = messages.iter().map(|message| message["ref"].as_str().unwrap()).collect();
    assert_eq!(references, (0..10).map(|number| format!("ref-{number}")).collect::<Vec<_>>());
}

/// Waits for so many failed deliveries.
async fn failures_become(server: &InProcess, count: f64) {
    for _ in 0..1_000 {
        if server.metric("sidep_messages_failed_total").await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {count} failures");
}
