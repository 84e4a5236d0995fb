//! Two instances behind HAProxy on one PostgreSQL, as the tool starts them: one leaves, everything is audited, nothing stays behind.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use peakday::record::{self, What};

use crate::tool::{children_of, command, wait_for};

/// The smoke scenario with its files, its servers, and an instance that leaves for two seconds and comes back.
fn scenario(dir: &Path) -> std::path::PathBuf {
    let shipped = |path: &str| fs::read_to_string(Path::new("scenarios").join(path)).unwrap();
    for name in ["curves", "servers"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    fs::write(dir.join("curves/lab.csv"), shipped("curves/lab.csv")).unwrap();
    fs::write(dir.join("servers/small.toml"), shipped("servers/two-instances.toml")).unwrap();
    let leaves = "\n[[incident]]\nkind = \"instance-leaves\"\nat = \"12:01\"\nuntil = \"12:03\"\n";
    let path = dir.join("leaving.toml");
    fs::write(&path, shipped("smoke.toml") + leaves).unwrap();
    path
}

#[test]
fn an_instance_leaves_and_comes_back_and_nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = scenario(dir.path());
    let out = dir.path().join("run");
    let (scenario, folder) = (scenario.to_str().unwrap(), out.to_str().unwrap());
    let output =
        command(&["run", scenario, "--duration", "5s", "--out", folder, "--quiet"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3 | 97 | 99)), "{:?}: {said}", output.status);
    let run = record::open(&out).unwrap();
    let server = &run.servers[0];
    assert!(server.finished());
    let mut told = Vec::new();
    let mut audit = None;
    for event in &server.events {
        match &event.what {
            What::Incident { name, .. } => told.push(name.as_str()),
            What::Finding { code, detail, .. } => assert_ne!(code, "incident", "{detail}"),
            What::Audit { acknowledged, lost, duplicated } => {
                audit = Some((*acknowledged, *lost, *duplicated))
            }
            _ => {}
        }
    }
    assert_eq!(told, ["instance-leaves", "instance-leaves over"]);
    let (acknowledged, lost, duplicated) = audit.expect("an audit");
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
    let mut answered = (0, 0);
    for row in server.counters().unwrap() {
        let row = row.unwrap();
        answered = (answered.0 + row.ok, answered.1 + row.offered);
    }
    assert!(answered.0 * 10 > answered.1 * 8, "the other one serves: {} of {}", answered.0, answered.1);
}

#[test]
fn however_the_tool_ends_none_of_what_it_started_stays() {
    for kill in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let arguments = ["serve", "--server", "two-instances", "--listen", "127.0.0.1:0", "--data"];
        let mut serve = command(&arguments);
        let mut serve = serve.arg(&data).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(serve.stdout.take().unwrap()), &mut line)
            .unwrap();
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
        let mut started = children_of(serve.id());
        let grandchildren: Vec<u32> = started.iter().flat_map(|pid| children_of(*pid)).collect();
        started.extend(grandchildren);
        // Two keepers with what they keep, and two instances.
        assert!(started.len() >= 6, "{started:?}");
        if kill {
            serve.kill().unwrap();
            serve.wait().unwrap();
        } else {
            let pid = rustix::process::Pid::from_child(&serve);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            assert_eq!(serve.wait().unwrap().code(), Some(0));
        }
        // One that has ended and that nobody waits for is a zombie (state Z; proc(5)).
        let lives = |pid: &&u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
        };
        wait_for(|| (started.iter().filter(lives).count() == 0).then_some(()));
    }
}
