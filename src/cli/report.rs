//! `peakday report`: draw a run again, or print it in one form.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::result;
use crate::report;

/// Draw the report of a run again, also of one that was cut off.
#[derive(Debug, Args)]
pub(super) struct ReportCommand {
    /// A run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// One form instead of the table: json, md and junit go to standard output; of html, svg and png, the paths of the
    /// files
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
}

/// A form of the report. All but pictures are always written to the run's folder; this is what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The page, one file without references
    Html,
    /// One file for each plot
    Svg,
    /// The same as pictures, for where SVG is not shown
    Png,
    /// The summary (peakday schema summary)
    Json,
    /// Markdown, as for a merge request
    Md,
    #[value(help = "JUnit XML, as CI servers read it")]
    Junit,
}

/// The report is what was asked for: the exit code says whether it could be made, not what the run came to.
pub(super) fn run(command: &ReportCommand) -> Result<Exit, Failure> {
    if !command.run.join("run.toml").is_file() {
        return Err(Failure::usage(format!(
            "{} is no run's folder: it has no run.toml (a run prints its folder; reports/SCENARIO/RUN-ID)",
            command.run.display()
        )));
    }
    match command.format {
        None => result::print(&command.run, false)?,
        Some(format) => print(&command.run, format)?,
    };
    Ok(Exit::Success)
}

fn print(run_dir: &Path, format: Format) -> Result<Exit, Failure> {
    let written = report::write(run_dir).map_err(|error| anyhow::anyhow!("{error}"))?;
    let ends = |path: &&PathBuf, end: &str| path.extension().is_some_and(|extension| extension == end);
    let paths = |end: &str| {
        let paths = written.files.iter().filter(|path| ends(path, end));
        paths.map(|path| format!("{}\n", path.display())).collect::<String>()
    };
    let text = |name: &str| {
        let path = run_dir.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))
    };
    super::print(&match format {
        Format::Html => paths("html"),
        Format::Svg => paths("svg"),
        Format::Png => {
            let pictures = report::write_pictures(run_dir).map_err(|error| anyhow::anyhow!("{error}"))?;
            pictures.iter().map(|path| format!("{}\n", path.display())).collect()
        }
        Format::Json => text("summary.json")?,
        Format::Md => text("report.md")?,
        Format::Junit => text("junit.xml")?,
    })
}
