//! Disciplines, limits, buckets, lanes, the pool and the modelled commit, through HTTP.

use std::net::SocketAddr;

use tokio::task::JoinHandle;

use crate::client::Client;
use crate::server::InProcess;
use crate::slots::wait_for;
use crate::synthetic;

/// Asks for a path on a connection of its own; the status.
fn ask(address: SocketAddr, path: &'static str) -> JoinHandle<u16> {
    tokio::spawn(async move { Client::connect(address).await.unwrap().get(path).await.status.as_u16() })
}

#[tokio::test]
async fn who_has_waited_too_long_is_told_so_at_its_turn() {
    let config = "[slots]\nworkers = 1\nqueue = 10\nlongest_wait = \"100ms\"\nretry_after = \"7s\"\n\
                  [hold.class]\nlanding = { constant = \"300ms\" }";
    let server = InProcess::start(config).await;
    let first = ask(server.address, "/p/x");
    wait_for(&server, 1.0, 0.0).await;
    let late = server.client().await.get("/p/x").await.expect(503);
    assert_eq!(late.headers["retry-after"], "7");
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(server.metric("sidep_refusals_total{cause=\"late\"}").await, 1.0);
    assert_eq!(server.metric("sidep_requests_refused_total{class=\"landing\"}").await, 1.0);
    // It has cost no slot: the next one is served at once.
    server.client().await.get("/p/x").await.expect(200);
}

#[tokio::test]
async fn certificates_are_served_before_pages_that_are_looked_at_again() {
    let config = "[slots]\nworkers = 1\nqueue = 10\ndiscipline = \"priority\"\n\
                  [hold]\nlaw = { constant = \"300ms\" }";
    let server = InProcess::start(config).await;
    let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
    let mut waiting = -1.0;
    for (name, path) in [("first", "/p/x"), ("page", "/p/x/result"), ("certificate", "/p/x/certificate.txt")]
    {
        let (served, asked) = (served.clone(), ask(server.address, path));
        tokio::spawn(async move {
            asked.await.unwrap();
            served.send(name).unwrap();
        });
        waiting += 1.0;
        wait_for(&server, 1.0, waiting).await;
    }
    for expected in ["first", "certificate", "page"] {
        assert_eq!(order.recv().await, Some(expected));
    }
}

#[tokio::test]
async fn slow_answers_shrink_the_adaptive_limit() {
    let config = "[slots]\nworkers = 8\nlimit = { least = 1, most = 2, target = \"1ms\" }\n\
                  [hold.class]\nlanding = { constant = \"10ms\" }\nresult = { constant = \"1h\" }";
    let server = InProcess::start(config).await;
    assert_eq!(server.metric("sidep_limit{pool=\"main\"}").await, 2.0);
    for _ in 0..10 {
        server.client().await.get("/p/x").await.expect(200);
    }
    assert_eq!(server.metric("sidep_limit{pool=\"main\"}").await, 1.0);
    let _held = ask(server.address, "/p/x/result");
    wait_for(&server, 1.0, 0.0).await;
    server.client().await.get("/p/x").await.expect(503);
    assert_eq!(server.metric("sidep_refusals_total{cause=\"limited\"}").await, 1.0);
}

#[tokio::test]
async fn an_account_that_sends_too_fast_is_asked_to_wait_and_no_other_is() {
    let config = "[bucket.account]\nrate = \"1/h\"\nburst = 2\nclasses = [\"validate\"]\n\
                  [bucket.address]\nrate = \"1/h\"\nburst = 3\nclasses = [\"landing\"]";
    let server = InProcess::start(config).await;
    let mut person = server.signed_in("89900000001").await;
    for number in 0..2 {
        person.enter(number).await;
    }
    let refused = person.post_json("/v1/results", &synthetic::entry(2)).await.expect(429);
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "the next token comes in an hour, not in {wait} s");
    // From another connection of the same account too; other classes and other accounts are not concerned.
    let mut again = server.client().await;
    again.use_token(person.token());
    again.post_json("/v1/results", &synthetic::entry(2)).await.expect(429);
    person.get("/pro/entry").await.expect(200);
    server.signed_in("89900000002").await.enter(3).await;
    for _ in 0..3 {
        server.client().await.get("/p/x").await.expect(200);
    }
    server.client().await.get("/p/x").await.expect(429);
    assert_eq!(server.metric("sidep_refusals_total{cause=\"bucket\"}").await, 3.0);
    assert_eq!(server.metric("sidep_bucket_keys{per=\"account\"}").await, 2.0);
    assert_eq!(server.metric("sidep_store_results_total").await, 3.0);
}

/// One slot for everybody, which a form holds for ever, and a lane for labs.
const LANE: &str = "[slots]\nworkers = 1\nqueue = 1\n[hold.class]\nform = { constant = \"1h\" }\n\
                    [lane.lab]\nclasses = [\"lab\"]\nworkers = 2\nqueue = 4\nlisten = \"127.0.0.1:0\"\nconnections = 8\n";

#[tokio::test]
async fn labs_stay_whole_while_the_form_saturates() {
    let server = InProcess::start(LANE).await;
    let token = server.signed_in("89900000001").await.token().unwrap().to_owned();
    for waiting in [0.0, 1.0] {
        let (address, token) = (server.address, token.clone());
        tokio::spawn(async move {
            let mut client = Client::connect(address).await.unwrap();
            client.use_token(Some(&token));
            client.get("/pro/entry").await
        });
        wait_for(&server, 1.0, waiting).await;
    }
    let (mut lab, mut person) = (server.signed_in("lab-1").await, server.client().await);
    person.use_token(Some(&token));
    for batch in 0..10 {
        person.get("/pro/entry").await.expect(503);
        let numbers = batch * 50..(batch + 1) * 50;
        lab.post_json("/v1/results", &synthetic::batch(numbers)).await.expect(201);
    }
    assert_eq!(server.metric("sidep_requests_refused_total{class=\"form\"}").await, 10.0);
    assert_eq!(server.metric("sidep_requests_served_total{class=\"lab\",status=\"2xx\"}").await, 10.0);
    assert_eq!(server.metric("sidep_slots{pool=\"lab\"}").await, 2.0);
    let ready = server.client().await.get("/readyz").await.expect(200).text();
    assert!(
        ready.contains("\nmain 1/1 busy, 1/1 waiting\n") && ready.contains("\nlab 0/2 busy, 0/4 waiting\n"),
        "{ready}"
    );
}

#[tokio::test]
async fn the_listener_of_a_lane_serves_its_classes_and_sign_in() {
    let mut server = InProcess::start(LANE).await;
    let address = server.lab_address.unwrap();
    assert_ne!(address, server.address);
    let mut lab = Client::signed_in(address, "lab-1").await;
    lab.post_json("/v1/results", &synthetic::batch(0..2)).await.expect(201);
    lab.post_json("/v1/results", &synthetic::entry(3)).await.expect(421);
    lab.get("/p/x").await.expect(421);
    lab.get("/healthz").await.expect(200);
    drop(lab);
    server.stop().await;
    assert!(Client::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_in_its_slot_waits_for_a_connection_of_the_pool() {
    let config = "[slots]\nworkers = 4\nqueue = 0\n[pool]\nconnections = 1\n\
                  [pool.class]\nlanding = { constant = \"200ms\" }";
    let server = InProcess::start(config).await;
    let asked: Vec<_> = (0..4).map(|_| ask(server.address, "/p/x")).collect();
    wait_for(&server, 4.0, 0.0).await;
    // The slots are all taken, by requests of which three only wait.
    server.client().await.get("/p/x").await.expect(503);
    server.client().await.get("/p/x/result").await.expect(503);
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    let waited = server.metric("sidep_pool_wait_seconds_total").await;
    let held = server.metric("sidep_pool_hold_seconds_total").await;
    assert!(
        held >= 0.8 && waited >= 1.2 * 0.999,
        "four of 200 ms, waited for 200, 400 and 600 ms: {waited} {held}"
    );
    let slots = server.metric("sidep_hold_seconds_total{class=\"landing\"}").await;
    assert!(slots >= 2.0 * 0.999, "the slots were held for {slots} s, waiting included");
}

#[tokio::test]
async fn what_comes_during_a_modelled_commit_is_in_the_next_one() {
    let server = InProcess::start("[commit]\ncycle = \"200ms\"\neach = \"100us\"").await;
    let token = server.signed_in("sw-1").await.token().unwrap().to_owned();
    let entering: Vec<_> = (0..40)
        .map(|number| {
            let (address, token) = (server.address, token.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await.unwrap();
                client.use_token(Some(&token));
                client.enter(number).await
            })
        })
        .collect();
    for entered in entering {
        entered.await.unwrap();
    }
    assert_eq!(server.metric("sidep_store_results_total").await, 40.0);
    let commits = server.metric("sidep_store_result_commits_total").await;
    assert!(commits <= 5.0, "{commits} commits for 40 entries that came at once");
}
