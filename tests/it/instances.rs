//! Two instances behind HAProxy on one PostgreSQL, as the tool starts them: one leaves, both are killed, everything is audited, a
//! lane has a door of its own, nothing stays behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use peakday::record::{self, Run, ServerRecord, What, Who};

use crate::tool::{children_of, command, wait_for};

/// The smoke scenario with its files, its servers, and these incidents.
fn scenario(dir: &Path, incidents: &str) -> std::path::PathBuf {
    let shipped = |path: &str| fs::read_to_string(Path::new("scenarios").join(path)).unwrap();
    for name in ["curves", "servers"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    fs::write(dir.join("curves/lab.csv"), shipped("curves/lab.csv")).unwrap();
    fs::write(dir.join("servers/small.toml"), shipped("servers/two-instances.toml")).unwrap();
    let path = dir.join("rough.toml");
    fs::write(&path, shipped("smoke.toml") + incidents).unwrap();
    path
}

/// Plays the scenario for so long, whatever the verdict.
fn play(dir: &Path, incidents: &str, duration: &str) -> Run {
    let scenario = scenario(dir, incidents);
    let out = dir.join("run");
    let (scenario, folder) = (scenario.to_str().unwrap(), out.to_str().unwrap());
    let output =
        command(&["run", scenario, "--duration", duration, "--out", folder, "--quiet"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3 | 97 | 99)), "{:?}: {said}", output.status);
    let run = record::open(&out).unwrap();
    assert!(run.servers[0].finished());
    run
}

/// The incidents that were told, and what the audit found: acknowledged, lost, duplicated.
fn told_and_audited(server: &ServerRecord) -> (Vec<&str>, (u64, u64, u64)) {
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
    (told, audit.expect("an audit"))
}

#[test]
fn an_instance_leaves_and_comes_back_and_nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let leaves = "\n[[incident]]\nkind = \"instance-leaves\"\nat = \"12:01\"\nuntil = \"12:03\"\n";
    let run = play(dir.path(), leaves, "5s");
    let server = &run.servers[0];
    let (told, (acknowledged, lost, duplicated)) = told_and_audited(server);
    assert_eq!(told, ["instance-leaves", "instance-leaves over"]);
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
    // What both use, and not the process alone that has started them: each has threads and files of its own.
    let threads =
        server.resources().unwrap().filter_map(|row| Some(row.unwrap()).filter(|row| row.who == Who::Server));
    let threads: Vec<u32> = threads.map(|row| row.threads).collect();
    let (most, least) = (*threads.iter().max().unwrap(), *threads.iter().min().unwrap());
    assert!(most > least && least > 4, "one was away for a while: {threads:?}");
    let mut answered = (0, 0);
    for row in server.counters().unwrap() {
        let row = row.unwrap();
        answered = (answered.0 + row.ok, answered.1 + row.offered);
    }
    assert!(answered.0 * 10 > answered.1 * 8, "the other one serves: {} of {}", answered.0, answered.1);
}

#[test]
fn a_kill_takes_every_instance_and_what_was_acknowledged_is_there_when_they_are_back() {
    let dir = tempfile::tempdir().unwrap();
    let killed = "\n[[incident]]\nkind = \"server-killed\"\nat = \"12:02\"\nback_after = \"500ms\"\n";
    let run = play(dir.path(), killed, "6s");
    let server = &run.servers[0];
    let (told, (acknowledged, lost, duplicated)) = told_and_audited(server);
    assert_eq!(told, ["server-killed", "server back"]);
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((lost, duplicated), (0, 0));
    let mut refused = 0;
    for row in server.counters().unwrap() {
        refused += row.unwrap().shed;
    }
    assert!(refused > 0, "HAProxy has nobody to hand a request to");
}

#[test]
fn a_lane_has_a_door_of_its_own_and_both_instances_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = fs::read_to_string("scenarios/servers/two-instances.toml").unwrap()
        + "\n[lane.lab]\nclasses = [\"lab\"]\nworkers = 2\nlisten = \"127.0.0.1:0\"\n";
    let config = config.replace("shortest-queue", "round-robin");
    let file = dir.path().join("laned.toml");
    fs::write(&file, config).unwrap();
    let arguments = ["serve", "--server", file.to_str().unwrap(), "--listen", "127.0.0.1:0", "--data"];
    let mut serve = command(&arguments);
    let mut serve = serve.arg(dir.path().join("data")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map_while(Result::ok);
    let lane = lines.next().unwrap();
    let lane = lane.strip_prefix("lane lab on http://").unwrap_or_else(|| panic!("{lane}")).to_owned();
    let main = lines.next().unwrap();
    let main = main.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{main}")).to_owned();
    assert_ne!(lane, main);
    // The lane's listeners serve its classes and nothing else; laboratories are let in by them.
    for _ in 0..2 {
        assert_eq!(status(&lane, "GET", "/pro/entry"), 401);
        assert_eq!(status(&lane, "GET", "/p/nobody"), 421);
        assert_eq!(status(&main, "GET", "/p/nobody"), 200);
        assert_eq!(status(&lane, "POST", "/oidc/token"), 415);
    }
    serve.kill().unwrap();
    serve.wait().unwrap();
}

/// The status of an answer to a request without a body.
fn status(address: &str, method: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
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
