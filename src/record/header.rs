//! The header of a run, `run.toml`: what was played, with what, on which machine.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Layout;
use crate::scenario::{Expect, Shard};

/// What a run is; written before the first request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Version of the form of the folder, 1.
    pub record_version: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of [`RunHeader::scenario_text`], in hex.
    pub scenario_digest: String,
    /// Which engine ran.
    pub engine: Engine,
    /// Name of the run's folder.
    pub run_id: String,
    /// The root of every random draw.
    #[serde(with = "as_text")]
    pub seed: u64,
    /// Wall-clock time at which the run was started, RFC 3339.
    pub started_at: String,
    /// Which part of the plan was played, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The command line.
    pub command: Vec<String>,
    /// The promises, as written.
    pub slos: Vec<String>,
    /// The scenario as resolved, as TOML, secrets masked.
    pub scenario_text: String,
    /// The machine.
    pub machine: Machine,
    /// The server configurations, in the order in which they run.
    pub servers: Vec<ServerHeader>,
    /// Populations, steps and the timeline.
    pub layout: Layout,
}

/// Which engine wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real requests.
    Load,
    /// Simulated ones.
    Sim,
}

/// The machine that a run was made on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that the tool may use.
    pub cores: u32,
    /// Model of the processor.
    pub cpu: String,
    /// Name and release of the kernel.
    pub kernel: String,
    /// The frequency governor; empty where the kernel tells none.
    pub governor: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processors that the generator ran on; empty: all.
    pub generator_cpus: Vec<u32>,
    /// Processors that the server ran on; empty: all, or not ours.
    pub server_cpus: Vec<u32>,
}

/// A server configuration of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerHeader {
    /// Its name; that of its folder.
    pub name: String,
    /// SHA-256 of its configuration's text, in hex; empty for a target that runs elsewhere.
    pub config_digest: String,
    /// What is expected of it.
    pub expect: Expect,
}

/// `run.toml` could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// "read" or "write".
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its text.
    #[error("{} is no header of a run: {source}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<toml::de::Error>,
    },
    /// Its version.
    #[error("{} has record_version {found}; this peakday reads {}", path.display(), RunHeader::VERSION)]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// A value that TOML cannot hold.
    #[error("the header of the run cannot be written as TOML: {0}")]
    Value(#[from] toml::ser::Error),
}

impl RunHeader {
    /// The version that this tool writes and reads.
    pub const VERSION: u32 = 1;
    /// The name of the file in a run's folder.
    pub const FILE: &str = "run.toml";

    /// Writes `run.toml` into a run's folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, run_dir: &Path) -> Result<(), HeaderError> {
        let path = run_dir.join(Self::FILE);
        let text = toml::to_string(self)?;
        fs::write(&path, text).map_err(|source| HeaderError::Io { doing: "write", path, source })
    }

    /// Reads `run.toml` of a run's folder.
    ///
    /// # Errors
    /// When it is not there, is no header, or is of another version.
    pub fn read(run_dir: &Path) -> Result<Self, HeaderError> {
        let path = run_dir.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(|source| HeaderError::Io {
            doing: "read",
            path: path.clone(),
            source,
        })?;
        let header: Self = toml::from_str(&text)
            .map_err(|source| HeaderError::Form { path: path.clone(), source: Box::new(source) })?;
        if header.record_version != Self::VERSION {
            return Err(HeaderError::Version { path, found: header.record_version });
        }
        Ok(header)
    }
}

/// SHA-256 of a text, in hex.
pub fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// TOML has no number above 2^63, a seed may be.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
