//! `sidep-server purge`: erases what has expired while no server runs on the data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;

use crate::access::AccessLog;
use crate::moment::Moment;
use crate::retention;
use crate::serve::{database, take_folder};
use crate::store::Store;

/// Erase what has been kept long enough, print how many of what, and say so in the access log
///
/// A running server does the same on its timer ([retention] every), and at once on SIGUSR1.
#[derive(Debug, Args)]
pub(super) struct PurgeArgs {
    /// Folder of the database and of the access log
    #[arg(long, value_name = "DIR", default_value = "sidep-data")]
    data: PathBuf,
    /// PostgreSQL, postgresql://…; without one, what the configuration says
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Configuration of the server, for its table [retention] [default: 90 and 180 days]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As if it were this time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Moment>,
}

fn moment(text: &str) -> Result<Moment, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| Moment::from_millis(time.timestamp_millis()))
        .map_err(|_| "write RFC 3339 with its offset, as in 2026-12-24T00:00:00Z".to_owned())
}

#[expect(clippy::print_stdout, reason = "the result of a command")]
pub(super) fn run(arguments: PurgeArgs) -> ExitCode {
    match purge(arguments) {
        Ok(total) => {
            println!("{}", total.json());
            ExitCode::SUCCESS
        }
        Err(message) => super::fail(&message),
    }
}

fn purge(PurgeArgs { data, database_url, config, at }: PurgeArgs) -> Result<retention::Total, String> {
    let config = config.as_deref().map(super::read_config).transpose()?.unwrap_or_default();
    let unusable = |problem: String| format!("cannot purge the data folder {}: {problem}", data.display());
    if !data.is_dir() {
        return Err(unusable("there is no such folder".to_owned()));
    }
    let _folder = take_folder(&data).map_err(unusable)?;
    let access =
        AccessLog::open(&data, config.access_log.keep).map_err(|error| unusable(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
    let (database, _own) =
        database(&config, database_url, &data).map_err(|error| unusable(error.to_string()))?;
    let erased = runtime.block_on(async {
        let store = match database {
            Some(url) => Store::postgres(&url).await?,
            None => Store::sqlite(&data)?,
        };
        let now = at.unwrap_or_else(Moment::now);
        let erased = retention::erase(&store, &config.retention, now, |_| {}).await;
        store.close().await;
        erased
    });
    let total = erased.map_err(|error| unusable(error.to_string()))?;
    retention::tell(&access, total);
    Ok(total)
}
