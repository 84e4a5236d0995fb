//! Runs a plain queueing system: replications in parallel, the same bytes whatever the number of threads.

use rayon::prelude::*;

use super::calendar::Calendar;
use super::clients::{Clients, Horizon};
use super::customers::{self, Crowd, Customer};
use super::estimate::Estimate;
use super::meter::{ClassMeter, Meter};
use super::model::Model;
use super::observation::Observation;
use super::peak::Peak;
use super::rows::{self, FIGURES, Figure, Row};
use super::{Choice, Engine, Impossible, choose, stability};
use crate::scenario::queueing::Queueing;
use crate::scenario::table::Laws;

/// How many replications are under way before their results are added up, in order.
const CHUNK: u32 = 64;

/// What came of a queueing system.
#[derive(Debug, Clone)]
pub struct QueueingResult {
    /// The engine that ran, and why it was taken.
    pub engine: Engine,
    /// Why.
    pub why: String,
    /// Replications that were completed.
    pub replications: u32,
    /// False when the run was stopped before all replications were done.
    pub completed: bool,
    /// By station and class; stations with several classes have a row of their own too.
    pub rows: Vec<StationRow>,
    /// Who was present at the instants asked for, by row of `rows`, then instant.
    pub observations: Vec<Observed>,
}

/// The figures of one station and class.
#[derive(Debug, Clone)]
pub struct StationRow {
    /// Name of the station.
    pub station: String,
    /// Name of the class; `None` for all together.
    pub class: Option<String>,
    /// Counts and histograms of replication 0.
    pub(super) first: ClassMeter,
    /// Those of the first [`CHUNK`] replications together.
    pooled: ClassMeter,
    /// Estimates over replications, by [`Figure`].
    pub(super) figures: [Estimate; FIGURES],
}

/// How many were present at an instant, or in a phase of a cycle.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Name of the station.
    pub station: String,
    /// Name of the class; `None` for all together.
    pub class: Option<String>,
    /// The instant or phase, in seconds.
    pub at: f64,
    /// The mean number.
    pub mean: Estimate,
    /// The probability of none.
    pub p_empty: Estimate,
}

impl StationRow {
    /// An estimate.
    pub const fn figure(&self, figure: Figure) -> &Estimate {
        &self.figures[figure as usize]
    }

    /// Came in the measured part of replication 0.
    pub const fn arrivals(&self) -> u64 {
        self.first.arrivals
    }
    /// Of those, served.
    pub const fn served(&self) -> u64 {
        self.first.served
    }
    /// Of those, turned away.
    pub fn blocked(&self) -> u64 {
        self.first.blocked()
    }
    /// Of those, gone before they were served.
    pub const fn abandoned(&self) -> u64 {
        self.first.abandoned
    }
    /// The share of all who were let in, in the first 64 replications together, that waited longer than so many seconds.
    pub fn waited_longer(&self, seconds: f64) -> f64 {
        self.pooled.wait.above((seconds * 1e9).round() as u64) / self.pooled.wait.count() as f64
    }
}

/// The results of one replication.
struct Replication {
    meters: Vec<(ClassMeter, [f64; FIGURES])>,
    /// By row, then phase: mean number and share of empty.
    seen: Vec<Vec<(f64, f64)>>,
    completed: bool,
}

/// Runs a queueing system with the engine asked for.
///
/// `watch` sees simulated seconds and replications go by, now and then, and answers whether to go on.
///
/// # Errors
/// When the system could never work, or the engine asked for cannot run it.
pub fn queueing(
    system: &Queueing,
    engine: Choice,
    watch: &(dyn Fn(u32) -> bool + Sync),
) -> Result<QueueingResult, Impossible> {
    let model = Model::new(&system.model).map_err(Impossible)?;
    let problems = stability::problems(system);
    if !problems.is_empty() {
        return Err(Impossible(problems));
    }
    let (engine, why) = choose(&model, engine, None)?;
    let rows = rows::rows(&model);
    let laws = customers::laws(system);
    let name = |row: &Row| {
        let class = match row.classes.as_slice() {
            [class] => Some(system.model.classes[usize::from(*class)].name.clone()),
            _ => None,
        };
        (model.stations[usize::from(row.station)].name.clone(), class)
    };
    let mut result = QueueingResult {
        engine,
        why,
        replications: 0,
        completed: true,
        rows: Vec::new(),
        observations: Vec::new(),
    };
    let mut done = 0;
    while done < system.replications {
        let chunk = done..system.replications.min(done + CHUNK);
        let results: Vec<Replication> = chunk
            .into_par_iter()
            .map(|number| replicate((system, &laws), &model, &rows, engine, number, watch))
            .collect();
        for replication in results.into_iter().take_while(|replication| replication.completed) {
            add(&mut result, replication, done, &rows, system, &name);
            done += 1;
        }
        if done < system.replications && !watch(done) {
            result.completed = false;
            break;
        }
    }
    result.replications = done;
    Ok(result)
}

fn add(
    result: &mut QueueingResult,
    replication: Replication,
    number: u32,
    rows: &[Row],
    system: &Queueing,
    name: &dyn Fn(&Row) -> (String, Option<String>),
) {
    if result.rows.is_empty() {
        for (row, (meter, _)) in rows.iter().zip(&replication.meters) {
            let (station, class) = name(row);
            let figures = [Estimate::default(); FIGURES];
            result.rows.push(StationRow {
                station,
                class,
                first: meter.clone(),
                pooled: meter.clone(),
                figures,
            });
        }
        for row in rows {
            for at in &system.observe {
                let (station, class) = name(row);
                let [mean, p_empty] = [Estimate::default(); 2];
                result.observations.push(Observed { station, class, at: at.secs_f64(), mean, p_empty });
            }
        }
    }
    for (row, (meter, values)) in result.rows.iter_mut().zip(&replication.meters) {
        if (1..CHUNK).contains(&number) {
            row.pooled.add(meter);
        }
        for (estimate, value) in row.figures.iter_mut().zip(values).filter(|(_, value)| value.is_finite()) {
            estimate.add(*value);
        }
    }
    let seen = replication.seen.iter().flatten();
    for (observed, (mean, empty)) in result.observations.iter_mut().zip(seen) {
        observed.mean.add(*mean);
        observed.p_empty.add(*empty);
    }
}

fn replicate(
    (system, laws): (&Queueing, &Laws),
    model: &Model,
    rows: &[Row],
    engine: Engine,
    number: u32,
    watch: &(dyn Fn(u32) -> bool + Sync),
) -> Replication {
    let start = -(system.run_in.nanos() as i64);
    let end = system.duration.nanos() as i64;
    let horizon = Horizon { end, drained: end };
    let mut meter = Meter::new(model.classes.len(), 0, horizon, end);
    let instants = instants(system, end);
    if !instants.is_empty() {
        meter.observation = Some(Observation::new(instants, model.classes.len()));
    }
    let mut later = Calendar::new();
    let mut crowd = Crowd::new(system, laws, number, (start, horizon), &mut later);
    let mut go_on = |_: i64, _: u64| watch(number);
    let (peaks, completed) = run(engine, model, &mut crowd, later, &mut meter, start, horizon, &mut go_on);
    let seconds = system.duration.secs_f64();
    let measured = |row: &Row| {
        let class = rows::together(row, &meter);
        let orbit = row.classes.iter().map(|class| crowd.orbit[usize::from(*class)]).sum::<u128>();
        let values = row.values(
            model,
            &class,
            &peaks[usize::from(row.station)],
            orbit as f64 / 1e9 / seconds,
            seconds,
        );
        (class, values)
    };
    Replication {
        meters: rows.iter().map(measured).collect(),
        seen: rows.iter().map(|row| seen(row, &meter, system)).collect(),
        completed,
    }
}

/// Runs one engine or the other.
#[expect(clippy::too_many_arguments, reason = "the whole of a run, passed once")]
pub(super) fn run<C: Clients<Who = Customer>>(
    engine: Engine,
    model: &Model,
    clients: &mut C,
    later: Calendar<Customer>,
    meter: &mut Meter,
    start: i64,
    horizon: Horizon,
    watch: super::clients::Watch<'_>,
) -> (Vec<Peak>, bool) {
    match engine {
        Engine::Lookahead => super::lookahead::run(model, clients, later, meter, start, horizon, watch),
        Engine::Events => super::events::run(model, clients, later, meter, start, horizon, watch),
    }
}

/// The instants to look at: those asked for, in every whole cycle of the measured part.
fn instants(system: &Queueing, end: i64) -> Vec<i64> {
    let phases = system.observe.iter().map(|at| at.nanos() as i64);
    let Some(cycle) = system.cycle.map(|cycle| cycle.nanos() as i64).filter(|cycle| *cycle > 0) else {
        return phases.collect();
    };
    let cycles = end / cycle;
    phases.flat_map(|phase| (0..cycles).map(move |number| number * cycle + phase)).collect()
}

/// For every phase the mean number present and the share of instants with none.
fn seen(row: &Row, meter: &Meter, system: &Queueing) -> Vec<(f64, f64)> {
    let Some(observation) = &meter.observation else { return Vec::new() };
    let cycle = system.cycle.map(|cycle| cycle.nanos() as i64);
    system
        .observe
        .iter()
        .map(|phase| {
            let phase = phase.nanos() as i64;
            let (mut sum, mut empty, mut count) = (0_u64, 0_u64, 0_u64);
            for (index, instant) in observation.instants().iter().enumerate() {
                let of_phase = match cycle {
                    Some(cycle) => instant.rem_euclid(cycle) == phase.rem_euclid(cycle),
                    None => *instant == phase,
                };
                if of_phase {
                    let present: u32 =
                        row.classes.iter().map(|class| observation.counts(*class)[index]).sum();
                    sum += u64::from(present);
                    empty += u64::from(present == 0);
                    count += 1;
                }
            }
            (sum as f64 / count.max(1) as f64, empty as f64 / count.max(1) as f64)
        })
        .collect()
}
