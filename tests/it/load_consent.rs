//! Targets that are not this machine, as far as their names say: a look-up that a test brings leads to 127.0.0.2.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use peakday::load::{self, Refused, RunError, RunRequest, System, Target};
use peakday::record::{self, What};
use serde_json::json;

use super::load_run::{counts, population, request, serve_at, step};

const TOKEN: &str = "a secret of this test";

/// A server at this address and port (0: a free one) whose consent says what `says` makes of the number of the question.
struct Elsewhere {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    sent: Arc<Mutex<Vec<Instant>>>,
}

fn elsewhere(
    ip: &str,
    port: u16,
    says: impl Fn(usize) -> (StatusCode, serde_json::Value) + Clone + Send + Sync + 'static,
) -> Elsewhere {
    let (asked, sent) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Instant>>>::default());
    let (count, log) = (Arc::clone(&asked), Arc::clone(&sent));
    let router = Router::new()
        .route(
            "/.well-known/peakday.json",
            get(move || {
                let (status, body) = says(count.fetch_add(1, Ordering::SeqCst));
                std::future::ready((status, Json(body)))
            }),
        )
        .route(
            "/",
            get(move || {
                log.lock().unwrap().push(Instant::now());
                std::future::ready("hello")
            }),
        );
    let address = serve_at(SocketAddr::new(ip.parse::<IpAddr>().unwrap(), port), router);
    Elsewhere { address, asked, sent }
}

fn terms(allow: bool, rate: u32) -> (StatusCode, serde_json::Value) {
    let hash = record::digest(TOKEN);
    let until = "2999-01-01T00:00:00Z";
    (StatusCode::OK, json!({ "allow": allow, "max_rate_per_s": rate, "until": until, "token_sha256": hash }))
}

fn consenting(server: &Elsewhere) -> Result<Target, Refused> {
    let address = server.address;
    let look_up = move |host: &str, port: u16| {
        assert_eq!((host, port), ("sidep.test", address.port()));
        Ok(vec![address])
    };
    Target::consenting(&format!("http://sidep.test:{}", address.port()), TOKEN, None, &look_up)
}

fn against(target: Target, per_second: f64, dir: &std::path::Path) -> RunRequest {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut request = request(vec![population("visitor", per_second, vec![step("home", "/")])], nobody, dir);
    request.systems = vec![System::Running { name: "target".to_owned(), target }];
    request
}

#[test]
fn a_target_elsewhere_is_loaded_with_its_consent_and_never_above_its_ceiling() {
    let server = elsewhere("127.0.0.2", 0, |_| terms(true, 60));
    let dir = tempfile::tempdir().unwrap();
    let target = consenting(&server).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    let outcome = load::run(&against(target, 55.0, dir.path())).unwrap();
    assert!(!outcome.refused);
    let [offered, sent, ok, _, failed, ..] = counts(dir.path(), 0, 0);
    assert!(offered > 80 && ok > 60 && failed == 0, "{offered} {sent} {ok} {failed}");
    let times = server.sent.lock().unwrap();
    let most = times.iter().map(|from| {
        times.iter().filter(|at| **at >= *from && at.duration_since(*from) < Duration::from_secs(1)).count()
    });
    // What a busy machine holds up for some milliseconds arrives together.
    assert!(most.max().unwrap() <= 62, "a second with {:?} requests", times.len());
}

#[test]
fn a_plan_above_the_ceiling_is_refused_before_it_starts() {
    let server = elsewhere("127.0.0.2", 0, |_| terms(true, 20));
    let dir = tempfile::tempdir().unwrap();
    let error = load::run(&against(consenting(&server).unwrap(), 55.0, dir.path())).unwrap_err();
    assert!(matches!(error, RunError::AboveConsent { .. }), "{error}");
    assert!(error.to_string().contains("55 requests a second"), "{error}");
    assert!(server.sent.lock().unwrap().is_empty() && !dir.path().join("run.toml").exists());
}

#[test]
fn a_consent_that_is_withdrawn_ends_the_run_and_keeps_what_was_measured() {
    let server = elsewhere("127.0.0.2", 0, |question| terms(question < 2, 1_000));
    let dir = tempfile::tempdir().unwrap();
    let target = consenting(&server).unwrap();
    let target = target.asked_every(Duration::from_millis(300), Duration::from_secs(60));
    let mut request = against(target, 50.0, dir.path());
    let mut scenario = (*request.scenario).clone();
    scenario.run.to = "12:01".parse().unwrap();
    request.timeline = scenario.run.timeline();
    request.scenario = Arc::new(scenario);
    let outcome = load::run(&request).unwrap();
    assert!(outcome.refused, "a minute was planned");
    let run = record::open(dir.path()).unwrap();
    let ended = run.servers[0].events.iter().find_map(|event| match &event.what {
        What::Aborted { reason } => Some(reason.clone()),
        _ => None,
    });
    assert!(ended.as_ref().is_some_and(|why| why.contains("allow = false")), "{ended:?}");
    let [offered, sent, ok, shed, failed, late, not_sent] = counts(dir.path(), 0, 0);
    assert_eq!(offered, ok + shed + failed + late + not_sent, "{sent}");
    assert!(run.servers[0].finished() && offered < 2_000);
}

#[test]
fn a_target_that_falls_silent_is_asked_again_before_the_run_ends() {
    let server = elsewhere("127.0.0.2", 0, |question| match question {
        0 => terms(true, 1_000),
        _ => (StatusCode::SERVICE_UNAVAILABLE, json!({})),
    });
    let dir = tempfile::tempdir().unwrap();
    let target = consenting(&server).unwrap();
    let target = target.asked_every(Duration::from_millis(200), Duration::from_millis(700));
    let outcome = load::run(&against(target, 20.0, dir.path())).unwrap();
    assert!(outcome.refused);
    assert!(server.asked.load(Ordering::SeqCst) >= 4, "{}", server.asked.load(Ordering::SeqCst));
}

#[test]
fn every_address_of_a_name_has_to_consent_and_a_second_look_up_is_never_made() {
    let willing = elsewhere("127.0.0.2", 0, |_| terms(true, 100));
    let port = willing.address.port();
    let other = elsewhere("127.0.0.3", port, |_| terms(false, 100));
    let looked_up = AtomicUsize::new(0);
    let both = |_: &str, _: u16| {
        // A second answer leads elsewhere: it must never be asked for.
        assert_eq!(looked_up.fetch_add(1, Ordering::SeqCst), 0);
        Ok(vec![willing.address, other.address])
    };
    let error = Target::consenting(&format!("http://sidep.test:{port}"), TOKEN, None, &both).unwrap_err();
    assert!(
        error.to_string().contains("127.0.0.3") && error.to_string().contains("allow = false"),
        "{error}"
    );
    assert_eq!((willing.asked.load(Ordering::SeqCst), other.asked.load(Ordering::SeqCst)), (1, 1));

    looked_up.store(0, Ordering::SeqCst);
    let one = |_: &str, _: u16| {
        assert_eq!(looked_up.fetch_add(1, Ordering::SeqCst), 0);
        Ok(vec![willing.address])
    };
    let target = Target::consenting(&format!("http://sidep.test:{port}"), TOKEN, None, &one).unwrap();
    let dir = tempfile::tempdir().unwrap();
    load::run(&against(target, 20.0, dir.path())).unwrap();
    assert!(!willing.sent.lock().unwrap().is_empty());
    assert!(other.sent.lock().unwrap().is_empty(), "the address that did not consent got nothing");
}

#[test]
fn without_a_token_no_name_is_looked_up_and_without_consent_nothing_else_is_sent() {
    let never = |_: &str, _: u16| -> std::io::Result<Vec<SocketAddr>> { panic!("a name was looked up") };
    assert!(matches!(Target::parse("http://sidep.test"), Err(Refused::Elsewhere { .. })));
    assert!(
        Target::consenting("http://localhost:1", TOKEN, None, &never).is_ok(),
        "this machine is not asked"
    );
    let unusable = Target::consenting("ftp://sidep.test", TOKEN, None, &never);
    assert!(matches!(unusable, Err(Refused::Unusable { .. })));

    for (says, why) in [
        ((StatusCode::NOT_FOUND, json!({})), "answers 404"),
        ((StatusCode::FOUND, json!({})), "answers 302"),
        ((StatusCode::OK, json!({ "allow": true })), "is no consent"),
    ] {
        let server = elsewhere("127.0.0.2", 0, move |_| says.clone());
        let error = consenting(&server).unwrap_err();
        assert!(matches!(&error, Refused::NoConsent { .. }) && error.to_string().contains(why), "{error}");
        assert!(server.sent.lock().unwrap().is_empty());
    }
}
