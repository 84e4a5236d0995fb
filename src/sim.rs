//! The simulated engine: the same journeys as the load engine's, against queues instead of a server.

mod beat;
mod behind;
#[cfg(test)]
mod behind_tests;
mod buckets;
mod calendar;
mod clients;
mod crew;
mod customers;
mod desk;
mod estimate;
mod events;
mod faults;
#[cfg(test)]
mod faults_tests;
mod figures;
mod histogram;
mod jobs;
mod journeys;
#[cfg(test)]
mod journeys_tests;
mod lanes;
mod levels;
mod limit;
mod line;
mod lookahead;
mod mailer;
mod memory;
mod meter;
mod model;
mod observation;
mod peak;
mod places;
mod plain;
mod plain_summary;
mod play;
mod profile;
mod recorder;
mod replications;
mod rooms;
#[cfg(test)]
mod rooms_tests;
mod rows;
mod run;
mod sharing;
mod shelf;
mod stability;
mod tally;
#[cfg(test)]
mod tests;
mod visits;
mod workers;

pub use self::estimate::Estimate;
use self::meter::End;
use self::model::Model;
use self::peak::Peak;
pub use self::plain::{Observed, QueueingResult, StationRow, queueing};
pub use self::play::{
    Simulated, Simulation, SimulationError, StationInterval, StationResult, layout, simulate,
};
use self::rooms::Rooms;
pub use self::rows::Figure;
pub use self::run::{Count, Seen, Study, run};
pub use self::tally::{PopulationTally, Tally, tally};
use crate::scenario::Outcome;

/// Which engine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The look-ahead engine where it is exact, else the event engine.
    #[default]
    Auto,
    /// The event engine.
    Events,
    /// The look-ahead engine.
    Lookahead,
}

/// Which engine ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One event after the other.
    Events,
    /// The fate of every request worked out when it comes.
    Lookahead,
}

/// Why a model cannot be run: every reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Impossible(pub Vec<String>);

/// The engine to run, and why it is that one. `reason` is what else stands against looking ahead.
fn choose(model: &Model, choice: Choice, reason: Option<String>) -> Result<(Engine, String), Impossible> {
    let needs_events = model.needs_events().or(reason);
    match (choice, needs_events) {
        (Choice::Events, _) => Ok((Engine::Events, "asked for".to_owned())),
        (Choice::Lookahead, None) => Ok((Engine::Lookahead, "asked for".to_owned())),
        (Choice::Lookahead, Some(why)) => Err(Impossible(vec![format!(
            "the look-ahead engine cannot run this: {why}; use --engine events"
        )])),
        (Choice::Auto, None) => {
            Ok((Engine::Lookahead, "every station serves in the order of arrival".to_owned()))
        }
        (Choice::Auto, Some(why)) => Ok((Engine::Events, why)),
    }
}

/// So many nanoseconds as `Retry-After` says them.
const fn whole_seconds(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000_000) * 1_000_000_000
}

/// What a client is told of a visit that ended so.
const fn outcome_of(end: End, gone: bool) -> Outcome {
    match (gone, end) {
        (true, _) | (_, End::Abandoned) => Outcome::TimedOut,
        (_, End::Served) => Outcome::Ok,
        (_, End::Full | End::Limited | End::Room | End::Late | End::Closed) => Outcome::Shed,
        (_, End::Down) => Outcome::Failed,
    }
}

/// Of every station the longest queue among its instances; of a waiting room the most who were in it.
fn longest(model: &Model, instances: impl Iterator<Item = Peak>, rooms: &Rooms) -> Vec<Peak> {
    let mut longest: Vec<Option<Peak>> = vec![None; model.stations.len()];
    for (station, peak) in model.instance_of.iter().zip(instances) {
        let place = &mut longest[usize::from(*station)];
        if place.is_none_or(|place| place.most < peak.most) {
            *place = Some(peak);
        }
    }
    for (station, peak) in rooms.peaks(model) {
        longest[usize::from(station)] = Some(peak);
    }
    longest.into_iter().flatten().collect()
}
