//! `sidep-server rotate-statistics-key`: from now on the same person has another pseudonym.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::keys::StatisticsKey;
use crate::serve::take_folder;

/// Make a new key for the pseudonyms of the statistics feed, and destroy the old one
///
/// What was told under the old key can no longer be connected with what is told under the new one. No server may be running
/// on the folder.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Folder of the keys
    #[arg(long, value_name = "DIR", default_value = "sidep-data")]
    data: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the result of a command")]
pub(super) fn run(RotateArgs { data }: RotateArgs) -> ExitCode {
    if !data.is_dir() {
        return super::fail(&format!("there is no data folder {}", data.display()));
    }
    let folder = take_folder(&data).map_err(|problem| format!("{}: {problem}", data.display()));
    let rotated = folder.and_then(|_folder| StatisticsKey::rotate(&data).map_err(|error| error.to_string()));
    match rotated {
        Ok(key) => {
            println!("the statistics are under key {} now", key.id());
            ExitCode::SUCCESS
        }
        Err(message) => super::fail(&message),
    }
}
