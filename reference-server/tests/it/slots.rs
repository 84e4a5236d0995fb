//! Admission: slots, queue, hold times, clients that leave.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::server::InProcess;

/// One slot, one waiting place, and a landing page that holds its slot for long.
const ONE: &str = "[slots]\nworkers = 1\nqueue = 1\nretry_after = \"2500ms\"\n\
                   [hold.class]\nlanding = { constant = \"300ms\" }\n";

/// Sends a request and leaves as soon as the server has it.
async fn send_and_leave(server: &InProcess, busy: f64, waiting: f64) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut connection, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(driver);
    let request = Request::get("/p/x").header("host", "test").body(Empty::<Bytes>::new()).unwrap();
    let answer = connection.send_request(request);
    let answer = tokio::spawn(answer);
    wait_for(server, busy, waiting).await;
    answer.abort();
    drop(connection);
    driver.abort();
}

/// Waits until so many slots and waiting places are in use.
pub(crate) async fn wait_for(server: &InProcess, busy: f64, waiting: f64) {
    for _ in 0..400 {
        let now = (
            server.metric("sidep_slots_busy{pool=\"main\"}").await,
            server.metric("sidep_queue_length{pool=\"main\"}").await,
        );
        if now == (busy, waiting) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {busy} busy and {waiting} waiting");
}

#[tokio::test]
async fn a_full_queue_is_answered_503_and_says_when_to_come_back() {
    let server = InProcess::start(ONE).await;
    let ask = || {
        let address = server.address;
        tokio::spawn(async move { Client::connect(address).await.unwrap().get("/p/x").await.status })
    };
    let first = ask();
    wait_for(&server, 1.0, 0.0).await;
    let second = ask();
    wait_for(&server, 1.0, 1.0).await;
    let refused = server.client().await.get("/p/x").await.expect(503);
    assert_eq!(refused.headers["retry-after"], "3");
    assert_eq!(server.metric("sidep_requests_refused_total{class=\"landing\"}").await, 1.0);
    // Health, metrics and receipts need no slot, and sign-in has its own.
    server.client().await.get("/healthz").await.expect(200);
    server.signed_in("sw-1").await;
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(second.await.unwrap(), 200);
    let held = server.metric("sidep_hold_seconds_total{class=\"landing\"}").await;
    assert!(held >= 0.6, "two requests held the slot for {held} s in all");
}

#[tokio::test]
async fn work_whose_client_has_left_is_done_in_the_queue_and_in_the_slot() {
    let server = InProcess::start(ONE).await;
    send_and_leave(&server, 1.0, 0.0).await;
    send_and_leave(&server, 1.0, 1.0).await;
    // Both still stand where they stood, so there is no room.
    server.client().await.get("/p/x").await.expect(503);
    wait_for(&server, 0.0, 0.0).await;
    assert_eq!(server.metric("sidep_requests_served_total{class=\"landing\",status=\"2xx\"}").await, 2.0);
}

#[tokio::test]
async fn work_whose_client_has_left_can_be_dropped() {
    let config = ONE.replace("[hold", "abandoned = \"drop\"\n[hold").replace("300ms", "1h");
    let server = InProcess::start(&config).await;
    send_and_leave(&server, 1.0, 0.0).await;
    wait_for(&server, 0.0, 0.0).await;
    assert_eq!(server.metric("sidep_requests_served_total{class=\"landing\",status=\"2xx\"}").await, 0.0);
}

#[tokio::test]
async fn what_was_stored_for_a_client_that_left_is_stored() {
    let server = InProcess::start("[hold.class]\nsoftware = { constant = \"200ms\" }").await;
    let client = server.signed_in("sw-1").await;
    let token = client.token().unwrap().to_owned();
    let address = server.address;
    let entry = tokio::spawn(async move {
        let mut client = Client::connect(address).await.unwrap();
        client.use_token(Some(&token));
        client.enter(1).await
    });
    wait_for(&server, 1.0, 0.0).await;
    entry.abort();
    wait_for(&server, 0.0, 0.0).await;
    assert_eq!(server.metric("sidep_store_results_total").await, 1.0);
}

#[tokio::test]
async fn stopping_finishes_the_work_that_was_accepted() {
    let mut server = InProcess::start(ONE).await;
    let address = server.address;
    let answers: Vec<_> = [(1.0, 0.0), (1.0, 1.0)].into();
    let mut asked = Vec::new();
    for (busy, waiting) in answers {
        asked.push(tokio::spawn(
            async move { Client::connect(address).await.unwrap().get("/p/x").await.status },
        ));
        wait_for(&server, busy, waiting).await;
    }
    server.stop().await;
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert!(Client::connect(address).await.is_err());
}
