//! A disk that is full: refusals, nothing acknowledged lost, and all well again when there is space.
//!
//! The limit of a process on the size of its files (setrlimit(2), RLIMIT_FSIZE) stands for the disk: a write beyond it fails, and it can
//! be set and lifted from outside. Where this user may mount one, a small file system of its own is filled besides.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// A file system of some megabytes that only processes in its own mount namespace see, for as long as this one is there.
struct SmallDisk {
    holder: Child,
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it on this folder; `None`, with a word about it: this user may not.
    #[expect(clippy::print_stderr, reason = "whoever reads the tests' output is to know what was not tested")]
    fn mount(path: &Path, megabytes: u32) -> Option<SmallDisk> {
        let mut holder = Command::new("unshare");
        let line = "mount -t tmpfs -o \"size=$1m\" tmpfs \"$2\" && echo mounted && exec sleep 600";
        holder.args(["--mount", "sh", "-c", line, "sh", &megabytes.to_string()]).arg(path);
        let mut holder = holder.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let disk = SmallDisk { holder, path: path.to_owned() };
        if said == "mounted\n" {
            return Some(disk);
        }
        eprintln!("skipped: this user may not mount a file system (unshare --mount, mount -t tmpfs)");
        None
    }

    /// A path on it, as processes outside see it.
    fn seen(&self, name: &str) -> PathBuf {
        let pid = self.holder.id();
        PathBuf::from(format!("/proc/{pid}/root{}", self.path.join(name).display()))
    }

    /// A server whose data folder it is.
    fn server(&self) -> Process {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "--"]);
        command.args([env!("CARGO_BIN_EXE_sidep-server"), "--listen", "127.0.0.1:0"]);
        command.args(["--public-url", "http://sidep.test", "--data"]).arg(&self.path);
        Process::start(command)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already. With its last process the disk is gone.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Hands in batches until twenty in a row were refused for want of space; the receipts of all that were taken.
async fn fill(client: &mut Client, number: &mut u32) -> Vec<String> {
    let (mut receipts, mut refused) = (Vec::new(), 0);
    // The log is begun anew while there is space in the database.
    while refused < 20 {
        let answer = client.post_json("/v1/results", &synthetic::batch(*number..*number + 100)).await;
        if answer.status == 201 {
            for result in answer.json()["results"].as_array().unwrap() {
                receipts.push(result["receipt"].as_str().unwrap().to_owned());
            }
            *number += 100;
            refused = 0;
        } else {
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(answer.json()["error"].as_str().unwrap().contains("store failed"), "{}", answer.text());
            refused += 1;
        }
        assert!(*number < 20_000, "the disk is never full");
    }
    receipts
}

async fn stored_once(client: &mut Client, receipts: &[String]) {
    for receipt in receipts {
        let answer = client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json();
        assert_eq!(answer["copies"], 1, "{receipt}");
    }
}

#[tokio::test]
async fn a_small_disk_that_is_full_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 8) else { return };
    // Something else on it, which goes when there is to be space again.
    std::fs::write(disk.seen("ballast"), vec![0; 4 << 20]).unwrap();
    let mut running = disk.server();
    let mut client = Client::signed_in(running.address, "lab-1").await;
    let mut number = 0;
    let mut receipts = fill(&mut client, &mut number).await;
    assert!(number > 0);
    let more = std::fs::write(disk.seen("more"), vec![0; 1 << 20]).unwrap_err();
    assert_eq!(more.kind(), std::io::ErrorKind::StorageFull);
    stored_once(&mut client, &receipts[..10]).await;
    // Space while it serves.
    let _ = std::fs::remove_file(disk.seen("more"));
    std::fs::remove_file(disk.seen("ballast")).unwrap();
    client.post_json("/v1/results", &synthetic::batch(number..number + 100)).await.expect(201);
    number += 100;
    // Full again, killed, and started again where there is space.
    receipts.extend(fill(&mut client, &mut number).await);
    running.kill();
    let mut remount = Command::new("nsenter");
    remount.args([
        "--mount",
        "--target",
        &disk.holder.id().to_string(),
        "--",
        "mount",
        "-o",
        "remount,size=64m",
    ]);
    assert!(remount.arg(folder.path()).status().unwrap().success());
    running = disk.server();
    let mut client = Client::signed_in(running.address, "lab-1").await;
    stored_once(&mut client, &receipts).await;
    client.post_json("/v1/results", &synthetic::batch(number..number + 100)).await.expect(201);
}

#[tokio::test]
async fn a_full_disk_under_sqlite_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut running = server(folder.path());
    limit_files(running.child.id(), Some(1_000_000));
    let mut client = Client::signed_in(running.address, "lab-1").await;
    let receipts = fill(&mut client, &mut number).await;
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
    stored_once(&mut client, &receipts).await;
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
