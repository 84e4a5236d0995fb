//! What lies behind a station, against stations without anything behind them, to the nanosecond.

use super::faults_tests::{entering, incident, play, seconds, server};
use crate::scenario::server_model::{
    Bucket, ClassModel, Discipline, Gate, Memory, Per, Spared, StationModel,
};
use crate::scenario::{IncidentKind, Law, Outcome, ServerModel, Work};
use crate::units::Span;

fn millis(ms: u64) -> Work {
    Work::Law(Law::Constant(Span::from_millis(ms)))
}

/// One station of so many servers, whose requests hold them for `work` and need one of `connections` for 40 ms.
fn pooled(servers: u32, work: Span, connections: u32) -> ServerModel {
    let mut model = server(servers, 1, work);
    model.stations.push(StationModel::new("pool", Some(connections)));
    model.classes.push(ClassModel::new("connection", 2, millis(40)));
    model.classes[1].behind = vec![2];
    model
}

#[test]
fn a_server_is_kept_for_the_longer_of_its_work_and_what_it_needs() {
    let plain = |servers, ms| {
        let mut model = server(servers, 1, Span::ZERO);
        model.classes[1].work = millis(ms);
        play(Vec::new(), &model)
    };
    let with = |servers, ms, connections| {
        let mut model = pooled(servers, Span::ZERO, connections);
        model.classes[1].work = millis(ms);
        play(Vec::new(), &model)
    };
    assert!(with(1, 10, 8) == plain(1, 40), "the connection takes longer");
    assert!(with(1, 45, 8) == plain(1, 45), "the work takes longer");
    assert!(
        with(500, 0, 1) == plain(1, 40),
        "who waits for a connection keeps a server, of which there are enough"
    );
    assert!(with(500, 0, 2) == plain(2, 40));
}

#[test]
fn a_slow_store_makes_changes_wait_for_the_commit_under_way_and_their_own() {
    let mut model = server(500, 1, Span::from_millis(10));
    let store = StationModel {
        discipline: Discipline::Groups { each: Span::ZERO, most: None },
        ..StationModel::new("commits", None)
    };
    model.stations.extend([StationModel::new("reads", Some(2)), store]);
    model.classes.extend([
        ClassModel::new(ServerModel::READ, 2, millis(0)),
        ClassModel::new(ServerModel::COMMIT, 3, millis(0)),
    ]);
    model.classes[1].behind = vec![3];
    let (commit, read) = (Span::from_millis(50), Span::ZERO);
    let slow = incident("13:40", Some("14:30"), IncidentKind::StoreSlow { commit, read });
    let diary = play(vec![slow], &model);
    let (mut alone, mut together) = (0, 0);
    for (_, step, outcome, _, sent, done) in &diary.ended {
        assert_eq!(*outcome, Outcome::Ok);
        let took = Span::from_nanos((done.nanos() - sent.nanos()) as u64);
        // Nobody who was under way when it began or ended.
        let within = *sent > seconds(10.0) && *done < seconds(15.0);
        // Only the second step of visitors and the readers' change anything.
        if !within || took == Span::from_millis(10) {
            assert!(took <= commit + commit, "{took}");
            continue;
        }
        assert!(took >= commit && took <= commit + commit, "step {step}: {took}");
        alone += u32::from(took == commit);
        together += u32::from(took > commit);
    }
    assert!(alone > 2 && together > 50, "{alone} alone, {together} together");
}

#[test]
fn what_is_in_memory_is_not_asked_for_again() {
    let reads = |lifetime: Option<Span>| {
        let mut model = server(500, 1, Span::ZERO);
        model.stations.push(StationModel::new("reads", None));
        model.classes.push(ClassModel::new("read", 2, millis(40)));
        model.classes[1].behind = vec![2];
        if let Some(lifetime) = lifetime {
            model.memories = vec![Memory { places: 1_000, lifetime: Some(lifetime) }];
            model.classes[1].spared = vec![Spared { memory: 0, from: 0, count: 1 }];
        }
        play(Vec::new(), &model).ended.iter().filter(|(_, _, _, _, sent, done)| *done > *sent).count()
    };
    // All visitors ask for the same page: it is read once in three seconds, by those who come while it is read, too.
    let (never, sometimes, once) =
        (reads(None), reads(Some(Span::from_secs(3))), reads(Some(Span::from_secs(3_600))));
    assert!(never > 1_000 && (1..=4).contains(&once), "{never}, {once}");
    // 45 s.
    assert!((14..=16 * 4).contains(&sometimes), "{sometimes}");
}

#[test]
fn a_file_of_results_counts_as_often_as_it_has_entries() {
    let took = |entries: u32, most: Option<u32>| {
        let mut model = server(500, 1, Span::ZERO);
        let each = Span::from_millis(1);
        let discipline = Discipline::Groups { each, most };
        model.stations.push(StationModel { discipline, ..StationModel::new("commits", None) });
        model.classes.push(ClassModel { by_entries: true, ..ClassModel::new("commit", 2, millis(10)) });
        model.classes[1].behind = vec![2];
        let diary = entering(entries, &model);
        let first = diary.ended.iter().filter(|(_, step, ..)| *step == 1).min_by_key(|(.., sent, _)| *sent);
        first.map(|(.., sent, done)| Span::from_nanos((done.nanos() - sent.nanos()) as u64)).unwrap()
    };
    assert_eq!((took(1, None), took(20, None)), (Span::from_millis(11), Span::from_millis(30)));
    assert_eq!(took(20, Some(1)), Span::from_millis(30), "one is never divided");
}

#[test]
fn a_bucket_for_an_address_that_all_come_from_is_one_for_all() {
    let per = |per| Bucket { per_second: 15.0, burst: 3, per };
    let mut at_the_gate = server(500, 1, Span::from_millis(10));
    at_the_gate.gates = vec![Gate { bucket: per(Per::Address), classes: vec![1] }];
    let mut at_the_station = server(500, 1, Span::from_millis(10));
    at_the_station.stations[0].bucket = Some(per(Per::Station));
    let (gate, station) = (play(Vec::new(), &at_the_gate), play(Vec::new(), &at_the_station));
    let shed = gate.ended.iter().filter(|(_, _, outcome, ..)| *outcome == Outcome::Shed).count();
    assert!(shed > 50 && gate == station, "{shed}");
}
