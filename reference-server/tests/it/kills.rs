//! What was acknowledged is there, once, after whatever was done to the server or its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::Client;
use crate::postgres::Databases;
use crate::server::{Process, command};
use crate::synthetic;

#[tokio::test]
async fn kills_lose_nothing_that_was_acknowledged_and_store_nothing_twice_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    twenty_kills_lose_nothing_and_store_nothing_twice(|| Process::start(command(folder.path()))).await;
}

#[tokio::test]
async fn kills_lose_nothing_that_was_acknowledged_and_store_nothing_twice_in_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let databases = Databases::start().await;
    let start = || {
        let mut command = command(folder.path());
        command.args(["--database-url", &databases.server.url("postgres")]);
        Process::start(command)
    };
    twenty_kills_lose_nothing_and_store_nothing_twice(start).await;
}

/// What was acknowledged is on disk, once, whenever the server dies. The clients send their unanswered entry again, as
/// real ones do.
async fn twenty_kills_lose_nothing_and_store_nothing_twice(start: impl Fn() -> Process) {
    const CLIENTS: u32 = 8;
    // benches/server/kills.sh asks for more.
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (kills, results) = (number("SIDEP_TEST_KILLS", 20), number("SIDEP_TEST_RESULTS", 40));
    let mut receipts: Vec<String> = Vec::new();
    let mut next = vec![0_u32; CLIENTS as usize];
    for _ in 0..kills {
        let mut server = start();
        let stop = Arc::new(AtomicBool::new(false));
        let before = receipts.len();
        let mut signed_in = Vec::new();
        for number in 0..CLIENTS {
            signed_in.push(Client::signed_in(server.address, &format!("sw-{number}")).await);
        }
        let clients: Vec<_> = signed_in
            .into_iter()
            .zip(&next)
            .map(|(mut client, &from)| {
                let stop = Arc::clone(&stop);
                tokio::spawn(async move {
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
        while stored(&mut probe).await < results {
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
    let server = start();
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
