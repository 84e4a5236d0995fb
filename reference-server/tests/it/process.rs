//! The real program: start, stop, kill, and what it says when it cannot start.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

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
