//! Runs against a small server in this process: counts and outcomes, never times.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use peakday::load::{self, About, Launch, RunRequest, System, Target};
use peakday::record;
use peakday::scenario::{
    Arrivals, Body, Connection, Law, OnFailure, Pacing, Population, Presence, Request, RunPlan, Scenario,
    Step, Success, Template, Timeline,
};
use peakday::units::{Rate, Span};

/// A server on a thread of its own, until the process ends.
fn serve(router: Router) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    address
}

fn step(name: &str, path: &str) -> Step {
    Step {
        name: name.to_owned(),
        class: name.to_owned(),
        request: Request {
            method: "GET".to_owned(),
            path: Template::parse(path).unwrap(),
            headers: Vec::new(),
            body: Body::Empty,
        },
        keep: Vec::new(),
        success: Success { status: vec![(200, 299)], contains: None },
        think: None,
        timeout: None,
        chance: 1.0,
        every: None,
        next: Vec::new(),
        on_failure: OnFailure::Retry,
        slo: None,
        counted: true,
        messages: 0,
        acknowledges: None,
    }
}

fn population(name: &str, per_second: f64, steps: Vec<Step>) -> Population {
    Population {
        name: name.to_owned(),
        legitimate: true,
        arrivals: Arrivals::Rate { rate: Rate::per_sec(per_second) },
        presence: Presence::default(),
        accounts: None,
        connection: Connection::New,
        lanes: Some(32),
        timeout: Law::Constant(Span::from_secs(10)),
        think: Law::Constant(Span::from_millis(10)),
        retry: None,
        patience: None,
        steps,
    }
}

fn request(populations: Vec<Population>, address: SocketAddr, dir: &std::path::Path) -> RunRequest {
    let run = RunPlan {
        from: "12:00".parse().unwrap(),
        to: "12:00:02".parse().unwrap(),
        time_warp: 1.0,
        scale: 1.0,
        run_in: Span::from_millis(500),
        drain: Span::from_secs(5),
        settle: Span::ZERO,
        pacer: Pacing::Timerfd,
    };
    let timeline = Timeline {
        from: run.from,
        to: run.to,
        warp: run.time_warp,
        scale: run.scale,
        run_in: run.run_in,
        drain: run.drain,
    };
    let scenario = Scenario {
        name: "test".to_owned(),
        about: String::new(),
        date: "2022-01-05".to_owned(),
        seed: 7,
        unit: None,
        run,
        populations,
        servers: Vec::new(),
        target: None,
        slos: Vec::new(),
        audit: None,
        messages: None,
        incidents: Vec::new(),
    };
    RunRequest {
        scenario: Arc::new(scenario),
        timeline,
        seed: 7,
        only: Vec::new(),
        systems: vec![System::Running {
            name: "target".to_owned(),
            target: Target::parse(&format!("http://{address}")).unwrap(),
        }],
        run_dir: dir.to_owned(),
        about: About::default(),
        messages: None,
        share: load::Share::default(),
        progress: None,
        launch: Launch { program: "/nonexistent".into(), arguments: Vec::new() },
        keep_data: false,
    }
}

/// Offered, sent, ok, shed, failed, timed out, not sent, of a population and step, run-in included.
fn counts(dir: &std::path::Path, population: u16, step: u16) -> [u64; 7] {
    let run = record::open(dir).unwrap();
    let mut total = [0; 7];
    for row in run.servers[0].counters().unwrap() {
        let row = row.unwrap();
        if (row.population, row.step) == (population, step) {
            let row = [row.offered, row.sent, row.ok, row.shed, row.failed, row.timed_out, row.not_sent];
            total.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
    total
}

#[test]
fn every_request_that_the_plan_offers_is_sent_and_recorded() {
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/busy", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "later") }));
    let dir = tempfile::tempdir().unwrap();
    let address = serve(router);
    let visitors = population("visitor", 200.0, vec![step("home", "/"), step("again", "/")]);
    let unlucky = population("unlucky", 50.0, vec![step("busy", "/busy"), step("never", "/")]);
    let request = request(vec![visitors, unlucky], address, dir.path());
    let outcome = load::run(&request).unwrap();
    assert_eq!((outcome.played, outcome.interrupted), (1, false));

    let run = record::open(dir.path()).unwrap();
    assert!(run.servers[0].finished());
    let [offered, sent, ok, others @ ..] = counts(dir.path(), 0, 0);
    assert!((350..650).contains(&offered), "{offered}");
    assert_eq!((sent, ok, others), (offered, offered, [0; 4]));
    let [offered, sent, ok, shed, ..] = counts(dir.path(), 1, 0);
    assert_eq!((sent, ok, shed), (offered, 0, offered));
    assert_eq!(counts(dir.path(), 1, 1), [0; 7], "who is refused and does not retry goes no further");
}
