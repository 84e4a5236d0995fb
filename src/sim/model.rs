//! A server model made ready for a run: laws as tables, instances laid out, what cannot work named.

use std::collections::HashMap;

use super::behind::{self, Behind};
use super::faults::Change;
use super::limit::Limit;
use crate::rng::Key;
use crate::scenario::server_model::{Bucket, Discipline, Dispatch, Memory, Per, RoomModel, StationModel};
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
    /// What requests need while they are in service.
    pub(super) behind: Behind,
    /// Token buckets before the stations, and by class the numbers of those that its requests pass.
    gates: Vec<Bucket>,
    gates_of: Vec<Vec<u16>>,
    /// Waiting rooms before the stations, and by class the number of the one that stands before it.
    pub(super) rooms: Vec<RoomModel>,
    pub(super) room_of: Vec<Option<u16>>,
    /// By class, what its requests are to intake; and how many may be accepted and wait for what they need.
    pub(super) intake: Vec<Intake>,
    pub(super) most_accepted: u64,
    /// What is kept in memory.
    pub(super) memories: Vec<Memory>,
    /// What changes during the run, in order of time.
    pub(super) changes: Vec<(i64, Change)>,
    /// Something happens to the server.
    suffers: bool,
    tables: Vec<Table>,
}

/// What requests of a class are to asynchronous intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    /// Nothing.
    Apart,
    /// They are accepted, and work of this class goes on.
    Accepted(u16),
    /// They are the work that goes on, of which nobody awaits the end.
    Worked,
}

/// A class of work, ready for a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    /// Its station.
    pub(super) station: u16,
    /// Its priority; 0 first.
    pub(super) priority: u8,
    /// In a group a request counts as often as it has entries.
    pub(super) by_entries: bool,
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
                let (station, priority, by_entries) = (class.station, class.priority, class.by_entries);
                Class { station, priority, by_entries, table: table as u16 }
            })
            .collect();
        let mut first = Vec::new();
        let mut instance_of = Vec::new();
        for (index, station) in (0..).zip(&model.stations) {
            first.push(instance_of.len());
            instance_of.extend(std::iter::repeat_n(index, station.instances as usize));
        }
        let tables = laws.into_iter().map(Table::new).collect();
        let stations: Vec<StationModel> = model.stations.iter().cloned().map(in_one_step).collect();
        let servers = |(station, of): (u16, &StationModel)| -> Vec<(i64, Change)> {
            let change = |(at, servers): &(i64, u32)| (*at, Change::Servers { station, servers: *servers });
            of.capacity.iter().map(change).collect()
        };
        let mut changes: Vec<(i64, Change)> = (0..).zip(&stations).flat_map(servers).collect();
        changes.sort_by_key(|(at, _)| *at);
        let passed = |class: u16| -> Vec<u16> {
            let gates = (0..).zip(&model.gates);
            gates.filter(|(_, gate)| gate.classes.contains(&class)).map(|(number, _)| number).collect()
        };
        let room_before = |class: u16| {
            let room = model.rooms.iter().position(|room| room.before == class);
            room.map(|number| number as u16)
        };
        let mut intake = vec![Intake::Apart; model.classes.len()];
        for (accepted, worked) in model.intake.iter().flat_map(|intake| &intake.classes) {
            intake[usize::from(*accepted)] = Intake::Accepted(*worked);
            intake[usize::from(*worked)] = Intake::Worked;
        }
        Ok(Self {
            stations,
            first,
            instance_of,
            classes,
            behind: Behind::new(model, &[]),
            gates: model.gates.iter().map(|gate| gate.bucket).collect(),
            gates_of: (0..model.classes.len() as u16).map(passed).collect(),
            rooms: model.rooms.clone(),
            room_of: (0..model.classes.len() as u16).map(room_before).collect(),
            intake,
            memories: model.memories.clone(),
            most_accepted: model.intake.as_ref().map_or(u64::MAX, |intake| intake.queue),
            changes,
            suffers: false,
            tables,
        })
    }

    /// The same of this server, and what happens to it.
    pub(super) fn suffering(mut self, server: &ServerModel, faults: &[(i64, Change)]) -> Self {
        self.suffers = !faults.is_empty();
        let longer = |(_, change): &(i64, Change)| match change {
            Change::Longer { class, by } if *by > 0 => Some(*class),
            _ => None,
        };
        self.behind = Behind::new(server, &faults.iter().filter_map(longer).collect::<Vec<_>>());
        self.changes.extend_from_slice(faults);
        self.changes.sort_by_key(|(at, _)| *at);
        self
    }

    /// Why the look-ahead engine cannot run this model; `None` if it can.
    ///
    /// It is exact where the fate of a request is known the moment it comes: each queue is served in the order of
    /// arrival, and what changes in between is known in advance.
    pub(super) fn needs_events(&self) -> Option<String> {
        if self.suffers {
            return Some("incidents happen to the server".to_owned());
        }
        if self.intake.iter().any(|intake| *intake != Intake::Apart) {
            return Some("entries are accepted first and worked on later".to_owned());
        }
        if !self.behind.is_empty() {
            return Some("requests in service wait for what lies behind their station".to_owned());
        }
        (0..).zip(&self.stations).find_map(|(number, station)| {
            let why = match station.discipline {
                Discipline::Fifo if station.limit.is_some() => {
                    "has a limit that goes by how long requests take"
                }
                Discipline::Fifo => return None,
                Discipline::Lifo => "serves the last comer first",
                Discipline::Sharing => "shares its servers among all present",
                Discipline::Priority { .. } => "has priorities",
                // Nobody comes to one that takes no time.
                Discipline::Groups { .. } if !self.visited(number) => return None,
                Discipline::Groups { .. } => "serves in groups",
            };
            Some(format!("station {} {why}", station.name))
        })
    }

    /// The law of the work of a class.
    pub(super) fn table(&self, class: Class) -> &Table {
        &self.tables[usize::from(class.table)]
    }

    /// Whether there are token buckets before all stations that requests of a class pass.
    pub(super) fn has_gates(&self, class: u16) -> bool {
        !self.gates_of[usize::from(class)].is_empty()
    }

    fn visited(&self, station: u16) -> bool {
        let mut classes = self.classes.iter().zip(&self.behind.idle);
        classes.any(|(class, idle)| class.station == station && !idle)
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
    /// The same of buckets before all stations, by their number and whose they are.
    gates: HashMap<(u16, u64), i64>,
    limits: Vec<Option<Limit>>,
    /// So many instances of every station that has more take nobody new.
    pub(super) away: u32,
}

impl Doors {
    /// All buckets full, all turns at the first instance.
    pub(super) fn new(model: &Model, start: i64) -> Self {
        Self {
            doors: vec![(start, 0); model.stations.len()],
            accounts: HashMap::new(),
            gates: HashMap::new(),
            limits: model.stations.iter().map(|station| station.limit.map(Limit::new)).collect(),
            away: 0,
        }
    }

    /// The server is new, with as many instances as before.
    pub(super) fn renew(&mut self, model: &Model, at: i64) {
        *self = Self { away: self.away, ..Self::new(model, at) };
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

    /// Whether the buckets before all stations let a request of a class in, which takes a token from each, or none and after
    /// how many nanoseconds all of them would. `sender` tells whose bucket is meant, as [`super::clients::Clients::sender`].
    #[inline]
    pub(super) fn passes(
        &mut self,
        model: &Model,
        class: u16,
        at: i64,
        sender: impl Fn(Per) -> u64,
    ) -> Result<(), u64> {
        let gates = &model.gates_of[usize::from(class)];
        let of =
            |number: &u16| (model.gates[usize::from(*number)], sender(model.gates[usize::from(*number)].per));
        let mut longest = 0;
        for (number, (bucket, whose)) in gates.iter().map(|number| (number, of(number))) {
            let due = self.gates.get(&(*number, whose)).copied().unwrap_or(i64::MIN / 2);
            longest = longest.max(if whose > 0 { wait(due, bucket, at) } else { 0 });
        }
        if longest > 0 {
            return Err(longest);
        }
        for (number, (bucket, whose)) in gates.iter().map(|number| (number, of(number))) {
            if whose > 0 {
                take(self.gates.entry((*number, whose)).or_insert(i64::MIN / 2), bucket, at);
            }
        }
        Ok(())
    }

    /// Whether the station's token bucket lets a request in.
    #[inline]
    pub(super) fn admits(
        &mut self,
        station: u16,
        bucket: Option<Bucket>,
        at: i64,
        sender: impl Fn(Per) -> u64,
    ) -> bool {
        let Some(bucket) = bucket else { return true };
        let due = match bucket.per {
            Per::Station => &mut self.doors[usize::from(station)].0,
            per => match sender(per) {
                0 => return true,
                whose => self.accounts.entry((station, whose)).or_insert(i64::MIN / 2),
            },
        };
        let is_open = wait(*due, bucket, at) == 0;
        if is_open {
            take(due, bucket, at);
        }
        is_open
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
        let instances = if instances > self.away { instances - self.away } else { instances };
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

/// After how many nanoseconds there is a token.
#[inline]
fn wait(due: i64, bucket: Bucket, at: i64) -> u64 {
    let tolerance = gap(bucket).saturating_mul(i64::from(bucket.burst.max(1)) - 1);
    due.saturating_sub(tolerance).saturating_sub(at).max(0) as u64
}

/// Takes a token that is there.
#[inline]
fn take(due: &mut i64, bucket: Bucket, at: i64) {
    *due = (*due).max(at) + gap(bucket);
}

/// Nanoseconds between two tokens.
fn gap(bucket: Bucket) -> i64 {
    (1e9 / bucket.per_second).round() as i64
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
        if matches!(station.discipline, Discipline::Groups { .. }) && station.servers.is_some() {
            problems.push(format!(
                "station {name} serves in groups, which need no number of servers: leave it out"
            ));
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
    problems.extend(behind::problems(model));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_changes_at_one_instant_the_last_is_made() {
        let mut station = StationModel::new("s", Some(1));
        station.capacity = vec![(-5, 3), (-5, 0), (7, 2), (7, 4), (7, 1), (8, 9)];
        let model = ServerModel { stations: vec![station], ..ServerModel::default() };
        assert_eq!(Model::new(&model).unwrap().stations[0].capacity, [(-5, 0), (7, 1), (8, 9)]);
    }
}
