//! From the text of a queueing system's file to a sound [`Queueing`], or to everything that is wrong with it.

mod customers;
mod shape;
#[cfg(test)]
mod tests;
mod work;

use serde::Deserialize;

pub(super) use self::customers::priority;
use self::shape::{BucketTable, Choice, LimitTable, Order, SystemTable};
pub(super) use self::shape::{StationTable, WorkForm};
pub(super) use self::work::work;
use super::key::Key;
use super::leaf::Word;
use super::place::{Notes, Place};
use super::{Problems, without_null};
use crate::scenario::queueing::Queueing;
use crate::scenario::server_model::{
    Adaptive, Bucket, Discipline, Dispatch, Leaving, Per, ServerModel, StationModel,
};
use crate::units::Span;

/// Whether a text is the file of a queueing system and not of a scenario: it has `[[station]]` or `[[customers]]`.
pub fn is_queueing(text: &str) -> bool {
    text.parse::<toml::Table>()
        .is_ok_and(|table| table.contains_key("station") || table.contains_key("customers"))
}

/// Reads a queueing system.
///
/// # Errors
/// Everything that is wrong with it, each with its key path and a hint.
pub fn load(text: &str, name: &str) -> Result<Queueing, Problems> {
    let notes = Notes::new(&[]);
    let system = read(text, name, &Place::root(&notes));
    match (system, notes.into_parts().0) {
        (Some(system), list) if list.is_empty() => Ok(system),
        (_, list) => Err(Problems { scenario: name.to_owned(), list }),
    }
}

/// The JSON Schema of the file of a queueing system.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::default().with_transform(without_null);
    settings.into_generator().into_root_schema_for::<SystemTable>().to_value()
}

fn read(text: &str, name: &str, place: &Place<'_>) -> Option<Queueing> {
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            place.wrong(format!("this is not TOML: {}", error.to_string().trim_end()), "");
            return None;
        }
    };
    let table: SystemTable =
        place.open(Key::deserialize(toml::Value::Table(table)).unwrap_or(Key::Missing))?;
    let about = place.need("about", table.about).unwrap_or_default();
    let seed = place.or("seed", table.seed, 1);
    let run = place.need("run", table.run);
    let in_run = place.at("run");
    let run = run.map(|run| {
        (
            in_run.or("run_in", run.run_in, Span::ZERO),
            in_run.need("duration", run.duration),
            in_run.or("replications", run.replications, 8),
            in_run.or("may_grow", run.may_grow, false),
        )
    });
    let stations: Vec<StationModel> = place
        .list("station", Some(table.station))
        .into_iter()
        .filter_map(|(place, table)| plain_station(table, &place))
        .collect();
    if stations.is_empty() {
        place.at("station").wrong("there is none", "write at least one [[station]]");
    }
    for (index, station) in stations.iter().enumerate() {
        if stations[..index].iter().any(|other| other.name == station.name) {
            place.at("station").wrong(format!("two are named {:?}", station.name), "give each its own name");
        }
    }
    let mut model = ServerModel { stations, ..ServerModel::default() };
    let tables = place.list("customers", Some(table.customers));
    let nobody = tables.is_empty();
    let customers: Vec<_> =
        tables.into_iter().filter_map(|(place, table)| customers::read(table, &place, &mut model)).collect();
    if nobody {
        place.at("customers").wrong("nobody comes", "write at least one [[customers]]");
    }
    let mut observe = Vec::new();
    let mut cycle = None;
    if let Some(table) = place.take("observe", table.observe) {
        let place = place.at("observe");
        observe = place.list("at", Some(table.at)).into_iter().map(|(_, at)| at).collect();
        cycle = place.take("cycle", table.cycle);
        if let Some(cycle) = cycle
            && observe.iter().any(|at| *at >= cycle)
        {
            place.at("at").wrong("a phase lies beyond the cycle", "write times shorter than the cycle");
        }
    }
    let (run_in, duration, replications, may_grow) = run?;
    let duration = duration?;
    if duration == Span::ZERO {
        in_run.at("duration").wrong("is zero", "write how long it is watched");
    }
    if replications == 0 {
        in_run.at("replications").wrong("is 0", "write how many independent runs, at least 1");
    }
    Some(Queueing {
        name: name.to_owned(),
        about,
        seed,
        run_in,
        duration,
        replications,
        may_grow,
        model,
        customers,
        observe,
        cycle,
    })
}

/// A station of a plain queueing system, which knows no times of day.
fn plain_station(table: StationTable, place: &Place<'_>) -> Option<StationModel> {
    let station = station(table, place, None, Leaving::Drop)?;
    if !station.schedule.is_empty() {
        place
            .at("schedule")
            .wrong("is of models of servers", "write capacity, with times since the beginning");
    }
    Some(station)
}

/// Reads a station; what it does not say is as in `base`, or as usual. `abandoned` is what is usual there.
pub(super) fn station(
    table: StationTable,
    place: &Place<'_>,
    base: Option<StationModel>,
    abandoned: Leaving,
) -> Option<StationModel> {
    let name = place.need("name", table.name)?;
    place.named(&name.0);
    let base = base.unwrap_or_else(|| StationModel { abandoned, ..StationModel::new(name.0.clone(), None) });
    let order = place.take("discipline", table.discipline).map(|word| word.0);
    let dispatch = place.take("dispatch", table.dispatch).map(|word| word.0);
    let each = place.take("each", table.each);
    let before = match (base.discipline, each) {
        (Discipline::Groups { most, .. }, Some(each)) => Discipline::Groups { each, most },
        (before, _) => before,
    };
    let grouped = order.map_or(matches!(before, Discipline::Groups { .. }), |order| order == Order::Groups);
    if each.is_some() && !grouped {
        place.at("each").wrong("has no effect", "write discipline = \"groups\" too");
    }
    let mut capacity: Vec<(i64, u32)> = place
        .list("capacity", table.capacity)
        .into_iter()
        .filter_map(|(place, change)| {
            Some((place.need("at", change.at)?.nanos() as i64, place.need("servers", change.servers)?))
        })
        .collect();
    capacity.sort_by_key(|(at, _)| *at);
    let mut schedule: Vec<_> = place
        .list("schedule", table.schedule)
        .into_iter()
        .filter_map(|(place, change)| {
            Some((place.need("at", change.at)?, place.need("servers", change.servers)?))
        })
        .collect();
    schedule.sort_by_key(|(at, _)| *at);
    let bucket = place.take("bucket", table.bucket).and_then(|table| bucket(table, &place.at("bucket")));
    let limit = place.take("limit", table.limit).and_then(|table| limit(table, &place.at("limit")));
    Some(StationModel {
        servers: place.take("servers", table.servers).or(base.servers),
        queue: place.take("queue", table.queue).or(base.queue),
        discipline: order.map_or(before, |order| match order {
            Order::Fifo => Discipline::Fifo,
            Order::Lifo => Discipline::Lifo,
            Order::Sharing => Discipline::Sharing,
            Order::Priority => Discipline::Priority { preemptive: false },
            Order::PreemptivePriority => Discipline::Priority { preemptive: true },
            Order::Groups => Discipline::Groups { each: each.unwrap_or_default(), most: None },
        }),
        instances: place.take("instances", table.instances).unwrap_or(base.instances),
        dispatch: dispatch.map_or(base.dispatch, |dispatch| match dispatch {
            Choice::Random => Dispatch::Random,
            Choice::RoundRobin => Dispatch::RoundRobin,
            Choice::ShortestQueue => Dispatch::ShortestQueue,
            Choice::PowerOfTwo => Dispatch::PowerOf(2),
            Choice::PowerOfThree => Dispatch::PowerOf(3),
            Choice::PowerOfFour => Dispatch::PowerOf(4),
        }),
        abandoned: place.take("abandoned", table.abandoned).map_or(base.abandoned, |word| word.0),
        longest_wait: place.take("longest_wait", table.longest_wait).or(base.longest_wait),
        retry_after: place.take("retry_after", table.retry_after).or(base.retry_after),
        bucket: bucket.or(base.bucket),
        capacity,
        schedule,
        limit: limit.or(base.limit),
        name: base.name,
    })
}

fn limit(table: LimitTable, place: &Place<'_>) -> Option<Adaptive> {
    let least = place.or("least", table.least, 1);
    let (most, target) = (place.need("most", table.most), place.need("target", table.target));
    let (most, target) = (most?, target?);
    if least == 0 || most < least || target == Span::ZERO {
        place.wrong("is no limit", "write 1 <= least <= most, and a target above 0");
        return None;
    }
    Some(Adaptive { least, most, target })
}

fn bucket(table: BucketTable, place: &Place<'_>) -> Option<Bucket> {
    let (rate, burst) = (place.need("rate", table.rate), place.need("burst", table.burst));
    let (per_second, burst) = (rate?.per_second(), burst?);
    if per_second <= 0.0 || burst == 0 {
        place.wrong("lets nobody in", "write a rate above 0 and a burst of at least 1");
    }
    let per = place.or("per", table.per, Word(Per::Station)).0;
    Some(Bucket { per_second, burst, per })
}
