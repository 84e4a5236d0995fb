//! How long things are kept, and what is told about them: retention, access log, statistics, log.

use std::time::Duration;

use serde::Serialize;

use super::build::positive;
use super::read::Reader;
use super::units::duration_text;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// How long results are kept (`[retention]`). What has expired is erased with everything that leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Results that are not positive. Default 90 days, within the 3 months of the French law.
    #[serde(serialize_with = "duration_text")]
    pub results: Duration,
    /// Positive results. Default 180 days, within the 6 months of the law of 5 August 2021.
    #[serde(serialize_with = "duration_text")]
    pub positives: Duration,
    /// Drafts. Default 7 days.
    #[serde(serialize_with = "duration_text")]
    pub drafts: Duration,
    /// Pause between purges; SIGUSR1 asks for one at once. Default 1 h.
    #[serde(serialize_with = "duration_text")]
    pub every: Duration,
    /// PostgreSQL: after a purge that has erased something, every table is written anew, so that no page keeps what was
    /// erased. Each is locked while it is copied; what needs it waits. Default false. SQLite needs none of it.
    pub rewrite: bool,
}

/// The log of who saw what (`[access_log]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessLog {
    /// How long its files are kept. Default 365 days; the French authority expects 6 to 12 months.
    #[serde(serialize_with = "duration_text")]
    pub keep: Duration,
}

/// The feed of statistics (`[statistics]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Fewest tests of a day that have the same sex and age band; of smaller groups neither is told. Default 11.
    pub smallest_group: u64,
}

/// The log of the server (`[log]`), JSON lines on standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The least level that is written. Default `info`.
    pub level: Level,
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something was not done.
    Error,
    /// Something is not as it should be.
    Warn,
    /// What happens to the server as a whole.
    #[default]
    Info,
    /// Every request.
    Debug,
}

impl Level {
    /// The name in the log and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            results: 90 * DAY,
            positives: 180 * DAY,
            drafts: 7 * DAY,
            every: Duration::from_secs(3_600),
            rewrite: false,
        }
    }
}

impl Default for AccessLog {
    fn default() -> Self {
        AccessLog { keep: 365 * DAY }
    }
}

impl Default for Statistics {
    fn default() -> Self {
        Statistics { smallest_group: 11 }
    }
}

pub(super) fn retention(read: Reader<'_>) -> Retention {
    let default = Retention::default();
    let retention = Retention {
        results: positive(&read, "results", default.results),
        positives: positive(&read, "positives", default.positives),
        drafts: positive(&read, "drafts", default.drafts),
        every: positive(&read, "every", default.every),
        rewrite: read.switch("rewrite").unwrap_or(default.rewrite),
    };
    if retention.positives < retention.results {
        read.reject::<()>(
            "positives",
            "is shorter than results",
            "positive results are kept at least as long",
        );
    }
    read.finish();
    retention
}

pub(super) fn access_log(read: Reader<'_>) -> AccessLog {
    let access_log = AccessLog { keep: positive(&read, "keep", AccessLog::default().keep) };
    read.finish();
    access_log
}

pub(super) fn statistics(read: Reader<'_>) -> Statistics {
    let default = Statistics::default();
    let smallest_group = read.whole("smallest_group", 1..=1_000).unwrap_or(default.smallest_group);
    read.finish();
    Statistics { smallest_group }
}

pub(super) fn log(read: Reader<'_>) -> Log {
    const LEVELS: [Level; 4] = [Level::Error, Level::Warn, Level::Info, Level::Debug];
    let level = match read.text("level") {
        None => Level::default(),
        Some(text) => match LEVELS.into_iter().find(|level| level.name() == text) {
            Some(level) => level,
            None => read
                .reject("level", format!("is '{text}'"), "write \"error\", \"warn\", \"info\" or \"debug\"")
                .unwrap_or_default(),
        },
    };
    read.finish();
    Log { level }
}
