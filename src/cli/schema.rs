//! `peakday schema`: the JSON Schema of what the tool reads and writes.

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use crate::scenario::file;
use crate::stats::Summary;

/// Print the JSON Schema of a file format.
#[derive(Debug, Args)]
pub(super) struct SchemaCommand {
    /// Which format
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A scenario file
    Scenario,
    /// A model of a server, for the simulation
    Model,
    /// summary.json of a run
    Summary,
}

pub(super) fn run(command: &SchemaCommand) -> Result<Exit, Failure> {
    let schema = match command.format {
        Format::Scenario => file::schema(),
        Format::Model => file::model_schema(),
        Format::Summary => schemars::schema_for!(Summary).to_value(),
    };
    super::print(&format!("{schema:#}\n"))
}
