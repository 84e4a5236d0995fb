//! What operators rely on: metrics and the document of the interface, read by others' tools; the drain.

use std::io::Write;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::Client;
use crate::python::{python, run, script};
use crate::server::{InProcess, Process, command, write};
use crate::synthetic;

#[tokio::test]
async fn prometheus_reads_the_metrics_and_every_one_says_what_it_is() {
    let server = InProcess::start("[truth.constant]\nworkers = 1\nlaw = { constant = \"1ms\" }").await;
    let mut client = server.signed_in("sw-1").await;
    client.enter(1).await;
    client.get("/nothing").await.expect(404);
    let answer = client.get("/metrics").await.expect(200);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    for name in [
        "sidep_answers_total",
        "sidep_purged_total",
        "sidep_access_log_lines_total",
        "sidep_store_results_total",
    ] {
        assert!(answer.text().contains(&format!("# TYPE {name} counter")), "{name}");
    }
    let mut check = run("metrics_read.py").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Requests made up from the document itself, good ones and bad ones, alone and one after the other: what is answered is
/// what the document says, nothing fails, good ones are accepted and bad ones refused. First as anybody asks; then with
/// tokens, and with the keys, times and messages that no schema can say (`openapi_hooks.py`).
#[tokio::test]
async fn schemathesis_finds_the_server_as_its_document_says() {
    let folder = tempfile::tempdir().unwrap();
    // As it is started by hand: its document names its own address.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sidep-server"));
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data")).stderr(Stdio::null());
    let server = Process::start(command);
    let schemathesis = |token: Option<&str>, which: &[&str]| {
        // Its own script knows the folder that it was installed in, and a checkout may move.
        let mut command = std::process::Command::new(python());
        command
            .args(["-m", "schemathesis.cli", "run"])
            .arg(format!("http://{}/openapi.json", server.address));
        command.args(["--max-examples", "8", "--seed", "1", "--workers", "1"]).args(which);
        if let Some(token) = token {
            command.arg("--header").arg(format!("Authorization: Bearer {token}"));
            command.env("SCHEMATHESIS_HOOKS", script("openapi_hooks.py"));
        }
        let output = command.current_dir(folder.path()).output();
        let output =
            output.unwrap_or_else(|error| panic!("schemathesis, which tests/run.sh installs: {error}"));
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success(), "{}", said.join("\n"));
    };
    schemathesis(None, &[]);
    let person = Client::signed_in(server.address, "89900000001").await;
    schemathesis(person.token(), &["--exclude-path", "/v1/statistics"]);
    let page = Client::connect(server.address).await.unwrap().get("/metrics").await.text();
    let stored = page.lines().find_map(|line| line.strip_prefix("sidep_store_results_total "));
    assert!(stored.unwrap().parse::<u32>().unwrap() > 10, "good ones were among them");
    let counter = Client::signed_in(server.address, "stat-1").await;
    schemathesis(counter.token(), &["--include-path=/v1/statistics", "--phases=coverage,fuzzing"]);
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_lets_nobody_new_in() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "server.toml", "[hold.class]\nsoftware = { constant = \"300ms\" }");
    let mut command = command(&folder.path().join("data"));
    command.arg("--config").arg(config).stderr(Stdio::null());
    let mut server = Process::start(command);
    let mut first = Client::signed_in(server.address, "sw-1").await;
    let mut probe = Client::connect(server.address).await.unwrap();
    let entry = tokio::spawn(async move { first.enter(1).await });
    while !probe.get("/metrics").await.text().contains("sidep_slots_busy{pool=\"main\"} 1") {
        tokio::task::yield_now().await;
    }
    let mut silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    server.terminate();
    // The listener closes first; from then on nobody gets a connection.
    while TcpStream::connect(server.address).is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(entry.await.unwrap()["state"], "stored");
    // Whoever had said nothing is sent away, and what comes now is not served.
    let _ = silent.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_drain_does_not_wait_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let law = "[hold.class]\nsoftware = { constant = \"1h\" }\n[limits]\ndrain = \"50ms\"";
    let config = write(folder.path(), "server.toml", law);
    let said = folder.path().join("said");
    let mut command = command(&folder.path().join("data"));
    command.arg("--config").arg(config).stderr(std::fs::File::create(&said).unwrap());
    let mut server = Process::start(command);
    let mut client = Client::signed_in(server.address, "sw-1").await;
    let body = Bytes::from(synthetic::entry(1).to_string());
    let entry = tokio::spawn(async move {
        client.send(Method::POST, "/v1/results", &[("content-type", "application/json")], body).await.is_err()
    });
    let mut probe = Client::connect(server.address).await.unwrap();
    while !probe.get("/metrics").await.text().contains("sidep_slots_busy{pool=\"main\"} 1") {
        tokio::task::yield_now().await;
    }
    server.terminate();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(entry.await.unwrap(), "it was not answered");
    assert!(std::fs::read_to_string(said).unwrap().contains("stopped with work unfinished"));
}

/// What the Dockerfile asks for: a user without a name, a root that cannot be written, one folder that can.
#[tokio::test]
async fn the_server_runs_as_nobody_on_a_root_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let program = env!("CARGO_BIN_EXE_sidep-server");
    let sandbox = |arguments: &[&str]| {
        let mut bwrap = std::process::Command::new("bwrap");
        bwrap.args([
            "--unshare-user",
            "--uid",
            "10001",
            "--gid",
            "10001",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
        ]);
        bwrap.args(["--proc", "/proc", "--die-with-parent", "--bind"]).arg(&data).arg(&data);
        bwrap.args(["--chdir", "/", "--clearenv"]).args(arguments);
        bwrap
    };
    let root = folder.path().join("root").display().to_string();
    let script = format!("test $(id -u) = 10001 && ! touch {root}");
    let checked = sandbox(&["/bin/sh", "-c", &script]).stderr(Stdio::null()).status();
    let checked = checked.unwrap_or_else(|error| panic!("bwrap (Debian package bubblewrap): {error}"));
    assert!(checked.success(), "the sandbox is one");
    let mut bwrap = sandbox(&[program, "--listen", "127.0.0.1:0", "--data"]);
    bwrap.arg(&data).stderr(Stdio::null());
    let server = Process::start(bwrap);
    let mut client = Client::signed_in(server.address, "sw-1").await;
    client.enter(1).await;
    client.get("/readyz").await.expect(200);
    assert!(data.join("results.db").exists() && data.join("access").exists());
}
