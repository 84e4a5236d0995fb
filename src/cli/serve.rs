//! `peakday serve`: the bundled reference server.

use std::process::ExitCode;

use clap::Args;
use reference_server::cli::ServeArgs;
use reference_server::config::Config;

use super::exit::Failure;
use super::files;

/// Run the bundled reference server until SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    /// Server configuration: a file, or a name in scenarios/servers/ [default: an open server]
    #[arg(long, value_name = "NAME|FILE")]
    server: Option<String>,
    #[command(flatten)]
    serve: ServeArgs,
}

pub(super) fn run(command: ServeCommand) -> ExitCode {
    match config(command.server.as_deref()) {
        Ok(config) => reference_server::cli::serve(command.serve.options(config)),
        Err(failure) => super::complain(&failure),
    }
}

fn config(server: Option<&str>) -> Result<Config, Failure> {
    let Some(named) = server else { return Ok(Config::default()) };
    let found = files::server(named)?;
    Config::parse(&found.text).map_err(|errors| {
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        Failure::usage(format!(
            "{} is not a server configuration:\n{}",
            found.path.display(),
            lines.join("\n")
        ))
    })
}
