//! What stays of a day: an access log of exactly what was done, a log without anybody in it, nothing after a purge.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::server::{InProcess, Process, bytes_below, command, write};
use crate::synthetic::{self, BIRTH_DATE};

const PERSON: &str = "89900000001";

/// The lines of every file of the access log.
fn access(data: &Path) -> Vec<Value> {
    let mut files: Vec<_> =
        std::fs::read_dir(data.join("access")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort_unstable();
    let lines = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What no log may have of these tests' people and of those who look at them.
fn secrets(tokens: &[String]) -> Vec<String> {
    let mut words: Vec<_> = ["Exemple", "EXEMPLE", "Anne", BIRTH_DATE, "1999-12-31", "+3363998", "3363998"]
        .map(str::to_owned)
        .to_vec();
    words.extend(["\"positive\"", "\"negative\"", "antigen", "HC1:", "session="].map(str::to_owned));
    words.extend(
        (0..20).map(|number| synthetic::entry(number)["patient"]["identifier"].as_str().unwrap().to_owned()),
    );
    words.extend((0..2).map(synthetic::link));
    words.extend(["sw-1", "sw-2", PERSON].map(reference_server::accounts::secret));
    words.extend_from_slice(tokens);
    words
}

#[tokio::test]
async fn the_access_log_has_exactly_what_was_done_and_no_log_has_anybody_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, said) = (folder.path().join("data"), folder.path().join("said.jsonl"));
    let lines: Vec<_> = (0..2).map(|number| synthetic::preload_line(number, "sw-2")).collect();
    let preload = write(folder.path(), "earlier.jsonl", &lines.join("\n"));
    let config = write(folder.path(), "server.toml", "[log]\nlevel = \"debug\"");
    let mut command = command(&data);
    command.arg("--config").arg(config).arg("--preload").arg(preload).stderr(File::create(&said).unwrap());
    let mut server = Process::start(command);

    let mut person = Client::signed_in(server.address, PERSON).await;
    person.get("/pro/entry").await.expect(200);
    person
        .post_json("/pro/drafts", &json!({"family_name": "Exemple", "birth_date": BIRTH_DATE}))
        .await
        .expect(201);
    let entered = person.enter(11).await;
    let id = entered["result_id"].as_str().unwrap().to_owned();
    assert_eq!(person.enter(11).await, entered, "the same again");
    person.get("/pro/patients?name=Exemple").await.expect(200);
    person.get(&format!("/v1/results/{id}")).await.expect(200);
    person.get(&format!("/v1/results/{id}/certificate.txt")).await.expect(200);
    person.get(&format!("/v1/receipts/{}", entered["receipt"].as_str().unwrap())).await.expect(200);
    person.post_json("/v1/results", &json!({"ref": "Exemple"})).await.expect(400);
    let mut software = Client::signed_in(server.address, "sw-1").await;
    let batch = software.post_json("/v1/results", &synthetic::batch(12..15)).await.expect(201).json();
    software.get(&format!("/v1/results/{id}")).await.expect(404);
    software.get("/v1/results/0000000000000000").await.expect(404);
    let mut patient = Client::connect(server.address).await.unwrap();
    let link = format!("/p/{}", synthetic::link(1));
    patient.get(&link).await.expect(200);
    patient.post_form(&link, "birth_date=1999-12-31").await.expect(403);
    let opened = patient.post_form(&link, &format!("birth_date={BIRTH_DATE}")).await.expect(200);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for path in ["result", "certificate.txt", "certificate.png", "certificate.pdf"] {
        let headers = [("cookie", cookie.as_str())];
        patient
            .send(Method::GET, &format!("{link}/{path}"), &headers, Bytes::new())
            .await
            .unwrap()
            .expect(200);
    }
    patient.get(&format!("{link}/result")).await.expect(403);
    let other = format!("/p/{}/result?name=Exemple", synthetic::link(0));
    let answer = patient.send(Method::GET, &other, &[("cookie", &cookie)], Bytes::new()).await.unwrap();
    assert_eq!(answer.status, 403);
    patient.get("/Exemple/Anne").await.expect(404);
    let mut counter = Client::signed_in(server.address, "stat-1").await;
    counter.get("/v1/statistics?day=2026-01-01").await.expect(200);
    let tokens: Vec<_> =
        [&person, &software, &counter].map(|client| client.token().unwrap().to_owned()).to_vec();
    server.terminate();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));

    let lines = access(&data);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            let records = line["records"].as_array().map_or(0, Vec::len);
            (text("who"), text("operation"), text("outcome"), records)
        })
        .collect();
    let expected = [
        (PERSON, "sign-in", "done", 0),
        (PERSON, "draft", "done", 1),
        (PERSON, "enter", "done", 1),
        (PERSON, "enter", "done", 1),
        (PERSON, "search", "done", 1),
        (PERSON, "view", "done", 1),
        (PERSON, "print", "done", 1),
        ("sw-1", "sign-in", "done", 0),
        ("sw-1", "enter", "done", 3),
        ("sw-1", "view", "refused", 1),
        ("patient", "open", "done", 1),
        ("patient", "result", "done", 1),
        ("patient", "certificate", "done", 1),
        ("patient", "certificate", "done", 1),
        ("patient", "certificate", "done", 1),
        ("stat-1", "sign-in", "done", 0),
        ("stat-1", "statistics", "done", 0),
    ];
    assert_eq!(told, expected);
    assert!(lines.is_sorted_by_key(|line| line["at"].as_str().unwrap().to_owned()));
    for line in [2, 3, 4, 5, 6, 9] {
        assert_eq!(lines[line]["records"], json!([id]), "{}", lines[line]);
    }
    let ids: Vec<_> =
        batch["results"].as_array().unwrap().iter().map(|result| result["result_id"].clone()).collect();
    assert_eq!(lines[8]["records"], Value::from(ids));

    let log = std::fs::read_to_string(&said).unwrap();
    let said: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&said[0]["event"], &said.last().unwrap()["event"]), (&json!("serving"), &json!("stopped")));
    let requests: Vec<_> = said.iter().filter(|line| line["event"] == "request").collect();
    assert_eq!(requests.len(), 26, "{log}");
    let mut ids: Vec<_> = requests.iter().map(|line| line["request"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), requests.len(), "every request has an id of its own");
    assert!(requests.iter().any(|line| line["route"] == "/p/{link}/result" && line["status"] == 403));
    for secret in secrets(&tokens) {
        assert!(!log.contains(&secret), "the log has {secret}");
        for line in &lines {
            assert!(!line.to_string().contains(&secret), "the access log has {secret}: {line}");
        }
    }
    for account in [PERSON, "sw-1", "stat-1"] {
        assert!(!log.contains(account), "the log has {account}");
    }
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request() {
    let server = InProcess::start("").await;
    let mut client = server.client().await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/nothing", "/pro/entry", "/p/x"] {
        let answer = client.get(path).await;
        ids.push(answer.headers["x-request-id"].to_str().unwrap().to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == 4 && ids.iter().all(|id| id.len() == 16), "{ids:?}");
}

#[tokio::test]
async fn a_purge_beside_the_work_erases_what_has_expired_and_says_how_much() {
    let server = InProcess::start(
        "[retention]\nresults = \"1ms\"\npositives = \"1h\"\ndrafts = \"1ms\"\nevery = \"5ms\"",
    )
    .await;
    let mut client = server.signed_in("sw-1").await;
    let mut positive = synthetic::entry(300);
    positive["test"]["result"] = json!("positive");
    let kept = client.post_json("/v1/results", &positive).await.expect(201).json()["results"][0].clone();
    client.post_json("/pro/drafts", &json!({"family_name": "Exemple"})).await.expect(201);
    let mut receipts = Vec::new();
    for number in 0..150 {
        receipts.push(client.enter(number).await["receipt"].as_str().unwrap().to_owned());
    }
    while server.metric("sidep_purged_total{what=\"results\"}").await < 150.0 {
        tokio::task::yield_now().await;
    }
    for receipt in &receipts {
        client.get(&format!("/v1/receipts/{receipt}")).await.expect(404);
    }
    client.get(&format!("/v1/results/{}", kept["result_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(server.metric("sidep_purged_total{what=\"positives\"}").await, 0.0);
    assert_eq!(server.metric("sidep_purged_total{what=\"drafts\"}").await, 1.0);
    // What was erased can be handed in again.
    assert_eq!(client.enter(0).await["state"], "stored");
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_command_purges_a_folder_and_leaves_no_byte_of_anybody() {
    let mut server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let ids = [1, 2];
    let mut records = Vec::new();
    for number in &ids {
        let entered = client.enter(*number).await;
        let id = entered["result_id"].as_str().unwrap().to_owned();
        client.get(&format!("/v1/results/{id}/certificate.txt")).await.expect(200);
        records.push(id);
    }
    client.post_json("/pro/drafts", &json!({"family_name": "Brouillon"})).await.expect(201);
    server.stop().await;
    let data = server.folder().join("data");
    let words = |number: u32| {
        let entry = synthetic::entry(number);
        let patient = |key: &str| entry["patient"][key].as_str().unwrap().to_owned();
        [
            patient("family_name"),
            patient("family_name").to_uppercase(),
            patient("mobile"),
            patient("identifier"),
            format!("sample-{number}"),
        ]
    };
    let before = bytes_below(&data);
    assert!(ids.iter().flat_map(|number| words(*number)).all(|word| has(&before, &word)));
    assert!(has(&before, "Brouillon") && has(&before, "HC1:"));
    let purge = |at: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidep-server"));
        let output =
            command.args(["purge", "--at", at, "--data"]).arg(&data).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(purge("2026-01-01T00:00:00Z")["results"], 0);
    let erased = purge("2099-01-01T00:00:00Z");
    assert_eq!(erased, json!({"results": 2, "positives": 0, "drafts": 1, "messages": 2, "receipts": 0}));
    let after = bytes_below(&data);
    for word in ids.iter().flat_map(|number| words(*number)) {
        assert!(!has(&after, &word), "{word} is still there");
    }
    assert!(!has(&after, "Brouillon") && !has(&after, "HC1:") && !has(&after, BIRTH_DATE));
    // What was done stays known, with the references of the records; so does the purge, with its counts.
    let lines = access(&data);
    let prints: Vec<_> = lines.iter().filter(|line| line["operation"] == "print").collect();
    assert_eq!(prints.iter().map(|line| line["records"][0].as_str().unwrap()).collect::<Vec<_>>(), records);
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["who"], &last["operation"], &last["about"]),
        (&json!("server"), &json!("purge"), &erased)
    );
}

/// Today, as the server's days go.
fn today() -> String {
    reference_server::moment::Moment::now().rfc3339()[..10].to_owned()
}

async fn statistics(server: &InProcess) -> Value {
    let mut counter = server.signed_in("stat-1").await;
    // The tests may have been received on the day before, if midnight has just passed.
    counter.get(&format!("/v1/statistics?day={}", today())).await.expect(200).json()
}

#[tokio::test]
async fn statistics_have_pseudonyms_and_few_fields_and_small_groups_fewer() {
    let mut server = InProcess::start("[statistics]\nsmallest_group = 3").await;
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..3)).await.expect(201);
    let mut alone = synthetic::entry(3);
    alone["patient"]["sex"] = json!("M");
    alone["test"]["result"] = json!("positive");
    client.post_json("/v1/results", &alone).await.expect(201);
    // The person of entry 0 once more.
    let mut again = synthetic::entry(0);
    again["ref"] = json!("ref-again");
    client.post_json("/v1/results", &again).await.expect(201);
    let told = statistics(&server).await;
    let (year, day) = (today()[..4].parse::<u32>().unwrap(), today()[5..].to_owned());
    let age = year - 1985 - u32::from(*day < BIRTH_DATE[5..]);
    assert_eq!(told["next"], Value::Null);
    let tests = told["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 5, "{told}");
    let fields = |test: &Value| test.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for test in [0, 1, 2, 4] {
        assert_eq!(fields(&tests[test]), ["age_from", "kind", "pseudonym", "result", "sex"]);
        assert_eq!((&tests[test]["sex"], &tests[test]["age_from"]), (&json!("F"), &json!(age / 10 * 10)));
    }
    assert_eq!(fields(&tests[3]), ["kind", "pseudonym", "result"], "one man is alone in his group");
    assert_eq!(tests[3]["result"], "positive");
    assert_eq!(tests[0]["pseudonym"], tests[4]["pseudonym"]);
    assert_ne!(tests[0]["pseudonym"], tests[1]["pseudonym"]);
    let on_purpose =
        |word: &String| ["positive", "negative", "antigen"].iter().any(|told| word.contains(told));
    for secret in secrets(&[]).into_iter().filter(|word| !on_purpose(word)) {
        assert!(!told.to_string().contains(&secret), "the statistics have {secret}");
    }
    let mut counter = server.signed_in("stat-1").await;
    for wrong in ["day=tomorrow", "day=2026-1-1", "day=2026-01-01&after=x", ""] {
        counter.get(&format!("/v1/statistics?{wrong}")).await.expect(400);
    }

    server.stop().await;
    let data = server.folder().join("data");
    let rotate = Command::new(env!("CARGO_BIN_EXE_sidep-server"))
        .args(["rotate-statistics-key", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(rotate.status.success(), "{}", String::from_utf8_lossy(&rotate.stderr));
    server.restart().await;
    let later = statistics(&server).await;
    assert_ne!(later["key"], told["key"]);
    assert_ne!(later["tests"][0]["pseudonym"], told["tests"][0]["pseudonym"]);
    assert_eq!(later["tests"][0]["pseudonym"], later["tests"][4]["pseudonym"]);
}

#[tokio::test]
async fn statistics_come_page_by_page_each_test_once() {
    let server = InProcess::start("[limits]\nbatch = 1000").await;
    let mut client = server.signed_in("lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(0..900)).await.expect(201);
    client.post_json("/v1/results", &synthetic::batch(900..1_500)).await.expect(201);
    let mut counter = server.signed_in("stat-1").await;
    let (mut pseudonyms, mut after, mut pages) =
        (std::collections::HashSet::new(), String::new(), Vec::new());
    loop {
        let page = counter.get(&format!("/v1/statistics?day={}{after}", today())).await.expect(200).json();
        let tests = page["tests"].as_array().unwrap();
        pages.push(tests.len());
        pseudonyms.extend(tests.iter().map(|test| test["pseudonym"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!((pages, pseudonyms.len()), (vec![1_000, 500], 1_500));
}
