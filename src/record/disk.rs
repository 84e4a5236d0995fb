//! The files of a server configuration's folder while they are written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::histogram::log_head;
use super::interval::Interval;
use super::lines::named;
use super::rows::Row;
use super::table::Table;
use super::values::Values;
use super::{CounterRow, Event, JourneyRow, Layout, Resources, pack};
use crate::units::Span;

pub(super) const COUNTERS: &str = "counters.csv";
pub(super) const JOURNEYS: &str = "journeys.csv";
pub(super) const INTERVALS: &str = "intervals.hlog";
pub(super) const RESOURCES: &str = "resources.csv";
pub(super) const EVENTS: &str = "events.jsonl";

/// The open files, and what is needed to go on writing them.
#[derive(Debug)]
pub(super) struct Disk {
    counters: Table<CounterRow>,
    journeys: Table<JourneyRow>,
    intervals: File,
    resources: File,
    events: File,
    lines: String,
    tag: String,
    micros: Values,
    /// The last row of each place of `counters.csv`: what is in flight and in the backlog goes on from there.
    last: BTreeMap<usize, CounterRow>,
    /// Whether rows of `counters.csv` stand behind those of a later interval.
    unordered: bool,
}

impl Disk {
    pub(super) fn create(dir: &Path, layout: &Layout, zero: Span) -> io::Result<Self> {
        let create = |name: &str| File::create(dir.join(name)).map_err(|error| named(&dir.join(name), error));
        let mut disk = Self {
            counters: Table::create(dir.join(COUNTERS))?,
            journeys: Table::create(dir.join(JOURNEYS))?,
            intervals: create(INTERVALS)?,
            resources: create(RESOURCES)?,
            events: create(EVENTS)?,
            lines: String::new(),
            tag: String::new(),
            micros: Values::default(),
            last: CounterRow::places(layout)
                .into_iter()
                .map(|place| (place, CounterRow::empty(layout, 0, place)))
                .collect(),
            unordered: false,
        };
        disk.intervals.write_all(log_head(zero).as_bytes())?;
        disk.resources.write_all(Resources::HEADER.as_bytes())?;
        Ok(disk)
    }

    /// Writes an interval that follows the one written before. Counters go first: a kill in between leaves requests
    /// that were offered and have no outcome, never the reverse.
    pub(super) fn interval(&mut self, layout: &Layout, number: i64, interval: &Interval) -> io::Result<()> {
        let mut counted = interval.rows().iter();
        for (&place, last) in &mut self.last {
            let mut row = CounterRow::empty(layout, number, place);
            if let Some(counts) = counted.find(|counts| counts.key().1 == place) {
                row.add(counts);
            }
            row.follow(last);
            self.counters.push(layout, &row);
            *last = row;
        }
        self.counters.flush()?;
        self.lengths(layout, number, interval)
    }

    /// Writes what came for an interval after it was written.
    pub(super) fn late(&mut self, layout: &Layout, number: i64, interval: &Interval) -> io::Result<()> {
        for counts in interval.rows().iter().filter(|counts| !counts.is_empty()) {
            let mut row = CounterRow { interval: number, ..*counts };
            if let Some(last) = self.last.get_mut(&row.key().1) {
                row.follow(last);
                (last.in_flight, last.backlog) = (row.in_flight, row.backlog);
            }
            self.counters.push(layout, &row);
            self.unordered = true;
        }
        self.counters.flush()?;
        self.lengths(layout, number, interval)
    }

    fn lengths(&mut self, layout: &Layout, number: i64, interval: &Interval) -> io::Result<()> {
        let start = layout.interval_start(number);
        self.lines.clear();
        for (row, clock, outcome, lengths) in interval.measured() {
            self.micros.clear();
            lengths.add_to(clock, &mut self.micros);
            let population = &layout.populations[usize::from(row.population)];
            let step = &population.steps[usize::from(row.step)].name;
            self.tag.clear();
            write!(self.tag, "{}.{step}.{}.{}", population.name, clock.name(), outcome.name())
                .expect("a String takes any text");
            pack::append(&mut self.lines, &self.tag, start, layout.interval, &mut self.micros);
        }
        self.intervals.write_all(self.lines.as_bytes())
    }

    /// Writes what changed of journeys.
    pub(super) fn journeys(
        &mut self,
        layout: &Layout,
        rows: BTreeMap<(i64, u16), JourneyRow>,
    ) -> io::Result<()> {
        for row in rows.values() {
            self.journeys.push(layout, row);
        }
        self.journeys.flush()
    }

    pub(super) fn event(&mut self, layout: &Layout, event: &Event) -> io::Result<()> {
        self.events.write_all(event.line(layout)?.as_bytes())
    }

    pub(super) fn resources(&mut self, layout: &Layout, row: &Resources) -> io::Result<()> {
        self.resources.write_all(row.line(layout).as_bytes())
    }

    /// Puts the rows in order, up to (not including) the interval `end`.
    pub(super) fn finish(self, layout: &Layout, end: i64) -> io::Result<()> {
        let all = layout.interval_of(layout.timeline.start())..end;
        if self.unordered {
            self.counters.finish(layout, all.clone())?;
        }
        self.journeys.finish(layout, all)
    }
}
