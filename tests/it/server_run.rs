//! Runs of a scenario given as text against servers given as text, as the toolkit starts them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peakday::load::{self, About, Launch, RunRequest, System};
use peakday::scenario::Scenario;
use peakday::scenario::file::{self, Context};

/// A scenario and the servers that it is played against: name and configuration.
pub(crate) struct ServerRun {
    pub(crate) scenario: String,
    pub(crate) servers: Vec<(&'static str, String)>,
}

/// Plays it; `meanwhile` is called on a thread of its own, with the run's folder.
pub(crate) fn play<T: Send + 'static>(
    run: &ServerRun,
    dir: &Path,
    meanwhile: impl FnOnce(PathBuf) -> T + Send + 'static,
) -> Played<T> {
    let servers: String = run
        .servers
        .iter()
        .map(|(name, _)| format!("[[server]]\nname = \"{name}\"\nconfig = \"{name}\"\n"))
        .collect();
    let text = format!("{}\n{servers}", run.scenario);
    let read = |path: &str| -> io::Result<String> {
        let found = run.servers.iter().find(|(name, _)| *name == path).map(|(_, config)| config.clone());
        found.ok_or_else(|| io::Error::other("no such file"))
    };
    let context = Context {
        read: &read,
        values: &peakday::synthetic::VALUES,
        generators: &peakday::synthetic::GENERATORS,
    };
    let scenario = file::load(&text, "test", &context).unwrap_or_else(|problems| panic!("{problems}"));
    let request = request(scenario, dir);
    let other = std::thread::spawn({
        let dir = dir.to_owned();
        move || meanwhile(dir)
    });
    load::run(&request).unwrap_or_else(|error| panic!("{error}"));
    Played { request, meanwhile: other.join().unwrap() }
}

/// A run of a scenario against its servers, each started by the tool.
pub(crate) fn request(scenario: Scenario, dir: &Path) -> RunRequest {
    RunRequest {
        timeline: scenario.run.timeline(),
        seed: scenario.seed,
        only: Vec::new(),
        systems: scenario.servers.iter().cloned().map(System::Started).collect(),
        run_dir: dir.to_owned(),
        about: About::default(),
        messages: None,
        share: load::Share::default(),
        progress: None,
        launch: Launch {
            program: PathBuf::from(env!("CARGO_BIN_EXE_peakday")),
            arguments: vec!["serve".into(), "--server".into()],
        },
        keep_data: false,
        scenario: Arc::new(scenario),
    }
}

/// A run that was played, and what happened meanwhile.
pub(crate) struct Played<T> {
    pub(crate) request: RunRequest,
    pub(crate) meanwhile: T,
}

/// The process of a server, as soon as its folder names it.
pub(crate) fn process_of(run_dir: &Path, server: &str) -> rustix::process::Pid {
    let events = run_dir.join(server).join("events.jsonl");
    let pid = (0..3_000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let text = fs::read_to_string(&events).ok()?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter_map(|line| line["event"]["pid"].as_i64()).next()
    });
    rustix::process::Pid::from_raw(pid.expect("a server that was started").try_into().unwrap()).unwrap()
}

/// The wall-clock time, in seconds since the epoch, at which a server's measured part begins.
pub(crate) fn zero_of(run_dir: &Path, server: &str) -> f64 {
    let text = fs::read_to_string(run_dir.join(server).join("intervals.hlog")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("#[StartTime: ")).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}
