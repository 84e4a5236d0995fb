//! `sidep-server rotate-keys`: a new key for tokens, on demand.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::fail;
use crate::keyring;
use crate::moment::Moment;

/// Makes a new key for signing tokens, and prints its name
///
/// The servers that use the folder publish it within a second and sign with it half a minute later; tokens that were
/// signed before stay good until they expire.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Folder of the servers' keys
    #[arg(value_name = "DIR")]
    keys: PathBuf,
}

pub(super) fn run(arguments: &RotateArgs) -> ExitCode {
    match keyring::make(&arguments.keys, Moment::now()) {
        Ok(id) => {
            // Nobody may be reading.
            let _ = writeln!(io::stdout(), "{id}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}
