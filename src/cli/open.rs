//! Opening a scenario: find it, read it, check it, put the flags over it.

use std::path::Path;

use clap::ArgMatches;

use super::exit::Failure;
use super::files::{self, Found};
use super::play::PlayArgs;
use crate::scenario::file::{self, Context};
use crate::scenario::{Scenario, ServerEntry, Setting};
use crate::synthetic;

/// A sound scenario and where it was found.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) found: Found,
    pub(super) scenario: Scenario,
    pub(super) settings: Vec<Setting>,
}

/// Opens a scenario by path or name, with the flags and the environment over what it says.
///
/// # Errors
/// Everything that is wrong with it, with exit code 2.
pub(super) fn scenario(named: &str, play: &PlayArgs, matches: &ArgMatches) -> Result<Opened, Failure> {
    let mut found = files::scenario(named)?;
    let context = Context {
        read: &|file| files::beside(&found.path, file),
        values: &synthetic::VALUES,
        generators: &synthetic::GENERATORS,
    };
    match file::load_over(&found.text, &found.name, &context, &play.overrides(matches)) {
        Ok((scenario, settings)) => {
            found.text = file::whole(&found.text, context.read);
            Ok(Opened { scenario, settings, found })
        }
        Err(problems) => Err(Failure::usage(problems.to_string())),
    }
}

/// The configurations that `--server` names (all of the scenario's where none is named), in the order named.
///
/// # Errors
/// Every name that is neither one of the scenario's nor a server configuration, with exit code 2.
pub(super) fn servers(scenario: &Scenario, named: &[String]) -> Result<Vec<ServerEntry>, Failure> {
    if named.is_empty() {
        return Ok(scenario.servers.clone());
    }
    let mut problems = Vec::new();
    let mut chosen: Vec<ServerEntry> = Vec::new();
    for name in named {
        let entry = match scenario.servers.iter().find(|entry| entry.name == *name) {
            Some(entry) => Ok(entry.clone()),
            None => files::server(name).and_then(|found| {
                file::server(&found.name, found.text).map_err(|problems| Failure::usage(problems.to_string()))
            }),
        };
        match entry {
            Ok(entry) if chosen.iter().any(|other| other.name == entry.name) => {
                problems.push(format!("--server {name}: \"{}\" is named twice", entry.name));
            }
            Ok(entry) => chosen.push(entry),
            Err(failure) => problems.push(failure.message),
        }
    }
    if problems.is_empty() { Ok(chosen) } else { Err(Failure::usage(problems.join("\n"))) }
}

/// The model of a server in this file; what it names is relative to it.
///
/// # Errors
/// Everything that is wrong with it, with exit code 2.
pub(super) fn model(path: &Path) -> Result<ServerEntry, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--model {}: cannot read it: {error}", path.display())))?;
    let name = path.file_stem().map_or("model".into(), |stem| stem.to_string_lossy().into_owned());
    file::server_model(&name, text, &|named| files::beside(path, named))
        .map_err(|problems| Failure::usage(problems.to_string()))
}
