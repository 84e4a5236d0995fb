//! What the processes of a run used: the rows of `resources.csv`.

use serde::{Deserialize, Serialize};

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
    /// The server's own metrics, where it tells any: name and value.
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
