//! What a run came to, on standard output: the table, the verdict, the place of the report; and the exit code.

use std::io::IsTerminal;
use std::path::Path;

use super::exit::{Exit, Failure};
use crate::report;
use crate::stats::{Summary, ValidityState, Verdict};

/// Writes the report of a run, prints its table and where it is.
///
/// # Errors
/// When the folder holds no record, or the report cannot be written.
pub(super) fn print(run_dir: &Path, interrupted: bool) -> Result<Exit, Failure> {
    let written = report::write(run_dir).map_err(|error| anyhow::anyhow!("{error}"))?;
    let summary = &written.summary;
    let table =
        if std::io::stdout().is_terminal() { report::painted_table(summary) } else { report::table(summary) };
    super::print(&format!("{table}\n{}\n{}\n", report::verdict(summary), written.page.display()))?;
    Ok(if interrupted { Exit::Interrupted } else { exit(summary) })
}

/// The exit code that a run's summary stands for.
pub(super) fn exit(summary: &Summary) -> Exit {
    let invalid = summary.servers.iter().any(|server| server.validity.state == ValidityState::Invalid);
    let verdict = match summary.verdict {
        Verdict::Pass => Exit::Success,
        Verdict::Fail => Exit::NotAsExpected,
        Verdict::Undecided => Exit::Inconclusive,
    };
    Exit::worst([verdict, if invalid { Exit::NotValid } else { Exit::Success }])
}
