//! The record of a run: what both engines write, and all that statistics, verdicts and reports read.
//!
//! A run's folder has one `run.toml` ([`RunHeader`]) and one folder for each server configuration, written by a
//! [`Writer`] while the run goes on. Memory does not grow with the length of a run, every complete second is on disk,
//! and [`open`] reads what a killed run left. Formulas and columns are in `CONTRACT.md`, "Accounting".
//!
//! Nothing here knows the time: instants come in as [`crate::units::Offset`]s.

mod disk;
mod event;
mod examples;
mod header;
mod histogram;
mod interval;
mod journey_rows;
mod layout;
mod lines;
mod mask;
mod merge;
mod pack;
mod reader;
mod resources;
mod rows;
mod sample;
mod stations;
mod table;
mod values;
mod writer;

pub use event::{Event, Severity, What};
pub use header::{Engine, HeaderError, Machine, RunHeader, ServerHeader, digest};
pub use histogram::{Cell, Histogram};
pub use layout::{Layout, PopulationLayout, StepLayout};
pub use mask::mask;
pub use merge::{add_up, all_events};
pub use reader::{IntervalRow, RecordError, Run, ServerRecord, open};
pub use resources::{Resources, Who};
pub use rows::{CounterRow, JourneyRow};
pub use sample::{Clock, JourneyEvent, Sample};
pub use stations::{StationRow, write_estimates, write_judged, write_stations};
pub use writer::Writer;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
