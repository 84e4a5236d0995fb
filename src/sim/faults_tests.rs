//! What incidents do in a simulated run, to the nanosecond.

use proptest::prelude::*;

use super::Choice;
use super::journeys_tests::{Diary, measured, simulate};
use crate::scenario::server_model::{
    ClassModel, Discipline, Dispatch, IntakeModel, Leaving, Memory, Spared, StationModel,
};
use crate::scenario::{
    Accounts, After, Arrivals, Cause, Delay, Incident, IncidentKind, Law, Messages, Outcome, Population,
    Scenario, ServerModel, Timeline, Work, example,
};
use crate::units::{Offset, Rate, Span};

fn visitors(rate: f64) -> Population {
    let mut steps = vec![example::step("sign-in"), example::step("s")];
    steps[1].messages = 1;
    Population {
        arrivals: Arrivals::Rate { rate: Rate::per_sec(rate) },
        timeout: Law::Constant(Span::from_secs(9)),
        ..example::population("visitor", steps)
    }
}

/// Thirty seconds, of which one lasts ten minutes of scenario time, and visitors with the readers of their messages.
fn world(incidents: Vec<Incident>) -> (Scenario, Timeline) {
    let mut readers = example::population("reader", vec![example::step("s")]);
    let delays = vec![(1.0, Delay::After(Law::Constant(Span::ZERO)))];
    readers.arrivals = Arrivals::After(After { cause: Cause::Message, share: 1.0, journeys: 1.0, delays });
    let mut scenario = example::scenario(vec![visitors(20.0), readers]);
    let delay = Span::from_millis(100);
    scenario.messages = Some(Messages { reference: String::new(), keep: Vec::new(), delay, preload: None });
    scenario.incidents = incidents;
    (scenario, Timeline { drain: Span::from_secs(10), ..example::timeline("12:00", "17:00", 600.0) })
}

pub(super) fn server(servers: u32, instances: u32, work: Span) -> ServerModel {
    let station = |name: &str| StationModel {
        instances,
        dispatch: Dispatch::ShortestQueue,
        ..StationModel::new(name, Some(servers))
    };
    let class = |name: &str, station: u16| ClassModel::new(name, station, Work::Law(Law::Constant(work)));
    ServerModel {
        stations: vec![station("slots"), station("issuer")],
        classes: vec![class("sign-in", 1), class("s", 0)],
        ..ServerModel::default()
    }
}

pub(super) fn incident(at: &str, until: Option<&str>, kind: IncidentKind) -> Incident {
    Incident { at: at.parse().unwrap(), until: until.map(|until| until.parse().unwrap()), kind }
}

pub(super) fn play(incidents: Vec<Incident>, model: &ServerModel) -> Diary {
    let (scenario, timeline) = world(incidents);
    simulate(&scenario, &timeline, model, Choice::Events)
}

/// The same of visitors who hand in so many entries each, as a text.
pub(super) fn entering(entries: u32, model: &ServerModel) -> Diary {
    let (mut scenario, timeline) = world(Vec::new());
    scenario.populations[0].steps[1].messages = entries;
    simulate(&scenario, &timeline, model, Choice::Events)
}

pub(super) fn seconds(at: f64) -> Offset {
    Offset::from_secs_f64(at)
}

#[test]
fn while_the_server_is_killed_requests_fail_at_once_and_messages_wait_until_it_is_back() {
    let kill = IncidentKind::ServerKilled { back_after: Span::from_secs(5) };
    // The server is busy to 80 %: when it dies, somebody is in service and others wait.
    let diary = play(vec![incident("13:40", None, kill)], &server(1, 1, Span::from_millis(20)));
    let down = seconds(10.0)..seconds(15.0);
    let mut killed = 0;
    for (_, _, outcome, _, sent, done) in &diary.ended {
        if down.contains(done) {
            assert_eq!(*outcome, Outcome::Failed);
            assert!(sent == done || *done == down.start);
            killed += u32::from(sent < done);
        } else {
            assert_eq!(*outcome, Outcome::Ok);
        }
    }
    assert!(killed > 0);
    // Readers come 100 ms after a success; of what was stored in the last 100 ms before the kill, when it is back.
    let late = down.start + Span::from_millis(100)..down.end + Span::from_millis(100);
    let came = |population: u16| {
        diary
            .journeys
            .iter()
            .filter(move |(of, _, kind)| (*of, *kind) == (population, 1))
            .map(|(_, at, _)| *at)
    };
    assert!(came(1).count() > 300 && came(1).all(|at| !late.contains(&at)), "{late:?}");
}

#[test]
fn an_issuer_that_is_down_refuses_and_one_that_is_slow_takes_so_much_longer() {
    let delay = Span::from_millis(400);
    let incidents = vec![
        incident("13:40", Some("14:30"), IncidentKind::IssuerDown),
        incident("15:00", Some("15:50"), IncidentKind::IssuerSlow { delay }),
    ];
    let work = Span::from_millis(10);
    let diary = play(incidents, &server(50, 1, work));
    let (down, slow) = (seconds(10.0)..seconds(15.0), seconds(18.0)..seconds(23.0));
    for (population, step, outcome, _, sent, done) in &diary.ended {
        let sign_in = (*population, *step) == (0, 0);
        if sign_in && down.contains(sent) {
            assert_eq!((*outcome, sent), (Outcome::Shed, done));
        } else {
            let longer = if sign_in && slow.contains(sent) { delay } else { Span::ZERO };
            assert_eq!((*outcome, *done), (Outcome::Ok, *sent + work + longer));
        }
    }
}

#[test]
fn who_has_an_entrance_of_its_own_signs_in_while_the_issuer_is_down() {
    let down = vec![incident("0:00", None, IncidentKind::IssuerDown)];
    for (kind, let_in) in [("lab", true), ("person", false), ("software", false), ("doctor", false)] {
        let (mut scenario, timeline) = world(down.clone());
        scenario.populations[0].accounts = Some(Accounts { count: 50, kind: kind.to_owned() });
        let diary = simulate(&scenario, &timeline, &server(50, 1, Span::from_millis(10)), Choice::Events);
        let shed = diary.ended.iter().any(|(.., outcome, _, _, _)| *outcome == Outcome::Shed);
        assert_eq!(!shed, let_in, "{kind}");
    }
}

#[test]
fn without_those_that_leave_a_server_is_one_of_fewer_instances() {
    let leave = IncidentKind::InstanceLeaves { instances: 2 };
    let away = play(vec![incident("0:00", None, leave.clone())], &server(1, 3, Span::from_millis(20)));
    let fewer = play(Vec::new(), &server(1, 1, Span::from_millis(20)));
    let all = play(Vec::new(), &server(1, 3, Span::from_millis(20)));
    assert!(away == fewer && away != all);
    // Everything begins at 9:30.
    let back = play(vec![incident("0:00", Some("9:00"), leave)], &server(1, 3, Span::from_millis(20)));
    assert!(back == all, "who is back takes part again");
}

#[test]
fn what_is_accepted_is_answered_at_once_and_its_messages_come_when_it_is_settled_whatever_happens_to_the_server()
 {
    // Twenty a second are accepted; two are worked on at a time, a second long.
    let mut model = server(500, 1, Span::ZERO);
    model.stations.push(StationModel::new("intake", Some(2)));
    let second = Work::Law(Law::Constant(Span::from_secs(1)));
    model.stations.push(StationModel::new("work", None));
    model.classes.push(ClassModel::new("done", 3, second));
    model.classes.push(ClassModel {
        behind: vec![2],
        ..ClassModel::new("worked", 2, Work::Law(Law::Constant(Span::ZERO)))
    });
    model.intake = Some(IntakeModel { classes: vec![(1, 3)], queue: 10 });
    let kill = IncidentKind::ServerKilled { back_after: Span::from_secs(2) };
    let (mut scenario, timeline) = world(vec![incident("13:40", None, kill)]);
    // Readers go elsewhere.
    scenario.populations[1].steps[0].class = "elsewhere".to_owned();
    let (diary, stations) = measured(&scenario, &timeline, &model, Choice::Auto);
    let entries = |outcome: Outcome| {
        diary
            .ended
            .iter()
            .filter(|(population, step, of, ..)| (*population, *step, *of) == (0, 1, outcome))
            .count()
    };
    let readers =
        diary.journeys.iter().filter(|(population, _, kind)| (*population, *kind) == (1, 1)).count();
    // 15 s of run-in and 30 s, without two in which there is no server; ten wait.
    assert!((75..=90).contains(&readers), "{readers} are settled");
    assert!((readers..=readers + 12).contains(&entries(Outcome::Ok)), "{} accepted", entries(Outcome::Ok));
    assert!(entries(Outcome::Shed) > 500 && entries(Outcome::TimedOut) == 0);
    let refused = stations.iter().find(|station| station.class.as_deref() == Some("s")).unwrap().refused();
    assert!(refused[0] > 300, "{refused:?}");
}

fn any_incident() -> impl Strategy<Value = Incident> {
    let kind = prop_oneof![
        (0_u64..8).prop_map(|after| IncidentKind::ServerKilled { back_after: Span::from_secs(after) }),
        Just(IncidentKind::IssuerDown),
        (1_u64..900).prop_map(|ms| IncidentKind::IssuerSlow { delay: Span::from_millis(ms) }),
        (1_u32..4).prop_map(|instances| IncidentKind::InstanceLeaves { instances }),
        (0_u64..90, 1_u64..40).prop_map(|(commit, read)| IncidentKind::StoreSlow {
            commit: Span::from_millis(commit),
            read: Span::from_millis(read)
        }),
    ];
    (kind, 0_u64..5, 1_u64..3).prop_map(|(kind, hours, lasts)| {
        let [at, until] = [hours, hours + lasts].map(|hour| format!("{:02}:15", 11 + hour));
        let ends = !matches!(kind, IncidentKind::ServerKilled { .. });
        incident(&at, ends.then_some(until.as_str()), kind)
    })
}

/// The same, and each request of class s takes a connection for the time of a read and a commit of the store.
fn with_pool(mut model: ServerModel, connections: u32) -> ServerModel {
    let (first, zero) = (model.stations.len() as u16, Work::Law(Law::Constant(Span::ZERO)));
    model.stations.extend([
        StationModel::new("pool", Some(connections)),
        StationModel::new("reads", Some(1)),
        StationModel {
            discipline: Discipline::Groups { each: Span::from_millis(1), most: None },
            ..StationModel::new("commits", None)
        },
    ]);
    let place = model.classes.len() as u16;
    model.memories = vec![Memory { places: 20, lifetime: Some(Span::from_secs(2)) }];
    let connection = ClassModel::new("connection", first, Work::Law(Law::Exponential(Span::from_millis(25))));
    model.classes.extend([
        ClassModel::new(ServerModel::READ, first + 1, zero.clone()),
        ClassModel::new(ServerModel::COMMIT, first + 2, zero),
        ClassModel {
            behind: vec![place, place + 1],
            spared: vec![Spared { memory: 0, from: 0, count: 1 }],
            ..connection
        },
    ]);
    model.classes[1].behind = vec![place + 2];
    model
}

/// The same, and what is handed in is accepted first.
fn with_intake(mut model: ServerModel, workers: u32, queue: u64) -> ServerModel {
    let (station, worked) = (model.stations.len() as u16, model.classes.len() as u16);
    model.stations.push(StationModel::new("intake", Some(workers)));
    let whole = model.classes[1].clone();
    model.classes.push(ClassModel { name: "worked".to_owned(), station, ..whole });
    let commit = model.class(ServerModel::COMMIT).unwrap();
    (model.classes[1].work, model.classes[1].behind) = (Work::Law(Law::Constant(Span::ZERO)), vec![commit]);
    model.intake = Some(IntakeModel { classes: vec![(1, worked)], queue });
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn whatever_happens_every_request_ends_once(
        incidents in prop::collection::vec(any_incident(), 1..4),
        servers in 1_u32..3,
        instances in 1_u32..4,
        connections in 1_u32..4,
        drop: bool,
        intake in prop::option::of((1_u32..4, 1_u64..60)),
        erases: bool,
    ) {
        let mut model = with_pool(server(servers, instances, Span::from_millis(30)), connections);
        if let Some((workers, queue)) = intake {
            model = with_intake(model, workers, queue);
        }
        model.erases = model.class(ServerModel::COMMIT).filter(|_| erases);
        if drop {
            model.stations.iter_mut().for_each(|station| station.abandoned = Leaving::Drop);
        }
        // The engine itself asserts Little's law of it.
        let diary = play(incidents, &model);
        let mut ended: Vec<_> = diary.ended.iter().map(|(p, s, _, intended, ..)| (*p, *s, *intended)).collect();
        ended.sort_unstable();
        prop_assert_eq!(diary.offered, ended);
    }
}
