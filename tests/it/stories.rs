//! What the shipped scenarios are there to show, seen in the simulation with several seeds.

use std::path::Path;

use peakday::record::{self, Engine, Machine, RunHeader, ServerHeader, Writer};
use peakday::scenario::{Scenario, ServerModel};
use peakday::sim::{self, Choice, Simulation};
use peakday::stats::{self, SloResult, Summary, Verdict};
use peakday::units::Span;
use reference_server::config::Config;

use crate::scenarios::shipped_scenario;

/// The run of `peakday run`, all servers one after the other, simulated.
fn play(scenario: &Scenario, seed: u64, dir: &Path) -> Summary {
    let timeline = scenario.run.timeline();
    let layout = sim::layout(scenario, &timeline);
    let header = RunHeader {
        record_version: RunHeader::VERSION,
        tool_version: "test".to_owned(),
        scenario: scenario.name.clone(),
        scenario_digest: String::new(),
        engine: Engine::Sim,
        run_id: seed.to_string(),
        seed,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        shard: None,
        command: Vec::new(),
        slos: scenario.slos.iter().map(|slo| slo.text.clone()).collect(),
        scenario_text: String::new(),
        machine: Machine::default(),
        servers: scenario
            .servers
            .iter()
            .map(|s| ServerHeader { name: s.name.clone(), config_digest: String::new(), expect: s.expect })
            .collect(),
        layout: layout.clone(),
    };
    header.write(dir).expect("a header");
    for server in &scenario.servers {
        let model = ServerModel::from_config(&Config::parse(&server.config).expect("a sound configuration"));
        let mut writer = Writer::create(&dir.join(&server.name), &layout, Span::ZERO).expect("a record");
        let played = vec![true; scenario.populations.len()];
        let simulation = Simulation {
            scenario,
            timeline: &timeline,
            seed,
            played: &played,
            model: &model,
            engine: Choice::Auto,
        };
        sim::simulate(&simulation, &mut writer, &mut |_, _| true).expect("a simulation");
        writer.finish(timeline.end() + timeline.drain).expect("a record");
    }
    stats::summarize(&record::open(dir).expect("a run")).expect("a summary")
}

/// The promises of one server; without what was lost, which a simulation cannot judge as nothing is audited.
fn judged<'a>(summary: &'a Summary, name: &str) -> Vec<&'a SloResult> {
    let server = summary.servers.iter().find(|server| server.name == name).expect("a server");
    server.slos.iter().filter(|slo| !slo.expression.starts_with("lost")).collect()
}

fn holds(summary: &Summary, name: &str) {
    for slo in judged(summary, name) {
        assert_eq!(slo.verdict, Verdict::Pass, "seed {}: {} {}", summary.seed, slo.expression, slo.detail);
    }
}

#[test]
fn on_the_evening_the_flat_server_falls_and_the_fourfold_one_holds() {
    let scenario = shipped_scenario("evening-2022-01-05");
    for seed in 1..=5 {
        let dir = tempfile::tempdir().expect("a folder");
        let summary = play(&scenario, seed, dir.path());
        holds(&summary, "x4");
        let clean = judged(&summary, "flat-3m")[0];
        assert_eq!(
            (clean.expression.as_str(), clean.verdict),
            ("clean{legitimate=true} >= 99%", Verdict::Fail)
        );
        let share = clean.observed.expect("a share");
        assert!(share < 0.5, "seed {seed}: {share} of the journeys are clean");
    }
}

#[test]
fn smoke_holds() {
    let scenario = shipped_scenario("smoke");
    for seed in 1..=5 {
        let dir = tempfile::tempdir().expect("a folder");
        holds(&play(&scenario, seed, dir.path()), "small");
    }
}
