//! Runs against the bundled server as the toolkit starts it: the whole line from scenario to record.

use std::collections::BTreeMap;
use std::fs;

use peakday::load;
use peakday::record::{self, ServerRecord, What};
use peakday::scenario::{Incident, IncidentKind, RunPlan, Scenario};
use peakday::units::{Span, TimeOfDay};

use crate::scenarios::shipped_scenario;
use crate::server_run::request;

/// The smoke scenario, played for so long.
fn smoke(measured: Span) -> Scenario {
    let mut scenario = shipped_scenario("smoke");
    scenario.run = RunPlan { run_in: Span::from_secs(1), ..scenario.run.lasting(measured).unwrap() };
    scenario
}

/// Names of population and step, and offered, sent, ok, shed, failed, timed out, not sent, run-in included.
pub(crate) fn totals(server: &ServerRecord) -> BTreeMap<(String, String), [u64; 7]> {
    let mut totals = BTreeMap::new();
    for row in server.counters().unwrap() {
        let row = row.unwrap();
        let population = &server.layout.populations[usize::from(row.population)];
        let name = (population.name.clone(), population.steps[usize::from(row.step)].name.clone());
        let counts: &mut [u64; 7] = totals.entry(name).or_default();
        let row = [row.offered, row.sent, row.ok, row.shed, row.failed, row.timed_out, row.not_sent];
        counts.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    totals
}

fn audit(server: &ServerRecord) -> Option<(u64, u64, u64)> {
    server.events.iter().find_map(|event| match event.what {
        What::Audit { acknowledged, lost, duplicated } => Some((acknowledged, lost, duplicated)),
        _ => None,
    })
}

#[test]
fn the_smoke_scenario_plays_from_preload_to_audit() {
    let dir = tempfile::tempdir().unwrap();
    let outcome =
        load::run(&request(smoke(Span::from_secs(4)), dir.path())).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((outcome.played, outcome.interrupted), (1, false));
    let run = record::open(dir.path()).unwrap();
    let server = &run.servers[0];
    assert!(server.finished());
    for ((population, step), [offered, sent, ok, ..]) in totals(server) {
        assert!(offered > 0, "{population} never came to {step}");
        assert_eq!((sent, ok), (offered, offered), "{population} {step}");
    }
    let (acknowledged, lost, duplicated) = audit(server).expect("an audit");
    assert!(acknowledged > 50, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
    let happened = |what: fn(&What) -> bool| server.events.iter().any(|event| what(&event.what));
    assert!(happened(|what| matches!(what, What::Preloaded { entries: 50.., .. })));
    assert!(happened(|what| matches!(what, What::ServerExited { wanted: true, .. })));
    assert!(!happened(|what| matches!(what, What::ErrorExample { .. })), "{:?}", server.events);
    assert!(!dir.path().join("small/data").exists(), "the store is removed");
}

#[test]
fn what_was_acknowledged_outlives_a_kill_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let request = request(smoke(Span::from_secs(4)), dir.path());
    let events = dir.path().join("small/events.jsonl");
    let killer = std::thread::spawn(move || {
        // Two seconds after it was started the server is in the middle of the run.
        let pid = (0..3_000)
            .find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                let text = fs::read_to_string(&events).ok()?;
                let lines =
                    text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
                lines.filter_map(|line| line["event"]["pid"].as_i64()).next()
            })
            .expect("a server that was started");
        std::thread::sleep(std::time::Duration::from_secs(2));
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    });
    load::run(&request).unwrap_or_else(|error| panic!("{error}"));
    killer.join().unwrap();

    let run = record::open(dir.path()).unwrap();
    let server = &run.servers[0];
    assert!(server.finished());
    let exits: Vec<bool> = server
        .events
        .iter()
        .filter_map(|event| match event.what {
            What::ServerExited { wanted, .. } => Some(wanted),
            _ => None,
        })
        .collect();
    assert_eq!(exits, [false, true], "killed once, started again for the audit, then stopped");
    let mut failed = 0;
    for ((population, step), [offered, sent, ok, shed, refused, timed_out, not_sent]) in totals(server) {
        assert_eq!(offered, ok + shed + refused + timed_out + not_sent, "{population} {step}");
        assert_eq!(offered, sent + not_sent, "{population} {step}");
        failed += refused;
    }
    assert!(failed > 10, "requests to a server that is gone fail: {failed}");
    let (acknowledged, lost, duplicated) = audit(server).expect("an audit");
    assert!(acknowledged > 0);
    assert_eq!((lost, duplicated), (0, 0));
}

#[test]
fn incidents_happen_to_the_server_when_they_are_planned_and_nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut scenario = smoke(Span::from_secs(6));
    let at = |seconds: u64| {
        let from = scenario.run.from.nanos();
        TimeOfDay::from_nanos(from + Span::from_secs(seconds).scaled(scenario.run.time_warp).nanos()).unwrap()
    };
    let slow = IncidentKind::StoreSlow { commit: Span::from_millis(20), read: Span::from_millis(1) };
    let kill = IncidentKind::ServerKilled { back_after: Span::from_millis(300) };
    scenario.incidents = vec![
        Incident { at: at(0), until: Some(at(2)), kind: IncidentKind::IssuerDown },
        Incident { at: at(1), until: None, kind: slow },
        Incident { at: at(3), until: None, kind: kill },
    ];
    load::run(&request(scenario, dir.path())).unwrap_or_else(|error| panic!("{error}"));

    let run = record::open(dir.path()).unwrap();
    let server = &run.servers[0];
    assert!(server.finished());
    let mut incidents = Vec::new();
    for event in &server.events {
        assert!(!matches!(&event.what, What::Finding { code, .. } if code == "incident"), "{event:?}");
        if let What::Incident { name, .. } = &event.what {
            incidents.push((name.as_str(), event.at.secs_f64()));
        }
    }
    let names: Vec<&str> = incidents.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["issuer-down", "store-slow", "issuer-down over", "server-killed", "server back"]);
    for ((name, at), planned) in incidents.iter().zip([0.0, 1.0, 2.0, 3.0, 3.3]) {
        assert!(*at >= planned, "{name} was planned for {planned} and told at {at}");
    }
    let started =
        server.events.iter().filter(|event| matches!(event.what, What::ServerStarted { .. })).count();
    assert_eq!(started, 2);
    let totals = totals(server);
    let shed: u64 =
        totals.iter().filter(|((_, step), _)| step == "sign-in").map(|(_, counts)| counts[3]).sum();
    assert!(shed > 0, "sign-in is refused while the issuer is down: {totals:?}");
    let failed: u64 = totals.values().map(|counts| counts[4]).sum();
    assert!(failed > 0, "connections are refused while the server is away: {totals:?}");
    let (acknowledged, lost, duplicated) = audit(server).expect("an audit");
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
}

#[test]
fn results_that_come_as_fhir_and_as_hl7_are_stored_once_and_read_by_their_patients() {
    let dir = tempfile::tempdir().unwrap();
    let mut scenario = shipped_scenario("formats");
    scenario.run = scenario.run.lasting(Span::from_secs(3)).unwrap();
    load::run(&request(scenario, dir.path())).unwrap_or_else(|error| panic!("{error}"));
    let run = record::open(dir.path()).unwrap();
    let server = &run.servers[0];
    for ((population, step), [offered, sent, ok, ..]) in totals(server) {
        assert!(offered > 0, "{population} never came to {step}");
        assert_eq!((sent, ok), (offered, offered), "{population} {step}: {:?}", server.events);
    }
    // Ten receipts of a file, one of a bundle.
    let entered = |population: &str, step: &str| totals(server)[&(population.to_owned(), step.to_owned())][2];
    let expected = entered("software", "entry") + 10 * entered("lab", "batch");
    assert_eq!(audit(server).expect("an audit"), (expected, 0, 0));
}

#[test]
fn on_13_august_2021_open_sessions_work_new_sign_ins_fail_and_labs_notice_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut scenario = shipped_scenario("outage-2021-08-13");
    scenario.run.from = "15:28".parse().unwrap();
    scenario.run.to = "15:34".parse().unwrap();
    load::run(&request(scenario, dir.path())).unwrap_or_else(|error| panic!("{error}"));
    let run = record::open(dir.path()).unwrap();
    let server = &run.servers[0];
    let totals = totals(server);
    for ((population, step), [offered, sent, ok, shed, failed, timed_out, not_sent]) in &totals {
        assert_eq!((offered, *timed_out, *not_sent), (sent, 0, 0), "{population} {step}");
        let let_down = population == "newcomer" && step == "sign-in";
        assert_eq!((*shed > 0, *failed), (let_down, 0), "{population} {step}: {:?}", server.events);
        assert!(*ok > 0, "{population} never came to {step}");
    }
    let (_, lost, duplicated) = audit(server).expect("an audit");
    assert_eq!((lost, duplicated), (0, 0));
}
