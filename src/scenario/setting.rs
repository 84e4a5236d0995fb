//! A value of the scenario and where it came from.

use std::fmt;

/// One value, for `peakday check --show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Key path: `population[2].step[1].think`.
    pub path: String,
    /// The value as it is written.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a value came from; a later one wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The scenario file.
    File,
    /// A `PEAKDAY_*` variable of the environment.
    Environment,
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}
