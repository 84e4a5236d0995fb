//! The `peakday` command line: one file a command, exit codes in one place.

mod check;
mod exit;
mod files;
mod merge;
mod open;
mod play;
mod progress;
mod report;
mod result;
mod run;
mod schema;
mod serve;
mod share;
mod simulate;
mod try_one;

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::exit::{Exit, Failure};

/// Plays a peak day against a real server, and says what held, what did not, and whether the numbers may be believed.
#[derive(Debug, Parser)]
#[command(name = "peakday", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One line, which the help breaks where the terminal ends.
const EXIT_CODES: &str = "Exit codes: 0 all as expected, 1 tool error, 2 usage or scenario error, 3 run not valid, \
    96 target refused consent, 97 inconclusive, 99 not as expected, 130 interrupted (what was measured is kept).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a scenario against real servers, and write a report
    Run(run::RunCommand),
    /// Play a scenario against models of its servers, the whole day in seconds, and write a report
    Simulate(simulate::SimulateCommand),
    /// Play one journey and print every request and answer
    Try(try_one::TryCommand),
    /// Draw the report of a run again, also of one that was cut off
    Report(report::ReportCommand),
    /// Add up the runs of all shards of one plan, and write the report of the whole
    Merge(merge::MergeCommand),
    /// Find every mistake of a scenario, and print what it plans
    Check(check::CheckCommand),
    /// Run the bundled reference server, a model of SI-DEP
    Serve(serve::ServeCommand),
    /// Print the JSON Schema of a file format
    Schema(schema::SchemaCommand),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments of the process, does what they say, and reports a failure on standard error.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let ended = match cli.command {
        Command::Run(command) => run::run(command, of_subcommand(&matches)),
        Command::Simulate(command) => simulate::run(command, of_subcommand(&matches)),
        Command::Try(command) => try_one::run(&command, of_subcommand(&matches)),
        Command::Report(command) => report::run(&command),
        Command::Merge(command) => merge::run(command),
        Command::Check(command) => check::run(&command, of_subcommand(&matches)),
        Command::Serve(command) => return serve::run(command),
        Command::Schema(command) => schema::run(&command),
        Command::Completions { shell } => completions(shell),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => complain(&failure),
    }
}

/// The matches of the subcommand that was called.
fn of_subcommand(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| matches)
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "peakday", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints a result to standard output. A reader that has gone (`| head`) is no failure.
fn print(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("cannot write to standard output").into())
        }
        _ => Ok(Exit::Success),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a failed command says why")]
fn complain(failure: &Failure) -> ExitCode {
    for (number, line) in failure.message.lines().enumerate() {
        eprintln!("{}{line}", if number == 0 { "peakday: " } else { "  " });
    }
    failure.exit.into()
}
