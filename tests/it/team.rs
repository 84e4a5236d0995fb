//! A run by several processes of this machine in which something happens: incidents, TLS, a rule that ends it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use peakday::record::{self, ServerRecord, What};
use peakday::stats;

use crate::load_run::serve;
use crate::tool;

/// Plays a scenario with two generators into a folder; the record of its only server.
fn play(scenario: &Path, out: &Path, flags: &[&str]) -> ServerRecord {
    let fixed = ["run", scenario.to_str().unwrap(), "--quiet", "--generators", "2", "--out"];
    let output = tool::command(&fixed).arg(out).args(flags).output().unwrap();
    let code = output.status.code().unwrap();
    assert!([0, 3, 97, 99].contains(&code), "{code}: {}", String::from_utf8_lossy(&output.stderr));
    record::open(out).unwrap().servers.remove(0)
}

/// Offered, ok, shed and failed by step, run-in included.
fn counts(server: &ServerRecord) -> BTreeMap<String, [u64; 4]> {
    let mut counts = BTreeMap::new();
    for row in server.counters().unwrap().map(Result::unwrap) {
        let steps = &server.layout.populations[usize::from(row.population)].steps;
        let sum: &mut [u64; 4] = counts.entry(steps[usize::from(row.step)].name.clone()).or_default();
        let row = [row.offered, row.ok, row.shed, row.failed];
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    counts
}

fn details<'a>(server: &'a ServerRecord, of: &str) -> Vec<&'a str> {
    let found = server.events.iter().filter_map(|event| match &event.what {
        What::Finding { code, detail, .. } if code == of => Some(detail.as_str()),
        _ => None,
    });
    found.collect()
}

#[test]
fn incidents_happen_once_to_the_server_of_a_team_and_its_clients_come_back_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let shipped = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)).unwrap()
    };
    for folder in ["curves", "servers"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("curves/lab.csv"), shipped("curves/lab.csv")).unwrap();
    fs::write(dir.path().join("servers/small.toml"), shipped("servers/small.toml") + "\n[tls]\n").unwrap();
    let incidents = "
        [[incident]]
        kind = \"issuer-down\"
        at = \"12:00\"
        until = \"12:02\"
        [[incident]]
        kind = \"server-killed\"
        at = \"12:03\"
        back_after = \"300ms\"\n";
    let scenario = dir.path().join("rough.toml");
    fs::write(&scenario, shipped("smoke.toml") + incidents).unwrap();
    let server = play(&scenario, &dir.path().join("run"), &["--duration", "6s"]);

    assert!(server.finished());
    assert_eq!(details(&server, "incident"), [""; 0], "all were played");
    let told = server.events.iter().filter_map(|event| match &event.what {
        What::Incident { name, .. } => Some(name.as_str()),
        _ => None,
    });
    let told: Vec<&str> = told.collect();
    assert_eq!(told, ["issuer-down", "issuer-down over", "server-killed", "server back"]);
    let counts = counts(&server);
    assert!(counts["sign-in"][2] > 0, "sign-in is refused while the issuer is down: {counts:?}");
    let sum = |place: usize| counts.values().map(|count| count[place]).sum::<u64>();
    assert!(sum(3) > 0, "connections are refused while the server is away: {counts:?}");
    assert!(sum(1) * 2 > sum(0), "most requests go well: {counts:?}");
    // Each generator has trusted the server's own certificate, before and after.
    let shaken = details(&server, "handshakes");
    assert!(
        ["shard 1/2: ", "shard 2/2: "].iter().all(|shard| shaken.iter().any(|of| of.starts_with(shard))),
        "{shaken:?}"
    );
    let audit = server.events.iter().find_map(|event| match event.what {
        What::Audit { acknowledged, lost, duplicated } => Some((acknowledged, lost, duplicated)),
        _ => None,
    });
    let (acknowledged, lost, duplicated) = audit.expect("an audit");
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
}

/// A server that fails from some request on.
fn breaking(after: u64) -> SocketAddr {
    let served = Arc::new(AtomicU64::new(0));
    serve(Router::new().route(
        "/",
        get(move || {
            let good = served.fetch_add(1, Ordering::Relaxed) < after;
            std::future::ready(if good { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR })
        }),
    ))
}

#[test]
fn a_rule_goes_by_what_all_generators_see_and_ends_the_part_of_each() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("visitors.toml");
    // Of 100 failures a second each generator sees half: 100 in two seconds, give or take 10.
    let rule = "count(failed) > 150 for 2s";
    let text = format!(
        "about = \"Visitors.\"\nabort = [\"{rule}\"]\n[run]\nduration = \"60s\"\n[[population]]\nname = \"visitor\"\n\
         arrivals = {{ rate = \"100/s\" }}\nlanes = 64\ntimeout = \"10s\"\n[[population.step]]\nname = \"home\"\nget = \"/\"\n"
    );
    fs::write(&scenario, text).unwrap();
    let url = format!("http://{}", breaking(100));
    let out = dir.path().join("run");
    let server = play(&scenario, &out, &["--target", &url]);

    assert!(server.finished());
    let reasons = server.events.iter().filter_map(|event| match &event.what {
        What::Aborted { reason } => Some(reason.as_str()),
        _ => None,
    });
    let reasons: Vec<&str> = reasons.collect();
    assert!(reasons.len() == 2 && reasons.iter().all(|reason| reason.contains(rule)), "{reasons:?}");
    let [offered, ok, _, failed] = counts(&server)["home"];
    assert!(ok == 100 && failed > 150 && offered < 3_000, "{offered} {ok} {failed}");
    let summary = stats::summarize(&record::open(&out).unwrap()).unwrap();
    let codes: Vec<&str> =
        summary.servers[0].validity.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert!(codes.contains(&"aborted"), "{codes:?}");
}
