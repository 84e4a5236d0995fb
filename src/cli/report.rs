//! `peakday report`: draw a run again.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use super::result;

/// Draw the report of a run again, also of one that was cut off.
#[derive(Debug, Args)]
pub(super) struct ReportCommand {
    /// A run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

/// The report is what was asked for: the exit code says whether it could be made, not what the run came to.
pub(super) fn run(command: &ReportCommand) -> Result<Exit, Failure> {
    if !command.run.join("run.toml").is_file() {
        return Err(Failure::usage(format!(
            "{} is no run's folder: it has no run.toml (a run prints its folder; reports/SCENARIO/RUN-ID)",
            command.run.display()
        )));
    }
    result::print(&command.run, false).map(|_| Exit::Success)
}
