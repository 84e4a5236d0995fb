//! Messages: delivered at least once, with nothing medical in them, whatever the gateway does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
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
    refuse: usize,
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

async fn take(State(state): State<Arc<Mutex<GatewayState>>>, Json(message): Json<Value>) -> StatusCode {
    let mut state = state.lock().unwrap();
    if state.refuse > 0 {
        state.refuse -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    state.messages.push(message);
    StatusCode::ACCEPTED
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
