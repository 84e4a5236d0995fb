//! Journeys in both engines: the same requests at the same nanosecond, none lost, the planned arrivals untouched.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::play::play;
use super::recorder::Recorder;
use super::{Choice, Simulation, StationResult};
use crate::record::{JourneyEvent, Sample};
use crate::scenario::server_model::{ClassModel, Dispatch, Leaving, PlaceOf, RoomModel, StationModel};
use crate::scenario::{
    Accounts, After, Arrivals, Backoff, Cause, Connection, Delay, Law, Messages, OnFailure, Outcome,
    Population, Retry, RetryFrom, Scenario, ServerModel, Step, Target, Template, Timeline, Work, example,
};
use crate::units::{Offset, Rate, Span};

/// All that an engine tells.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Diary {
    pub(super) offered: Vec<(u16, u16, Offset)>,
    pub(super) sent: Vec<(u16, u16, Offset)>,
    /// Population, step, outcome; intended, sent, done.
    pub(super) ended: Vec<(u16, u16, Outcome, Offset, Offset, Offset)>,
    /// Population, arrival, what happened.
    pub(super) journeys: Vec<(u16, Offset, u8)>,
}

impl Recorder for Diary {
    fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        self.offered.push((population, step, intended));
    }
    fn sent(&mut self, population: u16, step: u16, at: Offset) {
        self.sent.push((population, step, at));
    }
    fn ended(&mut self, sample: &Sample) {
        let Sample { population, step, outcome, intended, sent, done, .. } = *sample;
        self.ended.push((population, step, outcome, intended, sent, done));
    }
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        let kind = match event {
            JourneyEvent::Planned => 0,
            JourneyEvent::Started => 1,
            JourneyEvent::Marred => 2,
            JourneyEvent::Completed { clean: true } => 3,
            JourneyEvent::Completed { clean: false } => 4,
            JourneyEvent::GaveUp => 5,
        };
        self.journeys.push((population, arrived, kind));
    }
    fn passed(&mut self, _: Offset) {}
}

pub(super) fn simulate(
    scenario: &Scenario,
    timeline: &Timeline,
    model: &ServerModel,
    engine: Choice,
) -> Diary {
    measured(scenario, timeline, model, engine).0
}

/// The same, and what was measured at the stations.
pub(super) fn measured(
    scenario: &Scenario,
    timeline: &Timeline,
    model: &ServerModel,
    engine: Choice,
) -> (Diary, Vec<StationResult>) {
    let played = vec![true; scenario.populations.len()];
    let simulation = Simulation { scenario, timeline, seed: scenario.seed, played: &played, model, engine };
    let (simulated, mut diary) = play(&simulation, Diary::default(), &mut |_, _| true).unwrap();
    assert!(simulated.completed);
    // The order in which futures are told is each engine's own.
    diary.offered.sort_unstable();
    diary.sent.sort_unstable();
    diary.ended.sort_unstable();
    diary.journeys.sort_unstable();
    (diary, simulated.stations)
}

fn timeline() -> Timeline {
    Timeline {
        run_in: Span::from_secs(2),
        drain: Span::from_secs(1),
        ..example::timeline("12:00", "12:05", 30.0)
    }
}

prop_compose! {
    fn population()(
        rate in 1.0..15.0_f64,
        steps in 1_usize..4,
        accounts in prop::option::of(1_u32..400),
        lanes in prop::option::of(1_u32..6),
        patience in 50_u64..900,
        think in 0_u64..300,
        attempts in prop::option::of(0_u32..4),
        start: bool,
        every in prop::option::of((0_usize..3, 1_u32..4)),
        chances in prop::collection::vec(prop_oneof![2 => Just(1.0), 1 => 0.2..1.0_f64], 3),
        failures in prop::collection::vec(prop_oneof![
            3 => Just(OnFailure::Retry), 1 => Just(OnFailure::Continue), 1 => Just(OnFailure::GiveUp)
        ], 3),
        back in prop_oneof![2 => Just(0.0), 1 => 0.1..0.6_f64],
        pause in prop::option::of(100_u64..3_000),
        honour_retry_after: bool,
        pool in prop::option::weighted(0.3, 1_u32..5),
        path in prop_oneof![Just("/p/a"), Just("/p/${ref}"), Just("/p/${random}")],
    ) -> Population {
        let mut steps: Vec<Step> = (0..steps).map(|step| example::step(&format!("s{step}"))).collect();
        steps[0].request.path = Template::parse(path).unwrap();
        for ((step, chance), on_failure) in steps.iter_mut().zip(chances).zip(failures) {
            (step.chance, step.on_failure) = (chance, on_failure);
        }
        if let Some((step, every)) = every {
            let step = step % steps.len();
            steps[step].every = Some(every);
        }
        if let Some(last) = steps.last_mut() {
            last.messages = 2;
            last.next = vec![(back, Target::Step(0)), (1.0 - back, Target::End)];
        }
        Population {
            arrivals: Arrivals::Rate { rate: Rate::per_sec(rate) },
            accounts: accounts.map(|count| Accounts { count, kind: "person".to_owned() }),
            lanes,
            connection: pool.map_or(Connection::New, Connection::PoolOf),
            timeout: Law::Uniform(Span::from_millis(20), Span::from_millis(patience)),
            think: Law::Constant(Span::from_millis(think)),
            retry: attempts.map(|attempts| Retry {
                attempts: Some(attempts),
                from: if start { RetryFrom::Start } else { RetryFrom::Step },
                backoff: Backoff::FullJitter { base: Span::from_millis(50), cap: Span::from_millis(400) },
                pause: pause.map(|millis| Law::Uniform(Span::from_millis(millis), Span::from_millis(2 * millis))),
                honour_retry_after,
            }),
            patience: Some(Law::Constant(Span::from_secs(6))),
            ..example::population("p", steps)
        }
    }
}

prop_compose! {
    fn world()(
        seed: u64,
        one in population(),
        other in population(),
        slots in 1_u32..8,
        queue in 0_u32..20,
        mean in 5_u64..200,
        drop: bool,
        message_rate in prop::option::of(1.0..40.0_f64),
        instances in 1_u32..3,
        room in prop::option::of(room()),
    ) -> (Scenario, ServerModel) {
        let mut readers = example::population("reader", vec![example::step("s0"), example::step("s1")]);
        readers.arrivals = Arrivals::After(After {
            cause: Cause::Message,
            share: 0.8,
            journeys: 1.4,
            delays: vec![(1.0, Delay::After(Law::Exponential(Span::from_secs(40))))],
        });
        let mut watchers = example::population("watcher", vec![example::step("s2")]);
        let cause = Cause::Step { population: 0, step: 0 };
        let delays = vec![(1.0, Delay::After(Law::Constant(Span::from_secs(3))))];
        watchers.arrivals = Arrivals::After(After { cause, share: 0.3, journeys: 1.0, delays });
        let mut scenario = example::scenario(vec![one, other, readers, watchers]);
        scenario.seed = seed;
        let delay = Span::from_millis(200);
        scenario.messages = Some(Messages { reference: String::new(), keep: Vec::new(), delay, preload: None });
        let station = StationModel {
            queue: Some(queue),
            abandoned: if drop { Leaving::Drop } else { Leaving::Serve },
            retry_after: Some(Span::from_millis(700)),
            instances,
            dispatch: Dispatch::RoundRobin,
            ..StationModel::new("slots", Some(slots))
        };
        let class = |name: &str| ClassModel {
            name: name.to_owned(),
            station: 0,
            work: Work::Law(Law::LogNormal { mean: Span::from_millis(mean), cv: 1.0 }),
            priority: 0,
            by_entries: false,
            behind: Vec::new(),
            spared: Vec::new(),
        };
        let none = Work::Law(Law::Constant(Span::ZERO));
        // The class s2 is not among them: it goes elsewhere.
        let model = ServerModel {
            stations: vec![station, StationModel::new("room", None)],
            classes: vec![class("s0"), class("s1"), ClassModel::new("room", 1, none)],
            message_rate,
            rooms: room.into_iter().collect(),
            ..ServerModel::default()
        };
        (scenario, model)
    }
}

prop_compose! {
    fn room()(
        rate in 0.5..30.0_f64,
        places in prop_oneof![1_u32..10, Just(1_000)],
        poll in 50_u64..900,
        place in prop_oneof![2 => Just(PlaceOf::Link), 1 => Just(PlaceOf::Account)],
    ) -> RoomModel {
        RoomModel { before: 0, shown: 2, place, rate, places, poll: Span::from_millis(poll) }
    }
}

proptest! {
    // Other cases every time: this law is what all that the look-ahead engine says rests on.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Random, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn both_engines_play_the_same_journeys_and_lose_none((scenario, model) in world()) {
        let timeline = timeline();
        let (lookahead, met) = measured(&scenario, &timeline, &model, Choice::Lookahead);
        let (events, seen) = measured(&scenario, &timeline, &model, Choice::Events);
        prop_assert_eq!(&lookahead.offered, &events.offered);
        prop_assert_eq!(&lookahead.sent, &events.sent);
        prop_assert_eq!(&lookahead.ended, &events.ended);
        prop_assert_eq!(&lookahead.journeys, &events.journeys);
        for (a, b) in met.iter().zip(&seen) {
            prop_assert_eq!(&a.meter.slices, &b.meter.slices);
            prop_assert_eq!((a.refused(), a.served(), a.abandoned()), (b.refused(), b.served(), b.abandoned()));
        }
        // Every offered request has exactly one outcome.
        let offered: Vec<_> = lookahead.offered.clone();
        let mut ended: Vec<_> = lookahead.ended.iter().map(|(p, s, _, intended, ..)| (*p, *s, *intended)).collect();
        ended.sort_unstable();
        prop_assert_eq!(offered, ended);
        // Every planned arrival begins a journey at its nanosecond.
        for arrival in crate::arrivals::planned(&scenario, &timeline, scenario.seed) {
            prop_assert!(lookahead.journeys.binary_search(&(arrival.population, arrival.at, 1)).is_ok());
        }
    }
}
