//! Whose a connection is, and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::bench::{counted, ok, play, play_within, population, scenario, server, step, timeline};
use crate::load::fault::Fault;
use crate::load::opener::{Dial, Places};
use crate::load::recorder::Entry;
use crate::scenario::{Accounts, Connection, Outcome, Population};
use crate::units::Span;

/// Three steps, half a second apart.
fn visitors(per_second: f64, connection: Connection) -> Population {
    let steps = ["one", "two", "three"].map(step).into();
    let think = crate::scenario::Law::Constant(Span::from_millis(500));
    Population { connection, steps, think, ..population(per_second, 8) }
}

async fn opened(population: Population) -> (usize, usize) {
    let (dial, opened) = counted(server(|_| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ok()
    }));
    let played = play(scenario(vec![population]), timeline(Span::ZERO, Span::from_secs(10)), dial).await;
    assert_eq!(played.count(Outcome::Ok), played.offered());
    (opened.load(Ordering::Relaxed), played.offered())
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_serves_one_journey() {
    let (opened, offered) = opened(visitors(5.0, Connection::New)).await;
    // Three requests each, but for the journeys that the end cut off.
    assert!(offered > 2 * opened && offered <= 3 * opened, "{opened} connections, {offered} requests");
}

#[tokio::test(start_paused = true)]
async fn a_pool_has_no_more_connections_than_lanes() {
    let (opened, offered) = opened(visitors(20.0, Connection::Pool)).await;
    assert!((1..=8).contains(&opened), "{opened}");
    assert!(offered > 300);
}

#[tokio::test(start_paused = true)]
async fn a_population_that_shares_connections_has_no_more_and_waits_for_them() {
    // 20 visitors a second, each of three requests of 20 ms, would need 1.2 connections if they came evenly.
    let (opened, offered) = opened(visitors(20.0, Connection::PoolOf(2))).await;
    assert_eq!(opened, 2);
    assert!(offered > 300);
    let one = visitors(5.0, Connection::PoolOf(1));
    let (opened, _) = self::opened(one).await;
    assert_eq!(opened, 1);
}

#[tokio::test(start_paused = true)]
async fn a_want_of_places_is_counted_and_named_and_the_run_goes_on() {
    // Each journey keeps its connection for a second and a half, so 5 a second need 8 places. There are 3.
    let dial = server(|_| async { ok() });
    let scenario = scenario(vec![visitors(5.0, Connection::New)]);
    let timeline = timeline(Span::ZERO, Span::from_secs(10));
    let played = play_within(Places::of(3), scenario, &[], timeline, dial).await;
    let (ok, failed) = (played.count(Outcome::Ok), played.count(Outcome::Failed));
    assert_eq!(ok + failed, played.offered());
    // Places come back: to the end of the run some journeys get there.
    assert!(ok > 30 && failed > 10, "{ok} ok, {failed} failed");
    let named = played.entries.iter().any(|entry| match entry {
        Entry::Example(example) => example.error == Fault::NoDescriptor.name(),
        _ => false,
    });
    assert!(named);
}

#[tokio::test(start_paused = true)]
async fn an_account_keeps_its_connection_over_journeys_and_opens_another_only_where_requests_overlap() {
    let accounts = |count| Some(Accounts { count, kind: "person".to_owned() });
    let alone = Population { accounts: accounts(1), ..visitors(1.0, Connection::Kept) };
    let (few, offered) = opened(alone).await;
    assert!(few <= 2 && offered > 15, "{few} connections, {offered} requests");
    let busy = Population { accounts: accounts(1), ..visitors(100.0, Connection::Kept) };
    let (more, _) = opened(busy).await;
    assert!((3..=8).contains(&more), "at most a connection for each lane: {more}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_closed_while_idle_is_opened_again_and_no_request_fails() {
    // This server answers one request on each connection and closes it without a word.
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let dial = Dial::Memory(Arc::new(move || {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let served = Arc::clone(&count);
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut request = [0; 4096];
            if theirs.read(&mut request).await.is_ok_and(|read| read > 0) {
                served.fetch_add(1, Ordering::Relaxed);
                let _ = theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
        });
        ours
    }));
    let population = population(20.0, 1);
    let played = play(scenario(vec![population]), timeline(Span::ZERO, Span::from_secs(5)), dial).await;
    assert_eq!(played.count(Outcome::Ok), played.offered());
    assert_eq!(served.load(Ordering::Relaxed), played.offered());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_under_a_request_is_a_failure_and_not_tried_again() {
    let dial = Dial::Memory(Arc::new(|| {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut request = [0; 4096];
            let _ = theirs.read(&mut request).await;
            let _ = theirs.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nhalf").await;
        });
        ours
    }));
    let played =
        play(scenario(vec![population(20.0, 4)]), timeline(Span::ZERO, Span::from_secs(2)), dial).await;
    assert!(played.offered() > 20);
    assert_eq!(played.count(Outcome::Failed), played.offered());
}
