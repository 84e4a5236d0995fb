//! The report of a run: from its record to a page, plots, Markdown, JUnit and the terminal's table.
//!
//! ```text
//! record ─► stats::summarize ─► Summary ─► table, words ──┐
//!        └► facts (series, distributions) ─► figures ─────┴► index.html, *.svg, report.md, junit.xml, summary.json
//! ```
//!
//! Figures draw with plotters through a backend of our own (`svg`), in roles instead of colours (`role`), so that one
//! picture serves the light and the dark theme, paper, and a file of its own. Nothing here is measured or judged anew.

mod axis;
mod canvas;
mod drawing;
mod facts;
mod figures;
mod junit;
mod labels;
mod lettering;
mod markdown;
mod page;
mod panel;
mod provenance;
mod queues;
mod raster;
mod readout;
mod role;
mod say;
mod svg;
mod table;
mod tables;
mod windows;
mod words;

use std::path::{Path, PathBuf};
use std::{fs, io};

use self::facts::Facts;
use self::figures::Figure;
use crate::record::{self, RecordError, Run};
use crate::stats::{self, Summary};

pub use self::canvas::DrawError;
pub use self::svg::NoRole;

/// What [`write()`] wrote.
#[derive(Debug)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// All files, the page among them.
    pub files: Vec<PathBuf>,
    /// What they are about.
    pub summary: Summary,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A file of the record, while it was summed up.
    #[error("the record of a run cannot be read: {0}")]
    Read(io::Error),
    /// A file of the report.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A plot; a mistake in the tool.
    #[error("a plot cannot be drawn: {0}")]
    Draw(#[from] DrawError),
    /// A plot that makes no picture; a mistake in the tool.
    #[error("a plot cannot be made a picture: {0}")]
    Picture(String),
    /// A summary that is no JSON; a mistake in the tool.
    #[error("the summary cannot be written as JSON: {0}")]
    Summary(#[from] serde_json::Error),
}

/// A run with everything that its report says.
struct Report {
    run: Run,
    summary: Summary,
    figures: Vec<Figure>,
}

/// Reads the record in a run's folder, also one that was cut off, and writes the report beside it: `summary.json`,
/// `index.html`, one `*.svg` for each plot, `report.md` and `junit.xml`. Files of an earlier report are replaced.
///
/// # Errors
/// When the folder holds no record, or a file cannot be written.
pub fn write(run_dir: &Path) -> Result<Written, ReportError> {
    let report = Report::read(run_dir)?;
    let mut json = serde_json::to_string_pretty(&report.summary)?;
    json.push('\n');
    let mut files = vec![
        ("summary.json".to_owned(), json),
        ("index.html".to_owned(), page::html(&report)),
        ("report.md".to_owned(), markdown::markdown(&report)),
        ("junit.xml".to_owned(), junit::xml(&report.summary)),
    ];
    for figure in &report.figures {
        if let Some(drawing) = &figure.drawing {
            files.push((format!("{}.svg", figure.name), drawing.standalone(&figure.title, &figure.note)));
        }
    }
    let files = files
        .into_iter()
        .map(|(name, text)| replace(&run_dir.join(name), text.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Written { page: run_dir.join("index.html"), files, summary: report.summary })
}

/// Reads the record in a run's folder and writes one `*.png` for each plot beside it; the files, in the page's order.
///
/// # Errors
/// When the folder holds no record, or a file cannot be written.
pub fn write_pictures(run_dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let report = Report::read(run_dir)?;
    let drawn = report.figures.iter().filter_map(|figure| Some((figure, figure.drawing.as_ref()?)));
    let pictures = drawn.map(|(figure, drawing)| {
        let png = raster::png(&drawing.plain(&figure.title, &figure.note)).map_err(ReportError::Picture)?;
        replace(&run_dir.join(format!("{}.png", figure.name)), &png)
    });
    pictures.collect()
}

/// The result of a run at a glance: one row for each server configuration, plain text of at most 100 columns for names
/// of ordinary length, ending in a line end.
///
/// Before it, where unwanted clients came: what they left of the service to the others.
pub fn table(summary: &Summary) -> String {
    above(summary, &tables::overview(summary).text(false))
}

/// The same, verdict and validity painted in a terminal's colours.
pub fn painted_table(summary: &Summary) -> String {
    above(summary, &tables::overview(summary).text(true))
}

fn above(summary: &Summary, table: &str) -> String {
    let goodput = words::goodput(summary).map(|words| format!("{words}\n\n"));
    format!("{}{table}", goodput.unwrap_or_default())
}

/// The verdict of a run in words, one line for the run and one for each configuration.
pub fn verdict(summary: &Summary) -> String {
    let lines = summary.servers.iter().map(|server| format!("{}.\n", words::outcome(server)));
    format!("{}\n{}", words::verdict(summary), lines.collect::<String>())
}

/// Writes a file so that no reader sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    let half = path.with_extension("part");
    fs::write(&half, bytes)
        .and_then(|()| fs::rename(&half, path))
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })?;
    Ok(path.to_owned())
}

impl Report {
    fn read(run_dir: &Path) -> Result<Self, ReportError> {
        let run = record::open(run_dir)?;
        let summary = stats::summarize(&run)?;
        let facts = Facts::read(&run, &summary).map_err(ReportError::Read)?;
        let figures = figures::all(&facts)?;
        Ok(Self { run, summary, figures })
    }

    /// What a reader must know before any number: what is missing of the record.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for server in self.run.servers.iter().filter(|server| !server.finished()) {
            warnings.push(format!(
                "The record of {} was cut off: the tool did not end by itself. What was recorded until then is shown; \
                 what was under way has no outcome.",
                server.header.name
            ));
        }
        for server in &self.run.header.servers {
            if !self.run.servers.iter().any(|started| started.header.name == server.name) {
                warnings.push(format!("{} was never started: the run ended before its turn.", server.name));
            }
        }
        for server in &self.run.servers {
            for event in &server.events {
                if let record::What::Aborted { reason } = &event.what {
                    warnings
                        .push(format!("{}: the run was ended before its time: {reason}", server.header.name));
                }
            }
        }
        warnings
    }
}
