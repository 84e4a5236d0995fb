//! Runs against a small server in this process: counts and outcomes, never times.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use peakday::load::{self, About, Launch, RunRequest, System, Target};
use peakday::record;
use peakday::scenario::{
    Arrivals, Body, Connection, Law, Network, OnFailure, Pacing, Population, Presence, Request, RunPlan,
    Scenario, Step, Success, Template, Timeline,
};
use peakday::units::{Rate, Span};

/// A server on a thread of its own, until the process ends.
pub(crate) fn serve(router: Router) -> SocketAddr {
    serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), router)
}

pub(crate) fn serve_at(address: SocketAddr, router: Router) -> SocketAddr {
    let listener = std::net::TcpListener::bind(address).unwrap();
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

pub(crate) fn step(name: &str, path: &str) -> Step {
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

pub(crate) fn population(name: &str, per_second: f64, steps: Vec<Step>) -> Population {
    Population {
        name: name.to_owned(),
        legitimate: true,
        arrivals: Arrivals::Rate { rate: Rate::per_sec(per_second) },
        presence: Presence::default(),
        accounts: None,
        connection: Connection::New,
        network: Network::default(),
        lanes: Some(32),
        timeout: Law::Constant(Span::from_secs(10)),
        think: Law::Constant(Span::from_millis(10)),
        retry: None,
        patience: None,
        steps,
    }
}

pub(crate) fn request(
    populations: Vec<Population>,
    address: SocketAddr,
    dir: &std::path::Path,
) -> RunRequest {
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
        feeders: Vec::new(),
        ca: None,
        slos: Vec::new(),
        audit: None,
        messages: None,
        incidents: Vec::new(),
        aborts: Vec::new(),
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
pub(crate) fn counts(dir: &std::path::Path, population: u16, step: u16) -> [u64; 7] {
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

#[test]
fn a_rule_ends_a_run_that_fails_and_what_was_measured_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let served = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let breaks = move || {
        let good = served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 100;
        std::future::ready(if good { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR })
    };
    let address = serve(Router::new().route("/", get(breaks)));
    let visitors = population("visitor", 100.0, vec![step("home", "/")]);
    let mut request = request(vec![visitors], address, dir.path());
    let mut scenario = (*request.scenario).clone();
    scenario.run.to = "12:01".parse().unwrap();
    request.timeline = scenario.run.timeline();
    scenario.aborts = vec!["error_rate > 50% for 1s".parse().unwrap()];
    request.scenario = Arc::new(scenario);
    let begun = std::time::Instant::now();
    load::run(&request).unwrap();
    assert!(begun.elapsed().as_secs() < 50, "a minute was planned");

    let run = record::open(dir.path()).unwrap();
    assert!(run.servers[0].finished());
    let reasons: Vec<&str> = run.servers[0]
        .events
        .iter()
        .filter_map(|event| match &event.what {
            record::What::Aborted { reason } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(reason.contains("error_rate > 50% for 1s"), "{reason}");
    let [offered, sent, ok, ..] = counts(dir.path(), 0, 0);
    assert!(ok == 100 && sent > 100 && offered < 3_000, "{offered} {sent} {ok}");
    let summary = peakday::stats::summarize(&run).unwrap();
    let codes = summary.servers[0].validity.reasons.iter().map(|reason| reason.code.as_str());
    assert!(codes.into_iter().any(|code| code == "aborted"), "{:?}", summary.servers[0].validity);
}

#[test]
fn incidents_of_a_server_that_runs_elsewhere_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut request = request(vec![population("visitor", 1.0, vec![step("home", "/")])], address, dir.path());
    let mut scenario = (*request.scenario).clone();
    scenario.incidents = vec![peakday::scenario::Incident {
        at: "12:00".parse().unwrap(),
        until: None,
        kind: peakday::scenario::IncidentKind::IssuerDown,
    }];
    request.scenario = Arc::new(scenario);
    let error = load::run(&request).unwrap_err().to_string();
    assert!(error.contains("the issuer is down") && error.contains("has not started it"), "{error}");
    assert!(!dir.path().join("run.toml").exists());
}
