//! Simulates a scenario against one server configuration, replication after replication, and writes its folder.

use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use super::faults::{faults, impossible};
use super::places;
use super::play::play;
use super::recorder::ToDisk;
use super::replications::{Replications, Sheet};
use super::rows::FIGURES;
use super::tally::Tally;
use super::{Engine, Impossible, Simulated, Simulation, SimulationError};
use crate::arrivals::{self, Conformance};
use crate::record::{
    Event, Layout, Severity, StationRow, What, Writer, write_estimates, write_judged, write_stations,
};
use crate::rng::Key;
use crate::scenario::occurrences;
use crate::stats::{Estimates, Precision, SloResult, Station, live_windows};
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
    /// Independent runs. The first is the one on record, with the seed asked for.
    pub replications: Count,
}

/// How many independent runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    /// So many, at least 1.
    Fixed(u32),
    /// From [`Count::LEAST`] to [`Count::MOST`]: until the half-width of the 95 % interval of the 99 % quantile of response
    /// times in the busiest interval is at most this share of it (where the quantile falls among requests without a
    /// success: of their share).
    Until(f64),
}

impl Count {
    /// The fewest replications that an interval is made from.
    pub const LEAST: u32 = 8;
    /// The most.
    pub const MOST: u32 = 64;
    /// So many more are made before it is looked again whether they are enough.
    const MORE: u32 = 4;

    /// How many are to be done next, when so many are.
    fn next(self, done: &Replications) -> u32 {
        match self {
            Self::Fixed(count) => count.saturating_sub(done.count()).min(Self::MOST),
            Self::Until(_) if done.count() < Self::LEAST => Self::LEAST - done.count(),
            Self::Until(half_width) if done.are_enough(half_width) => 0,
            Self::Until(_) => Self::MORE.min(Self::MOST.saturating_sub(done.count())),
        }
    }
}

/// How far a simulation has come.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Replications that are done.
    pub done: u32,
    /// The instant of one that is under way.
    pub at: Offset,
    /// Requests so far, of all replications.
    pub requests: u64,
}

/// Simulates and writes the folder: the record of the first replication, `stations.csv`, `stations.json`, and of several
/// replications `estimates.json`.
///
/// `watch` sees it go by and answers whether to go on. When it does not, the replications that are done count; of the
/// first, what was simulated until then is on record. Results do not depend on the number of threads.
///
/// # Errors
/// When the model could never work, the engine asked for cannot run it, or the folder cannot be written.
pub fn run(
    simulation: &Simulation<'_>,
    study: &Study<'_>,
    watch: &(dyn Fn(Seen) -> bool + Sync),
) -> Result<Simulated, SimulationError> {
    let mut writer = Writer::create(study.dir, study.layout, study.zero)?;
    let progress = Progress { watch, done: AtomicU32::new(0), requests: AtomicU64::new(0) };
    let mut reached = simulation.timeline.start();
    let mut look = progress.of_replication();
    let interval = study.layout.interval.nanos() as i64;
    let windows = live_windows(&simulation.scenario.slos, study.layout);
    let conformance = Conformance::new(simulation.scenario, simulation.timeline);
    // One replication has no intervals to make.
    let tally = (study.replications != Count::Fixed(1)).then(|| Tally::new(study.layout.clone()));
    let recorder = (ToDisk::new(&mut writer, interval), (conformance, (tally, windows)));
    let (first, (on_disk, (conformance, (tally, windows)))) =
        play(simulation, recorder, &mut |at, requests| {
            reached = at;
            look(at, requests)
        })?;
    if let Some(error) = on_disk.broken {
        return Err(error.into());
    }
    let mut replications = tally.as_ref().map(Replications::new);
    drop(tally);
    let mut others = Vec::new();
    if let Some(replications) = replications.as_mut().filter(|_| first.completed) {
        progress.done.store(1, Ordering::Relaxed);
        others = repeat(simulation, study, replications, &progress)?;
    }
    let asked = match study.replications {
        Count::Fixed(_) => None,
        Count::Until(half_width) => Some(half_width),
    };
    let estimates = replications.map(|replications| replications.estimates(asked));
    let estimates = estimates.filter(|estimates| estimates.replications > 1);
    happened(&mut writer, simulation);
    let came = if first.completed { simulation.timeline.end() } else { reached };
    let fits = arrivals::in_words(&conformance.fits(came), simulation.scenario);
    note(&mut writer, simulation, &first, estimates.as_ref(), fits);
    let figures: Vec<Station> = first
        .stations
        .iter()
        .enumerate()
        .map(|(row, station)| station.summary(others.iter().map(|other| &other[row])))
        .collect();
    let end = simulation.timeline.end() + simulation.timeline.drain;
    let until = if first.completed { end } else { reached };
    writer.finish(until)?;
    let judged: Vec<SloResult> = windows.into_iter().map(|live| live.conclude(until)).collect();
    if !judged.is_empty() {
        write_judged(study.dir, &judged)?;
    }
    write_stations(study.dir, study.layout, rows(&first, study.layout), &figures)?;
    if let Some(estimates) = &estimates {
        write_estimates(study.dir, estimates)?;
    }
    Ok(first)
}

/// The figures of the stations in one replication.
type OfStations = Vec<[f64; FIGURES]>;

/// The replications after the first, until there are enough: the figures of their stations, in their order.
fn repeat(
    simulation: &Simulation<'_>,
    study: &Study<'_>,
    replications: &mut Replications,
    progress: &Progress<'_>,
) -> Result<Vec<OfStations>, Impossible> {
    let one = |number: u32| -> Result<Option<(OfStations, Sheet)>, Impossible> {
        let seed = Key::root(simulation.seed).word("replication").with(u64::from(number)).bits();
        let simulation = Simulation { seed, ..*simulation };
        let mut look = progress.of_replication();
        let (simulated, tally) = play(&simulation, Tally::new(study.layout.clone()), &mut look)?;
        if !simulated.completed {
            return Ok(None);
        }
        progress.done.fetch_add(1, Ordering::Relaxed);
        let values = simulated.stations.iter().map(|station| station.values).collect();
        Ok(Some((values, Sheet::of(&tally))))
    };
    let mut others = Vec::new();
    loop {
        let more = study.replications.next(replications);
        if more == 0 {
            return Ok(others);
        }
        let numbers = replications.count()..replications.count() + more;
        let results: Vec<_> = numbers.into_par_iter().map(one).collect::<Result<_, _>>()?;
        for result in results {
            let Some((stations, sheet)) = result else { return Ok(others) };
            replications.add(&sheet);
            others.push(stations);
        }
    }
}

/// Puts the incidents into the record.
fn happened(writer: &mut Writer, simulation: &Simulation<'_>) {
    let mut tell = |at: Offset, name: String, detail: String| {
        writer.event(&Event { at, what: What::Incident { name, detail } });
    };
    let timeline = simulation.timeline;
    for (at, begins, incident) in occurrences(&simulation.scenario.incidents, timeline) {
        let word = incident.kind.word();
        match incident.over() {
            _ if begins => tell(at, word.to_owned(), incident.kind.to_string()),
            Some(over) => tell(at, format!("{word} over"), over),
            None => {}
        }
    }
    for (_, back) in faults(simulation.scenario, timeline, simulation.model).outages {
        let (name, detail) = ("server-killed over".to_owned(), "the server is there again".to_owned());
        tell(Offset::from_nanos(back), name, detail);
    }
}

/// Says in the record which engine ran, and how well what decides is known.
fn note(
    writer: &mut Writer,
    simulation: &Simulation<'_>,
    first: &Simulated,
    estimates: Option<&Estimates>,
    fits: Vec<(bool, String)>,
) {
    let mut tell = |code: &str, detail: String, severity: Severity| {
        let what = What::Finding { code: code.to_owned(), detail, severity };
        writer.event(&Event { at: simulation.timeline.start(), what });
    };
    let mut left_out = simulation.model.left_out.clone();
    left_out.extend(places::cookies(simulation.scenario, simulation.model));
    if !left_out.is_empty() {
        let detail = format!("the simulation leaves out what this server does: {}", left_out.join("; "));
        tell("left-out", detail, Severity::Degraded);
    }
    let skipped = impossible(simulation.scenario, simulation.model);
    if !skipped.is_empty() {
        let detail = format!("not everything happened that the scenario says: {}", skipped.join("; "));
        tell("incidents", detail, Severity::Degraded);
    }
    for (well, detail) in fits {
        tell("arrivals", detail, if well { Severity::Note } else { Severity::Invalid });
    }
    let mut say = |code: &str, detail: String| tell(code, detail, Severity::Note);
    let engine = match first.engine {
        Engine::Events => "event engine",
        Engine::Lookahead => "look-ahead engine",
    };
    say("engine", format!("{engine}: {}", first.why));
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let detail = match estimates {
        None => "1 replication, so no intervals; --replications asks for more".to_owned(),
        Some(Estimates { replications, precision: Precision { of, asked, reached }, .. }) => match reached {
            Some(reached) => {
                let asked = match asked {
                    Some(asked) if reached <= asked => format!(" (asked: {})", percent(*asked)),
                    Some(asked) => format!(" (asked: {}, not reached)", percent(*asked)),
                    None => String::new(),
                };
                format!("{replications} replications: {of}, is known to ± {}{asked}", percent(*reached))
            }
            None => format!("{replications} replications; {of}, has no number"),
        },
    };
    say("replications", detail);
}

/// Counts over all replications, and asks whether to go on.
struct Progress<'a> {
    watch: &'a (dyn Fn(Seen) -> bool + Sync),
    done: AtomicU32,
    requests: AtomicU64,
}

impl Progress<'_> {
    /// Sees the instant and the requests of one replication.
    fn of_replication(&self) -> impl FnMut(Offset, u64) -> bool + '_ {
        let mut before = 0;
        move |at, requests| {
            let new = requests - before;
            before = requests;
            let requests = self.requests.fetch_add(new, Ordering::Relaxed) + new;
            (self.watch)(Seen { done: self.done.load(Ordering::Relaxed), at, requests })
        }
    }
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
                limited: of.limited,
                room: of.room,
                late: of.late,
                down: of.down,
                wasted: of.wasted.secs_f64(),
                utilization: of.utilization,
                queue_mean: of.queue_mean,
                busy_mean: of.busy_mean,
            })
        };
        simulated.stations.iter().zip(&stations).filter_map(row).collect::<Vec<_>>()
    })
}
