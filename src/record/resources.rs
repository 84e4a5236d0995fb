//! What the processes of a run used: the rows of `resources.csv`.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Layout;
use super::rows::Fields;
use crate::units::Offset;

/// One process at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// When.
    pub at: Offset,
    /// Whose row it is.
    pub who: Who,
    /// CPU seconds used since its row before, all threads, user and system.
    pub cpu: f64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Threads.
    pub threads: u32,
    /// Open file descriptors.
    pub fds: u32,
    /// The server's own metrics, where it tells any: name (without `,`, `;` and `=`) and value.
    pub metrics: Vec<(String, f64)>,
}

/// Whose resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// This tool.
    Generator,
    /// The server under test.
    Server,
    /// The server's database, where it is a process of its own.
    Store,
}

impl Who {
    /// The word for it in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Server => "server",
            Self::Store => "store",
        }
    }
}

impl Resources {
    pub(super) const HEADER: &str = "t,who,cpu,rss_bytes,threads,fds,scenario_time,metrics\n";

    /// The row as a line with its end.
    pub(super) fn line(&self, layout: &Layout) -> String {
        let Self { at, who, cpu, rss_bytes, threads, fds, metrics } = self;
        // What differences of binary fractions add is no measurement.
        let tidy = |value: f64| (value * 1e6).round() / 1e6;
        let (time, who, cpu) = (layout.timeline.scenario_time(*at), who.name(), tidy(*cpu));
        let mut line = format!("{},{who},{cpu},{rss_bytes},{threads},{fds},{time},", at.secs_f64());
        for (place, (name, value)) in metrics.iter().enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            let name = name.replace([',', ';', '=', '\n', '\r'], "_");
            write!(line, "{separator}{name}={}", tidy(*value)).expect("a String takes any text");
        }
        line.push('\n');
        line
    }

    /// Reads the fields of a line.
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, String> {
        let at = Offset::from_secs_f64(fields.number("t")?);
        let who = fields.text("who")?;
        let who = [Who::Generator, Who::Server, Who::Store]
            .into_iter()
            .find(|known| known.name() == who)
            .ok_or_else(|| format!("who is {who:?}, neither generator nor server nor store"))?;
        let (cpu, rss_bytes) = (fields.number("cpu")?, fields.number("rss_bytes")?);
        let (threads, fds) = (fields.number("threads")?, fields.number("fds")?);
        fields.text("scenario_time")?;
        let metrics = parse_metrics(fields.text("metrics")?)?;
        Ok(Self { at, who, cpu, rss_bytes, threads, fds, metrics })
    }
}

fn parse_metrics(text: &str) -> Result<Vec<(String, f64)>, String> {
    let metric = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    let parts = text.split(';').filter(|part| !part.is_empty());
    parts.map(|part| metric(part).ok_or_else(|| format!("{part:?} is no metric"))).collect()
}
