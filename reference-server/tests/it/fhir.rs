//! FHIR bundles over HTTP: what an entry software sees.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::server::InProcess;

const FHIR: &str = "application/fhir+json";

/// The entries of a good result, other ones for every number.
fn entries(number: u32) -> Vec<Value> {
    let text = include_str!("../data/fhir_bundle.json")
        .replace("7d0a8c52", &format!("{number:08x}"))
        .replace("REPORT-7", &format!("REPORT-{number}"))
        .replace("SAMPLE-7", &format!("SAMPLE-{number}"));
    serde_json::from_str::<Value>(&text).unwrap()["entry"].as_array().unwrap().clone()
}

fn bundle(kind: &str, numbers: std::ops::Range<u32>) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": numbers.flat_map(entries).collect::<Vec<_>>() })
}

async fn hand_in(client: &mut Client, bundle: &Value) -> Answer {
    client.hand_in(FHIR, &bundle.to_string()).await
}

/// The receipts of an answer, in the order of the entries.
fn receipts(answer: &Value) -> Vec<&str> {
    let entries = answer["entry"].as_array().unwrap();
    entries.iter().filter_map(|entry| entry["response"]["location"].as_str()).collect()
}

fn expressions(outcome: &Value) -> Vec<&str> {
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issues = outcome["issue"].as_array().unwrap();
    issues.iter().filter_map(|issue| issue["expression"][0].as_str()).collect()
}

#[tokio::test]
async fn a_transaction_is_stored_and_answered_with_its_receipt() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let answer = hand_in(&mut client, &bundle("transaction", 1..2)).await.expect(201);
    assert_eq!(answer.headers["content-type"], FHIR);
    let said = answer.json();
    assert_eq!((&said["resourceType"], &said["type"]), (&json!("Bundle"), &json!("transaction-response")));
    assert_eq!(said["entry"].as_array().unwrap().len(), 4);
    assert!(said["entry"].as_array().unwrap().iter().all(|it| it["response"]["status"] == "201 Created"));
    let receipt = receipts(&said)[0].to_owned();
    let found = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
    assert_eq!((&found["state"], &found["copies"]), (&json!("stored"), &json!(1)));
    let id = found["result_id"].as_str().unwrap();
    let stored = client.get(&format!("/v1/results/{id}")).await.expect(200).json();
    assert_eq!((&stored["ref"], &stored["sample"]), (&json!("REPORT-1"), &json!("SAMPLE-1")));
    assert_eq!(stored["patient"]["family_name"], "Lefèvre");
    // The same identifier again is the same result; another sender's is another.
    let again = hand_in(&mut client, &bundle("transaction", 1..2)).await.expect(201).json();
    assert_eq!(receipts(&again), [receipt.as_str()]);
    assert_eq!(again["entry"][3]["response"]["status"], "200 OK");
    let other = hand_in(&mut server.signed_in("sw-2").await, &bundle("transaction", 1..2)).await.expect(201);
    assert_ne!(receipts(&other.json()), [receipt.as_str()]);
    assert_eq!(server.metric("sidep_store_results_total").await, 2.0);
    assert_eq!(server.metric("sidep_requests_served_total{class=\"software\",status=\"2xx\"}").await, 3.0);
}

#[tokio::test]
async fn an_idempotency_key_answers_for_a_bundle_that_comes_again() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let headers = [("content-type", FHIR), ("idempotency-key", "once")];
    let mut receipts_of = Vec::new();
    for number in [1, 2] {
        let body = Bytes::from(bundle("transaction", number..number + 1).to_string());
        let answer = client.send(Method::POST, "/v1/results", &headers, body).await.unwrap().expect(201);
        receipts_of.push(receipts(&answer.json())[0].to_owned());
    }
    assert_eq!(receipts_of[0], receipts_of[1]);
    let body = Bytes::from(bundle("transaction", 3..4).to_string());
    let long = "x".repeat(256);
    let headers = [("content-type", FHIR), ("idempotency-key", long.as_str())];
    let answer = client.send(Method::POST, "/v1/results", &headers, body).await.unwrap().expect(400);
    assert_eq!(expressions(&answer.json()), ["Idempotency-Key"]);
    assert_eq!(server.metric("sidep_store_results_total").await, 1.0);
}

#[tokio::test]
async fn of_a_transaction_all_is_stored_or_nothing() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("lab-1").await;
    let mut bad = bundle("transaction", 0..3);
    bad["entry"][4]["resource"]["birthDate"] = json!("1985-02-30");
    bad["entry"][10]["resource"]["status"] = json!(5);
    bad["entry"][11]["request"]["method"] = json!("DELETE");
    bad["entry"].as_array_mut().unwrap().push(json!({ "resource": { "resourceType": "Device" } }));
    let said = hand_in(&mut client, &bad).await.expect(400).json();
    let mut found = expressions(&said);
    found.sort_unstable();
    let expected = [
        "Bundle.entry[10].resource.status",
        "Bundle.entry[11].request.method",
        "Bundle.entry[12].request",
        "Bundle.entry[4].resource.birthDate",
    ];
    assert_eq!(found, expected);
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
    let said = hand_in(&mut client, &bundle("transaction", 0..3)).await.expect(201).json();
    assert_eq!(receipts(&said).len(), 3);
    assert_eq!(server.metric("sidep_store_results_total").await, 3.0);
    assert_eq!(server.metric("sidep_requests_served_total{class=\"lab\",status=\"2xx\"}").await, 1.0);
}

#[tokio::test]
async fn in_a_batch_a_bad_result_does_not_stop_the_good_ones() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("lab-1").await;
    let mut mixed = bundle("batch", 0..3);
    mixed["entry"][4]["resource"]["birthDate"] = json!("1985-02-30");
    mixed["entry"][6]["resource"]["valueCodeableConcept"]["coding"][0]["code"] = json!("0");
    let device =
        json!({ "resource": { "resourceType": "Device" }, "request": { "method": "POST", "url": "Device" } });
    mixed["entry"].as_array_mut().unwrap().push(device);
    let said = hand_in(&mut client, &mixed).await.expect(201).json();
    assert_eq!(said["type"], "batch-response");
    let statuses: Vec<_> = said["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["response"]["status"].as_str().unwrap())
        .collect();
    let (made, bad) = ("201 Created", "400 Bad Request");
    assert_eq!(statuses, [made, made, made, made, bad, bad, bad, bad, made, made, made, made, "200 OK"]);
    let outcome = &said["entry"][7]["response"]["outcome"];
    let mut found = expressions(outcome);
    found.sort_unstable();
    assert_eq!(found, ["Bundle.entry[4].resource.birthDate", "Bundle.entry[6].resource.value"]);
    assert_eq!(receipts(&said).len(), 2);
    assert_eq!(server.metric("sidep_store_results_total").await, 2.0);
    // The same again, mended: what was stored is not stored again.
    let again = hand_in(&mut client, &bundle("batch", 0..3)).await.expect(201).json();
    assert_eq!((receipts(&again)[0], receipts(&again)[2]), (receipts(&said)[0], receipts(&said)[1]));
    assert_eq!(server.metric("sidep_store_results_total").await, 3.0);
}

#[tokio::test]
async fn what_cannot_be_taken_is_said_in_an_operation_outcome() {
    let server = InProcess::start("[limits]\nbatch = 3\nbody = \"64kB\"").await;
    let mut client = server.signed_in("lab-1").await;
    for wrong in ["", "hello", "{}", "[]", &bundle("transaction", 0..4).to_string()] {
        let answer = client.hand_in(FHIR, wrong).await.expect(400);
        assert_eq!(answer.headers["content-type"], FHIR);
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{wrong}");
    }
    let large = client.hand_in(FHIR, &" ".repeat(70_000)).await.expect(413).json();
    assert_eq!(large["issue"][0]["code"], "too-long");
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
    server.client().await.hand_in(FHIR, &bundle("batch", 0..1).to_string()).await.expect(401);
}
