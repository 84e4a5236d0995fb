//! An ordinary goose attack with open arrivals, three clocks and HDR logs: `cargo run --example goose_open [FOLDER]`.
//!
//! It plays 200 visits a second for five seconds against a small server in this process that stands still for half a
//! second in the middle. Response time shows it, because it counts from the instant at which a visit was due; service
//! time, which is what a closed attack measures, hardly does.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use goose::config::GooseConfiguration;
use goose::prelude::*;
use peakday::load::{Open, OpenPlan, Stream};
use peakday::units::{Rate, Span};

/// The transaction as it always was; it looks at the answer and reads it to its last byte.
async fn visit(user: &mut GooseUser) -> TransactionResult {
    user.get("/").await?.response?.error_for_status()?.bytes().await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = serve()?;
    let kept = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or_else(|| kept.path().join("run"), Into::into);

    let open = Open::new(&OpenPlan {
        name: "goose-open".to_owned(),
        streams: vec![Stream {
            name: "visit".to_owned(),
            rate: Rate::per_sec(200.0),
            slo: Some(Span::from_millis(200)),
        }],
        users: 64,
        run_in: Span::from_secs(1),
        measured: Span::from_secs(5),
        drain: Span::from_secs(2),
        seed: 1,
        dir: dir.clone(),
    })?;

    let flags = [
        "--host",
        &host,
        "--users",
        "64",
        "--increase-rate",
        "10000",
        "--no-telnet",
        "--no-print-metrics",
        "--quiet",
    ];
    let attack = GooseAttack::initialize_with_config(GooseConfiguration::parse_args_default(&flags)?)?
        .register_scenario(
            scenario!("visitor").register_transaction(open.transaction("visit", transaction!(visit))?),
        );
    open.execute(attack).await?;

    let summary = peakday::report::write(&dir)?.summary;
    println!("{}", peakday::report::table(&summary));
    let step = &summary.servers[0].populations[0].steps[0];
    for (clock, of) in
        [("response", &step.response_us), ("service", &step.service_us), ("send lag", &step.send_lag_us)]
    {
        println!("{clock:>8} time: p50 {:>7} us, p99 {:>7} us", of.p50.unwrap_or(0), of.p99.unwrap_or(0));
    }
    Ok(())
}

/// A server on a thread of its own that answers at once, but for the half second in which it stands still.
fn serve() -> std::io::Result<String> {
    let begun = Instant::now();
    let router = Router::new().route(
        "/",
        get(async move || {
            if (3_000..3_500).contains(&begun.elapsed().as_millis()) {
                std::thread::sleep(Duration::from_millis(500));
            }
            "hello"
        }),
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let host = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await })
    });
    Ok(host)
}
