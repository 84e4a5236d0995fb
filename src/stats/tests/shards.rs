//! Shards add up to the run that the plan is: bucket for bucket, or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::record::testing::{SERVER, at, header, layout, sample, whole};
use crate::record::{self, Clock, Event, JourneyEvent, Resources, Run, Severity, What, Who, Writer};
use crate::scenario::{Outcome, Shard};
use crate::stats::{MergeError, Sum, merge, summarize};
use crate::units::Span;

/// One request: population 0 or 2, how it ended, when it was due and how long it took, in milliseconds.
type Request = (bool, usize, i64, u64);

fn fill(writer: &mut Writer, requests: &[Request]) {
    for &(patient, outcome, due, took) in requests {
        let population = if patient { 2 } else { 0 };
        let outcome = Outcome::ALL[outcome];
        let (due, took) = (due as f64 / 1e3, took as f64 / 1e3);
        whole(writer, &sample(population, 0, outcome, due, took));
        for event in [JourneyEvent::Planned, JourneyEvent::Started] {
            writer.journey(population, at(due), event);
        }
        if outcome == Outcome::Ok {
            writer.journey(population, at(due), JourneyEvent::Completed { clean: true });
        }
    }
}

/// A run of these requests in a folder of this name; complete at second 25.
fn run(dir: &Path, name: &str, shard: Option<Shard>, requests: &[Request], own: &[Event]) -> Run {
    let dir = dir.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let layout = layout();
    record::RunHeader { shard, ..header(&layout, &[]) }.write(&dir).unwrap();
    let mut writer = Writer::create(&dir.join(SERVER), &layout, Span::from_secs(1_641_405_600)).unwrap();
    fill(&mut writer, requests);
    for second in 0..5_u32 {
        writer.resources(&Resources {
            at: at(f64::from(second) + 0.01 * f64::from(shard.map_or(0, Shard::number))),
            who: Who::Generator,
            cpu: 0.25,
            rss_bytes: 1_000,
            threads: 3,
            fds: 7,
            metrics: vec![("thread_cpu".to_owned(), 0.125 * f64::from(shard.map_or(1, Shard::number)))],
        });
    }
    own.iter().for_each(|event| writer.event(event));
    writer.finish(at(25.0)).unwrap();
    record::open(&dir).unwrap()
}

fn shard(number: u32) -> Shard {
    Shard::new(number, 4).unwrap()
}

type Cells = BTreeMap<(i64, u16, u16, Clock, Outcome), Vec<(u64, u64)>>;

fn cells(run: &Run) -> Cells {
    let rows = run.servers[0].intervals(&Clock::ALL).unwrap().map(Result::unwrap);
    let row = |row: record::IntervalRow| {
        let key = (row.interval, row.population, row.step, row.clock, row.outcome);
        (key, row.histogram.cells().map(|cell| (cell.from, cell.count)).collect())
    };
    rows.map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn four_shards_add_up_to_the_whole_bucket_for_bucket_and_row_for_row(
        requests in prop::collection::vec((any::<bool>(), 0..6_usize, -3_000..20_000_i64, 0..4_900_u64), 0..120),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let one = run(dir.path(), "one", None, &requests, &[]);
        let parts: Vec<Run> = (1..=4)
            .map(|number| {
                let ordinals = requests.iter().zip(0_u64..).filter(|(_, ordinal)| shard(number).has(*ordinal));
                let own: Vec<Request> = ordinals.map(|(request, _)| *request).collect();
                run(dir.path(), &number.to_string(), Some(shard(number)), &own, &[])
            })
            .collect();
        let out = dir.path().join("sum");
        merge(&parts, &out, &Sum::default()).unwrap();
        let sum = record::open(&out).unwrap();
        let (sum_of, of_one) = (&sum.servers[0], &one.servers[0]);
        prop_assert!(sum_of.finished());
        let counters = |of: &record::ServerRecord| of.counters().unwrap().map(Result::unwrap).collect::<Vec<_>>();
        prop_assert_eq!(counters(sum_of), counters(of_one));
        let journeys = |of: &record::ServerRecord| of.journeys().unwrap().map(Result::unwrap).collect::<Vec<_>>();
        prop_assert_eq!(journeys(sum_of), journeys(of_one));
        prop_assert_eq!(cells(&sum), cells(&one));
        let resources: Vec<Resources> = sum_of.resources().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(resources.len(), 5);
        for row in resources {
            prop_assert_eq!((row.cpu, row.rss_bytes, row.threads, row.fds), (1.0, 4_000, 12, 28));
            prop_assert_eq!(&row.metrics, &vec![("thread_cpu".to_owned(), 0.5)]);
        }
        prop_assert_eq!(summarize(&sum).unwrap().servers[0].totals, summarize(&one).unwrap().servers[0].totals);
    }
}

#[test]
fn what_is_not_each_shard_of_one_plan_once_is_refused_with_every_reason() {
    let dir = tempfile::tempdir().unwrap();
    let requests = [(false, 0, 100, 5)];
    let [one, two, other, plain] = [("1", Some(1)), ("2", Some(2)), ("other", Some(2)), ("plain", None)]
        .map(|(name, number)| run(dir.path(), name, number.map(shard), &requests, &[]));
    let mut foreign = run(dir.path(), "foreign", Some(shard(3)), &requests, &[]);
    foreign.header.seed = 5;
    foreign.header.scenario_digest = "another".to_owned();
    let runs = [one, two, other, plain, foreign];
    let Err(MergeError::NotOnePlan(problems)) = merge(&runs, &dir.path().join("sum"), &Sum::default()) else {
        panic!("they were added up");
    };
    let all = problems.join("\n");
    for problem in [
        "both shard 2/4",
        "plain is the run of a whole plan",
        "another seed",
        "another scenario",
        "missing: shard 4/4",
    ] {
        assert!(all.contains(problem), "{problem}: {all}");
    }
    assert!(!dir.path().join("sum").exists());
}

#[test]
fn a_missing_or_cut_off_shard_makes_the_sum_invalid_and_findings_keep_their_shard() {
    let dir = tempfile::tempdir().unwrap();
    let finding =
        What::Finding { code: "odd".to_owned(), detail: "a thing".to_owned(), severity: Severity::Degraded };
    let audit = |lost| What::Audit { acknowledged: 10, lost, duplicated: 0 };
    let events =
        |lost| [Event { at: at(1.0), what: finding.clone() }, Event { at: at(21.0), what: audit(lost) }];
    let requests = [(false, 0, 100, 5)];
    let parts: Vec<Run> = (1..=3)
        .map(|number| {
            run(dir.path(), &number.to_string(), Some(shard(number)), &requests, &events(u64::from(number)))
        })
        .collect();
    let out = dir.path().join("sum");
    merge(&parts, &out, &Sum { incomplete: true, ..Sum::default() }).unwrap();
    let summary = summarize(&record::open(&out).unwrap()).unwrap();
    let server = &summary.servers[0];
    let said = |text: &str| server.validity.reasons.iter().any(|reason| reason.detail.contains(text));
    assert!(said("shard 4/4 is missing") && said("shard 2/4: a thing"), "{:?}", server.validity);
    let audit = server.audit.as_ref().unwrap();
    assert_eq!((audit.acknowledged, audit.lost), (30, 6));
    assert_eq!(server.totals.offered, 3);
}
