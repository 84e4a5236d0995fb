//! A disk that is full: refusals, nothing acknowledged lost, and all well again when there is space.
//!
//! The limit of a process on the size of its files (setrlimit(2), RLIMIT_FSIZE) stands for the disk: a write beyond it fails, and it can
//! be set and lifted from outside.

use std::process::Command;

use reference_server::link::LinkKey;
use reference_server::moment::Moment;
use reference_server::store::{Birth, NewResult, Store};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::client::Client;
use crate::postgres::{self, Databases};
use crate::server::Process;
use crate::synthetic;

fn limit_files(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// A server that is not ended by the signal of that limit, as a program that knows of it would not be.
fn server(data: &std::path::Path) -> Process {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_sidep-server")]);
    command.args(["--listen", "127.0.0.1:0", "--public-url", "http://sidep.test", "--data"]).arg(data);
    Process::start(command)
}

#[tokio::test]
async fn a_full_disk_under_sqlite_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let mut receipts = Vec::new();
    let mut number = 0;
    let mut running = server(folder.path());
    limit_files(running.child.id(), Some(1_000_000));
    let mut client = Client::signed_in(running.address, "lab-1").await;
    // Until it is full for good: the log is begun anew while there is space in the database.
    let mut refused = 0;
    while refused < 20 {
        let answer = client.post_json("/v1/results", &synthetic::batch(number..number + 100)).await;
        if answer.status == 201 {
            for result in answer.json()["results"].as_array().unwrap() {
                receipts.push(result["receipt"].as_str().unwrap().to_owned());
            }
            number += 100;
            refused = 0;
        } else {
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(answer.json()["error"].as_str().unwrap().contains("store failed"), "{}", answer.text());
            refused += 1;
        }
        assert!(number < 20_000, "the disk is never full");
    }
    // What needs no space is answered.
    client.get(&format!("/v1/receipts/{}", receipts[0])).await.expect(200);
    // It dies like this, and is started again where there is space.
    running.kill();
    running = server(folder.path());
    let mut client = Client::signed_in(running.address, "lab-1").await;
    client.post_json("/v1/results", &synthetic::batch(number..number + 100)).await.expect(201);
    // Full again, and lifted while it serves.
    limit_files(running.child.id(), Some(1));
    client.post_json("/v1/results", &synthetic::batch(number + 100..number + 200)).await.expect(503);
    limit_files(running.child.id(), None);
    client.post_json("/v1/results", &synthetic::batch(number + 100..number + 200)).await.expect(201);
    for receipt in receipts {
        let answer = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
        assert_eq!(answer["copies"], 1, "{receipt}");
    }
}

#[tokio::test]
async fn a_full_disk_under_postgres_refuses_and_recovers() {
    let databases = Databases::start().await;
    let url = databases.server.url("postgres");
    // Those that it starts from now on for a connection may not write further than a segment of the log, which is made already.
    limit_files(databases.server.pid().unwrap(), Some(17 << 20));
    let store = Store::postgres(&url).await.unwrap();
    let mut stored = Vec::new();
    let refused = loop {
        let number = stored.len();
        assert!(number < 2_000, "the disk is never full");
        match store.save_results((number..number + 50).map(result).collect()).await {
            Ok(saved) => stored.extend(saved),
            Err(error) => break error.to_string(),
        }
    };
    assert!(refused.contains("could not extend"), "{refused}");
    for (number, saved) in stored.iter().enumerate() {
        let result = store.result(saved.id).await.unwrap().unwrap();
        assert_eq!(result.reference, format!("ref-{number}"));
    }
    // There is space again. The connections are lost besides, as those that stay under the old limit.
    limit_files(databases.server.pid().unwrap(), None);
    let client = postgres::connect(&url).await;
    let end =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sidep-server'";
    client.batch_execute(end).await.unwrap();
    let number = stored.len();
    let saved = store.save_results((number..number + 50).map(result).collect()).await.unwrap();
    assert!(saved.iter().all(|saved| saved.fresh));
    assert_eq!(store.copies("sw-1", &format!("sample-{number}")).await.unwrap(), 1);
}

/// A result of 40 kB that cannot be packed.
fn result(number: usize) -> NewResult {
    let mut key = [0; 20];
    key[12..].copy_from_slice(&number.to_be_bytes());
    let mut state = number as u64 + 1;
    let noise = std::iter::repeat_with(|| {
        // Xorshift (Marsaglia 2003): what comes of it is not compressed.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    NewResult {
        sender: "sw-1".into(),
        reference: format!("ref-{number}"),
        sample: format!("sample-{number}"),
        idempotency: None,
        name: "NAME".to_owned(),
        link: LinkKey(key),
        birth: Birth([7; 16]),
        positive: false,
        body: noise.take(5_000).flatten().collect(),
        received: Moment::from_millis(1_641_405_600_000),
        message: None,
    }
}
