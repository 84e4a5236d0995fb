//! The command line as a user meets it: exit codes, messages, files.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::tool::{children_of, command, wait_for};

fn peakday(arguments: &[&str]) -> Output {
    command(arguments).output().expect("peakday starts")
}

/// The exit code and what was said on standard error.
fn said(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_unknown_scenario_is_named_with_those_that_there_are() {
    let (code, text) = said(&peakday(&["check", "evening-2022-01-06"]));
    assert_eq!(code, 2);
    assert!(text.contains("evening-2022-01-06") && text.contains("evening-2022-01-05"), "{text}");
}

#[test]
fn every_mistake_of_a_scenario_is_said_at_once_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (scenario, out) = (dir.path().join("wrong.toml"), dir.path().join("out"));
    let text = std::fs::read_to_string("scenarios/any-http.toml").unwrap();
    let text = text.replace("timeout", "timeuot").replace("/s\"", "\"");
    std::fs::write(&scenario, text).unwrap();
    let arguments = ["run", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let (code, text) = said(&peakday(&arguments));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("timeuot") && text.contains("has no period"), "{text}");
    assert!(!out.exists());
}

#[test]
fn another_machine_is_refused_without_looking_its_name_up() {
    // `.invalid` never resolves: a look-up would say so, and would take its time.
    for target in ["http://peakday.invalid", "https://192.0.2.1:8443/", "http://[2001:db8::1]"] {
        let (code, text) = said(&peakday(&["run", "any-http", "--target", target]));
        assert_eq!(code, 96, "{target}: {text}");
        assert!(text.contains("its name was not looked up"), "{text}");
    }
}

#[test]
fn an_unknown_server_or_population_is_a_usage_error() {
    let (code, text) = said(&peakday(&["run", "smoke", "--server", "nosuch"]));
    assert!(code == 2 && text.contains("nosuch") && text.contains("flat-3m"), "{code}: {text}");
    let (code, text) = said(&peakday(&["run", "smoke", "--only", "nobody"]));
    assert!(code == 2 && text.contains("nobody") && text.contains("pharmacist"), "{code}: {text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_usage_error() {
    let (code, text) = said(&peakday(&["run", "smoke", "--out", "/dev/null/run"]));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("/dev/null/run"), "{text}");
}

#[test]
fn a_folder_that_holds_no_run_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text) = said(&peakday(&["report", dir.path().to_str().unwrap()]));
    assert_eq!(code, 2, "{text}");
}

#[test]
fn a_port_in_use_stops_the_server_with_one_message() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (code, text) = said(&peakday(&["serve", "--listen", &address, "--data", data.to_str().unwrap()]));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains(&address), "{text}");
}

#[test]
fn the_flags_stand_above_the_environment_and_both_above_the_file() {
    let show = |environment: &[(&str, &str)], flags: &[&str]| {
        let arguments = [&["check", "smoke", "--show"], flags].concat();
        let output = command(&arguments).envs(environment.iter().copied()).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find(|line| line.trim().starts_with("seed =")).unwrap().trim().to_owned()
    };
    assert_eq!(show(&[], &[]), "seed = 1   (file)");
    assert_eq!(show(&[("PEAKDAY_SEED", "7")], &[]), "seed = 7   (environment)");
    assert_eq!(show(&[("PEAKDAY_SEED", "7")], &["--seed", "8"]), "seed = 8   (flag)");
}

#[test]
fn the_smoke_run_is_recorded_whole_and_its_numbers_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let output = peakday(&["run", "smoke", "--quiet", "--out", run.to_str().unwrap()]);
    // Whether the SLOs hold is the machine's business: this test is about the record.
    let (code, text) = said(&output);
    assert!([0, 3, 97, 99].contains(&code), "{code}: {text}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("index.html"), "{stdout}");

    let summary = summary(&run);
    assert_eq!(summary["schema_version"], 1);
    let servers = summary["servers"].as_array().unwrap();
    assert!(!servers.is_empty());
    for server in servers {
        adds_up(&server["totals"]);
        for population in server["populations"].as_array().unwrap() {
            adds_up(&population["totals"]);
            for step in population["steps"].as_array().unwrap() {
                adds_up(&step["totals"]);
                assert_eq!(step["response_us"]["count"], step["totals"]["offered"], "{step}");
            }
        }
        assert!(server["audit"]["acknowledged"].as_u64().unwrap() > 0, "{server}");
        assert_eq!(server["audit"]["lost"], 0);
        assert_eq!(server["audit"]["duplicated"], 0);
        let folder = run.join(server["name"].as_str().unwrap());
        for file in ["intervals.hlog", "counters.csv", "journeys.csv", "resources.csv", "events.jsonl"] {
            assert!(folder.join(file).metadata().unwrap().len() > 0, "{file} is empty");
        }
    }
    for file in ["index.html", "report.md", "junit.xml", "run.toml"] {
        assert!(run.join(file).exists(), "{file}");
    }
}

#[test]
fn a_run_that_was_killed_is_still_reported_and_its_server_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let mut tool = command(&["run", "smoke", "--quiet", "--keep-data", "--out", run.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Wait for some of the measured part to be on disk, however slow the machine is.
    let server = wait_for(|| {
        let entries = std::fs::read_dir(&run).ok()?;
        entries.flatten().map(|entry| entry.path()).find(|path| {
            std::fs::read_to_string(path.join("counters.csv"))
                .is_ok_and(|text| text.lines().any(|line| line.starts_with("3,")))
        })
    });
    let children = children_of(tool.id());
    tool.kill().unwrap();
    tool.wait().unwrap();
    assert!(!children.is_empty(), "the server is a child of the tool");
    wait_for(|| children.iter().all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists()).then_some(()));

    let output = peakday(&["report", run.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output).1);
    for (form, begins) in [("md", "# "), ("junit", "<?xml"), ("json", "{")] {
        let output = peakday(&["report", run.to_str().unwrap(), "--format", form]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.starts_with(begins), "{form}: {text}");
    }
    for (form, begins) in [("svg", &b"<svg "[..]), ("png", b"\x89PNG\r\n")] {
        let output = peakday(&["report", run.to_str().unwrap(), "--format", form]);
        let plots = String::from_utf8_lossy(&output.stdout);
        assert!(plots.lines().count() > 3, "{plots}");
        assert!(plots.lines().all(|path| std::fs::read(path).unwrap().starts_with(begins)), "{plots}");
    }
    let summary = summary(&run);
    let name = server.file_name().unwrap().to_str().unwrap();
    let found = summary["servers"].as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
    adds_up(&found["totals"]);
    assert!(found["totals"]["offered"].as_u64().unwrap() > 0);
}

fn summary(run: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.join("summary.json")).unwrap()).unwrap()
}

fn adds_up(counts: &Value) {
    let of = |key: &str| counts[key].as_u64().unwrap();
    let ended =
        ["ok", "failed", "shed", "timed_out", "not_sent", "in_flight_at_end"].map(of).iter().sum::<u64>();
    assert_eq!(of("offered"), ended, "{counts}");
}
