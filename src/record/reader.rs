//! The reader of a run's folder, also of one that a kill cut off.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{COUNTERS, EVENTS, INTERVALS, JOURNEYS, RESOURCES};
use super::histogram::{LOG_HEAD, base_time, parse_line};
use super::lines::each_line;
use super::rows::Fields;
use super::table::rows;
use super::{
    Clock, CounterRow, Event, HeaderError, Histogram, JourneyRow, Layout, Resources, RunHeader, ServerHeader,
    What,
};
use crate::scenario::Outcome;
use crate::units::Span;

/// A run's folder.
#[derive(Debug)]
pub struct Run {
    /// Where it is.
    pub dir: PathBuf,
    /// Its header.
    pub header: RunHeader,
    /// What was recorded of each server configuration, in the order of the header; those that were never started are
    /// not among them.
    pub servers: Vec<ServerRecord>,
}

/// The record of one server configuration. Its series are read from disk each time, row by row, so that the length of
/// a run is no matter.
#[derive(Debug)]
pub struct ServerRecord {
    /// What the header of the run says of it.
    pub header: ServerHeader,
    /// The layout of the run.
    pub layout: Arc<Layout>,
    /// What happened beside requests, in the order of writing.
    pub events: Vec<Event>,
    dir: PathBuf,
}

/// The lengths of requests of one step, by one clock, with one outcome, that ended in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    /// The interval.
    pub interval: i64,
    /// Index of the population.
    pub population: u16,
    /// Index of the step.
    pub step: u16,
    /// Which length.
    pub clock: Clock,
    /// How the requests ended.
    pub outcome: Outcome,
    /// The lengths.
    pub histogram: Histogram,
}

/// A run's folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A file in it.
    #[error("the record of a run cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Opens a run's folder.
///
/// # Errors
/// When there is no header of a run, or events cannot be read.
pub fn open(run_dir: &Path) -> Result<Run, RecordError> {
    let header = RunHeader::read(run_dir)?;
    let layout = Arc::new(header.layout.clone());
    let mut servers = Vec::new();
    for server in &header.servers {
        let dir = run_dir.join(&server.name);
        if dir.join(COUNTERS).is_file() {
            let events = events(&dir.join(EVENTS))?;
            servers.push(ServerRecord { header: server.clone(), layout: Arc::clone(&layout), events, dir });
        }
    }
    Ok(Run { dir: run_dir.to_owned(), header, servers })
}

impl ServerRecord {
    /// What [`super::write_stations`] wrote of the queues inside a simulated server; `None` where nothing was.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn station_figures<T: serde::de::DeserializeOwned>(&self) -> io::Result<Option<T>> {
        super::stations::read_figures(&self.dir)
    }

    /// Rows of `stations.csv`, in order; none where there is no such file.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn stations(&self) -> io::Result<Vec<super::StationRow>> {
        super::stations::read_rows(&self.dir)
    }

    /// What [`super::write_judged`] wrote of promises about windows; `None` where nothing was.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn judged<T: serde::de::DeserializeOwned>(&self) -> io::Result<Option<T>> {
        super::stations::read_judged(&self.dir)
    }

    /// What [`super::write_estimates`] wrote of a simulated server's replications; `None` where nothing was.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn estimates<T: serde::de::DeserializeOwned>(&self) -> io::Result<Option<T>> {
        super::stations::read_estimates(&self.dir)
    }

    /// Whether the record is complete. Without it the last second is missing, and what was under way has no outcome.
    pub fn finished(&self) -> bool {
        self.events.last().is_some_and(|event| event.what == What::Finished)
    }

    /// Rows of `counters.csv` as they stand: those of the same interval and step add up.
    ///
    /// # Errors
    /// When the file cannot be read; each row, when it is none.
    pub fn counters(&self) -> io::Result<impl Iterator<Item = io::Result<CounterRow>> + use<'_>> {
        rows(&self.dir.join(COUNTERS), &self.layout)
    }

    /// Rows of `journeys.csv` as they stand: those of the same interval and population add up.
    ///
    /// # Errors
    /// When the file cannot be read; each row, when it is none.
    pub fn journeys(&self) -> io::Result<impl Iterator<Item = io::Result<JourneyRow>> + use<'_>> {
        rows(&self.dir.join(JOURNEYS), &self.layout)
    }

    /// The intervals of the log by the given clocks: those of the same interval, step, clock and outcome add up.
    ///
    /// # Errors
    /// When the file cannot be read; each interval, when it is none.
    pub fn intervals<'a>(
        &'a self,
        clocks: &'a [Clock],
    ) -> io::Result<impl Iterator<Item = io::Result<IntervalRow>> + use<'a>> {
        each_line(&self.dir.join(INTERVALS), move |line| self.interval(line, clocks))
    }

    /// The wall-clock time at which the measured part began, since the Unix epoch, to a millisecond; `None` where the log
    /// does not say it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn begins(&self) -> io::Result<Option<Span>> {
        let mut said = each_line(&self.dir.join(INTERVALS), |line| Ok(Some(base_time(line))))?.take(LOG_HEAD);
        said.find_map(Result::transpose).transpose()
    }

    /// Rows of `resources.csv`.
    ///
    /// # Errors
    /// When the file cannot be read; each row, when it is none.
    pub fn resources(&self) -> io::Result<impl Iterator<Item = io::Result<Resources>> + use<>> {
        let mut heading = true;
        each_line(&self.dir.join(RESOURCES), move |line| {
            if std::mem::take(&mut heading) {
                return Ok(None);
            }
            Resources::parse(&mut Fields::of(line)).map(Some)
        })
    }

    fn interval(&self, line: &str, clocks: &[Clock]) -> Result<Option<IntervalRow>, String> {
        let Some(line) = parse_line(line)? else { return Ok(None) };
        let mut words = line.tag.split('.');
        let mut word = || words.next().unwrap_or_default();
        let (population, step, clock, outcome) = (word(), word(), word(), word());
        let unknown = || format!("the tag {:?} names something that is not in run.toml", line.tag);
        let clock = Clock::ALL.into_iter().find(|known| known.name() == clock).ok_or_else(unknown)?;
        if !clocks.contains(&clock) {
            return Ok(None);
        }
        let population = self.layout.population(population).ok_or_else(unknown)?;
        let step = self.layout.step(population, step).ok_or_else(unknown)?;
        let outcome = Outcome::ALL.into_iter().find(|known| known.name() == outcome).ok_or_else(unknown)?;
        let interval = self.layout.interval_near(line.start);
        Ok(Some(IntervalRow { interval, population, step, clock, outcome, histogram: line.histogram()? }))
    }
}

fn events(path: &Path) -> io::Result<Vec<Event>> {
    each_line(path, |line| Event::parse(line).map(Some))?.collect()
}
