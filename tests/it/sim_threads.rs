//! A simulation writes the same bytes for any number of threads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use peakday::scenario::server_model::ServerModel;
use peakday::scenario::{RunPlan, Scenario};
use peakday::sim::{self, Choice, Count, Simulation, Study};
use peakday::units::Span;

use crate::scenarios::shipped_scenario;

fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All files of a folder, by name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|of| (of.file_name().into_string().unwrap(), fs::read(of.path()).unwrap())).collect()
}

fn simulate(
    scenario: &Scenario,
    model: &ServerModel,
    engine: Choice,
    threads: usize,
) -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let timeline = scenario.run.timeline();
    let layout = sim::layout(scenario, &timeline);
    let played = vec![true; scenario.populations.len()];
    let seed = scenario.seed;
    let simulation = Simulation { scenario, timeline: &timeline, seed, played: &played, model, engine };
    let replications = Count::Fixed(5);
    let study =
        Study { dir: dir.path(), layout: &layout, zero: Span::from_secs(1_700_000_000), replications };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| sim::run(&simulation, &study, &|_| true)).unwrap();
    files(dir.path())
}

#[test]
fn a_simulation_writes_the_same_bytes_for_any_number_of_threads() {
    let mut scenario = shipped_scenario("evening-2022-01-05");
    // Half an hour of the evening in half a minute, on the server that refuses and is left alone.
    let time = |text: &str| text.parse().unwrap();
    scenario.run = RunPlan { from: time("19:00"), to: time("19:30"), time_warp: 60.0, ..scenario.run };
    let server = fs::read_to_string(scenarios().join("servers/flat-3m.toml")).unwrap();
    let model = ServerModel::from_config(&reference_server::config::Config::parse(&server).unwrap());
    for engine in [Choice::Events, Choice::Lookahead] {
        let alone = simulate(&scenario, &model, engine, 1);
        assert!(alone.len() >= 5 && alone["intervals.hlog"].len() > 1_000, "{:?}", alone.keys());
        let events = String::from_utf8_lossy(&alone["events.jsonl"]);
        assert!(events.contains("planned arrivals are those of the planned process"), "{events}");
        for threads in [2, 5] {
            let together = simulate(&scenario, &model, engine, threads);
            let same = alone.keys().eq(together.keys());
            let other: Vec<_> =
                alone.iter().filter(|(name, bytes)| together.get(*name) != Some(*bytes)).collect();
            assert!(
                same && other.is_empty(),
                "{threads} threads: {:?}",
                other.iter().map(|of| of.0).collect::<Vec<_>>()
            );
        }
    }
}
