//! What statistics say of small records.

mod believe;
mod promises;
mod shards;
mod sums;

use super::Summary;
use crate::record::{JourneyEvent, Layout, Resources, Run, Who, Writer, testing};
use crate::scenario::Outcome;
use testing::{at, sample, whole};

/// A record filled by `fill`, complete, with a generator that is hardly busy.
fn run(slos: &[&str], fill: impl FnOnce(&mut Writer)) -> (tempfile::TempDir, Run) {
    run_of(&testing::layout(), slos, fill)
}

fn run_of(layout: &Layout, slos: &[&str], fill: impl FnOnce(&mut Writer)) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    let run = testing::run(dir.path(), layout, slos, |writer| {
        (0..21).for_each(|second| writer.resources(&generator(f64::from(second), 0.1)));
        fill(writer);
    });
    (dir, run)
}

fn generator(seconds: f64, cpu: f64) -> Resources {
    Resources {
        at: at(seconds),
        who: Who::Generator,
        cpu,
        rss_bytes: 1 << 24,
        threads: 3,
        fds: 20,
        metrics: Vec::new(),
    }
}

fn summary(slos: &[&str], fill: impl FnOnce(&mut Writer)) -> Summary {
    let (_dir, run) = run(slos, fill);
    super::summarize(&run).unwrap()
}

/// `count` requests of a step, evenly over the measured part, each of the given length.
fn steady(writer: &mut Writer, step: (u16, u16), count: u32, outcome: Outcome, seconds: f64) {
    for number in 0..count {
        let intended = 20.0 * f64::from(number) / f64::from(count);
        whole(writer, &sample(step.0, step.1, outcome, intended, seconds));
    }
}

/// A journey that arrives at `arrived`, with what happened to it.
fn journey(writer: &mut Writer, population: u16, arrived: f64, events: &[JourneyEvent]) {
    for &event in [JourneyEvent::Planned, JourneyEvent::Started].iter().chain(events) {
        writer.journey(population, at(arrived), event);
    }
}
