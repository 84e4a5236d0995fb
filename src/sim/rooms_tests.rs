//! Waiting rooms in simulated runs: sessions begin at the rate, in the order of coming, and everybody is accounted for.

use super::journeys_tests::{Diary, measured};
use super::{Choice, StationResult};
use crate::scenario::server_model::{ClassModel, PlaceOf, RoomModel, StationModel};
use crate::scenario::{
    Arrivals, Backoff, Incident, IncidentKind, Law, Outcome, Population, Retry, RetryFrom, ServerModel,
    Template, Timeline, Work, example,
};
use crate::units::{Rate, Span};

/// Ten sessions a second may begin.
const RATE: f64 = 10.0;

fn server(places: u32) -> ServerModel {
    let none = Work::Law(Law::Constant(Span::ZERO));
    let (rate, poll) = (RATE, Span::from_secs(1));
    ServerModel {
        stations: vec![StationModel::new("slots", Some(500)), StationModel::new("room", None)],
        classes: vec![
            ClassModel::new("s", 0, Work::Law(Law::Constant(Span::from_millis(10)))),
            ClassModel::new("room", 1, none),
        ],
        rooms: vec![RoomModel { before: 0, shown: 1, place: PlaceOf::Link, rate, places, poll }],
        ..ServerModel::default()
    }
}

/// Thirty visitors a second for 20 s, each with a link of its own, who ask again as the page tells, or give up.
fn play(
    model: &ServerModel,
    asks_again: bool,
    incidents: Vec<Incident>,
    engine: Choice,
) -> (Diary, Vec<StationResult>) {
    let mut step = example::step("s");
    step.request.path = Template::parse("/p/${ref}").unwrap();
    let retry = Retry {
        attempts: None,
        from: RetryFrom::Start,
        backoff: Backoff::Law(Law::Constant(Span::from_millis(1))),
        pause: None,
        honour_retry_after: true,
    };
    let visitors = Population {
        arrivals: Arrivals::Rate { rate: Rate::per_sec(30.0) },
        retry: asks_again.then_some(retry),
        ..example::population("visitor", vec![step])
    };
    let mut scenario = example::scenario(vec![visitors]);
    scenario.incidents = incidents;
    let timeline =
        Timeline { run_in: Span::ZERO, drain: Span::ZERO, ..example::timeline("12:00", "12:20", 60.0) };
    measured(&scenario, &timeline, model, engine)
}

fn count(diary: &Diary, outcome: Outcome) -> usize {
    diary.ended.iter().filter(|(_, _, of, ..)| *of == outcome).count()
}

fn room(stations: &[StationResult]) -> &StationResult {
    stations.iter().find(|station| station.station == "room").unwrap()
}

#[test]
fn sessions_begin_at_the_rate_and_no_faster() {
    for engine in [Choice::Lookahead, Choice::Events] {
        let (diary, stations) = play(&server(100_000), true, Vec::new(), engine);
        // 20 s, and what was there at the beginning; whoever is called comes within two seconds.
        let began = count(&diary, Outcome::Ok);
        assert!((180..=210).contains(&began), "{began}");
        for second in 1..20 {
            let until = |(_, _, outcome, _, _, done): &&(u16, u16, Outcome, _, _, crate::units::Offset)| {
                *outcome == Outcome::Ok && done.secs_f64() < f64::from(second)
            };
            let so_far = diary.ended.iter().filter(until).count();
            assert!(so_far as f64 <= RATE * f64::from(second + 1), "{so_far} in {second} s");
        }
        let room = room(&stations);
        let came = diary.journeys.iter().filter(|(_, _, kind)| *kind == 1).count() as u64;
        assert_eq!((room.arrivals(), room.served()), (came, began as u64), "each has one place");
        assert_eq!(room.refused(), [0; 5]);
        let told = stations.iter().find(|of| of.class.as_deref() == Some("s")).unwrap().refused();
        assert_eq!(told, [0, 0, 0, 0, count(&diary, Outcome::Shed) as u64]);
    }
}

#[test]
fn a_place_that_nobody_asks_for_again_is_given_to_the_next() {
    let (diary, stations) = play(&server(100_000), false, Vec::new(), Choice::Lookahead);
    let room = room(&stations);
    assert!(room.abandoned() > 200, "void: {}", room.abandoned());
    // Permits that called nobody are not lost: those who find nobody before them use them.
    assert!(count(&diary, Outcome::Ok) > 60, "{}", count(&diary, Outcome::Ok));
}

#[test]
fn a_full_room_gives_no_place_and_a_new_server_knows_none() {
    let (_, stations) = play(&server(20), true, Vec::new(), Choice::Lookahead);
    assert!(room(&stations).refused()[0] > 300, "{:?}", room(&stations).refused());
    let kill = Incident {
        at: "12:10".parse().unwrap(),
        until: None,
        kind: IncidentKind::ServerKilled { back_after: Span::from_secs(2) },
    };
    // The engine itself asserts Little's law of the room, too.
    let (_, stations) = play(&server(100_000), true, vec![kill], Choice::Auto);
    let [.., down, _] = room(&stations).refused();
    // Twenty a second more come than go in.
    assert!((150..=210).contains(&down), "{down} lost their place");
}
