//! Our interval logs are those of HdrHistogram: a reader that shares no code with us finds the same numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use peakday::record::{Clock, Histogram, Layout, PopulationLayout, Sample, StepLayout, Writer};
use peakday::rng::Key;
use peakday::scenario::{Outcome, Timeline};
use peakday::units::{Offset, Span};

const SECONDS: u64 = 3;

/// The Python that has the package: what `tests/run.sh` says, what it has put under `target/`, or the system's.
pub(crate) fn python() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-python/bin/python");
    match std::env::var_os("PEAKDAY_TEST_PYTHON") {
        Some(python) => python.into(),
        None if installed.exists() => installed,
        None => "python3".into(),
    }
}

fn layout() -> Layout {
    let step = |name: &str| StepLayout { name: name.into(), slo: None };
    Layout {
        interval: Span::from_secs(1),
        settle: Span::ZERO,
        timeline: Timeline {
            from: "18:00".parse().unwrap(),
            to: "18:20".parse().unwrap(),
            warp: 60.0,
            scale: 1.0,
            run_in: Span::from_secs(2),
            drain: Span::from_secs(30),
        },
        populations: vec![PopulationLayout {
            name: "patient".into(),
            legitimate: true,
            played: true,
            expected: None,
            steps: vec![step("landing"), step("result")],
        }],
    }
}

/// Requests of all outcomes, from a microsecond to fifty minutes.
fn samples() -> impl Iterator<Item = Sample> {
    (0..150).map(|number| {
        let key = Key::root(20_220_105).with(number);
        let outcome = Outcome::ALL[key.word("outcome").below(6) as usize];
        let intended = Offset::from_nanos(key.word("intended").below(SECONDS * 1_000_000_000) as i64);
        let released = intended + Span::from_nanos(key.word("pacer").below(400_000));
        let sent = released + Span::from_nanos(key.word("lane").below(5_000_000));
        let done = sent + Span::from_secs_f64(1e-6 * 3e9_f64.powf(key.word("service").unit()));
        let sent = if outcome == Outcome::NotSent { done } else { sent };
        Sample { population: 0, step: (number % 2) as u16, outcome, intended, released, sent, done }
    })
}

#[test]
fn a_reader_that_shares_no_code_with_us_finds_the_same_intervals_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let layout = layout();
    let mut writer = Writer::create(dir.path(), &layout, Span::from_secs(1_641_405_600)).unwrap();
    let mut samples: Vec<Sample> = samples().collect();
    samples.sort_by_key(|sample| sample.done);
    for sample in &samples {
        writer.offered(sample.population, sample.step, sample.intended);
        writer.ended(sample);
    }
    writer.finish(samples.last().unwrap().done).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/hlog_reads.py");
    let python = python();
    let output = Command::new(&python).arg(script).arg(dir.path().join("intervals.hlog")).output();
    let output =
        output.unwrap_or_else(|error| panic!("cannot run {}: {error}; use tests/run.sh", python.display()));
    assert!(
        output.status.success(),
        "{} failed; it needs the package hdrhistogram, which tests/run.sh installs:\n{}",
        python.display(),
        String::from_utf8_lossy(&output.stderr),
    );

    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<serde_json::Value> =
        found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (quantiles, mut found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|line| line["clock"].is_string());
    assert_eq!(quantiles, whole(&samples));
    let mut expected = expected(&layout, &samples);
    let key = |line: &serde_json::Value| (line["start"].as_f64().unwrap() as i64, line["tag"].to_string());
    found.sort_by_key(key);
    expected.sort_by_key(key);
    assert!(expected.len() > 100, "the sample fills {} intervals", expected.len());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let tags: BTreeSet<String> = expected.iter().map(|line| line["tag"].to_string()).collect();
    // Of what was not sent only the response time, of what is in flight all but the service time.
    assert_eq!(tags.len(), 2 * (4 * Clock::ALL.len() + 1 + Clock::ALL.len() - 1), "{tags:?}");
}

/// The quantiles of every clock, in the order of their names.
fn whole(samples: &[Sample]) -> Vec<serde_json::Value> {
    let mut clocks = BTreeMap::<&str, Histogram>::new();
    for sample in samples {
        for clock in Clock::ALL {
            if let Some(length) = sample.length(clock) {
                clocks.entry(clock.name()).or_default().record(length.micros());
            }
        }
    }
    let line = |(clock, histogram): (&&str, &Histogram)| serde_json::json!({ "clock": clock, "quantiles": quantiles(histogram) });
    clocks.iter().map(line).collect()
}

/// Quantiles by the reader's rule: rank q n, rounded, at least 1.
fn quantiles(histogram: &Histogram) -> [u64; 5] {
    [50.0, 90.0, 99.0, 99.9, 100.0].map(|percent| {
        let rank = ((percent / 100.0 * histogram.count() as f64 + 0.5) as u64).max(1);
        histogram.at_rank(rank).unwrap()
    })
}

fn expected(layout: &Layout, samples: &[Sample]) -> Vec<serde_json::Value> {
    let mut lines = BTreeMap::<(i64, String), Histogram>::new();
    for sample in samples {
        for clock in Clock::ALL {
            if let Some(length) = sample.length(clock) {
                let population = &layout.populations[usize::from(sample.population)];
                let step = &population.steps[usize::from(sample.step)].name;
                let tag = format!("{}.{step}.{}.{}", population.name, clock.name(), sample.outcome.name());
                lines.entry((sample.done.second(), tag)).or_default().record(length.micros());
            }
        }
    }
    let line = |((second, tag), histogram): ((i64, String), Histogram)| {
        serde_json::json!({
            "tag": tag,
            "start": second as f64,
            "end": (second + 1) as f64,
            "count": histogram.count(),
            "cells": histogram.cells().map(|cell| [cell.to, cell.count]).collect::<Vec<_>>(),
        })
    };
    lines.into_iter().map(line).collect()
}
