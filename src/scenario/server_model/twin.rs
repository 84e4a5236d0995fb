//! The model of the reference server with a configuration: both are told the same.

use std::collections::BTreeSet;

use reference_server::CERTIFICATES_IN_MEMORY;
use reference_server::class::Class;
use reference_server::config::{self, Abandoned, Config, Slots};
use reference_server::store;

use super::{
    Adaptive, Bucket, ClassModel, Discipline, Dispatch, Gate, IntakeModel, Leaving, Memory, Per, PlaceOf,
    RoomModel, ServerModel, Spared, StationModel,
};
use crate::scenario::{Law, Work};
use crate::units::Span;

/// Threads of the server's store that read; one other writes.
const READERS: u32 = 2;
/// Indices of the classes of reads and changes.
const READ: u16 = 0;
const COMMIT: u16 = 1;
const ERASE: u16 = 2;

impl ServerModel {
    /// Name of the class of a read of the store.
    pub const READ: &str = "store-read";
    /// Name of the class of a change that is stored: it counts as often as it has entries.
    pub const COMMIT: &str = "store-commit";
    /// Name of the class of a change that erases a message which the gateway has taken.
    pub const ERASE: &str = "store-erase";
    /// Name of the class of a change that stores that something was accepted, or how it ended.
    pub const RECEIPT: &str = "store-receipt";

    /// What the name of a class ends with whose requests are answered when they are stored, where others are accepted first.
    pub const STORED: &str = "-stored";

    /// The model of the reference server with this configuration.
    ///
    /// Requests take the worker slots or those of their lane, sign-ins the issuer's. A slot is held for max(hold, a connection of
    /// the pool with the store's part); what the server itself computes, some hundred microseconds, is not in a
    /// configuration and so not in this model (a calibration measures it).
    pub fn from_config(config: &Config) -> Self {
        let issuer = Slots { workers: config.issuer.workers, queue: config.issuer.queue, ..Slots::default() };
        let (retry_after, abandoned) = (config.slots.retry_after, config.slots.abandoned);
        let mut stations =
            vec![slots("slots", &config.slots), slots("issuer", &Slots { retry_after, abandoned, ..issuer })];
        stations.extend(config.lane.iter().map(|(name, lane)| slots(&format!("lane-{name}"), &lane.slots)));
        for station in &mut stations {
            station.instances = whole(config.instances.count);
            station.dispatch = match config.instances.dispatch {
                // Of one there is nothing to choose.
                _ if config.instances.count == 1 => station.dispatch,
                config::Dispatch::ShortestQueue => Dispatch::ShortestQueue,
                config::Dispatch::RoundRobin => Dispatch::RoundRobin,
            };
        }
        let reads = stations.len() as u16;
        stations.push(StationModel::new("store-reads", Some(READERS)));
        let each = span(config.commit.each);
        stations.push(StationModel {
            discipline: Discipline::Groups { each, most: Some(whole(store::GROUP)) },
            ..StationModel::new("store-commits", None)
        });
        let none = Work::Law(Law::Constant(Span::ZERO));
        let cycle = Work::Law(Law::Constant(span(config.commit.cycle)));
        let mut classes = vec![
            ClassModel::new(Self::READ, reads, none.clone()),
            ClassModel { by_entries: true, ..ClassModel::new(Self::COMMIT, reads + 1, cycle.clone()) },
            ClassModel::new(Self::ERASE, reads + 1, cycle),
        ];
        let pool = stations.len() as u16;
        if let Some(of) = &config.pool {
            stations.push(StationModel::new("pool", Some(whole(of.connections))));
        }
        for class in Class::ALL {
            let mut behind = of_store(class);
            let mut spared = spared(class, config.cache.is_some());
            if let Some(of) = config.pool.as_ref().and_then(|pool| pool.law(class)) {
                let connection = ClassModel::new(format!("pool-{class}"), pool, Work::Law(law(of)));
                classes.push(ClassModel { behind, spared: std::mem::take(&mut spared), ..connection });
                behind = vec![classes.len() as u16 - 1];
            }
            let (station, slots) = match config.lane_of(class) {
                _ if class == Class::SignIn => (1, None),
                None => (0, Some(&config.slots)),
                Some((name, lane)) => {
                    (2 + config.lane.keys().position(|other| other == name).unwrap_or(0), Some(&lane.slots))
                }
            };
            let prior = slots.filter(|slots| slots.discipline == config::Discipline::Priority);
            let work = config.hold_law(class).map_or(none.clone(), |of| Work::Law(law(of)));
            classes.push(ClassModel {
                priority: prior.map_or(0, |slots| slots.priority_of(class)),
                behind,
                spared,
                ..ClassModel::new(class.name(), station as u16, work)
            });
        }
        let mut model = Self {
            stations,
            classes,
            erases: Some(ERASE),
            gates: Vec::new(),
            rooms: Vec::new(),
            intake: None,
            memories: memories(config),
            message_rate: config.outbox.rate.map(config::Rate::get),
            message_jitter: span(config.outbox.jitter),
            left_out: left_out(config),
        };
        let buckets = &config.bucket;
        for (per, bucket) in [
            (Per::Address, &buckets.address),
            (Per::Account, &buckets.account),
            (Per::Software, &buckets.software),
        ] {
            model.gates.extend(bucket.as_ref().map(|bucket| Gate {
                bucket: Bucket { per_second: bucket.rate.get(), burst: bucket.burst, per },
                classes: gated(&model, &bucket.classes, per),
            }));
        }
        if let Some(intake) = &config.intake {
            accept_first(&mut model, intake);
        }
        let rooms = &config.waiting_room;
        for (name, before, place, room) in [
            ("room-patients", Class::Landing, PlaceOf::Link, &rooms.patients),
            ("room-professionals", Class::Form, PlaceOf::Account, &rooms.professionals),
        ] {
            if let (Some(room), Some(before)) = (room, model.class(before.name())) {
                let (shown, station) = (model.classes.len() as u16, model.stations.len() as u16);
                model.stations.push(StationModel::new(name, None));
                model.classes.push(ClassModel::new(name, station, none.clone()));
                let (rate, places, poll) = (room.rate.get(), whole(room.places), span(room.poll));
                model.rooms.push(RoomModel { before, shown, place, rate, places, poll });
            }
        }
        model
    }
}

/// What is handed in as JSON is accepted first; other formats are answered when they are stored.
fn accept_first(model: &mut ServerModel, intake: &config::Intake) {
    let workers = model.stations.len() as u16;
    let station = StationModel::new("intake", Some(whole(intake.workers)));
    let (instances, dispatch) = (model.stations[0].instances, model.stations[0].dispatch);
    model.stations.push(StationModel { instances, dispatch, ..station });
    let cycle = model.classes[usize::from(COMMIT)].clone();
    let receipt = model.classes.len() as u16;
    model.classes.push(ClassModel { name: ServerModel::RECEIPT.to_owned(), by_entries: false, ..cycle });
    let hold = Work::Law(intake.law.as_ref().map_or(Law::Constant(Span::ZERO), law));
    let mut classes = Vec::new();
    for class in [Class::Validate, Class::Software, Class::Lab] {
        let Some(accepted) = model.class(class.name()) else { continue };
        let whole = model.classes[usize::from(accepted)].clone();
        let stored = format!("{class}{}", ServerModel::STORED);
        model.classes.push(ClassModel { name: stored, ..whole.clone() });
        let mut behind = whole.behind.clone();
        if let [connection] = behind[..]
            && model.class(&format!("pool-{class}")) == Some(connection)
        {
            // The worker holds its connection for both.
            let mut held = model.classes[usize::from(connection)].clone();
            held.behind.push(receipt);
            held.name = format!("pool-intake-{class}");
            model.classes.push(held);
            behind = vec![model.classes.len() as u16 - 1];
        } else {
            behind.push(receipt);
        }
        let worked = ClassModel { behind, ..ClassModel::new(format!("intake-{class}"), workers, whole.work) };
        model.classes.push(worked);
        classes.push((accepted, model.classes.len() as u16 - 1));
        let accepted = &mut model.classes[usize::from(accepted)];
        (accepted.work, accepted.behind) = (hold.clone(), vec![receipt]);
    }
    model.intake = Some(IntakeModel { classes, queue: intake.queue as u64 });
}

/// Indices of the classes whose requests take a token: only addresses are known before sign-in.
fn gated(model: &ServerModel, named: &BTreeSet<Class>, per: Per) -> Vec<u16> {
    let all = Class::ALL.into_iter().filter(|class| named.is_empty() || named.contains(class));
    all.filter(|class| per == Per::Address || *class != Class::SignIn)
        .filter_map(|class| model.class(class.name()))
        .collect()
}

fn slots(name: &str, slots: &Slots) -> StationModel {
    let limit = slots.limit.map(|limit| Adaptive {
        least: whole(limit.least),
        most: whole(limit.most),
        target: span(limit.target),
    });
    StationModel {
        queue: Some(whole(slots.queue)),
        discipline: match slots.discipline {
            config::Discipline::Fifo => Discipline::Fifo,
            config::Discipline::Lifo => Discipline::Lifo,
            config::Discipline::Priority => Discipline::Priority { preemptive: false },
        },
        abandoned: match slots.abandoned {
            Abandoned::Serve => Leaving::Serve,
            Abandoned::Drop => Leaving::Drop,
        },
        longest_wait: slots.longest_wait.map(span),
        retry_after: Some(span(slots.retry_after)),
        limit,
        ..StationModel::new(name, Some(whole(slots.workers)))
    }
}

/// What a request of a class asks of the store, one after the other: 0 for a read, 1 for a change, as in
/// [`ServerModel::from_config`].
fn of_store(class: Class) -> Vec<u16> {
    match class {
        Class::SignIn | Class::Form | Class::Landing => Vec::new(),
        Class::Search | Class::View | Class::Result => vec![READ],
        Class::Save | Class::Validate | Class::Software | Class::Lab | Class::BirthDate => vec![COMMIT],
        // The result and its certificate, which the first to ask for it has stored.
        Class::Print | Class::Certificate => vec![READ, READ, COMMIT],
    }
}

/// Index of the memory of the texts of certificates, and of the results of patients where there is a cache.
const TEXTS: u16 = 0;
const RESULTS: u16 = 1;

fn memories(config: &Config) -> Vec<Memory> {
    let texts = Memory { places: whole(CERTIFICATES_IN_MEMORY), lifetime: None };
    let results = config.cache.as_ref().map(|cache| (whole(cache.results), span(cache.lifetime)));
    let results = results.map(|(places, lifetime)| Memory { places, lifetime: Some(lifetime) });
    std::iter::once(texts).chain(results).collect()
}

/// What a request of a class does not ask the store for while it is in memory: the result, for patients; a certificate, which is
/// read, or issued and stored.
fn spared(class: Class, cached: bool) -> Vec<Spared> {
    let result = cached.then_some(Spared { memory: RESULTS, from: 0, count: 1 });
    let text = Spared { memory: TEXTS, from: 1, count: 2 };
    match class {
        Class::Result => result.into_iter().collect(),
        Class::Certificate => result.into_iter().chain([text]).collect(),
        Class::Print => vec![text],
        _ => Vec::new(),
    }
}

/// What the configuration says and the model does not, in words.
fn left_out(config: &Config) -> Vec<String> {
    // Where the store takes no time in the model it is all the same when a certificate is issued.
    let takes_time = config.pool.is_some() || config.commit != config::Commit::default();
    let background = config.certificates.when == config::When::Background && takes_time;
    let parts = [(background, "certificates issued in the background (they are when they are asked for)")];
    parts.into_iter().filter(|(said, _)| *said).map(|(_, part)| part.to_owned()).collect()
}

fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn span(duration: std::time::Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn law(law: &config::Law) -> Law {
    match *law {
        config::Law::Constant(value) => Law::Constant(span(value)),
        config::Law::Exponential { mean } => Law::Exponential(span(mean)),
        config::Law::LogNormal { mean, cv } => Law::LogNormal { mean: span(mean), cv },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twin(text: &str) -> ServerModel {
        ServerModel::from_config(&Config::parse(text).unwrap_or_else(|problems| panic!("{problems}")))
    }

    #[test]
    fn several_instances_are_stations_alike_behind_a_dispatcher() {
        let model = twin("[instances]\ncount = 3\n[store]\nbackend = \"postgres\"\n[slots]\nworkers = 8");
        for station in &model.stations[..2] {
            assert_eq!((station.instances, station.dispatch), (3, Dispatch::ShortestQueue));
        }
        assert_eq!(model.stations[0].servers, Some(8));
    }

    #[test]
    fn a_configuration_of_the_real_server_is_its_twin() {
        let model = twin(
            r#"
            [slots]
            workers = 32
            queue = 319
            abandoned = "drop"
            [hold]
            law = { lognormal = { mean = "100ms", cv = 1.0 } }
            [hold.class]
            lab = { constant = "400ms" }
            [issuer]
            workers = 16
            "#,
        );
        let slots = &model.stations[0];
        assert_eq!((slots.servers, slots.queue, slots.abandoned), (Some(32), Some(319), Leaving::Drop));
        assert_eq!(slots.retry_after, Some(Span::from_secs(5)));
        let class = |name| &model.classes[usize::from(model.class(name).unwrap())];
        assert_eq!(class("form").work.mean(), Span::from_millis(100));
        assert_eq!(class("lab").work, Work::Law(Law::Constant(Span::from_millis(400))));
        assert_eq!((class("sign-in").station, model.stations[1].servers), (1, Some(16)));
        assert_eq!(model.class("unheard-of"), None);
        assert_eq!(model.left_out, Vec::<String>::new());
    }

    #[test]
    fn every_lever_of_a_configuration_is_in_its_twin_or_said_to_be_left_out() {
        let model = twin(
            r#"
            [slots]
            workers = 32
            discipline = "priority"
            longest_wait = "4s"
            limit = { least = 2, most = 40, target = "1s" }
            [slots.priority]
            print = 7
            [lane.lab]
            classes = ["lab"]
            workers = 4
            queue = 40
            [pool]
            connections = 8
            law = { exponential = { mean = "20ms" } }
            [commit]
            cycle = "8ms"
            each = "50us"
            [bucket.account]
            rate = "3/s"
            burst = 10
            classes = ["validate"]
            [bucket.address]
            rate = "50/s"
            burst = 100
            [outbox]
            rate = "20/s"
            jitter = "30s"
            [waiting_room.patients]
            rate = "25/s"
            [intake]
            workers = 16
            [cache]
            results = 500
            "#,
        );
        let class = |name: &str| &model.classes[usize::from(model.class(name).unwrap())];
        let station = |name: &str| &model.stations[usize::from(class(name).station)];
        assert_eq!(station("print").discipline, Discipline::Priority { preemptive: false });
        assert_eq!(station("print").longest_wait, Some(Span::from_secs(4)));
        assert_eq!(station("print").limit.map(|limit| (limit.least, limit.most)), Some((2, 40)));
        assert_eq!(
            (class("print").priority, class("validate").priority, class("search").priority),
            (7, 0, 3)
        );
        assert_eq!((station("lab").name.as_str(), station("lab").servers), ("lane-lab", Some(4)));
        let connection = &model.classes[usize::from(class("save").behind[0])];
        assert_eq!((connection.name.as_str(), station("pool-save").servers), ("pool-save", Some(8)));
        assert_eq!(connection.behind, [model.class(ServerModel::COMMIT).unwrap()]);
        let each = Span::from_nanos(50_000);
        assert_eq!(station(ServerModel::COMMIT).discipline, Discipline::Groups { each, most: Some(2_048) });
        assert_eq!(class(ServerModel::COMMIT).work.mean(), Span::from_millis(8));
        let gates: Vec<(Per, usize)> =
            model.gates.iter().map(|gate| (gate.bucket.per, gate.classes.len())).collect();
        assert_eq!(gates, [(Per::Address, 13), (Per::Account, 1)]);
        assert_eq!((model.message_rate, model.message_jitter), (Some(20.0), Span::from_secs(30)));
        let [room] = &model.rooms[..] else { panic!("{:?}", model.rooms) };
        assert_eq!((room.before, room.place), (model.class("landing").unwrap(), PlaceOf::Link));
        assert_eq!((room.rate, room.places, room.poll), (25.0, 100_000, Span::from_secs(30)));
        assert_eq!(station("room-patients").servers, None);
        let intake = model.intake.as_ref().unwrap();
        assert_eq!(
            (intake.queue, intake.classes.len(), station("intake-lab").servers),
            (1_000_000, 3, Some(16))
        );
        let receipt = model.class(ServerModel::RECEIPT).unwrap();
        assert_eq!(class("validate").behind, [receipt], "accepted");
        assert_eq!(
            class("pool-intake-validate").behind,
            [model.class(ServerModel::COMMIT).unwrap(), receipt]
        );
        assert_eq!(class("lab-stored").behind, [model.class("pool-lab").unwrap()], "another format");
        let cache = Memory { places: 500, lifetime: Some(Span::from_secs(60)) };
        assert_eq!(model.memories, [Memory { places: 16_384, lifetime: None }, cache]);
        assert_eq!(class("pool-result").spared, [Spared { memory: 1, from: 0, count: 1 }]);
        assert_eq!(class("pool-print").spared, [Spared { memory: 0, from: 1, count: 2 }]);
        assert_eq!((class("pool-certificate").spared.len(), class("certificate").spared.len()), (2, 0));
        assert_eq!(model.left_out, Vec::<String>::new());
    }

    #[test]
    fn certificates_of_the_background_are_left_out_where_the_store_takes_time() {
        let background = "[certificates]\nwhen = \"background\"\n";
        assert!(twin(background).left_out.is_empty());
        let slow = format!("{background}[commit]\ncycle = \"20ms\"\n");
        assert_eq!(twin(&slow).left_out.len(), 1);
    }
}
