//! A run and its simulation: the same journeys come in the same seconds.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use peakday::load;
use peakday::record::{self, Layout, Writer};
use peakday::scenario::server_model::ServerModel;
use peakday::sim::{self, Choice, Simulation};
use peakday::units::Span;

use crate::load_run::{population, request, serve, step};

/// By second and population: journeys that came, and first requests that were due.
fn came(server: &record::ServerRecord) -> BTreeMap<(i64, u16), (u64, u64)> {
    let mut came = BTreeMap::<_, (u64, u64)>::new();
    for row in server.journeys().unwrap().map(Result::unwrap).filter(|row| row.started > 0) {
        came.entry((row.interval, row.population)).or_default().0 += row.started;
    }
    for row in server.counters().unwrap().map(Result::unwrap).filter(|row| row.step == 0 && row.offered > 0) {
        came.entry((row.interval, row.population)).or_default().1 += row.offered;
    }
    came
}

fn opened(dir: &Path) -> BTreeMap<(i64, u16), (u64, u64)> {
    came(&record::open(dir).unwrap().servers[0])
}

#[test]
fn a_run_and_its_simulation_have_the_same_arrivals() {
    let address = serve(Router::new().route("/", get(|| async { "here" })));
    let of = |name: &str, rate: f64| population(name, rate, vec![step("one", "/"), step("two", "/")]);
    let dir = tempfile::tempdir().unwrap();
    let request = request(vec![of("many", 150.0), of("few", 20.0), of("fewer", 3.0)], address, dir.path());
    let (scenario, timeline) = (request.scenario.clone(), request.timeline);
    load::run(&request).unwrap();
    let played = opened(dir.path());

    // The simulation's record goes into the place of the run's, interval for interval.
    let layout = Layout::from_scenario(&scenario, &timeline);
    let target = dir.path().join("target");
    std::fs::remove_dir_all(&target).unwrap();
    let mut writer = Writer::create(&target, &layout, Span::ZERO).unwrap();
    let model = ServerModel::default();
    let simulation = Simulation {
        scenario: &scenario,
        timeline: &timeline,
        seed: scenario.seed,
        played: &[true; 3],
        model: &model,
        engine: Choice::Auto,
    };
    sim::simulate(&simulation, &mut writer, &mut |_, _| true).unwrap();
    writer.finish(timeline.end() + timeline.drain).unwrap();
    let simulated = opened(dir.path());

    assert!(played.values().map(|(_, offered)| offered).sum::<u64>() > 350, "{played:?}");
    assert_eq!(played, simulated);
}
