//! One run played by several processes of this machine: from the plan to the sum, messages and audit included.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use peakday::arrivals;
use peakday::record::{self, Run, ServerRecord, What};
use peakday::units::Span;
use rustix::process::{Pid, Signal, kill_process};

use crate::scenarios::shipped_scenario;
use crate::tool::{self, children_of, wait_for};

fn command(out: &Path, flags: &[&str]) -> Command {
    let mut command = tool::command(&["run", "smoke", "--quiet", "--generators", "2", "--out"]);
    command.arg(out).args(flags);
    command
}

/// Planned journeys by interval and population, and offered and ok by interval, population and step.
type Sums = (BTreeMap<(i64, u16), u64>, BTreeMap<(i64, u16, u16), [u64; 2]>);

fn sums<'a>(servers: impl IntoIterator<Item = &'a ServerRecord>) -> Sums {
    let (mut planned, mut counters) = (BTreeMap::new(), BTreeMap::new());
    for server in servers {
        for row in server.journeys().unwrap().map(Result::unwrap).filter(|row| row.planned > 0) {
            *planned.entry((row.interval, row.population)).or_default() += row.planned;
        }
        for row in server.counters().unwrap().map(Result::unwrap) {
            let sum: &mut [u64; 2] = counters.entry((row.interval, row.population, row.step)).or_default();
            sum[0] += row.offered;
            sum[1] += row.ok;
        }
    }
    counters.retain(|_, sum| *sum != [0, 0]);
    (planned, counters)
}

#[test]
fn two_processes_play_one_plan_and_one_report_is_their_sum() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = command(&out, &["--duration", "4s"]).output().unwrap();
    let code = output.status.code().unwrap();
    assert!([0, 3, 97, 99].contains(&code), "{code}: {}", String::from_utf8_lossy(&output.stderr));
    let run = record::open(&out).unwrap();
    let server = &run.servers[0];
    assert!(server.finished());
    let parts: Vec<Run> = ["1", "2"]
        .map(|number| record::open(&out.join(&server.header.name).join("shards").join(number)).unwrap())
        .into();
    assert_eq!(sums([server]), sums(parts.iter().map(|part| &part.servers[0])));
    assert!(parts.iter().all(|part| !sums(&part.servers).1.is_empty()), "both have something to do");

    // The first arrivals are those of the one plan.
    let mut scenario = shipped_scenario("smoke");
    scenario.run = scenario.run.lasting(Span::from_secs(4)).unwrap();
    let timeline = scenario.run.timeline();
    let mut plan: BTreeMap<(i64, u16), u64> = BTreeMap::new();
    for arrival in arrivals::planned(&scenario, &timeline, scenario.seed) {
        *plan.entry((server.layout.interval_of(arrival.at), arrival.population)).or_default() += 1;
    }
    let mut planned = sums([server]).0;
    planned.retain(|(_, population), _| plan.keys().any(|(_, of)| of == population));
    assert_eq!(planned, plan);

    // Whom messages brought came to the shard that had sent the entry: they found what they needed there.
    let patient = server.layout.population("patient").unwrap();
    for part in &parts {
        let (offered, ok) = sums(&part.servers)
            .1
            .iter()
            .filter(|((_, of, _), _)| *of == patient)
            .fold((0, 0), |(offered, ok), (_, sum)| (offered + sum[0], ok + sum[1]));
        assert!(offered > 0 && ok * 10 >= offered * 9, "{ok} of {offered} patients' requests were ok");
    }
    let found = server.events.iter().find_map(|event| match event.what {
        What::Audit { acknowledged, lost, duplicated } => Some((acknowledged, lost, duplicated)),
        _ => None,
    });
    let (acknowledged, lost, duplicated) = found.expect("an audit");
    assert!(acknowledged > 0);
    assert_eq!((lost, duplicated), (0, 0));
    assert!(server.events.iter().any(|event| matches!(event.what, What::Preloaded { .. })));
    assert!(run.header.shard.is_none() && out.join("index.html").exists());
}

#[test]
fn generators_and_server_do_not_outlive_a_killed_parent_and_an_interrupt_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    for signal in [Signal::KILL, Signal::INT] {
        let out = dir.path().join(format!("run{}", signal.as_raw()));
        let quiet = || Stdio::null();
        let mut tool = command(&out, &["--duration", "30s"]).stdout(quiet()).stderr(quiet()).spawn().unwrap();
        // Until both generators have something on disk.
        let counters = |number: &str| {
            let servers = std::fs::read_dir(&out).ok()?.flatten();
            servers.map(|server| server.path().join("shards").join(number)).find_map(|shard| {
                let run = record::open(&shard).ok()?;
                sums(&run.servers).1.values().any(|sum| sum[1] > 0).then_some(())
            })
        };
        wait_for(|| counters("1").and(counters("2")));
        let children = children_of(tool.id());
        assert_eq!(children.len(), 3, "a server and two generators");
        kill_process(Pid::from_child(&tool), signal).unwrap();
        let status = tool.wait().unwrap();
        wait_for(|| {
            children.iter().all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists()).then_some(())
        });
        if signal == Signal::INT {
            assert_eq!(status.code(), Some(130));
            let run = record::open(&out).unwrap();
            assert!(run.servers[0].finished() && out.join("index.html").exists());
        }
    }
}
