//! A server model made ready for a run: laws as tables, instances laid out, what cannot work named.

use std::collections::HashMap;

use super::limit::Limit;
use crate::rng::Key;
use crate::scenario::server_model::{Bucket, Discipline, Dispatch, Per, StationModel};
use crate::scenario::{ServerModel, Table, Work};

/// A model that an engine can run.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// The stations as they were said.
    pub(super) stations: Vec<StationModel>,
    /// For each station, the number of its first instance among all instances.
    pub(super) first: Vec<usize>,
    /// For each instance, its station.
    pub(super) instance_of: Vec<u16>,
    /// The classes of work.
    pub(super) classes: Vec<Class>,
    tables: Vec<Table>,
}

/// A class of work, ready for a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    /// Its station.
    pub(super) station: u16,
    /// Its priority; 0 first.
    pub(super) priority: u8,
    table: u16,
}

impl Model {
    /// Prepares a model.
    ///
    /// # Errors
    /// All reasons for which it could never work: a station without servers, a route to a station that is not there.
    pub(super) fn new(model: &ServerModel) -> Result<Self, Vec<String>> {
        let problems = problems(model);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut laws: Vec<&Work> = Vec::new();
        let classes = model
            .classes
            .iter()
            .map(|class| {
                let table = laws.iter().position(|law| **law == class.work).unwrap_or_else(|| {
                    laws.push(&class.work);
                    laws.len() - 1
                });
                Class { station: class.station, priority: class.priority, table: table as u16 }
            })
            .collect();
        let mut first = Vec::new();
        let mut instance_of = Vec::new();
        for (index, station) in (0..).zip(&model.stations) {
            first.push(instance_of.len());
            instance_of.extend(std::iter::repeat_n(index, station.instances as usize));
        }
        let tables = laws.into_iter().map(Table::new).collect();
        let stations = model.stations.iter().cloned().map(in_one_step).collect();
        Ok(Self { stations, first, instance_of, classes, tables })
    }

    /// Why the look-ahead engine cannot run this model; `None` if it can.
    ///
    /// It is exact where the fate of a request is known the moment it comes: each queue is served in the order of
    /// arrival, and what changes in between is known in advance.
    pub(super) fn needs_events(&self) -> Option<String> {
        self.stations.iter().find_map(|station| {
            let why = match station.discipline {
                Discipline::Fifo if station.limit.is_some() => {
                    "has a limit that goes by how long requests take"
                }
                Discipline::Fifo => return None,
                Discipline::Lifo => "serves the last comer first",
                Discipline::Sharing => "shares its servers among all present",
                Discipline::Priority { .. } => "has priorities",
            };
            Some(format!("station {} {why}", station.name))
        })
    }

    /// The law of the work of a class.
    pub(super) fn table(&self, class: Class) -> &Table {
        &self.tables[usize::from(class.table)]
    }

    /// The work of one request, in nanoseconds.
    #[inline]
    pub(super) fn work(&self, class: Class, request: Key) -> u64 {
        self.table(class).draw(request)
    }
}

/// What is decided when a request comes, before it joins a queue: the same in both engines.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    /// By station: the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), which lets through
    /// exactly what a token bucket does, and how many have been dispatched.
    doors: Vec<(i64, u64)>,
    /// The same times of accounts that have a bucket of their own, by station and account.
    accounts: HashMap<(u16, u64), i64>,
    limits: Vec<Option<Limit>>,
}

impl Doors {
    /// All buckets full, all turns at the first instance.
    pub(super) fn new(model: &Model, start: i64) -> Self {
        Self {
            doors: vec![(start, 0); model.stations.len()],
            accounts: HashMap::new(),
            limits: model.stations.iter().map(|station| station.limit.map(Limit::new)).collect(),
        }
    }

    /// Whether the station's adaptive limit lets a request in, where so many are.
    #[inline]
    pub(super) fn has_room(&self, station: u16, present: impl FnOnce() -> usize) -> bool {
        self.limits[usize::from(station)].is_none_or(|limit| limit.admits(present()))
    }

    /// A request was served at a station that took so long: its adaptive limit learns from it.
    #[inline]
    pub(super) fn learn(&mut self, station: u16, took: i64, at: i64) {
        if let Some(limit) = &mut self.limits[usize::from(station)] {
            limit.learn(took, at);
        }
    }

    /// Whether the station's token bucket lets a request of an account (0: of none) in.
    #[inline]
    pub(super) fn admits(&mut self, station: u16, bucket: Option<Bucket>, account: u64, at: i64) -> bool {
        let Some(bucket) = bucket else { return true };
        let gap = (1e9 / bucket.per_second).round() as i64;
        let due = match bucket.per {
            Per::Station => &mut self.doors[usize::from(station)].0,
            Per::Account if account == 0 => return true,
            Per::Account => self.accounts.entry((station, account)).or_insert(i64::MIN / 2),
        };
        let tolerance = gap.saturating_mul(i64::from(bucket.burst.max(1)) - 1);
        if *due - tolerance > at {
            return false;
        }
        *due = (*due).max(at) + gap;
        true
    }

    /// Which of the instances of a station a request goes to: a number below their count. `present` tells how many
    /// requests an instance holds.
    #[inline]
    pub(super) fn choose(
        &mut self,
        station: u16,
        (instances, dispatch): (u32, Dispatch),
        request: Key,
        mut present: impl FnMut(usize) -> usize,
    ) -> usize {
        if instances == 1 {
            return 0;
        }
        let count = u64::from(instances);
        let key = request.word("dispatch");
        match dispatch {
            Dispatch::Random => key.below(count) as usize,
            Dispatch::RoundRobin => {
                let turn = &mut self.doors[usize::from(station)].1;
                *turn += 1;
                ((*turn - 1) % count) as usize
            }
            Dispatch::ShortestQueue => {
                (0..instances as usize).min_by_key(|instance| present(*instance)).unwrap_or(0)
            }
            Dispatch::PowerOf(choices) => (0..u64::from(choices.max(1)))
                .map(|choice| key.with(choice).below(count) as usize)
                .min_by_key(|instance| present(*instance))
                .unwrap_or(0),
        }
    }
}

/// Of several changes of the number of servers at one instant only the last is made: the others last no time, and a
/// request that found a server for no time would be served in an order that depends on the engine.
fn in_one_step(mut station: StationModel) -> StationModel {
    let changes = std::mem::take(&mut station.capacity);
    for change in changes {
        match station.capacity.last_mut() {
            Some(last) if last.0 == change.0 => *last = change,
            _ => station.capacity.push(change),
        }
    }
    station
}

fn problems(model: &ServerModel) -> Vec<String> {
    let mut problems = Vec::new();
    for station in &model.stations {
        let name = &station.name;
        let ever = station.capacity.iter().any(|(_, servers)| *servers > 0);
        if station.servers == Some(0) && !ever {
            problems.push(format!(
                "station {name} has no servers: nothing would ever be served; write servers, at least 1, or none at all for as \
                 many as come"
            ));
        }
        if station.instances == 0 {
            problems.push(format!("station {name} has no instances: write at least 1"));
        }
        if !station.capacity.is_empty()
            && (station.servers.is_none() || station.discipline == Discipline::Sharing)
        {
            problems.push(format!(
                "station {name} changes its servers over time, which needs a number of servers and another discipline than \
                 sharing"
            ));
        }
        if station.discipline == Discipline::Sharing && station.servers.is_none() {
            problems
                .push(format!("station {name} shares its servers among all, so it needs a number of them"));
        }
        if station.bucket.is_some_and(|bucket| !(bucket.per_second.is_finite() && bucket.per_second > 0.0)) {
            problems.push(format!("the token bucket of station {name} needs a rate above zero"));
        }
    }
    for class in &model.classes {
        if usize::from(class.station) >= model.stations.len() {
            problems.push(format!("class {} goes to a station that is not there", class.name));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_changes_at_one_instant_the_last_is_made() {
        let mut station = StationModel::new("s", Some(1));
        station.capacity = vec![(-5, 3), (-5, 0), (7, 2), (7, 4), (7, 1), (8, 9)];
        let model = ServerModel { stations: vec![station], classes: Vec::new(), message_rate: None };
        assert_eq!(Model::new(&model).unwrap().stations[0].capacity, [(-5, 0), (7, 1), (8, 9)]);
    }
}
