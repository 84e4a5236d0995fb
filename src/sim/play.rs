//! Plays a scenario against a server model: one replication, into a record or not.

use std::io;

use super::calendar::Calendar;
use super::clients::Horizon;
use super::faults::faults;
use super::journeys::{Journeys, Play};
use super::meter::{ClassMeter, Meter, Slice};
use super::model::{Intake, Model};
use super::peak::Peak;
use super::recorder::{Recorder, ToDisk};
use super::rows::{self, FIGURES, Figure, Row};
use super::{Choice, Engine, Impossible, choose};
use crate::record::{Layout, Writer};
use crate::scenario::server_model::{ClassModel, StationModel};
use crate::scenario::{Law, Scenario, ServerModel, Timeline, Work};
use crate::units::{NANOS_PER_SEC, Offset, Span};

/// Scenario time of an interval of a simulated record.
const INTERVAL: Span = Span::from_secs(300);
/// Where requests go whose class the model does not know: nobody waits there and nothing takes time.
const ELSEWHERE: &str = "elsewhere";

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The part of the day and its speed.
    pub timeline: &'a Timeline,
    /// The root of every random draw.
    pub seed: u64,
    /// By population: whether it comes.
    pub played: &'a [bool],
    /// The server.
    pub model: &'a ServerModel,
    /// Which engine is asked for.
    pub engine: Choice,
}

/// What came of it, beside the record.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The engine that ran.
    pub engine: Engine,
    /// Why it was taken.
    pub why: String,
    /// False when the run was stopped before its end.
    pub completed: bool,
    /// Requests that reached a server.
    pub requests: u64,
    /// By station and class; stations with several classes have a row of their own too.
    pub stations: Vec<StationResult>,
}

/// What was measured at one station, of one class or all.
#[derive(Debug, Clone)]
pub struct StationResult {
    /// Name of the station.
    pub station: String,
    /// Name of the class; `None` for all together.
    pub class: Option<String>,
    /// Changes of the number of servers of all instances together, in order, the first for ever before; empty without a
    /// number of them.
    pub(super) servers: Vec<(i64, f64)>,
    pub(super) meter: ClassMeter,
    pub(super) values: [f64; FIGURES],
}

/// A row of `stations.csv`: one interval of one station and class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationInterval {
    /// Beginning of the interval.
    pub at: Offset,
    /// Requests that came.
    pub arrivals: u64,
    /// Requests whose service ended.
    pub served: u64,
    /// Requests turned away.
    pub blocked: u64,
    /// Requests whose client left before they were served.
    pub abandoned: u64,
    /// Of those turned away, by a limit on their rate or number.
    pub limited: u64,
    /// Of those turned away, by a waiting room, which told them to ask again.
    pub room: u64,
    /// Of those turned away, when their turn came too late.
    pub late: u64,
    /// Of those turned away, as the server or what it needs was down.
    pub down: u64,
    /// Server time that was spent on requests whose client had gone, of those that left in it.
    pub wasted: Span,
    /// busy_mean / the servers there are at its beginning; `None` without a number of them.
    pub utilization: Option<f64>,
    /// Mean number waiting.
    pub queue_mean: f64,
    /// Mean number in service.
    pub busy_mean: f64,
}

/// Why a simulation failed.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The model could never work, or the engine asked for cannot run it.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// The record could not be written.
    #[error("the record of the simulation could not be written: {0}")]
    Record(#[from] io::Error),
}

impl StationResult {
    /// A figure; `None` where there is none (a mean of nothing).
    pub fn figure(&self, figure: Figure) -> Option<f64> {
        let value = self.values[figure as usize];
        value.is_finite().then_some(value)
    }

    /// Requests that came in the measured part.
    pub const fn arrivals(&self) -> u64 {
        self.meter.arrivals
    }

    /// Of those, served.
    pub const fn served(&self) -> u64 {
        self.meter.served
    }

    /// Of those, turned away: for want of a place, by a token bucket, when their turn came too late, as it was down, by a
    /// waiting room.
    pub const fn refused(&self) -> [u64; 5] {
        let of = &self.meter;
        [of.full, of.limited, of.late, of.down, of.room]
    }

    /// Of those, gone before they were served.
    pub const fn abandoned(&self) -> u64 {
        self.meter.abandoned
    }

    /// Server time that was spent on requests whose client had gone.
    pub fn wasted(&self) -> Span {
        Span::from_nanos(u64::try_from(self.meter.wasted).unwrap_or(u64::MAX))
    }

    /// Servers at an instant; `None` where there is no number of them, or none.
    fn servers_at(&self, at: i64) -> Option<f64> {
        let now = self.servers.partition_point(|(from, _)| *from <= at).max(1) - 1;
        self.servers.get(now).map(|(_, servers)| *servers).filter(|servers| *servers > 0.0)
    }

    /// What happened in each interval of the measured part.
    pub fn intervals(&self, layout: &Layout) -> impl Iterator<Item = StationInterval> + '_ {
        let length = layout.interval.nanos() as i64;
        let end = layout.timeline.end().nanos();
        self.meter.slices.iter().enumerate().map(move |(index, slice): (usize, &Slice)| {
            let at = index as i64 * length;
            let width = (end - at).min(length).max(1) as f64;
            StationInterval {
                at: Offset::from_nanos(at),
                arrivals: slice.arrivals,
                served: slice.served,
                blocked: slice.blocked,
                abandoned: slice.abandoned,
                limited: slice.limited,
                room: slice.room,
                late: slice.late,
                down: slice.down,
                wasted: Span::from_nanos(slice.wasted),
                utilization: self.servers_at(at).map(|servers| slice.busy as f64 / width / servers),
                queue_mean: slice.queue as f64 / width,
                busy_mean: slice.busy as f64 / width,
            }
        })
    }
}

/// The layout of the record of a simulation: that of a load run in intervals of 5 minutes of scenario time.
pub fn layout(scenario: &Scenario, timeline: &Timeline) -> Layout {
    Layout { interval: timeline.wall(INTERVAL), ..Layout::from_scenario(scenario, timeline) }
}

/// Simulates, and writes the record as it goes. `watch` sees the instant and the requests so far go by, and answers
/// whether to go on; what was simulated until then is in the record.
///
/// # Errors
/// When the model could never work, the engine asked for cannot run it, or the record cannot be written.
pub fn simulate(
    simulation: &Simulation<'_>,
    writer: &mut Writer,
    watch: &mut dyn FnMut(Offset, u64) -> bool,
) -> Result<Simulated, SimulationError> {
    let interval = simulation.timeline.wall(INTERVAL).nanos() as i64;
    let (simulated, recorder) = play(simulation, ToDisk::new(writer, interval), watch)?;
    recorder.broken.map_or(Ok(simulated), |error| Err(error.into()))
}

/// One replication, told to a recorder.
pub(super) fn play<R: Recorder>(
    simulation: &Simulation<'_>,
    recorder: R,
    watch: &mut dyn FnMut(Offset, u64) -> bool,
) -> Result<(Simulated, R), Impossible> {
    let &Simulation { scenario, timeline, seed, played, .. } = simulation;
    let mut server = with_elsewhere(simulation.model, scenario);
    for station in &mut server.stations {
        let of_day = station
            .schedule
            .iter()
            .map(|(at, servers)| (timeline.offset_at(at.nanos() as i64).nanos(), *servers));
        station.capacity.extend(of_day);
    }
    let faults = faults(scenario, timeline, &server);
    let model = Model::new(&server).map_err(Impossible)?.suffering(&server, &faults.changes);
    let (engine, why) = choose(&model, simulation.engine, None)?;
    let (start, end) = (timeline.start().nanos(), timeline.end().nanos());
    let horizon = Horizon { end, drained: end + timeline.drain.nanos() as i64 };
    let mut meter = Meter::new(model.classes.len(), 0, horizon, timeline.wall(INTERVAL).nanos() as i64);
    let later = Calendar::new();
    let mut journeys = Journeys::new(
        Play { scenario, timeline, seed, played },
        (&server, &model),
        &faults.outages,
        recorder,
    );
    let mut requests = 0;
    let mut look = |at: i64, so_far: u64| {
        requests = so_far;
        watch(Offset::from_nanos(at), so_far)
    };
    let (peaks, completed) = match engine {
        Engine::Lookahead => {
            super::lookahead::run(&model, &mut journeys, later, &mut meter, start, horizon, &mut look)
        }
        Engine::Events => {
            super::events::run(&model, &mut journeys, later, &mut meter, start, horizon, &mut look)
        }
    };
    let seconds = (end.max(1)) as f64 / NANOS_PER_SEC as f64;
    let result = |row: &Row| station(row, &server, &model, &meter, &peaks, seconds);
    let stations: Vec<StationResult> = rows::rows(&model).iter().map(result).collect();
    let inner = |class: u16| {
        let behind = model.behind.needs.iter().any(|needs| needs.contains(&class));
        let worked = model.intake[usize::from(class)] == Intake::Worked;
        behind
            || worked
            || model.behind.erases == Some(class)
            || model.rooms.iter().any(|room| room.shown == class)
    };
    let outer = (0..).zip(&meter.classes).filter(|(class, _)| !inner(*class));
    let requests = requests.max(outer.map(|(_, class)| class.arrivals).sum());
    Ok((Simulated { engine, why, completed, requests, stations }, journeys.close()))
}

fn station(
    row: &Row,
    server: &ServerModel,
    model: &Model,
    meter: &Meter,
    peaks: &[Peak],
    seconds: f64,
) -> StationResult {
    let class = match row.classes.as_slice() {
        [class] => Some(server.classes[usize::from(*class)].name.clone()),
        _ => None,
    };
    let together = rows::together(row, meter);
    let values = row.values(model, &together, &peaks[usize::from(row.station)], f64::NAN, seconds);
    let station = &model.stations[usize::from(row.station)];
    let all = |servers: u32| f64::from(servers) * f64::from(station.instances);
    let first = station.servers.map(|servers| (i64::MIN, all(servers)));
    let changes = station.capacity.iter().map(|(at, servers)| (*at, all(*servers)));
    StationResult {
        station: station.name.clone(),
        class,
        servers: first.into_iter().chain(changes).collect(),
        meter: together,
        values,
    }
}

/// The model, with a place for every class of work that the scenario names and the model does not know.
fn with_elsewhere(model: &ServerModel, scenario: &Scenario) -> ServerModel {
    let mut model = model.clone();
    for step in scenario.populations.iter().flat_map(|population| &population.steps) {
        if model.class(&step.class).is_none() {
            let place = model.stations.iter().position(|station| station.name == ELSEWHERE);
            let station = place.unwrap_or_else(|| {
                model.stations.push(StationModel::new(ELSEWHERE, None));
                model.stations.len() - 1
            });
            let nothing = Work::Law(Law::Constant(Span::ZERO));
            model.classes.push(ClassModel::new(step.class.clone(), station as u16, nothing));
        }
    }
    model
}
