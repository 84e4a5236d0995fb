//! Runs that end before their time: killed at a random moment, interrupted once, interrupted twice.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::routing::get;
use peakday::record::{self, ServerRecord};
use rustix::process::{Pid, Signal, kill_process};

use crate::load_run;
use crate::tool::command;

/// When the test's server was asked for something, by the wall clock.
type Seen = Arc<Mutex<Vec<SystemTime>>>;

/// A server on a thread of its own, until the process ends; `/never` gets no answer.
fn serve() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let router = Router::new()
        .route(
            "/",
            get({
                let seen = Arc::clone(&seen);
                async move || {
                    seen.lock().unwrap().push(SystemTime::now());
                    "hello"
                }
            }),
        )
        .route("/never", get(async || std::future::pending::<()>().await));
    let address = load_run::serve(router);
    (address, seen)
}

fn scenario(dir: &Path, path: &str) -> PathBuf {
    let file = dir.join("visitors.toml");
    let text = format!(
        "about = \"Visitors.\"\n[run]\nduration = \"60s\"\ndrain = \"60s\"\n[[population]]\nname = \"visitor\"\n\
         arrivals = {{ rate = \"150/s\" }}\nlanes = 64\ntimeout = \"90s\"\n  [[population.step]]\n  name = \"home\"\n  \
         get = \"{path}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn start(dir: &Path, path: &str, address: SocketAddr) -> (Child, PathBuf) {
    let run = dir.join("run");
    let mut command = command(&["run"]);
    command.arg(scenario(dir, path)).args(["--target", &format!("http://{address}"), "--quiet", "--out"]);
    command.arg(&run).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (command.spawn().expect("peakday starts"), run)
}

fn signal(tool: &Child, signal: Signal) {
    kill_process(Pid::from_child(tool), signal).unwrap();
}

/// Polls until there is something; a minute's bound keeps a broken run from hanging the suite.
fn wait_for<T>(mut value: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing came in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn offered(server: &ServerRecord) -> (u64, Option<i64>) {
    let rows = server.counters().unwrap().map(Result::unwrap);
    rows.fold((0, None), |(sum, last), row| (sum + row.offered, last.max(Some(row.interval))))
}

/// Kills a run so long after its first request; how much of it the record lacks, in seconds.
fn kill_after(delay: Duration) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let (address, seen) = serve();
    let (mut tool, run) = start(dir.path(), "/", address);
    wait_for(|| (!seen.lock().unwrap().is_empty()).then_some(()));
    std::thread::sleep(delay);
    let killed = SystemTime::now();
    signal(&tool, Signal::KILL);
    tool.wait().unwrap();

    let record = record::open(&run).unwrap();
    peakday::report::write(&run).unwrap_or_else(|error| panic!("{error}"));
    let server = &record.servers[0];
    assert!(!server.finished());
    let zero = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(server.begins().unwrap().unwrap().secs_f64());
    let (offered, last) = offered(server);
    // Whatever came to the server before the end of the last second on record was offered before it. The log says its
    // time 0 to a millisecond.
    let on_record = zero + Duration::from_secs((last.map_or(0, |last| last + 1)) as u64);
    let whole = on_record - Duration::from_millis(2);
    let counted = seen.lock().unwrap().iter().filter(|at| **at < whole).count() as u64;
    assert!(offered >= counted, "{offered} on record, {counted} came before the end of its last second");
    let all = seen.lock().unwrap().len() as u64;
    let ok: u64 = server.counters().unwrap().map(|row| row.unwrap().ok).sum();
    assert!(ok <= all, "{ok} answers on record, {all} were given");
    killed.duration_since(on_record).map_or(0.0, |lacks| lacks.as_secs_f64())
}

#[test]
fn a_run_that_is_killed_at_a_random_moment_lacks_at_most_the_last_second() {
    // Twenty moments that fill 1.8 s evenly (multiples of the golden section), four runs at a time.
    let moments: Vec<Duration> =
        (0..20).map(|run| Duration::from_secs_f64(1.8 * (f64::from(run) * 0.618_034).fract())).collect();
    let lacks: Vec<f64> = moments
        .chunks(4)
        .flat_map(|moments| {
            let kills: Vec<_> = moments
                .iter()
                .map(|delay| {
                    let delay = *delay;
                    std::thread::spawn(move || kill_after(delay))
                })
                .collect();
            kills.into_iter().map(|kill| kill.join().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    // How soon a second is on disk is the machine's business: one that has other things to do may take longer, but not
    // most of the time.
    let late = lacks.iter().filter(|lacks| **lacks > 1.05).count();
    assert!(late <= 6, "{lacks:.3?}");
}

#[test]
fn the_first_interrupt_stops_the_release_and_reports_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (address, seen) = serve();
    let (mut tool, run) = start(dir.path(), "/", address);
    wait_for(|| (seen.lock().unwrap().len() > 50).then_some(()));
    signal(&tool, Signal::INT);
    assert_eq!(tool.wait().unwrap().code(), Some(130));
    let record = record::open(&run).unwrap();
    assert!(record.servers[0].finished());
    // Whatever was sent has been answered: the first interrupt waits for it.
    assert_eq!(offered(&record.servers[0]).0, seen.lock().unwrap().len() as u64);
    for file in ["index.html", "summary.json", "report.md"] {
        assert!(run.join(file).exists(), "{file}");
    }
}

#[test]
fn the_second_interrupt_leaves_at_once_and_the_record_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (address, _) = serve();
    let (mut tool, run) = start(dir.path(), "/never", address);
    let counters = run.join("target/counters.csv");
    wait_for(|| std::fs::read_to_string(&counters).is_ok_and(|text| text.lines().count() > 1).then_some(()));
    signal(&tool, Signal::INT);
    // It waits for answers that never come, for a minute.
    std::thread::sleep(Duration::from_millis(300));
    assert!(tool.try_wait().unwrap().is_none(), "the first interrupt waits for what is under way");
    signal(&tool, Signal::INT);
    assert_eq!(tool.wait().unwrap().code(), Some(130));
    peakday::report::write(&run).unwrap_or_else(|error| panic!("{error}"));
    assert!(offered(&record::open(&run).unwrap().servers[0]).0 > 0);
}
