//! The command line of a server, for `sidep-server` and for any other program that starts one.

mod purge;
mod rotate;
mod rotate_keys;
mod verify_dcc;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::serve::{self, Options};

/// Exit code for everything that the caller can put right: usage, configuration, address, folder.
const USAGE: u8 = 2;

/// What a server is started with, beside its configuration.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder of the database and the keys, created if missing
    #[arg(long, value_name = "DIR", default_value = "sidep-data")]
    pub data: PathBuf,
    /// Folder of the keys, which servers on one database share [default: the data folder]
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// PostgreSQL database, postgresql://USER@HOST/NAME [default: as the configuration says]
    #[arg(long, value_name = "URL", env = "SIDEP_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// SMS gateway, http://HOST:PORT; without one, messages stay pending
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// Earlier results to load before listening (JSON lines)
    #[arg(long, value_name = "FILE")]
    pub preload: Option<PathBuf>,
    /// URL under which the server is reached, for patients' links and tokens [default: http://ADDR]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Stop when standard input ends, and take faults from it (for a parent process)
    #[arg(long)]
    pub until_stdin_closes: bool,
}

impl ServeArgs {
    /// The options of a server with this configuration.
    pub fn options(self, config: Config) -> Options {
        Options {
            config,
            listen: self.listen,
            data: self.data,
            keys: self.keys,
            database_url: self.database_url,
            gateway: self.gateway,
            preload: self.preload,
            public_url: self.public_url,
            until_stdin_closes: self.until_stdin_closes,
            faults: Arc::default(),
        }
    }
}

/// The reference server: intake of Covid test results, patients' pages, certificates. Synthetic data only.
#[derive(Debug, Parser)]
#[command(name = "sidep-server", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration of the server (TOML) [default: an open server]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    RotateKeys(rotate_keys::RotateArgs),
    VerifyDcc(verify_dcc::VerifyArgs),
    Purge(purge::PurgeArgs),
    RotateStatisticsKey(rotate::RotateArgs),
}

/// `sidep-server`: 0 after a drain, 2 with one message on standard error when it could not start or do what was asked;
/// `verify-dcc` has its own exit codes.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::VerifyDcc(arguments)) => return verify_dcc::run(arguments),
        Some(Command::Purge(arguments)) => return purge::run(arguments),
        Some(Command::RotateStatisticsKey(arguments)) => return rotate::run(arguments),
        Some(Command::RotateKeys(arguments)) => return rotate_keys::run(&arguments),
        None => {}
    }
    let config = match arguments.config.as_deref().map(read_config).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(message) => return fail(&message),
    };
    serve(arguments.serve.options(config))
}

/// Runs a server in this process until SIGTERM, SIGINT or, where asked for, the end of standard input.
///
/// 0 after a drain, 2 with one message on standard error when it could not start.
pub fn serve(options: Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    let orders = options.until_stdin_closes.then(|| Arc::clone(&options.faults));
    match runtime.block_on(async { serve::run(options, crate::stop::asked(orders)?).await }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Reads a configuration file; the error is one message that names the file.
///
/// # Errors
/// When the file cannot be read or is not a configuration.
pub fn read_config(path: &Path) -> Result<Config, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the configuration {}: {error}", path.display()))?;
    Config::parse(&text).map_err(|errors| {
        let lines: Vec<_> = errors.0.iter().map(|problem| format!("  {problem}")).collect();
        format!("{} is not a server configuration:\n{}", path.display(), lines.join("\n"))
    })
}

#[expect(clippy::print_stderr, reason = "the message of a command that failed")]
fn fail(message: &str) -> ExitCode {
    eprintln!("sidep-server: {message}");
    ExitCode::from(USAGE)
}
