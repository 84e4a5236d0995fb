//! The writer of a record: takes in what an engine saw, and has every complete interval on disk at each flush.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::disk::Disk;
use super::examples::Examples;
use super::interval::Interval;
use super::journey_rows::JourneyRows;
use super::{CounterRow, Event, JourneyEvent, Layout, Resources, Sample, What};
use crate::units::{Offset, Span};

/// Writes the folder of one server configuration.
///
/// Taking in a request costs tens of nanoseconds; packing and writing happen in [`Writer::flush`]. What is held
/// between two flushes is what happened between them, so memory does not grow with the length of a run.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    /// The end of the measured part.
    end: Offset,
    /// Number of the first cell (population and step) of each population.
    first_cell: Vec<usize>,
    /// The interval that was needed last.
    present: Present,
    /// The others.
    open: BTreeMap<i64, Interval>,
    spare: Vec<Interval>,
    journeys: JourneyRows,
    /// The first interval that is not yet on disk.
    next: i64,
    examples: Examples,
    disk: Disk,
    /// The first write that failed where none could be told; the next flush tells it.
    broken: Option<io::Error>,
}

/// An interval in use: its number, and when it begins and ends. None is in use while these are the same.
#[derive(Debug, Default)]
struct Present {
    number: i64,
    from: Offset,
    to: Offset,
    interval: Interval,
}

impl Writer {
    /// Creates the folder of a server configuration and its files. `zero` is the wall-clock time at which the
    /// measured part begins, since the Unix epoch: tools that read interval logs want it.
    ///
    /// # Errors
    /// When the folder or a file cannot be created; the message names it.
    pub fn create(dir: &Path, layout: &Layout, zero: Span) -> io::Result<Self> {
        fs::create_dir_all(dir).map_err(|error| super::lines::named(dir, error))?;
        let disk = Disk::create(dir, layout, zero)?;
        let mut cells = 0;
        let first_cell = layout
            .populations
            .iter()
            .map(|population| {
                let first = cells;
                cells += population.steps.len();
                first
            })
            .collect();
        Ok(Self {
            layout: layout.clone(),
            end: layout.timeline.end(),
            first_cell,
            present: Present::default(),
            open: BTreeMap::new(),
            spare: Vec::new(),
            journeys: JourneyRows::new(),
            next: layout.interval_of(layout.timeline.start()),
            examples: Examples::default(),
            disk,
            broken: None,
        })
    }

    /// A request is due: called once for each request, at `intended` or later, before anything else about it. None is
    /// due at or after the end of the measured part.
    pub fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        self.row(population, step, intended).offered += 1;
    }

    /// A lane took up a request, at `at`.
    pub fn sent(&mut self, population: u16, step: u16, at: Offset) {
        self.row(population, step, at).sent += 1;
    }

    /// A request is due and sent at once.
    #[inline(always)]
    pub fn sent_when_due(&mut self, population: u16, step: u16, at: Offset) {
        let row = self.row(population, step, at);
        row.offered += 1;
        row.sent += 1;
    }

    /// Nothing more will happen to a request: it ended, or the run did ([`crate::scenario::Outcome::NotSent`],
    /// [`crate::scenario::Outcome::InFlight`], with `done` the end of the wait).
    #[inline(always)]
    pub fn ended(&mut self, sample: &Sample) {
        let cell = self.cell(sample.population, sample.step);
        let measured = (Offset::ZERO..self.end).contains(&sample.intended);
        self.interval(sample.done).ended(cell, sample, measured);
    }

    /// Something happened to a journey that arrived at `arrived`.
    pub fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        // Most journeys are of the interval in use, which is sooner found than worked out.
        let Present { number, from, to, .. } = self.present;
        let interval = if (from..to).contains(&arrived) { number } else { self.layout.interval_of(arrived) };
        let row = self.journeys.row(interval, population);
        match event {
            JourneyEvent::Planned => row.planned += 1,
            JourneyEvent::Started => {
                row.started += 1;
                row.unfinished += 1;
            }
            JourneyEvent::Marred => row.marred += 1,
            JourneyEvent::Completed { clean } => {
                row.completed += 1;
                row.clean += u64::from(clean);
                row.unfinished -= 1;
            }
            JourneyEvent::GaveUp => {
                row.gave_up += 1;
                row.unfinished -= 1;
            }
        }
    }

    /// Writes an event at once. A write that fails is told by the next flush.
    pub fn event(&mut self, event: &Event) {
        let done = self.disk.event(&self.layout, event);
        self.note(done);
    }

    /// Keeps the first examples of each kind of error of each step, secrets masked; `error` names the kind ("status
    /// 500"), `detail` is what was seen.
    pub fn example(&mut self, at: Offset, population: u16, step: u16, error: &str, detail: &str) {
        if self.examples.wants(population, step, error) {
            let of = &self.layout.populations[usize::from(population)];
            let what = What::ErrorExample {
                population: of.name.clone(),
                step: of.steps[usize::from(step)].name.clone(),
                error: error.to_owned(),
                detail: super::mask(detail),
            };
            self.event(&Event { at, what });
        }
    }

    /// Writes a row of `resources.csv` at once. A write that fails is told by the next flush.
    pub fn resources(&mut self, row: &Resources) {
        let done = self.disk.resources(&self.layout, row);
        self.note(done);
    }

    /// Puts on disk every interval that is complete at `now`. Called once a second.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn flush(&mut self, now: Offset) -> io::Result<()> {
        self.write_before(self.layout.interval_of(now))?;
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Puts everything on disk and the rows of the CSV files in order, and marks the record as complete.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self, now: Offset) -> io::Result<()> {
        self.put_back();
        let last_seen = self.open.keys().next_back().copied().unwrap_or(self.next);
        let end = self.layout.interval_of(now).max(last_seen) + 1;
        self.write_before(end)?;
        self.event(&Event { at: now, what: What::Finished });
        self.broken.take().map_or(Ok(()), Err)?;
        self.disk.finish(&self.layout, end)
    }

    fn write_before(&mut self, end: i64) -> io::Result<()> {
        self.put_back();
        // Late ones first: what came for intervals that are already on disk.
        while let Some(entry) = self.open.first_entry() {
            if *entry.key() >= self.next {
                break;
            }
            let (number, mut interval) = entry.remove_entry();
            self.disk.late(&self.layout, number, &interval)?;
            interval.clear();
            self.spare.push(interval);
        }
        self.disk.journeys(&self.layout, self.journeys.take())?;
        while self.next < end {
            let mut interval = self.open.remove(&self.next).or_else(|| self.spare.pop()).unwrap_or_default();
            self.disk.interval(&self.layout, self.next, &interval)?;
            interval.clear();
            self.spare.push(interval);
            self.next += 1;
        }
        Ok(())
    }

    fn note(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.broken.get_or_insert(error);
        }
    }

    #[inline]
    fn cell(&self, population: u16, step: u16) -> usize {
        self.first_cell[usize::from(population)] + usize::from(step)
    }

    #[inline]
    fn row(&mut self, population: u16, step: u16, at: Offset) -> &mut CounterRow {
        let cell = self.cell(population, step);
        self.interval(at).row(cell)
    }

    /// The interval of an instant; mostly that of the instant before.
    #[inline]
    fn interval(&mut self, at: Offset) -> &mut Interval {
        if at < self.present.from || at >= self.present.to {
            self.turn_to(at);
        }
        &mut self.present.interval
    }

    #[cold]
    fn turn_to(&mut self, at: Offset) {
        self.put_back();
        let (layout, spare) = (&self.layout, &mut self.spare);
        let number = layout.interval_of(at);
        let mut interval = self.open.remove(&number).or_else(|| spare.pop()).unwrap_or_default();
        interval.prepare(layout);
        let (from, to) = (layout.interval_start(number), layout.interval_start(number + 1));
        self.present = Present { number, from, to, interval };
    }

    fn put_back(&mut self) {
        let Present { number, from, to, interval } = std::mem::take(&mut self.present);
        if from < to {
            self.open.insert(number, interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, layout, sample, whole};
    use super::*;
    use crate::scenario::Outcome;

    #[test]
    fn between_two_flushes_is_all_that_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path(), &layout(), Span::ZERO).unwrap();
        for second in 0..200 {
            for tenth in 0..10 {
                let intended = f64::from(second) + f64::from(tenth) / 10.0;
                whole(&mut writer, &sample(0, 1, Outcome::Ok, intended, 0.3));
                writer.journey(0, at(intended), JourneyEvent::Started);
            }
            writer.flush(at(f64::from(second) + 1.0)).unwrap();
            assert!(writer.open.len() <= 1 && writer.spare.len() <= 3 && writer.journeys.take().is_empty());
        }
    }
}
