//! Shards as a person runs them: the command line, real requests, one sum.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;
use peakday::record::{self, Clock, Run};
use peakday::scenario::Outcome;

use crate::load_run;
use crate::tool::command;

fn peakday(arguments: &[&str]) -> Output {
    command(arguments).output().expect("peakday starts")
}

/// A server on a thread of its own, until the process ends, and how often it was asked.
fn serve() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let router = Router::new().fallback(get(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        "hello"
    }));
    let address = load_run::serve(router);
    (format!("http://{address}"), count)
}

/// Offered, sent and ok by interval; and how many of each outcome stand in each bucket of each clock.
type Sums = (BTreeMap<i64, [u64; 3]>, BTreeMap<(Outcome, Clock, u64), u64>);

fn sums(runs: &[Run]) -> Sums {
    let (mut counters, mut buckets) = (BTreeMap::new(), BTreeMap::new());
    for server in runs.iter().flat_map(|run| &run.servers) {
        for row in server.counters().unwrap().map(Result::unwrap) {
            let sum: &mut [u64; 3] = counters.entry(row.interval).or_default();
            sum.iter_mut().zip([row.offered, row.sent, row.ok]).for_each(|(sum, value)| *sum += value);
        }
        for row in server.intervals(&Clock::ALL).unwrap().map(Result::unwrap) {
            for cell in row.histogram.cells() {
                *buckets.entry((row.outcome, row.clock, cell.to)).or_default() += cell.count;
            }
        }
    }
    (counters, buckets)
}

fn scenario(dir: &Path) -> String {
    let file = dir.join("visitors.toml");
    let text = "about = \"Visitors.\"\n[run]\nduration = \"1s\"\n[[population]]\nname = \"visitor\"\n\
                arrivals = { rate = \"200/s\" }\nlanes = 64\ntimeout = \"10s\"\n  [[population.step]]\n  name = \"home\"\n  \
                get = \"/\"\n";
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn four_shards_of_a_run_send_its_plan_once_and_merge_to_their_sum() {
    let dir = tempfile::tempdir().unwrap();
    let (scenario, (url, asked)) = (scenario(dir.path()), serve());
    let folder = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let play = |name: &str, flags: &[&str]| {
        let out = folder(name);
        let run = ["run", &scenario, "--target", &url, "--quiet", "--out", &out];
        let output = peakday(&[&run, flags].concat());
        let code = output.status.code().unwrap();
        assert!([0, 3, 97].contains(&code), "{code}: {}", String::from_utf8_lossy(&output.stderr));
        record::open(Path::new(&out)).unwrap()
    };
    let whole = play("whole", &[]);
    let once = asked.swap(0, Ordering::Relaxed);
    let shards: Vec<Run> =
        (1..=4).map(|number| play(&number.to_string(), &["--shard", &format!("{number}/4")])).collect();
    assert_eq!(asked.load(Ordering::Relaxed), once, "the shards send what the whole plan sends");

    let runs: Vec<String> = (1..=4).map(|number: u32| folder(&number.to_string())).collect();
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    let refused = peakday(&[&["merge"], &runs[..3], &["--out", &folder("no")]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("missing: shard 4/4"));

    let out = folder("sum");
    let merged = peakday(&[&["merge"], &runs[..], &["--out", &out]].concat());
    let code = merged.status.code().unwrap();
    assert!([0, 3, 97].contains(&code), "{code}: {}", String::from_utf8_lossy(&merged.stderr));
    let sum = record::open(Path::new(&out)).unwrap();
    assert_eq!(sum.header.shard, None);
    let offered = |run: &Run| sums(std::slice::from_ref(run)).0.into_values().map(|row| row[0]).sum::<u64>();
    assert_eq!(offered(&sum), offered(&whole));
    assert_eq!(sums(std::slice::from_ref(&sum)), sums(&shards));
    assert!(Path::new(&out).join("index.html").exists());
}
