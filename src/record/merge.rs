//! Adds up records of one layout: counter for counter, bucket for bucket.
//!
//! Every file is read once, row by row, so memory does not grow with the length of a run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::iter::Peekable;
use std::path::Path;

use super::disk::{COUNTERS, EVENTS, INTERVALS, JOURNEYS, RESOURCES};
use super::examples::Examples;
use super::histogram::log_head;
use super::lines::named;
use super::pack;
use super::rows::Row;
use super::table::Table;
use super::values::Values;
use super::{
    Clock, CounterRow, Event, Histogram, IntervalRow, JourneyRow, Layout, Resources, ServerRecord, What, Who,
};
use crate::scenario::Outcome;
use crate::units::Span;

/// Rows written at once.
const ROWS: usize = 4_096;

/// Writes the sum of `parts`, which have the populations and steps of `layout`, into the folder `dir`, and `events` in the
/// order of their instants.
///
/// Of resources, a second's rows of all parts make one: CPU time, memory, threads and descriptors are sums, of the
/// metrics the largest is kept.
///
/// # Errors
/// A record cannot be read, or the sum not be written.
pub fn add_up(
    parts: &[&ServerRecord],
    layout: &Layout,
    dir: &Path,
    mut events: Vec<Event>,
) -> io::Result<()> {
    fs::create_dir_all(dir).map_err(|error| named(dir, error))?;
    // The log goes first and the counters last: a folder without counters is no record.
    intervals(parts, layout, dir)?;
    resources(parts, layout, &dir.join(RESOURCES))?;
    events.sort_by_key(|event| (event.what == What::Finished, event.at));
    let mut file = create(&dir.join(EVENTS))?;
    for event in &events {
        file.write_all(event.line(layout)?.as_bytes())?;
    }
    file.flush()?;
    table::<JourneyRow>(parts.iter().map(|part| part.journeys()), layout, &dir.join(JOURNEYS))?;
    table::<CounterRow>(parts.iter().map(|part| part.counters()), layout, &dir.join(COUNTERS))
}

/// What happened beside requests in all of these records, each under its label: findings and reasons carry it, examples of
/// errors are thinned out to the first of each kind, audits and the marks of completeness are left to the caller.
pub fn all_events(parts: &[(String, &ServerRecord)]) -> Vec<Event> {
    let mut all: Vec<(&str, &Event)> = parts
        .iter()
        .flat_map(|(label, part)| part.events.iter().map(move |event| (label.as_str(), event)))
        .collect();
    all.sort_by_key(|(_, event)| event.at);
    let mut examples = Examples::default();
    let kept = all.into_iter().filter_map(|(label, event)| {
        let said = |text: &str| if label.is_empty() { text.to_owned() } else { format!("{label}: {text}") };
        let what = match &event.what {
            What::Finished | What::Audit { .. } => return None,
            What::ErrorExample { population, step, error, .. } => {
                let kind = format!("{population}.{step}: {error}");
                return examples.wants(0, 0, &kind).then(|| event.clone());
            }
            What::Finding { code, detail, severity } => {
                What::Finding { code: code.clone(), detail: said(detail), severity: *severity }
            }
            What::Aborted { reason } => What::Aborted { reason: said(reason) },
            other => other.clone(),
        };
        Some(Event { at: event.at, what })
    });
    kept.collect()
}

fn create(path: &Path) -> io::Result<BufWriter<File>> {
    File::create(path).map(BufWriter::new).map_err(|error| named(path, error))
}

fn table<R: Row>(
    parts: impl Iterator<Item = io::Result<impl Iterator<Item = io::Result<R>>>>,
    layout: &Layout,
    path: &Path,
) -> io::Result<()> {
    let mut table = Table::<R>::create(path.to_owned())?;
    let first = layout.interval_of(layout.timeline.start());
    let mut end = first;
    for part in parts {
        for (number, row) in part?.enumerate() {
            let row = row?;
            end = end.max(row.key().0 + 1);
            table.push(layout, &row);
            if number % ROWS == ROWS - 1 {
                table.flush()?;
            }
        }
        table.flush()?;
    }
    table.finish(layout, first..end.max(first + 1))
}

fn intervals(parts: &[&ServerRecord], layout: &Layout, dir: &Path) -> io::Result<()> {
    let mut begins = parts.iter().filter_map(|part| part.begins().transpose());
    let zero = begins.next().transpose()?.unwrap_or(Span::ZERO);
    let mut file = create(&dir.join(INTERVALS))?;
    file.write_all(log_head(zero).as_bytes())?;
    let readers = parts.iter().map(|part| Ok(part.intervals(&Clock::ALL)?.peekable()));
    let mut readers = readers.collect::<io::Result<Vec<_>>>()?;
    let (mut line, mut micros) = (String::new(), Values::default());
    while let Some(upto) = next(&mut readers, |row: &IntervalRow| row.interval) {
        let mut sums: BTreeMap<(i64, u16, u16, Clock, Outcome), Histogram> = BTreeMap::new();
        for row in take(&mut readers, |row| row.interval <= upto) {
            let row = row?.1;
            let key = (row.interval, row.population, row.step, row.clock, row.outcome);
            sums.entry(key).or_default().add(&row.histogram);
        }
        for ((interval, population, step, clock, outcome), sum) in sums {
            let population = &layout.populations[usize::from(population)];
            let step = &population.steps[usize::from(step)].name;
            let tag = format!("{}.{step}.{}.{}", population.name, clock.name(), outcome.name());
            micros.clear();
            for cell in sum.cells() {
                micros.push_many(cell.to, cell.count);
            }
            line.clear();
            pack::append(&mut line, &tag, layout.interval_start(interval), layout.interval, &mut micros);
            file.write_all(line.as_bytes())?;
        }
    }
    file.flush()
}

fn resources(parts: &[&ServerRecord], layout: &Layout, path: &Path) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(Resources::HEADER.as_bytes())?;
    let readers = parts.iter().map(|part| Ok(part.resources()?.peekable()));
    let mut readers = readers.collect::<io::Result<Vec<_>>>()?;
    let second = |row: &Resources| layout.interval_near(row.at);
    while let Some(upto) = next(&mut readers, second) {
        // By process kind and part: what a part says of a process last is what it has.
        let mut used: BTreeMap<(&str, usize), Resources> = BTreeMap::new();
        for row in take(&mut readers, |row| second(row) <= upto) {
            let (part, row) = row?;
            used.entry((row.who.name(), part))
                .and_modify(|sum| {
                    let cpu = sum.cpu + row.cpu;
                    *sum = Resources { cpu, metrics: largest(&sum.metrics, &row.metrics), ..row.clone() };
                })
                .or_insert(row);
        }
        for who in [Who::Generator, Who::Server, Who::Store] {
            let rows = used.values().filter(|row| row.who == who);
            let sum = rows.cloned().reduce(|sum, row| Resources {
                at: sum.at.max(row.at),
                who,
                cpu: sum.cpu + row.cpu,
                rss_bytes: sum.rss_bytes + row.rss_bytes,
                threads: sum.threads + row.threads,
                fds: sum.fds + row.fds,
                metrics: largest(&sum.metrics, &row.metrics),
            });
            if let Some(sum) = sum {
                file.write_all(sum.line(layout).as_bytes())?;
            }
        }
    }
    file.flush()
}

fn largest(one: &[(String, f64)], other: &[(String, f64)]) -> Vec<(String, f64)> {
    let mut sum = one.to_vec();
    for (name, value) in other {
        match sum.iter_mut().find(|(known, _)| known == name) {
            Some((_, largest)) => *largest = largest.max(*value),
            None => sum.push((name.clone(), *value)),
        }
    }
    sum
}

/// The smallest key at which any reader stands; `None` when all are at their end. A reader that cannot go on stands at
/// the beginning of time, so that its error is told at once.
fn next<T>(
    readers: &mut [Peekable<impl Iterator<Item = io::Result<T>>>],
    key: impl Fn(&T) -> i64,
) -> Option<i64> {
    let keys =
        readers.iter_mut().filter_map(|reader| reader.peek().map(|row| row.as_ref().map_or(i64::MIN, &key)));
    keys.min()
}

/// What the readers have next as long as it is wanted, with the number of the reader.
fn take<T>(
    readers: &mut [Peekable<impl Iterator<Item = io::Result<T>>>],
    wanted: impl Fn(&T) -> bool,
) -> impl Iterator<Item = io::Result<(usize, T)>> {
    readers.iter_mut().enumerate().flat_map(move |(part, reader)| {
        let wanted = &wanted;
        let rows: Vec<_> = std::iter::from_fn(|| reader.next_if(|row| row.as_ref().map_or(true, wanted)))
            .map(|row| row.map(|row| (part, row)))
            .collect();
        rows
    })
}
