//! One measurement, in a process of its own.

use std::error::Error;
use std::fs;
use std::path::Path;

use peakday::scenario::file::{self, Context};
use peakday::scenario::queueing::{Batch, Coming, Customers, Leg, Profile, Queueing};
use peakday::scenario::server_model::{ClassModel, ServerModel, StationModel};
use peakday::scenario::{Law, RunPlan, Work};
use peakday::sim::{self, Choice, Count, Figure, Simulation, Study};
use peakday::synthetic;
use peakday::units::{Span, TimeOfDay};

/// Runs it and prints processor seconds, mean wait, requests, and the most memory.
pub(super) fn one(what: &str, engine: &str, volume: f64, seed: u64) -> Result<(), Box<dyn Error>> {
    let engine = match engine {
        "events" => Choice::Events,
        _ => Choice::Lookahead,
    };
    let (before, (wait, requests)) = match what {
        "mm8" => (processor_seconds(), mm8(engine, volume, seed)?),
        server => (processor_seconds(), day(server, engine, volume, seed)?),
    };
    let cpu = processor_seconds() - before;
    println!("{cpu} {wait} {requests} {}", super::status("VmHWM"));
    Ok(())
}

fn mm8(engine: Choice, customers: f64, seed: u64) -> Result<(f64, f64), Box<dyn Error>> {
    let class = ClassModel::new("c", 0, Work::Law(Law::Exponential(Span::from_secs(1))));
    let who = Customers {
        name: "c".to_owned(),
        arrivals: Coming::Poisson(Profile::Constant(7.2)),
        batch: Batch::Fixed(1),
        initial: 0,
        route: vec![Leg { class: 0, next: Vec::new() }],
        patience: None,
        retry: None,
    };
    let system = Queueing {
        name: "mm8".to_owned(),
        about: String::new(),
        seed,
        run_in: Span::from_secs(1_000),
        duration: Span::from_secs_f64(customers / 7.2 - 1_000.0),
        may_grow: false,
        replications: 1,
        model: ServerModel {
            stations: vec![StationModel::new("s", Some(8))],
            classes: vec![class],
            ..ServerModel::default()
        },
        customers: vec![who],
        observe: Vec::new(),
        cycle: None,
    };
    let result = sim::queueing(&system, engine, &|_| true)?;
    let wait = result.rows.first().and_then(|row| row.figure(Figure::Wait).mean());
    Ok((wait.ok_or("nobody came")?, customers))
}

/// The day of `target-12m` at so many million tests against a server, with its record on disk, as `peakday simulate` plays
/// it.
fn day(server: &str, engine: Choice, millions: f64, seed: u64) -> Result<(f64, f64), Box<dyn Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let read = |file: &str| fs::read_to_string(dir.join(file));
    let context = Context { read: &read, values: &synthetic::VALUES, generators: &synthetic::GENERATORS };
    let mut scenario = file::load(&read("target-12m.toml")?, "target-12m", &context)?;
    scenario.run = RunPlan {
        from: TimeOfDay::MIDNIGHT,
        to: TimeOfDay::END,
        time_warp: 1.0,
        run_in: Span::from_secs(3_600),
        scale: millions / 12.0,
        ..scenario.run
    };
    let config = read(&format!("servers/{server}.toml"))?;
    let model = ServerModel::from_config(&reference_server::config::Config::parse(&config)?);
    let timeline = scenario.run.timeline();
    let layout = sim::layout(&scenario, &timeline);
    let played = vec![true; scenario.populations.len()];
    let simulation =
        Simulation { scenario: &scenario, timeline: &timeline, seed, played: &played, model: &model, engine };
    let record = tempfile::tempdir()?;
    let study =
        Study { dir: record.path(), layout: &layout, zero: Span::ZERO, replications: Count::Fixed(1) };
    let simulated = sim::run(&simulation, &study, &|_| true)?;
    Ok((0.0, simulated.requests as f64))
}

/// What all threads of this process have spent on a processor, those of the pool included.
fn processor_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    spent.filter_map(|line| line.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() / 1e9
}
