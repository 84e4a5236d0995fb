//! The two engines against each other, request by request, and against themselves.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::calendar::{Calendar, Ranked};
use super::clients::{Clients, Horizon, Reply, Request};
use super::customers::{Crowd, Customer};
use super::meter::Meter;
use super::model::Model;
use super::{Engine, customers, plain};
use crate::scenario::queueing::{Batch, Comeback, Coming, Customers, Leg, Patience, Profile, Queueing};
use crate::scenario::server_model::{Bucket, ClassModel, Discipline, Dispatch, Leaving, Per, StationModel};
use crate::scenario::{Law, Outcome, ServerModel, Work};
use crate::units::Span;

/// Writes down all that clients are told.
struct Diary {
    crowd: Crowd,
    lines: Vec<(u64, i64, Reply)>,
}

impl Clients for Diary {
    type Who = Customer;
    fn planned_at(&self) -> i64 {
        self.crowd.planned_at()
    }
    fn arrive(&mut self, later: &mut Calendar<Customer>) -> Option<Request<Customer>> {
        self.crowd.arrive(later)
    }
    fn due(&mut self, who: Customer, at: i64, later: &mut Calendar<Customer>) -> Option<Request<Customer>> {
        self.crowd.due(who, at, later)
    }
    fn answered(&mut self, who: Customer, reply: Reply, later: &mut Calendar<Customer>) {
        self.lines.push((who.rank(), reply.at, reply));
        self.crowd.answered(who, reply, later);
    }
    fn told_in_order(&self, who: &Customer, _: Outcome) -> bool {
        // Both ways of telling must come to the same.
        who.rank().is_multiple_of(2)
    }
}

fn play(system: &Queueing, engine: Engine) -> (Vec<(u64, i64, Reply)>, Meter, Vec<super::peak::Peak>) {
    let model = Model::new(&system.model).unwrap();
    let start = -(system.run_in.nanos() as i64);
    let end = system.duration.nanos() as i64;
    let horizon = Horizon { end, drained: end + end / 10 };
    let mut meter = Meter::new(model.classes.len(), 0, horizon, end / 7);
    let mut later = Calendar::new();
    let crowd = Crowd::new(system, &customers::laws(system), 0, (start, horizon), &mut later);
    let mut diary = Diary { crowd, lines: Vec::new() };
    let (peaks, _) =
        plain::run(engine, &model, &mut diary, later, &mut meter, start, horizon, &mut |_, _| true);
    diary.lines.sort_by_key(|(order, at, _)| (*order, *at));
    (diary.lines, meter, peaks)
}

fn law() -> impl Strategy<Value = Work> {
    let mean = (1_u64..40).prop_map(Span::from_millis);
    prop_oneof![
        mean.clone().prop_map(|mean| Work::Law(Law::Exponential(mean))),
        mean.clone().prop_map(|mean| Work::Law(Law::Constant(mean))),
        mean.prop_map(|mean| Work::Law(Law::LogNormal { mean, cv: 2.0 })),
        Just(Work::Law(Law::Constant(Span::ZERO))),
    ]
}

prop_compose! {
    fn station()(
        servers in prop_oneof![4 => (1_u32..5).prop_map(Some), 1 => Just(None)],
        queue in prop_oneof![1 => Just(None), 2 => (0_u32..12).prop_map(Some)],
        instances in 1_u32..4,
        dispatch in prop_oneof![
            Just(Dispatch::Random), Just(Dispatch::RoundRobin), Just(Dispatch::ShortestQueue), Just(Dispatch::PowerOf(2))
        ],
        drop: bool,
        longest_wait in prop_oneof![2 => Just(None), 1 => (1_u64..30).prop_map(|ms| Some(Span::from_millis(ms)))],
        bucket in prop_oneof![3 => Just(None), 1 => (1_u32..5).prop_map(|burst| Some(Bucket { per_second: 90.0, burst, per: Per::Station }))],
        changes in prop::collection::vec((0_i64..20, 0_u32..5), 0..4),
    ) -> StationModel {
        let mut at = -300_000_000_i64;
        let capacity = changes.into_iter().map(|(after, servers)| {
            at += after * 100_000_000;
            (at, servers)
        });
        StationModel {
            queue,
            instances,
            dispatch,
            abandoned: if drop { Leaving::Drop } else { Leaving::Serve },
            longest_wait,
            retry_after: longest_wait,
            bucket,
            capacity: if servers.is_some() { capacity.collect() } else { Vec::new() },
            ..StationModel::new("s", servers)
        }
    }
}

prop_compose! {
    fn system()(
        seed: u64,
        stations in prop::collection::vec(station(), 1..3),
        works in prop::collection::vec(law(), 4),
        arrivals in prop_oneof![
            (20.0..400.0_f64).prop_map(|rate| Coming::Poisson(Profile::Constant(rate))),
            (20_u32..300).prop_map(|rate| Coming::Even(Profile::Constant(f64::from(rate)))),
            law().prop_filter("time passes", |law| law.mean() > Span::ZERO).prop_map(Coming::Renewal),
            (1_u32..40).prop_map(|count| Coming::Closed { count, think: Work::Law(Law::Exponential(Span::from_millis(20))) }),
        ],
        batch in 1_u32..4,
        initial in 0_u32..5,
        patience in prop::option::of((law(), any::<bool>())),
        retry in prop::option::of((law(), 0.0..1.0_f64)),
        back in 0.0..0.6_f64,
    ) -> Queueing {
        let count = stations.len();
        let class = |class: usize| ClassModel {
            name: format!("c{class}"),
            station: (class % count) as u16,
            work: works[class].clone(),
            priority: 0,
            by_entries: false,
            behind: Vec::new(),
            spared: Vec::new(),
        };
        let classes = (0..4).map(class).collect();
        let legs = |from: u16| vec![
            Leg { class: from, next: vec![] },
            Leg { class: from + 1, next: vec![(back, Some(0)), (1.0 - back, None)] },
        ];
        let customers = |name: &str, arrivals, from| Customers {
            name: name.to_owned(),
            arrivals,
            batch: Batch::Fixed(batch),
            initial,
            route: legs(from),
            patience: patience.clone().map(|(law, until_service)| Patience { law, until_service }),
            retry: retry.clone().map(|(after, persistence)| Comeback { after, persistence, attempts: Some(6) }),
        };
        let other = Coming::Poisson(Profile::Constant(50.0));
        Queueing {
            name: "random".to_owned(),
            about: String::new(),
            seed,
            run_in: Span::from_millis(300),
            duration: Span::from_millis(1_500),
            replications: 1,
            may_grow: true,
            model: ServerModel { stations, classes, ..ServerModel::default() },
            customers: vec![customers("one", arrivals, 0), customers("two", other, 2)],
            observe: Vec::new(),
            cycle: None,
        }
    }
}

#[test]
fn who_is_interrupted_loses_patience_while_it_waits_again() {
    let class = |name: &str, priority, ms| ClassModel {
        priority,
        ..ClassModel::new(name, 0, Work::Law(Law::Constant(Span::from_millis(ms))))
    };
    let patience = Patience { law: Work::Law(Law::Constant(Span::from_millis(15))), until_service: false };
    let customers = |name: &str, rate, class| Customers {
        name: name.to_owned(),
        arrivals: Coming::Poisson(Profile::Constant(rate)),
        batch: Batch::Fixed(1),
        initial: 0,
        route: vec![Leg { class, next: vec![] }],
        patience: (class == 1).then(|| patience.clone()),
        retry: None,
    };
    let station = StationModel {
        discipline: Discipline::Priority { preemptive: true },
        abandoned: Leaving::Drop,
        ..StationModel::new("s", Some(1))
    };
    let classes = vec![class("high", 0, 20), class("low", 1, 10)];
    let system = Queueing {
        name: "interrupted".to_owned(),
        about: String::new(),
        seed: 1,
        run_in: Span::ZERO,
        duration: Span::from_secs(100),
        replications: 1,
        may_grow: true,
        model: ServerModel { stations: vec![station], classes, ..ServerModel::default() },
        customers: vec![customers("high", 20.0, 0), customers("low", 20.0, 1)],
        observe: Vec::new(),
        cycle: None,
    };
    let (lines, ..) = play(&system, Engine::Events);
    let low = lines.iter().filter(|(rank, ..)| rank >> 48 == 1).map(|(.., reply)| reply);
    let low: Vec<&Reply> = low.filter(|reply| reply.outcome != Outcome::InFlight).collect();
    let longest = low.iter().map(|reply| reply.at - reply.sent).max();
    assert_eq!(longest, Some(15_000_000), "nobody waits for longer than its patience");
    let served = low.iter().filter(|reply| reply.outcome == Outcome::Ok).count();
    assert!(served > 500 && served + 500 < low.len(), "{served} of {}", low.len());
}

proptest! {
    // Other cases every time: this law is what all that the look-ahead engine says rests on.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Random, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn both_engines_tell_every_client_the_same_at_the_same_nanosecond(system in system()) {
        let (lookahead, met, peaks) = play(&system, Engine::Lookahead);
        let (events, seen, highest) = play(&system, Engine::Events);
        let mismatch = lookahead.iter().zip(&events).find(|(a, b)| a != b);
        prop_assert_eq!(mismatch, None);
        prop_assert_eq!(lookahead.len(), events.len());
        prop_assert_eq!(peaks, highest);
        for (a, b) in met.classes.iter().zip(&seen.classes) {
            prop_assert_eq!(&a.slices, &b.slices);
            prop_assert_eq!((a.arrivals, a.served, a.full, a.limited), (b.arrivals, b.served, b.full, b.limited));
            prop_assert_eq!((a.late, a.abandoned, a.waited, a.wasted), (b.late, b.abandoned, b.waited, b.wasted));
            prop_assert_eq!(a.wait.quantiles([0.9]), b.wait.quantiles([0.9]));
            prop_assert_eq!(a.sojourn.mean(), b.sojourn.mean());
        }
    }
}
