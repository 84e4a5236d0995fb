//! `peakday merge`: the shards of one plan, added up to one run.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use super::{result, run};
use crate::record::{self, RunHeader};
use crate::stats::{self, MergeError, Sum};

/// Add up the runs of all shards of one plan, exactly, and write the report of the whole.
#[derive(Debug, Args)]
pub(super) struct MergeCommand {
    /// The folders of the shards' runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The folder of the sum
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Add up what there is although shards are missing
    #[arg(long)]
    incomplete: bool,
}

pub(super) fn run(command: MergeCommand) -> Result<Exit, Failure> {
    let strangers = command.runs.iter().filter(|run| !run.join(RunHeader::FILE).is_file());
    let strangers: Vec<String> =
        strangers.map(|run| format!("{} is no run's folder: it has no run.toml", run.display())).collect();
    if !strangers.is_empty() {
        return Err(Failure::usage(strangers.join("\n")));
    }
    let runs = command.runs.iter().map(|run| record::open(run)).collect::<Result<Vec<_>, _>>();
    let runs = runs.map_err(|error| anyhow::anyhow!("{error}"))?;
    let (dir, run_id) = run::folder(Some(command.out), "")?;
    let sum = Sum { run_id, command: std::env::args().collect(), incomplete: command.incomplete };
    stats::merge(&runs, &dir, &sum).map_err(|error| match error {
        MergeError::NotOnePlan(_) => Failure::usage(error.to_string()),
        _ => anyhow::anyhow!("{error}").into(),
    })?;
    result::print(&dir, false)
}
