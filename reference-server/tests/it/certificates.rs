//! Certificates as their holders and their verifiers meet them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::python::{python, run};
use crate::server::{InProcess, write};
use crate::synthetic::{self, BIRTH_DATE};

/// A server with preloaded results, the first of them indeterminate, and a file with its signer's certificate.
async fn server() -> (InProcess, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..3)
        .map(|number| {
            let mut entry = synthetic::entry(number);
            if number == 0 {
                entry["test"]["result"] = json!("indeterminate");
            }
            json!({ "sender": "lab-1", "link": synthetic::link(number), "entry": entry }).to_string()
        })
        .collect();
    let file = write(folder.path(), "earlier.jsonl", &lines.join("\n"));
    let mut server = InProcess::start_with("", |options| options.preload = Some(file.clone())).await;
    server.restart_with(|options| options.preload = None).await;
    let pem = server.client().await.get("/v1/certificates/signer.pem").await.expect(200);
    let signer = write(server.folder(), "signer.pem", &pem.text());
    (server, signer)
}

/// What is behind a link, for whoever knows the birth date.
async fn behind(client: &mut Client, number: u32, page: &str) -> Answer {
    let link = format!("/p/{}", synthetic::link(number));
    let opened = client.post_form(&link, &format!("birth_date={BIRTH_DATE}")).await.expect(200);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let path = format!("{link}/{page}");
    client.send(Method::GET, &path, &[("cookie", &cookie)], Bytes::new()).await.unwrap()
}

/// `verify-dcc`: its exit code, and what it said on standard output and standard error.
fn verify(text: &str, signer: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidep-server"));
    command.args(["verify-dcc", "-", "--certificate"]).arg(signer).args(more);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has ended without reading says why.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_certificate_is_issued_once_and_is_the_same_ever_after() {
    let (mut server, _) = server().await;
    let first = behind(&mut server.client().await, 1, "certificate.txt").await.expect(200);
    assert_eq!(first.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(first.headers["cache-control"], "no-store");
    let first = first.text();
    assert!(first.starts_with("HC1:"), "{first}");
    let mut printer = server.signed_in("sw-1").await;
    let entered = printer.enter(7).await;
    let path = format!("/v1/results/{}/certificate.txt", entered["result_id"].as_str().unwrap());
    let printed = printer.get(&path).await.expect(200).text();
    assert_ne!(printed, first);

    server.restart().await;
    let mut client = server.client().await;
    assert_eq!(behind(&mut client, 1, "certificate.txt").await.expect(200).text(), first);
    assert_eq!(behind(&mut client, 1, "certificate.txt").await.expect(200).text(), first);
    assert_eq!(server.signed_in("sw-1").await.get(&path).await.expect(200).text(), printed);
}

#[tokio::test]
async fn requests_at_the_same_time_get_the_same_certificate() {
    let (server, _) = server().await;
    let mut clients = [server.client().await, server.client().await, server.client().await];
    let [one, two, three] = &mut clients;
    let (one, two, three) = tokio::join!(
        behind(one, 2, "certificate.txt"),
        behind(two, 2, "certificate.txt"),
        behind(three, 2, "certificate.txt"),
    );
    assert_eq!(one.expect(200).text(), two.expect(200).text());
    assert_eq!(three.expect(200).text(), behind(&mut clients[0], 2, "certificate.txt").await.text());
}

#[tokio::test]
async fn an_indeterminate_result_has_no_certificate_and_the_page_says_why() {
    let (server, _) = server().await;
    let mut client = server.client().await;
    for form in FORMS {
        let page = behind(&mut client, 0, &format!("certificate.{form}")).await.expect(404);
        assert!(page.text().contains("indéterminé"), "{}", page.text());
    }
    let mut sender = server.signed_in("lab-1").await;
    let mut entry = synthetic::entry(8);
    entry["test"]["result"] = json!("indeterminate");
    let answer = sender.post_json("/v1/results", &entry).await.expect(201).json();
    let id = answer["results"][0]["result_id"].as_str().unwrap();
    let refused = sender.get(&format!("/v1/results/{id}/certificate.txt")).await.expect(404).json();
    assert_eq!(refused["error"], "an indeterminate result has no certificate");
}

#[tokio::test]
async fn the_verifier_answers_with_the_payload_or_with_the_reason() {
    let (server, signer) = server().await;
    let text = behind(&mut server.client().await, 1, "certificate.txt").await.expect(200).text();
    let (code, payload, said) = verify(&text, &signer, &[]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let payload: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(payload["nam"]["fn"], "Exempleb");
    assert_eq!(payload["nam"]["fnt"], "EXEMPLEB");
    assert_eq!(payload["t"][0]["ma"], "1232");

    let (_other_server, other) = self::server().await;
    for (text, signer, more, words) in [
        (&text[..], &signer, &["--at", "2022-01-05T18:00:00+01:00"][..], "future"),
        (&text, &signer, &["--at", "2099-01-05T18:00:00+01:00"], "expired"),
        (&text[4..], &signer, &[], "HC1:"),
        (&text, &other, &[], "another key"),
    ] {
        let (code, payload, said) = verify(text, signer, more);
        assert_eq!((code, payload.as_str()), (Some(4), ""), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let nothing = server.folder().join("nothing.pem");
    let broken = write(server.folder(), "broken.pem", "!");
    for (signer, more) in [(&nothing, &[][..]), (&broken, &[]), (&signer, &["--at", "tomorrow"])] {
        let (code, payload, said) = verify(&text, signer, more);
        assert_eq!((code, payload.as_str()), (Some(2), ""), "{said}");
        assert!(!said.is_empty());
    }
}

/// The forms in which patients get a certificate.
const FORMS: [&str; 3] = ["txt", "png", "pdf"];

#[tokio::test]
async fn a_reader_that_shares_no_code_with_us_verifies_every_form() {
    let (server, signer) = server().await;
    let mut client = server.client().await;
    let mut files = Vec::new();
    for form in FORMS {
        let answer = behind(&mut client, 1, &format!("certificate.{form}")).await.expect(200);
        let file = server.folder().join(format!("certificate.{form}"));
        std::fs::write(&file, &answer.body).unwrap();
        files.push(file);
    }
    let output = run("dcc_reads.py").arg(&signer).args(&files).output().unwrap();
    assert!(
        output.status.success(),
        "{} failed; it needs the packages that tests/run.sh installs:\n{}",
        python().display(),
        String::from_utf8_lossy(&output.stderr),
    );
    let output = String::from_utf8(output.stdout).unwrap();
    let seen: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), FORMS.len());
    let text = seen[0]["text"].as_str().unwrap();
    let (code, payload, said) = verify(text, &signer, &[]);
    assert_eq!(code, Some(0), "{said}");
    let payload: Value = serde_json::from_str(&payload).unwrap();
    for seen in &seen {
        assert_eq!(seen["text"], text);
        let claims = &seen["claims"];
        assert_eq!(claims["1"], "FR");
        assert_eq!(claims["4"].as_i64().unwrap() - claims["6"].as_i64().unwrap(), 3 * 86_400);
        assert_eq!(claims["-260"], payload);
    }
    assert_eq!((&seen[1]["level"], &seen[2]["level"]), (&json!("Q"), &json!("Q")));
    let words = seen[2]["words"].as_str().unwrap();
    for word in ["Exempleb", "Anne", BIRTH_DATE, "négatif", payload["t"][0]["ci"].as_str().unwrap()] {
        assert!(words.contains(word), "{word} is not on the page: {words}");
    }
}

#[tokio::test]
async fn however_many_ask_at_once_a_certificate_is_signed_once() {
    for when in ["on-demand", "background"] {
        let server = InProcess::start(&format!("[certificates]\nwhen = \"{when}\"")).await;
        let mut sender = server.signed_in("sw-1").await;
        let mut ids = Vec::new();
        for number in 0..3 {
            ids.push(sender.enter(number).await["result_id"].as_str().unwrap().to_owned());
        }
        let token = sender.token().unwrap().to_owned();
        let readers: Vec<_> = (0..30)
            .map(|reader| {
                let (address, token) = (server.address, token.clone());
                let path = format!("/v1/results/{}/certificate.txt", ids[reader % ids.len()]);
                tokio::spawn(async move {
                    let mut client = Client::connect(address).await.unwrap();
                    client.use_token(Some(&token));
                    (reader % 3, client.get(&path).await.expect(200).text())
                })
            })
            .collect();
        let mut texts = [(); 3].map(|()| std::collections::HashSet::new());
        for reader in readers {
            let (result, text) = reader.await.unwrap();
            texts[result].insert(text);
        }
        assert!(texts.iter().all(|texts| texts.len() == 1), "{when}");
        assert_eq!(server.metric("sidep_certificates_issued_total").await, 3.0, "{when}");
    }
}

#[tokio::test]
async fn certificates_in_the_background_are_there_before_anybody_asks() {
    let server = InProcess::start("[certificates]\nwhen = \"background\"").await;
    let mut sender = server.signed_in("sw-1").await;
    let answer = sender.post_json("/v1/results", &synthetic::batch(0..20)).await.expect(201).json();
    while server.metric("sidep_certificates_issued_total").await < 20.0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // The same results handed in again, and whoever asks: nothing is signed again.
    sender.post_json("/v1/results", &synthetic::batch(0..20)).await.expect(201);
    for result in answer["results"].as_array().unwrap() {
        let id = result["result_id"].as_str().unwrap();
        sender.get(&format!("/v1/results/{id}/certificate.txt")).await.expect(200);
    }
    assert_eq!(server.metric("sidep_certificates_issued_total").await, 20.0);
}
