//! What is written is what is read: whole records, late entries, records that were cut off.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::testing::{SERVER, at, header, layout, run, sample, whole};
use super::*;
use crate::scenario::Outcome;
use crate::units::{Offset, Span};

const ZERO: Span = Span::from_secs(1_641_405_600);

fn create(dir: &Path, layout: &Layout) -> Writer {
    header(layout, &[]).write(dir).unwrap();
    Writer::create(&dir.join(SERVER), layout, ZERO).unwrap()
}

fn read(dir: &Path) -> ServerRecord {
    open(dir).unwrap().servers.remove(0)
}

fn counters(record: &ServerRecord) -> Vec<CounterRow> {
    record.counters().unwrap().map(Result::unwrap).collect()
}

fn journeys(record: &ServerRecord) -> Vec<JourneyRow> {
    record.journeys().unwrap().map(Result::unwrap).collect()
}

fn intervals(record: &ServerRecord) -> Vec<IntervalRow> {
    record.intervals(&Clock::ALL).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_header_comes_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let header = header(&layout(), &["p99(response_time) < 2s"]);
    header.write(dir.path()).unwrap();
    assert_eq!(RunHeader::read(dir.path()).unwrap(), header);
}

#[test]
fn a_header_of_another_version_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    RunHeader { record_version: 7, ..header(&layout(), &[]) }.write(dir.path()).unwrap();
    let error = RunHeader::read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("record_version 7") && error.contains("run.toml"), "{error}");
}

#[test]
fn a_folder_without_a_header_is_told_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("cannot read") && error.contains("run.toml"), "{error}");
}

#[test]
fn a_configuration_that_was_never_started_is_not_among_the_records() {
    let dir = tempfile::tempdir().unwrap();
    header(&layout(), &[]).write(dir.path()).unwrap();
    assert!(open(dir.path()).unwrap().servers.is_empty());
}

#[test]
fn only_requests_due_in_the_measured_part_have_lengths_and_all_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path(), &layout(), &[], |writer| {
        whole(writer, &sample(0, 0, Outcome::Ok, -0.5, 1.0));
        whole(writer, &sample(0, 0, Outcome::Ok, 0.0, 0.25));
        whole(writer, &sample(2, 0, Outcome::Shed, 19.5, 1.0));
    });
    let found: Vec<_> = intervals(&run.servers[0])
        .into_iter()
        .filter(|row| row.clock == Clock::Response)
        .map(|row| (row.interval, row.population, row.outcome, row.histogram.count()))
        .collect();
    assert_eq!(found, [(0, 0, Outcome::Ok, 1), (20, 2, Outcome::Shed, 1)]);
    let rows = counters(&run.servers[0]);
    assert_eq!(rows.iter().map(|row| row.ok).sum::<u64>(), 2);
    assert_eq!(rows.iter().find(|row| row.offered > 0).unwrap().interval, -1);
}

#[test]
fn every_second_has_a_row_for_each_step_that_is_played() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path(), &layout(), &[], |writer| {
        writer.flush(at(2.0)).unwrap();
        writer.journey(0, at(1.0), JourneyEvent::Started);
    });
    let seconds = |keys: Vec<i64>| keys.chunks(3).map(|chunk| chunk[0]).collect::<Vec<_>>();
    let keys = counters(&run.servers[0]).iter().map(|row| row.interval).collect::<Vec<_>>();
    assert_eq!(keys.len(), 29 * 3);
    assert_eq!(seconds(keys), (-3..26).collect::<Vec<_>>());
    assert_eq!(journeys(&run.servers[0]).len(), 29 * 2);
}

#[test]
fn in_flight_and_backlog_are_those_at_the_end_of_the_second_also_when_told_late() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path(), &layout(), &[], |writer| {
        // Due at 1.5; the generator stalls until 3.2, after the second was written, and the answer comes at 5.1.
        writer.flush(at(3.1)).unwrap();
        writer.offered(0, 1, at(1.5));
        writer.sent(0, 1, at(3.2));
        writer.flush(at(4.0)).unwrap();
        writer.ended(&Sample {
            released: at(3.2),
            sent: at(3.2),
            done: at(5.1),
            ..sample(0, 1, Outcome::Ok, 1.5, 0.0)
        });
    });
    let rows = counters(&run.servers[0]);
    let gauges: Vec<_> = (0..7)
        .map(|second| {
            rows.iter().find(|row| (row.interval, row.population, row.step) == (second, 0, 1)).unwrap()
        })
        .map(|row| (row.offered, row.backlog, row.in_flight))
        .collect();
    assert_eq!(gauges, [(0, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1), (0, 0, 0), (0, 0, 0)]);
    assert_eq!(rows.len(), 29 * 3, "one row for each second and step");
}

#[test]
fn a_journey_counts_in_the_second_of_its_arrival_whenever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let events = [
        JourneyEvent::Planned,
        JourneyEvent::Started,
        JourneyEvent::Marred,
        JourneyEvent::Completed { clean: false },
    ];
    let run = run(dir.path(), &layout(), &[], |writer| {
        for (second, event) in (2..).zip(events) {
            writer.journey(2, at(1.7), event);
            writer.flush(at(f64::from(second))).unwrap();
        }
        writer.journey(2, at(1.2), JourneyEvent::Started);
    });
    let expected = JourneyRow {
        interval: 1,
        population: 2,
        planned: 1,
        started: 2,
        completed: 1,
        clean: 0,
        gave_up: 0,
        unfinished: 1,
        marred: 1,
    };
    let rows: Vec<_> = journeys(&run.servers[0]).into_iter().filter(|row| row.started > 0).collect();
    assert_eq!(rows, [expected]);
}

#[test]
fn events_and_resources_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Event { at: at(24.5), what: What::Audit { acknowledged: 9, lost: 1, duplicated: 0 } };
    let row = Resources {
        at: at(3.0),
        who: Who::Server,
        cpu: 0.75,
        rss_bytes: 1 << 33,
        threads: 7,
        fds: 90,
        metrics: vec![("queue,len".into(), 3.0), ("slots".into(), 33.0)],
    };
    let run = run(dir.path(), &layout(), &[], |writer| {
        writer.resources(&row);
        writer.example(at(4.0), 0, 1, "status 500", "token=abc");
        writer.event(&audit);
    });
    let record = &run.servers[0];
    let back: Vec<_> = record.resources().unwrap().map(Result::unwrap).collect();
    let metrics = vec![("queue_len".to_owned(), 3.0), ("slots".to_owned(), 33.0)];
    assert_eq!(back, [Resources { metrics, ..row }]);
    assert!(record.finished());
    assert_eq!(record.events[1], audit);
    let What::ErrorExample { detail, .. } = &record.events[0].what else { panic!("{:?}", record.events[0]) };
    assert_eq!(detail, "token=***");
}

#[test]
fn a_folder_that_cannot_be_created_is_told_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Writer::create(&file, &layout(), ZERO).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

#[test]
fn garbage_in_the_middle_of_a_file_is_an_error_with_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &layout(), &[], |_| {});
    let path = dir.path().join(SERVER).join("counters.csv");
    let text = fs::read_to_string(&path).unwrap().replacen(",pharmacist,", ",nobody,", 1);
    fs::write(&path, text).unwrap();
    let error = read(dir.path()).counters().unwrap().find_map(Result::err).unwrap().to_string();
    assert!(error.contains("counters.csv, line 2") && error.contains("nobody"), "{error}");
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let millis = |nanos: i64| Offset::from_nanos(nanos * 1_000_000);
    let cell = prop::sample::select(vec![(0_u16, 0_u16), (0, 1), (2, 0)]);
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let one = (cell, outcome, -3_000..20_000_i64, 0..30_i64, 0..2_000_i64, 0..3_000_i64);
    let one = one.prop_map(move |((population, step), outcome, intended, pacer, lane, service)| {
        let released = intended + pacer;
        let sent = released + lane;
        Sample {
            population,
            step,
            outcome,
            intended: millis(intended),
            released: millis(released),
            sent: millis(sent),
            done: millis(if outcome == Outcome::NotSent { sent } else { sent + service }),
        }
    });
    prop::collection::vec(one, 0..60)
}

/// What each log line must hold: by interval, step, clock and outcome the lengths in microseconds.
fn truth(layout: &Layout, samples: &[Sample]) -> BTreeMap<(i64, u16, u16, Clock, Outcome), Vec<u64>> {
    let mut truth: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| layout.measures(sample.intended)) {
        for clock in Clock::ALL {
            if let Some(length) = sample.length(clock) {
                let key = (sample.done.second(), sample.population, sample.step, clock, sample.outcome);
                truth.entry(key).or_default().push(length.micros());
            }
        }
    }
    truth
}

fn told(rows: Vec<IntervalRow>) -> BTreeMap<(i64, u16, u16, Clock, Outcome), Histogram> {
    let mut told: BTreeMap<_, Histogram> = BTreeMap::new();
    for row in rows {
        let key = (row.interval, row.population, row.step, row.clock, row.outcome);
        told.entry(key).or_default().add(&row.histogram);
    }
    told
}

fn assert_told(
    told: &BTreeMap<(i64, u16, u16, Clock, Outcome), Histogram>,
    layout: &Layout,
    samples: &[Sample],
) {
    let truth = truth(layout, samples);
    assert!(told.keys().eq(truth.keys()));
    for (key, lengths) in truth {
        let mut expected = Histogram::new();
        lengths.iter().for_each(|&length| expected.record(length));
        assert!(told[&key].cells().eq(expected.cells()), "{key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_request_is_found_again_whenever_the_writer_was_flushed(
        samples in samples(), flushes in prop::collection::vec(0..28_i64, 0..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout();
        let run = run(dir.path(), &layout, &[], |writer| {
            // In no order at all: most entries are late, some by the whole run.
            let flushes = flushes.iter().copied().map(Some).chain(std::iter::repeat(None));
            for (sample, flush) in samples.iter().zip(flushes) {
                whole(writer, sample);
                if let Some(second) = flush {
                    writer.flush(at(second as f64)).unwrap();
                }
            }
        });
        assert_told(&told(intervals(&run.servers[0])), &layout, &samples);
        let rows = counters(&run.servers[0]);
        let sum = |of: fn(&CounterRow) -> u64| rows.iter().map(of).sum::<u64>();
        let ended = |outcome| samples.iter().filter(|sample| sample.outcome == outcome).count() as u64;
        prop_assert_eq!(sum(|row| row.offered), samples.len() as u64);
        prop_assert_eq!(sum(|row| row.sent), samples.len() as u64 - ended(Outcome::NotSent));
        prop_assert_eq!(sum(|row| row.ok), ended(Outcome::Ok));
        prop_assert_eq!(sum(|row| row.timed_out), ended(Outcome::TimedOut));
        let last = rows.iter().filter(|row| row.interval == rows.last().unwrap().interval);
        prop_assert_eq!(last.clone().map(|row| row.in_flight).sum::<u64>(), ended(Outcome::InFlight));
        prop_assert_eq!(last.map(|row| row.backlog).sum::<u64>(), 0);
    }

    #[test]
    fn two_records_of_one_plan_add_up_to_the_record_of_both(one in samples(), other in samples()) {
        let layout = layout();
        let record = |samples: &[Sample]| {
            let dir = tempfile::tempdir().unwrap();
            let run = run(dir.path(), &layout, &[], |writer| samples.iter().for_each(|sample| whole(writer, sample)));
            intervals(&run.servers[0])
        };
        let parts = [record(&one), record(&other)].concat();
        assert_told(&told(parts), &layout, &[one, other].concat());
    }

    #[test]
    fn a_record_that_was_cut_off_anywhere_can_be_read_and_never_has_more_outcomes_than_offers(
        mut samples in samples(), second in 1..22_i64, cut in 0.0..1.0_f64, file in 0..5_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout();
        let mut writer = create(dir.path(), &layout);
        writer.event(&Event { at: at(-3.0), what: What::Preloaded { entries: 5, seconds: 0.5 } });
        let row = Resources {
            at: at(0.0), who: Who::Generator, cpu: 0.1, rss_bytes: 1, threads: 2, fds: 3, metrics: Vec::new(),
        };
        writer.resources(&row);
        samples.sort_by_key(|sample| sample.done);
        for sample in &samples {
            writer.journey(sample.population, sample.intended, JourneyEvent::Started);
            if sample.done.second() < second {
                writer.flush(sample.done).unwrap();
                whole(&mut writer, sample);
            }
        }
        writer.flush(at(second as f64)).unwrap();
        drop(writer);
        // The last of the writes was torn somewhere: of files written later there is nothing of that second.
        let names = ["events.jsonl", "resources.csv", "intervals.hlog", "counters.csv", "journeys.csv"];
        let path = dir.path().join(SERVER).join(names[file]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..(bytes.len() as f64 * cut) as usize]).unwrap();
        let record = read(dir.path());
        prop_assert!(!record.finished());
        let ended: u64 = intervals(&record)
            .iter()
            .filter(|row| row.clock == Clock::Response)
            .map(|row| row.histogram.count())
            .sum();
        let offered: u64 = counters(&record).iter().map(|row| row.offered).sum();
        journeys(&record);
        prop_assert!(record.resources().unwrap().all(|row| row.is_ok()));
        if names[file] != "counters.csv" {
            prop_assert!(ended <= offered, "{ended} outcomes of {offered} requests");
        }
    }
}
