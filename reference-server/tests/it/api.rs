//! Sign-in, entries, receipts, the portal: what a sender sees.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use crate::server::{InProcess, write};
use crate::synthetic::{self, BIRTH_DATE};

const PERSON: &str = "89900000001";

#[tokio::test]
async fn an_entry_is_stored_and_its_sender_sees_it_again() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in(PERSON).await;
    let result = client.enter(1).await;
    assert_eq!((result["ref"].as_str(), result["state"].as_str()), (Some("ref-1"), Some("stored")));

    let receipt = result["receipt"].as_str().unwrap();
    let answer = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
    assert_eq!(answer, json!({"state": "stored", "result_id": result["result_id"], "copies": 1}));

    let path = format!("/v1/results/{}", result["result_id"].as_str().unwrap());
    let seen = client.get(&path).await.expect(200).json();
    assert_eq!(seen["patient"], synthetic::entry(1)["patient"]);
    assert_eq!(seen["test"], synthetic::entry(1)["test"]);
    let certificate = client.get(&format!("{path}/certificate.txt")).await.expect(200).text();
    assert!(certificate.starts_with("HC1:"), "{certificate}");
}

#[tokio::test]
async fn a_repeated_entry_is_answered_as_the_first_time_and_stored_once() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let first = client.enter(1).await;
    // The same reference again, even with other contents.
    let mut changed = synthetic::entry(1);
    changed["test"]["result"] = json!("positive");
    let again = client.post_json("/v1/results", &changed).await.expect(201).json();
    assert_eq!(again["results"][0], first);
    // The same idempotency key again, even with another reference.
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let mut send = async |number: u32| {
        let body = Bytes::from(synthetic::entry(number).to_string());
        client.send(Method::POST, "/v1/results", &keyed, body).await.unwrap().expect(201).json()
    };
    let second = send(2).await;
    assert_eq!(send(3).await, second);
    assert_eq!(server.metric("sidep_store_results_total").await, 2.0);
    assert_eq!(server.metric("sidep_outbox_pending").await, 2.0);

    // Another sender's references and keys are its own.
    let other = server.signed_in("sw-2").await.enter(1).await;
    assert_ne!(other["receipt"], first["receipt"]);
}

#[tokio::test]
async fn copies_count_every_stored_result_of_a_sample() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let first = client.enter(1).await;
    let mut twin = synthetic::entry(2);
    twin["sample"] = json!("sample-1");
    client.post_json("/v1/results", &twin).await.expect(201);
    let receipt = first["receipt"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/receipts/{receipt}")).await.json()["copies"], 2);
    assert_eq!(client.get(&format!("/v1/receipts/{}", "0".repeat(32))).await.status, 404);
}

#[tokio::test]
async fn in_a_batch_bad_entries_do_not_stop_good_ones() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("lab-1").await;
    let mut batch = synthetic::batch(0..5);
    batch["entries"][2]["patient"]["birth_date"] = json!("never");
    let results = client.post_json("/v1/results", &batch).await.expect(201).json()["results"].clone();
    for (index, result) in results.as_array().unwrap().iter().enumerate() {
        assert_eq!(result["ref"], format!("ref-{index}"));
        assert_eq!(result["state"], if index == 2 { "rejected" } else { "stored" });
    }
    assert_eq!(results[2]["problems"][0]["path"], "entries/2/patient/birth_date");
    assert_eq!(server.metric("sidep_store_results_total").await, 4.0);
    assert_eq!(server.metric("sidep_requests_served_total{class=\"lab\",status=\"2xx\"}").await, 1.0);
    // The same file again, mended: what was stored is not stored again.
    let results = client.post_json("/v1/results", &synthetic::batch(0..5)).await.expect(201).json();
    assert_eq!(results["results"][2]["state"], "stored");
    assert_eq!(server.metric("sidep_store_results_total").await, 5.0);
}

#[tokio::test]
async fn every_problem_of_an_entry_is_answered_at_once() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in(PERSON).await;
    let mut entry = synthetic::entry(1);
    entry["patient"]["mobile"] = json!("+33612345678");
    entry["test"]["kind"] = json!("smell");
    let problems = client.post_json("/v1/results", &entry).await.expect(400).json();
    let paths: Vec<_> =
        problems["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, ["patient/mobile", "test/kind"]);
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let server = InProcess::start("[limits]\nbody = \"1kB\"\nbatch = 3").await;
    let mut client = server.signed_in(PERSON).await;
    client.post_form("/v1/results", "a=b").await.expect(415);
    client.post_json("/v1/results", &json!([])).await.expect(400);
    let long = json!({ "ref": "x".repeat(2_000) });
    client.post_json("/v1/results", &long).await.expect(413);
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_token_or_with_somebody_elses() {
    let server = InProcess::start("").await;
    let mut owner = server.signed_in(PERSON).await;
    let result = owner.enter(1).await;
    let view = format!("/v1/results/{}", result["result_id"].as_str().unwrap());
    let print = format!("{view}/certificate.txt");
    let reads = [view.as_str(), print.as_str(), "/pro/entry", "/pro/patients?name=Exemple"];

    let mut stranger = server.client().await;
    let forged = owner.token().unwrap().replace('.', ".A");
    for token in [None, Some("x"), Some(forged.as_str())] {
        stranger.use_token(token);
        for path in reads {
            let answer = stranger.get(path).await.expect(401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
        stranger.post_json("/v1/results", &synthetic::entry(2)).await.expect(401);
        stranger.post_json("/pro/drafts", &json!({})).await.expect(401);
    }

    let mut other = server.signed_in("89900000002").await;
    other.get(&view).await.expect(404);
    other.get(&print).await.expect(404);
    assert_eq!(other.get("/pro/patients?name=Exemple").await.expect(200).json()["patients"], json!([]));
    assert_eq!(server.metric("sidep_store_results_total").await, 1.0);
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_only() {
    let server = InProcess::start("").await;
    let mut client = server.client().await;
    let secret = reference_server::accounts::secret(PERSON);
    let mut scoped = async |scope| {
        let answer = client.sign_in(PERSON, &secret, Some(scope)).await.expect(200).json();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let (read, write) = (scoped("result:read").await, scoped("result:write").await);
    client.use_token(Some(&read));
    client.post_json("/v1/results", &synthetic::entry(1)).await.expect(403);
    client.get("/pro/entry").await.expect(403);
    client.get("/pro/patients?name=Ex").await.expect(200);
    client.use_token(Some(&write));
    client.post_json("/v1/results", &synthetic::entry(1)).await.expect(201);
    client.get("/pro/patients?name=Ex").await.expect(403);
    client.use_token(None);
    client.sign_in(PERSON, "wrong", None).await.expect(401);
    client.sign_in("10000000001", "wrong", None).await.expect(401);
    client.sign_in(PERSON, &secret, Some("everything")).await.expect(400);
    client.post_form("/oidc/token", "grant_type=password").await.expect(400);
}

#[tokio::test]
async fn tokens_and_results_survive_a_restart() {
    let mut server = InProcess::start("").await;
    let mut client = server.signed_in(PERSON).await;
    let result = client.enter(1).await;
    let token = client.token().unwrap().to_owned();
    server.restart().await;
    let mut client = server.client().await;
    client.use_token(Some(&token));
    client.get(&format!("/v1/results/{}", result["result_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(client.enter(1).await, result);
}

#[tokio::test]
async fn the_portal_finds_patients_by_the_beginning_of_their_name_and_saves_drafts() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in(PERSON).await;
    assert!(client.get("/pro/entry").await.expect(200).text().contains("<form"));
    for number in [1, 2, 12] {
        client.enter(number).await;
    }
    let mut names = async |name: &str| {
        let answer = client.get(&format!("/pro/patients?name={name}")).await.expect(200).json();
        let patients = answer["patients"].as_array().unwrap().clone();
        patients
            .iter()
            .map(|found| found["patient"]["family_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("exemple").await, ["Exempleb", "Exemplebc", "Exemplec"]);
    assert_eq!(names("Ex%C3%A9mpleB").await, ["Exempleb", "Exemplebc"]);
    assert!(names("Fiction").await.is_empty());
    client.get("/pro/patients?name=E").await.expect(400);
    let draft = client.post_json("/pro/drafts", &json!({"family_name": "Exemple"})).await.expect(201).json();
    assert_eq!(draft["draft"].as_str().unwrap().len(), 16);
    client.post_json("/pro/drafts", &json!({"sex": "?"})).await.expect(400);
}

#[tokio::test]
async fn discovery_and_keys_are_what_clients_need() {
    let consent = "[consent]\nmax_rate = \"5000/s\"\nuntil = \"2026-12-24T00:00:00Z\"\ntoken_sha256 = \"";
    let server = InProcess::start(&format!("{consent}{}\"", "a".repeat(64))).await;
    let mut client = server.client().await;
    let found = client.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(found["jwks_uri"], "http://sidep.test/oidc/jwks.json");
    let keys = client.get("/oidc/jwks.json").await.expect(200).json();
    assert_eq!(
        (keys["keys"][0]["kty"].as_str(), keys["keys"][0]["alg"].as_str()),
        (Some("EC"), Some("ES256"))
    );
    let consent = client.get("/.well-known/peakday.json").await.expect(200).json();
    assert_eq!((consent["allow"].as_bool(), consent["max_rate_per_s"].as_f64()), (Some(true), Some(5_000.0)));
    assert_eq!(client.get("/healthz").await.expect(200).text(), "ok\n");
    client.get("/readyz").await.expect(200);
    client.get("/nothing/here").await.expect(404);
    let open = InProcess::start("").await;
    open.client().await.get("/.well-known/peakday.json").await.expect(404);
}

#[tokio::test]
async fn preloaded_results_can_be_read_and_send_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = (0..2_500).map(|number| synthetic::preload_line(number, PERSON)).collect();
    let file = write(folder.path(), "earlier.jsonl", &lines.join("\n"));
    let mut server = InProcess::start_with("", |options| options.preload = Some(file)).await;
    assert_eq!(server.metric("sidep_store_results_total").await, 2_500.0);
    assert_eq!(server.metric("sidep_outbox_pending").await, 0.0);
    let mut client = server.client().await;
    let link = format!("/p/{}", synthetic::link(2_499));
    client.post_form(&link, &format!("birth_date={BIRTH_DATE}")).await.expect(200);
    let mut owner = server.signed_in(PERSON).await;
    let found = owner.get("/pro/patients?name=Exemplebcdb").await.expect(200).json();
    assert_eq!(found["patients"][0]["patient"], synthetic::entry(1231)["patient"]);
    // Loaded again, it changes nothing.
    server.restart().await;
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
}
