//! The rows of `counters.csv` and `journeys.csv`, and how rows about the same thing add up.

use std::fmt::Write as _;

use super::Layout;
use crate::units::Offset;

/// What one kind of row must be able to do. All counts add up; rows of the same key are one row.
pub(super) trait Row: Clone + Sized {
    /// The first line of the file.
    const HEADER: &str;
    /// Interval, and the place within it: rows of a finished file are in this order.
    fn key(&self) -> (i64, usize);
    /// The key and nothing counted yet.
    fn empty(layout: &Layout, interval: i64, place: usize) -> Self;
    /// Places of an interval, those that are played.
    fn places(layout: &Layout) -> Vec<usize>;
    /// Adds the counts of a row of the same key.
    fn add(&mut self, other: &Self);
    /// Nothing is counted in it.
    fn is_empty(&self) -> bool;
    /// Carries over what stays from one interval to the next of the same place.
    fn follow(&mut self, before: &Self);
    /// Appends the row as a line.
    fn print(&self, layout: &Layout, text: &mut String);
    /// Reads the fields of a line; further fields than known are passed over.
    fn parse(fields: &mut Fields<'_>, layout: &Layout) -> Result<Self, String>;
}

/// What happened to the requests of a step in an interval: a row of `counters.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterRow {
    /// The interval.
    pub interval: i64,
    /// Index of the population.
    pub population: u16,
    /// Index of the step.
    pub step: u16,
    /// Requests that were due in this interval.
    pub offered: u64,
    /// Requests that were sent in it.
    pub sent: u64,
    /// Requests that ended in it, by outcome.
    pub ok: u64,
    /// Failed in it.
    pub failed: u64,
    /// Refused in it.
    pub shed: u64,
    /// Given up by their client in it.
    pub timed_out: u64,
    /// Given up by the generator in it.
    pub not_sent: u64,
    /// Sent and without an outcome at its end.
    pub in_flight: u64,
    /// Due and not sent at its end.
    pub backlog: u64,
}

/// What became of the journeys that arrived in an interval: a row of `journeys.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JourneyRow {
    /// The interval of the arrival.
    pub interval: i64,
    /// Index of the population.
    pub population: u16,
    /// Journeys that the plan, or what brought them, said would come.
    pub planned: u64,
    /// Their first request was offered.
    pub started: u64,
    /// They reached their end.
    pub completed: u64,
    /// Of those, with nothing in them that was not ok.
    pub clean: u64,
    /// They ended early.
    pub gave_up: u64,
    /// started − completed − gave_up; below zero in rows that only say what changed.
    pub unfinished: i64,
    /// Something in them was not ok, whether they ended or not.
    pub marred: u64,
}

impl Row for CounterRow {
    const HEADER: &str =
        "t,scenario_time,population,step,offered,sent,ok,failed,shed,timed_out,not_sent,in_flight,backlog\n";

    fn key(&self) -> (i64, usize) {
        (self.interval, usize::from(self.population) << 16 | usize::from(self.step))
    }

    fn empty(_: &Layout, interval: i64, place: usize) -> Self {
        Self { interval, population: (place >> 16) as u16, step: place as u16, ..Self::default() }
    }

    fn places(layout: &Layout) -> Vec<usize> {
        let played = layout.populations.iter().enumerate().filter(|(_, population)| population.played);
        played
            .flat_map(|(p, population)| (0..population.steps.len()).map(move |step| p << 16 | step))
            .collect()
    }

    fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.sent += other.sent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.not_sent += other.not_sent;
    }

    fn is_empty(&self) -> bool {
        self.offered + self.sent + self.ok + self.failed + self.shed + self.timed_out + self.not_sent == 0
    }

    fn follow(&mut self, before: &Self) {
        let ended = self.ok + self.failed + self.shed + self.timed_out;
        self.in_flight = (before.in_flight + self.sent).saturating_sub(ended);
        self.backlog = (before.backlog + self.offered).saturating_sub(self.sent + self.not_sent);
    }

    fn print(&self, layout: &Layout, text: &mut String) {
        let population = &layout.populations[usize::from(self.population)];
        print_time(layout, self.interval, text);
        let (name, step) = (&population.name, &population.steps[usize::from(self.step)].name);
        let Self { offered, sent, ok, failed, shed, timed_out, not_sent, in_flight, backlog, .. } = self;
        writeln!(
            text,
            ",{name},{step},{offered},{sent},{ok},{failed},{shed},{timed_out},{not_sent},{in_flight},{backlog}"
        )
        .expect("a String takes any text");
    }

    fn parse(fields: &mut Fields<'_>, layout: &Layout) -> Result<Self, String> {
        let interval = fields.interval(layout)?;
        let population = fields.population(layout)?;
        let step = fields.step(layout, population)?;
        Ok(Self {
            interval,
            population,
            step,
            offered: fields.count("offered")?,
            sent: fields.count("sent")?,
            ok: fields.count("ok")?,
            failed: fields.count("failed")?,
            shed: fields.count("shed")?,
            timed_out: fields.count("timed_out")?,
            not_sent: fields.count("not_sent")?,
            in_flight: fields.count("in_flight")?,
            backlog: fields.count("backlog")?,
        })
    }
}

impl Row for JourneyRow {
    const HEADER: &str =
        "t,scenario_time,population,planned,started,completed,clean,gave_up,unfinished,marred\n";

    fn key(&self) -> (i64, usize) {
        (self.interval, usize::from(self.population))
    }

    fn empty(_: &Layout, interval: i64, place: usize) -> Self {
        Self { interval, population: place as u16, ..Self::default() }
    }

    fn places(layout: &Layout) -> Vec<usize> {
        (0..layout.populations.len()).filter(|&p| layout.populations[p].played).collect()
    }

    fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.completed += other.completed;
        self.clean += other.clean;
        self.gave_up += other.gave_up;
        self.unfinished += other.unfinished;
        self.marred += other.marred;
    }

    fn is_empty(&self) -> bool {
        self.planned + self.started + self.completed + self.clean + self.gave_up + self.marred == 0
    }

    fn follow(&mut self, _: &Self) {}

    fn print(&self, layout: &Layout, text: &mut String) {
        print_time(layout, self.interval, text);
        let name = &layout.populations[usize::from(self.population)].name;
        let Self { planned, started, completed, clean, gave_up, unfinished, marred, .. } = self;
        writeln!(text, ",{name},{planned},{started},{completed},{clean},{gave_up},{unfinished},{marred}")
            .expect("a String takes any text");
    }

    fn parse(fields: &mut Fields<'_>, layout: &Layout) -> Result<Self, String> {
        Ok(Self {
            interval: fields.interval(layout)?,
            population: fields.population(layout)?,
            planned: fields.count("planned")?,
            started: fields.count("started")?,
            completed: fields.count("completed")?,
            clean: fields.count("clean")?,
            gave_up: fields.count("gave_up")?,
            unfinished: fields.number("unfinished")?,
            marred: fields.count("marred")?,
        })
    }
}

/// `t` in seconds of wall time without needless digits, and the scenario time.
pub(super) fn print_time(layout: &Layout, interval: i64, text: &mut String) {
    let start = layout.interval_start(interval);
    write!(text, "{},{}", start.secs_f64(), layout.timeline.scenario_time(start))
        .expect("a String takes any text");
}

/// The fields of one line of a CSV file. Names are `[a-z0-9-]+`, so nothing is quoted.
pub(super) struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(line.split(','))
    }

    pub(super) fn text(&mut self, column: &str) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| format!("column {column} is missing"))
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, column: &str) -> Result<T, String> {
        let text = self.text(column)?;
        text.parse().map_err(|_| format!("{column} is {text:?}, which is no number for it"))
    }

    fn count(&mut self, column: &str) -> Result<u64, String> {
        self.number(column)
    }

    /// The interval by `t`; passes over `scenario_time`, which follows from it.
    fn interval(&mut self, layout: &Layout) -> Result<i64, String> {
        let start = Offset::from_secs_f64(self.number("t")?);
        self.text("scenario_time")?;
        Ok(layout.interval_near(start))
    }

    fn population(&mut self, layout: &Layout) -> Result<u16, String> {
        let name = self.text("population")?;
        layout.population(name).ok_or_else(|| format!("population {name:?} is not in run.toml"))
    }

    fn step(&mut self, layout: &Layout, population: u16) -> Result<u16, String> {
        let name = self.text("step")?;
        layout.step(population, name).ok_or_else(|| format!("step {name:?} is not in run.toml"))
    }
}
