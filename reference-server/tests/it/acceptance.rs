//! Asynchronous intake: accepted at once, stored by workers, told by receipts, whatever happens to the server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::server::{InProcess, Process, command, write};
use crate::synthetic;

/// Hands in one entry and returns its receipt.
async fn accepted(client: &mut Client, entry: &Value) -> String {
    let answer = client.post_json("/v1/results", entry).await.expect(202).json();
    assert_eq!(answer["results"][0]["state"], "accepted");
    answer["results"][0]["receipt"].as_str().unwrap().to_owned()
}

/// Asks for a receipt until it says something else than that it was accepted.
async fn settled(client: &mut Client, receipt: &str) -> Value {
    for _ in 0..2_000 {
        let said = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
        if said["state"] != "accepted" {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{receipt} was never worked off");
}

#[tokio::test]
async fn an_entry_is_accepted_then_stored_once_however_often_it_is_handed_in() {
    let server = InProcess::start("[intake]").await;
    let mut client = server.signed_in("sw-1").await;
    let receipt = accepted(&mut client, &synthetic::entry(1)).await;
    let again = accepted(&mut client, &synthetic::entry(1)).await;
    assert_ne!(receipt, again);
    let said = settled(&mut client, &receipt).await;
    assert_eq!((&said["state"], &said["copies"]), (&json!("stored"), &json!(1)));
    assert_eq!(settled(&mut client, &again).await["result_id"], said["result_id"]);
    let shown = client.get(&format!("/v1/results/{}", said["result_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(shown.json()["ref"], "ref-1");
    assert_eq!(server.metric("sidep_store_results_total").await, 1.0);
    assert_eq!(server.metric("sidep_outbox_pending").await, 1.0);
    assert_eq!(server.metric("sidep_intake_waiting").await, 0.0);
    client.get("/v1/receipts/00000000000000000000000000000000").await.expect(404);
}

#[tokio::test]
async fn each_entry_of_a_batch_has_a_receipt_and_a_bad_one_says_why_it_was_rejected() {
    let server = InProcess::start("[intake]").await;
    let mut client = server.signed_in("lab-1").await;
    let mut batch = synthetic::batch(0..3);
    batch["entries"][1]["patient"]["birth_date"] = json!("yesterday");
    let answer = client.post_json("/v1/results", &batch).await.expect(202).json();
    let receipts: Vec<_> =
        (0..3).map(|place| answer["results"][place]["receipt"].as_str().unwrap()).collect();
    assert_eq!(answer["results"][1]["ref"], "ref-1");
    for (place, state) in ["stored", "rejected", "stored"].into_iter().enumerate() {
        let said = settled(&mut client, receipts[place]).await;
        assert_eq!(said["state"], state);
        if state == "rejected" {
            let path = said["problems"][0]["path"].as_str().unwrap();
            assert!(path.contains("birth_date"), "{said}");
        }
    }
    // What is no message at all is refused at once.
    client.post_json("/v1/results", &json!([1, 2])).await.expect(400);
}

#[tokio::test]
async fn what_waits_is_bounded_and_its_age_is_seen() {
    let config = "[intake]\nworkers = 1\nqueue = 2\n[hold.class]\nsoftware = { constant = \"1h\" }";
    let server = InProcess::start(config).await;
    let mut client = server.signed_in("sw-1").await;
    // The first keeps the only worker busy; its acceptance did not wait for that.
    let first = accepted(&mut client, &synthetic::entry(1)).await;
    assert_eq!(settled(&mut client, &first).await["state"], "stored");
    for number in 2..4 {
        accepted(&mut client, &synthetic::entry(number)).await;
    }
    let refused = client.post_json("/v1/results", &synthetic::entry(4)).await.expect(503);
    assert_eq!(refused.headers["retry-after"], "5");
    assert_eq!(server.metric("sidep_intake_waiting").await, 2.0);
    assert_eq!(server.metric("sidep_intake_workers_busy").await, 1.0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(server.metric("sidep_intake_oldest_seconds").await >= 0.02);
}

#[tokio::test]
async fn every_receipt_is_honoured_after_the_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[intake]\nworkers = 2\n[hold.class]\nlab = { constant = \"20ms\" }\nsoftware = { constant = \"20ms\" }";
    let config = write(folder.path(), "server.toml", config);
    let start = || {
        let mut command = command(&folder.path().join("data"));
        command.arg("--config").arg(&config);
        Process::start(command)
    };
    let mut receipts = Vec::new();
    for kill in 0..3_u32 {
        let mut server = start();
        let mut client = Client::signed_in(server.address, "sw-1").await;
        for number in 0..20 {
            receipts.push(accepted(&mut client, &synthetic::entry(kill * 1_000 + number)).await);
        }
        let mut lab = Client::signed_in(server.address, "lab-1").await;
        let first = kill * 1_000 + 100;
        let answer =
            lab.post_json("/v1/results", &synthetic::batch(first..first + 20)).await.expect(202).json();
        let lines = answer["results"].as_array().unwrap();
        receipts.extend(lines.iter().map(|line| line["receipt"].as_str().unwrap().to_owned()));
        server.kill();
    }
    let server = start();
    let mut client = Client::connect(server.address).await.unwrap();
    for receipt in &receipts {
        let said = settled(&mut client, receipt).await;
        assert_eq!((&said["state"], &said["copies"]), (&json!("stored"), &json!(1)), "{said}");
    }
    assert_eq!(receipts.len(), 120);
    let page = client.get("/metrics").await.expect(200).text();
    assert!(
        page.contains("\nsidep_intake_waiting 0\n") && page.contains("\nsidep_outbox_pending 120\n"),
        "{page}"
    );
}
