//! Where scenarios and server configurations are found, and reading them.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::exit::Failure;

/// A file that a command names: `SCENARIO` or a server configuration.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its name without `.toml`.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// Finds and reads a scenario: a path, or the name of a file in `scenarios/`.
pub(crate) fn scenario(named: &str) -> Result<Found, Failure> {
    find(named, "scenario", &folder())
}

/// Finds and reads a server configuration: a path, or the name of a file in `scenarios/servers/`.
pub(crate) fn server(named: &str) -> Result<Found, Failure> {
    find(named, "server configuration", &folder().join("servers"))
}

/// A file that a scenario names, relative to the scenario's own folder.
pub(crate) fn beside(scenario: &Path, named: &str) -> io::Result<String> {
    fs::read_to_string(scenario.parent().unwrap_or(Path::new(".")).join(named))
}

/// The folder of shipped scenarios: `PEAKDAY_SCENARIOS`, or `scenarios/` here.
fn folder() -> PathBuf {
    env::var_os("PEAKDAY_SCENARIOS").map_or_else(|| PathBuf::from("scenarios"), PathBuf::from)
}

fn find(named: &str, kind: &str, folder: &Path) -> Result<Found, Failure> {
    let is_path = named.contains('/') || Path::new(named).extension().is_some_and(|ext| ext == "toml");
    let path = if is_path { PathBuf::from(named) } else { folder.join(format!("{named}.toml")) };
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Found { path, name, text }),
        Err(error) if is_path => {
            Err(Failure::usage(format!("cannot read the {kind} {}: {error}", path.display())))
        }
        Err(_) => Err(Failure::usage(format!(
            "there is no {kind} \"{named}\": {} cannot be read; {}",
            path.display(),
            known(folder)
        ))),
    }
}

fn known(folder: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        format!("{} has no .toml file (give a path, or set PEAKDAY_SCENARIOS)", folder.display())
    } else {
        format!("{} has {}", folder.display(), names.join(", "))
    }
}
