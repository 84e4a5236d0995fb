//! The real program: start, stop, kill, and what it says when it cannot start.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::Client;
use crate::server::{Process, command, write};
use crate::synthetic;

/// Runs the program to its end and returns its exit code and what it said on standard error.
fn refused(arguments: &[&str], data: &Path) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sidep-server"));
    command.arg("--data").arg(data).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty(), "it said {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_cannot_start_says_why_once_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let config = write(folder.path(), "bad.toml", "[slots]\nworkers = 0\nqueu = 5\n");
    let lines =
        write(folder.path(), "bad.jsonl", &format!("{}\n{{}}\n", synthetic::preload_line(1, "lab-1")));
    let file = write(folder.path(), "file", "");
    let data = folder.path().join("data");
    let (config, lines) = (config.to_str().unwrap(), lines.to_str().unwrap());
    for (arguments, data, words) in [
        (&["--config", config][..], &data, &["slots.workers", "slots.queu", "bad.toml"][..]),
        (&["--config", "/does/not/exist"], &data, &["/does/not/exist"]),
        (&["--listen", "127.0.0.1:0", "--gateway", "https://x"], &data, &["gateway", "http://"]),
        (&["--listen", "127.0.0.1:0", "--preload", "/does/not/exist"], &data, &["/does/not/exist"]),
        (&["--listen", "127.0.0.1:0", "--public-url", "sidep"], &data, &["sidep", "http://"]),
        (&["--wrong"], &data, &["--wrong"]),
        (&["--listen", &taken], &data, &[&taken]),
        (&["--listen", "127.0.0.1:0"], &file.join("below"), &["data folder"]),
    ] {
        let (code, said) = refused(arguments, data);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
        assert!(!data.exists(), "{arguments:?} left something behind");
    }
    let (code, said) = refused(&["--listen", "127.0.0.1:0", "--preload", lines], &data);
    assert!(code == Some(2) && said.contains("bad.jsonl:2"), "{said}");
}

#[test]
fn two_servers_do_not_share_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(command(folder.path()));
    let (code, said) = refused(&["--listen", "127.0.0.1:0"], folder.path());
    assert!(code == Some(2) && said.contains("another server"), "{said}");
}

#[tokio::test]
async fn sigterm_finishes_the_work_and_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let hold = "[hold.class]\nsoftware = { constant = \"300ms\" }";
    let config = write(folder.path(), "server.toml", hold);
    let mut command = command(&folder.path().join("data"));
    let mut server = Process::start({
        command.arg("--config").arg(config);
        command
    });
    let mut client = Client::signed_in(server.address, "sw-1").await;
    let address = server.address;
    let entry = tokio::spawn(async move { client.enter(1).await });
    let mut probe = Client::connect(address).await.unwrap();
    while !probe.get("/metrics").await.text().contains("sidep_slots_busy{pool=\"main\"} 1") {
        tokio::task::yield_now().await;
    }
    server.terminate();
    assert_eq!(entry.await.unwrap()["state"], "stored");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_end_of_standard_input_stops_a_child() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.arg("--until-stdin-closes").stdin(Stdio::piped());
    let mut server = Process::start(command);
    drop(server.child.stdin.take());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// What was acknowledged is on disk, once, whenever the server dies. The clients send their unanswered entry again, as
/// real ones do.
#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged_and_stores_nothing_twice() {
    const CLIENTS: u32 = 8;
    const KILLS: u32 = 3;
    let folder = tempfile::tempdir().unwrap();
    let mut receipts: Vec<String> = Vec::new();
    let mut next = vec![0_u32; CLIENTS as usize];
    for _ in 0..KILLS {
        let mut server = Process::start(command(folder.path()));
        let stop = Arc::new(AtomicBool::new(false));
        let before = receipts.len();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (address, stop, from) = (server.address, Arc::clone(&stop), next[number as usize]);
                tokio::spawn(async move {
                    let mut client = Client::signed_in(address, &format!("sw-{number}")).await;
                    let mut got = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let entry = synthetic::entry(from + got.len() as u32);
                        let Ok(answer) = client.try_post_json("/v1/results", &entry).await else { break };
                        got.push(
                            answer.expect(201).json()["results"][0]["receipt"].as_str().unwrap().to_owned(),
                        );
                    }
                    got
                })
            })
            .collect();
        let mut probe = Client::connect(server.address).await.unwrap();
        while stored(&mut probe).await < 150 {
            tokio::task::yield_now().await;
        }
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for (client, next) in clients.into_iter().zip(&mut next) {
            let got = client.await.unwrap();
            *next += got.len() as u32;
            receipts.extend(got);
        }
        assert!(receipts.len() > before, "the server died before it acknowledged anything");
    }
    let server = Process::start(command(folder.path()));
    // The entry that was under way at the last kill, once more.
    for (number, &unanswered) in next.iter().enumerate() {
        let mut client = Client::signed_in(server.address, &format!("sw-{number}")).await;
        receipts.push(client.enter(unanswered).await["receipt"].as_str().unwrap().to_owned());
    }
    let mut distinct = receipts.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), receipts.len());
    let mut client = Client::connect(server.address).await.unwrap();
    for receipt in &receipts {
        let answer = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
        assert_eq!((answer["state"].as_str(), answer["copies"].as_u64()), (Some("stored"), Some(1)));
    }
}

/// Results that the server has stored since its start.
async fn stored(client: &mut Client) -> u32 {
    let page = client.get("/metrics").await.text();
    let value = page.lines().find_map(|line| line.strip_prefix("sidep_store_results_total ")).unwrap();
    value.parse().unwrap()
}
