//! Open arrivals for an attack written with goose: what is called, what is recorded, how it ends.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use goose::config::GooseConfiguration;
use goose::prelude::*;
use peakday::load::{Open, OpenPlan, Stream};
use peakday::record::{self, Clock, What};
use peakday::units::{Rate, Span};

async fn home(user: &mut GooseUser) -> TransactionResult {
    user.get("/").await?.response?.error_for_status()?.bytes().await?;
    Ok(())
}

async fn busy(user: &mut GooseUser) -> TransactionResult {
    user.get("/busy").await?.response?.error_for_status()?.bytes().await?;
    Ok(())
}

async fn slow(user: &mut GooseUser) -> TransactionResult {
    user.get("/slow").await?.response?.error_for_status()?.bytes().await?;
    Ok(())
}

/// A server on a thread of its own, until the process ends, and how often its home page was asked for.
fn serve() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let router = Router::new()
        .route(
            "/",
            get(async move || {
                counted.fetch_add(1, Ordering::Relaxed);
                "hello"
            }),
        )
        .route("/busy", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_millis(400)).await));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            listener.set_nonblocking(true).unwrap();
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    (host, count)
}

fn plan(dir: &Path, streams: &[(&str, f64)], users: usize, seconds: u64) -> OpenPlan {
    let stream = |(name, rate): &(&str, f64)| Stream {
        name: (*name).to_owned(),
        rate: Rate::per_sec(*rate),
        slo: Some(Span::from_millis(500)),
    };
    OpenPlan {
        name: "open".to_owned(),
        streams: streams.iter().map(stream).collect(),
        users,
        run_in: Span::ZERO,
        measured: Span::from_secs(seconds),
        drain: Span::from_secs(5),
        seed: 3,
        dir: dir.to_owned(),
    }
}

fn attack(host: &str, users: &str, more: &[&str]) -> GooseAttack {
    let flags = [
        "--host",
        host,
        "--users",
        users,
        "--increase-rate",
        "10000",
        "--no-telnet",
        "--no-print-metrics",
        "--quiet",
    ];
    let flags = [&flags, more].concat();
    GooseAttack::initialize_with_config(GooseConfiguration::parse_args_default(&flags).unwrap()).unwrap()
}

/// Offered, sent, ok, shed, not sent of a stream, and whether the record is complete and was cut short.
fn outcome(dir: &Path, stream: u16) -> ([u64; 5], bool, bool) {
    let run = record::open(dir).unwrap();
    let server = &run.servers[0];
    let mut sum = [0; 5];
    for row in server.counters().unwrap().map(Result::unwrap).filter(|row| row.population == stream) {
        let row = [row.offered, row.sent, row.ok, row.shed, row.not_sent];
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let aborted = server.events.iter().any(|event| matches!(event.what, What::Aborted { .. }));
    (sum, server.finished(), aborted)
}

#[tokio::test]
async fn each_arrival_calls_the_transaction_once_and_the_three_clocks_are_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let (host, asked) = serve();
    let open = Open::new(&plan(dir.path(), &[("home", 100.0), ("busy", 40.0)], 32, 2)).unwrap();
    assert!(open.transaction("nobody", transaction!(home)).is_err());
    let attack = attack(&host, "32", &[])
        .register_scenario(
            scenario!("home").register_transaction(open.transaction("home", transaction!(home)).unwrap()),
        )
        .register_scenario(
            scenario!("busy").register_transaction(open.transaction("busy", transaction!(busy)).unwrap()),
        );
    open.execute(attack).await.unwrap();
    let ([offered, sent, ok, ..], finished, aborted) = outcome(dir.path(), 0);
    assert!((130..280).contains(&offered), "{offered}");
    assert_eq!((sent, ok, finished, aborted), (offered, offered, true, false));
    assert_eq!(asked.load(Ordering::Relaxed), offered);
    let ([offered, _, ok, shed, _], ..) = outcome(dir.path(), 1);
    assert_eq!((ok, shed), (0, offered));
    let run = record::open(dir.path()).unwrap();
    for clock in Clock::ALL {
        let rows = run.servers[0].intervals(std::slice::from_ref(&clock)).unwrap();
        assert!(rows.map(|row| row.unwrap().histogram.count()).sum::<u64>() > 100, "{clock:?}");
    }
    let summary = peakday::report::write(dir.path()).unwrap().summary;
    assert_eq!(summary.servers[0].populations[0].name, "home");
}

#[tokio::test]
async fn what_no_user_is_free_for_waits_and_is_not_sent_when_goose_ends_first() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _) = serve();
    // One user and answers of 400 ms carry 2.5 a second; goose ends after one of thirty seconds.
    let open = Open::new(&plan(dir.path(), &[("slow", 20.0)], 1, 30)).unwrap();
    let attack = attack(&host, "1", &["--run-time", "2s"]).register_scenario(
        scenario!("slow").register_transaction(open.transaction("slow", transaction!(slow)).unwrap()),
    );
    open.execute(attack).await.unwrap();
    let ([offered, sent, ok, _, not_sent], finished, aborted) = outcome(dir.path(), 0);
    assert!(finished && aborted);
    assert_eq!((sent, offered), (ok, sent + not_sent));
    assert!(ok >= 1 && not_sent > 5, "{ok} were answered, {not_sent} not sent");
}
