//! The record of a run: what both engines write, and all that statistics, verdicts and reports read.
//!
//! A run's folder has one `run.toml` ([`RunHeader`]) and one folder for each server configuration, written by a
//! [`Writer`] while the run goes on. Memory does not grow with the length of a run, every complete second is on disk,
//! and [`open`] reads what a killed run left. Formulas and columns are in `CONTRACT.md`, "Accounting".
//!
//! Nothing here knows the time: instants come in as [`crate::units::Offset`]s.

mod event;
mod header;
mod layout;
mod resources;
mod sample;

pub use event::{Event, Severity, What};
pub use header::{Engine, HeaderError, Machine, RunHeader, ServerHeader, digest};
pub use layout::{Layout, PopulationLayout, StepLayout};
pub use resources::{Resources, Who};
pub use sample::{Clock, JourneyEvent, Sample};
