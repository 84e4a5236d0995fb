//! What happened in a run beside requests: one JSON line each in `events.jsonl`.

use std::io;

use serde::{Deserialize, Serialize};

use super::Layout;
use crate::units::Offset;

/// Something that happened at an instant of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Offset,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// The server under test was started as a child process and accepts requests.
    ServerStarted {
        /// Its base URL.
        url: String,
        /// Its process.
        pid: Option<u32>,
        /// Its command line.
        command: Vec<String>,
    },
    /// The server's process ended.
    ServerExited {
        /// How: "exit status: 0", "signal: 9 (SIGKILL)".
        status: String,
        /// Whether the run wanted it.
        wanted: bool,
    },
    /// The server was given entries of earlier in the day.
    Preloaded {
        /// How many.
        entries: u64,
        /// Wall time that it took, in seconds.
        seconds: f64,
    },
    /// A planned incident began or ended.
    Incident {
        /// Its name in the scenario.
        name: String,
        /// What was done.
        detail: String,
    },
    /// The run was ended before its time; the event's instant is that from which on nothing was offered.
    Aborted {
        /// By whom or what.
        reason: String,
    },
    /// The engine noticed something that bears on whether the numbers may be believed.
    Finding {
        /// A short name, `[a-z-]+`.
        code: String,
        /// What was seen and what to do, with numbers.
        detail: String,
        /// How bad it is.
        severity: Severity,
    },
    /// One of the first examples of a kind of error; secrets are masked.
    ErrorExample {
        /// Name of the population.
        population: String,
        /// Name of the step.
        step: String,
        /// The kind: "status 500", "connection refused".
        error: String,
        /// What was seen.
        detail: String,
    },
    /// Every acknowledged thing was asked for again.
    Audit {
        /// How many had been acknowledged.
        acknowledged: u64,
        /// How many of them are not there.
        lost: u64,
        /// How many of them are there more than once.
        duplicated: u64,
    },
    /// The record is complete: nothing was cut off. Always the last line.
    Finished,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the numbers may be believed.
    Note,
    /// The numbers are worse than the truth, or less certain.
    Degraded,
    /// The numbers may not be believed.
    Invalid,
}

/// An event as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    t: f64,
    scenario_time: String,
    event: What,
}

impl Event {
    /// The event as a line of JSON with its end.
    pub(super) fn line(&self, layout: &Layout) -> io::Result<String> {
        let line = Line {
            t: self.at.secs_f64(),
            scenario_time: layout.timeline.scenario_time(self.at),
            event: self.what.clone(),
        };
        Ok(serde_json::to_string(&line)? + "\n")
    }

    /// Reads a line of JSON.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("it is no event: {error}"))?;
        Ok(Self { at: Offset::from_secs_f64(line.t), what: line.event })
    }
}
