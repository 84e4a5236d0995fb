//! Simulates a scenario against one server configuration, replication after replication, and writes its folder.

use std::path::Path;

use rayon::prelude::*;

use super::play::play;
use super::recorder::Nobody;
use super::{Engine, Impossible, Simulated, Simulation, SimulationError, simulate};
use crate::record::{Event, Layout, Severity, StationRow, What, Writer, write_stations};
use crate::rng::Key;
use crate::stats::Station;
use crate::units::{Offset, Span};

/// Where and how often.
#[derive(Debug, Clone, Copy)]
pub struct Study<'a> {
    /// The folder of the server configuration; created.
    pub dir: &'a Path,
    /// The layout of its record ([`super::layout`]).
    pub layout: &'a Layout,
    /// Wall-clock time of the beginning, since the Unix epoch: tools that read interval logs want one.
    pub zero: Span,
    /// Independent runs, at least 1. The first is the one on record, with the seed asked for.
    pub replications: u32,
}

/// Simulates and writes the folder: the record of the first replication, `stations.csv` and `stations.json`.
///
/// `watch` sees the instant and the requests so far of the first replication go by, and answers whether to go on; what
/// was simulated until then is on record, and no further replication is begun.
///
/// # Errors
/// When the model could never work, the engine asked for cannot run it, or the folder cannot be written.
pub fn run(
    simulation: &Simulation<'_>,
    study: &Study<'_>,
    watch: &mut dyn FnMut(Offset, u64) -> bool,
) -> Result<Simulated, SimulationError> {
    let mut writer = Writer::create(study.dir, study.layout, study.zero)?;
    let mut reached = simulation.timeline.start();
    let mut look = |at: Offset, requests: u64| {
        reached = at;
        watch(at, requests)
    };
    let first = simulate(simulation, &mut writer, &mut look)?;
    let end = simulation.timeline.end() + simulation.timeline.drain;
    let engine = match first.engine {
        Engine::Events => "event engine",
        Engine::Lookahead => "look-ahead engine",
    };
    let detail = format!("{engine}: {}", first.why);
    let what = What::Finding { code: "engine".to_owned(), detail, severity: Severity::Note };
    writer.event(&Event { at: simulation.timeline.start(), what });
    let others = if first.completed { others(simulation, study.replications)? } else { Vec::new() };
    let figures: Vec<Station> = first
        .stations
        .iter()
        .enumerate()
        .map(|(row, station)| station.summary(others.iter().map(|other| &other.stations[row])))
        .collect();
    writer.finish(if first.completed { end } else { reached })?;
    write_stations(study.dir, study.layout, rows(&first, study.layout), &figures)?;
    Ok(first)
}

/// The replications after the first, in order, whatever the number of threads.
fn others(simulation: &Simulation<'_>, replications: u32) -> Result<Vec<Simulated>, Impossible> {
    let one = |number: u32| {
        let seed = Key::root(simulation.seed).word("replication").with(u64::from(number)).bits();
        play(&Simulation { seed, ..*simulation }, Nobody, &mut |_, _| true).map(|(simulated, _)| simulated)
    };
    (1..replications).into_par_iter().map(one).collect()
}

fn rows<'a>(simulated: &'a Simulated, layout: &'a Layout) -> impl Iterator<Item = StationRow> + 'a {
    let stations: Vec<Vec<_>> =
        simulated.stations.iter().map(|station| station.intervals(layout).collect()).collect();
    let count = stations.iter().map(Vec::len).max().unwrap_or(0);
    (0..count).flat_map(move |interval| {
        let row = |(station, intervals): (&super::StationResult, &Vec<super::StationInterval>)| {
            let of = intervals.get(interval)?;
            Some(StationRow {
                at: of.at,
                station: station.station.clone(),
                class: station.class.clone().unwrap_or_default(),
                arrivals: of.arrivals,
                served: of.served,
                blocked: of.blocked,
                abandoned: of.abandoned,
                queue_mean: of.queue_mean,
                busy_mean: of.busy_mean,
            })
        };
        simulated.stations.iter().zip(&stations).filter_map(row).collect::<Vec<_>>()
    })
}
