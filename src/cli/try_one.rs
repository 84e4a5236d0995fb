//! `peakday try`: one journey, every request and answer.

use std::fmt::Write;
use std::sync::Arc;

use clap::{ArgMatches, Args};

use super::exit::{Exit, Failure};
use super::open;
use super::play::{self, PlayArgs};
use super::run;
use crate::load::{self, About, Exchange, Launch, RunRequest, Trial};
use crate::scenario::Outcome;
use crate::units::Span;

/// Play one journey and print every request and answer, secrets masked.
#[derive(Debug, Args)]
pub(super) struct TryCommand {
    /// A path, or the name of a file in scenarios/ without .toml
    scenario: String,
    /// Whose journey
    #[arg(long, value_name = "NAME")]
    population: String,
    /// Against this server configuration [default: the scenario's first]
    #[arg(long, value_name = "NAME|FILE")]
    server: Vec<String>,
    /// Against a system that runs already (loopback only)
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    target: Option<String>,
    #[command(flatten)]
    play: PlayArgs,
}

pub(super) fn run(command: &TryCommand, matches: &ArgMatches) -> Result<Exit, Failure> {
    let opened = open::scenario(&command.scenario, &command.play, matches)?;
    let scenario = opened.scenario;
    let only = play::only(&scenario, std::slice::from_ref(&command.population))
        .map_err(|failure| Failure::usage(failure.message.replace("--only", "--population")))?;
    let index = scenario.populations.iter().position(|population| population.name == only[0]).unwrap_or(0);
    let index = u16::try_from(index).map_err(|_| Failure::usage("the scenario has too many populations"))?;
    let systems = run::systems(&scenario, &command.server, command.target.as_deref(), None)?;
    let dir =
        tempfile::tempdir().map_err(|error| anyhow::anyhow!("cannot make a temporary folder: {error}"))?;
    let request = RunRequest {
        timeline: scenario.run.timeline(),
        seed: scenario.seed,
        only,
        systems,
        run_dir: dir.path().to_owned(),
        about: About::default(),
        messages: None,
        share: load::Share::default(),
        progress: None,
        launch: Launch::this_program()
            .map_err(|error| anyhow::anyhow!("cannot find this program: {error}"))?,
        keep_data: false,
        scenario: Arc::new(scenario),
    };
    let (mut requests, mut printed) = (0, Ok(Exit::Success));
    let tried = load::try_one(&request, index, &mut |exchange| {
        requests += 1;
        if printed.is_ok() {
            printed = super::print(&text(requests, exchange));
        }
    });
    let tried = tried.map_err(|error| run::failure(&error))?;
    printed?;
    let (words, exit) = match tried {
        Trial::Completed => ("the journey came to its end", Exit::Success),
        Trial::Left => ("the journey loops: left here", Exit::Inconclusive),
        Trial::Failed => {
            ("the journey stops here: a run would try again as its population says", Exit::NotAsExpected)
        }
    };
    super::print(&format!("{requests} requests: {words}\n"))?;
    Ok(exit)
}

fn text(number: u32, exchange: &Exchange) -> String {
    let Exchange { step, request, answer, service_time, outcome, fault, kept, think } = exchange;
    let mut text = format!("{number}. {step}");
    if *think > Span::ZERO {
        _ = write!(text, "   (after {:.1} s of thinking in a run)", think.secs_f64());
    }
    text.push('\n');
    for (arrow, lines) in [(">", request), ("<", answer)] {
        for line in lines {
            _ = writeln!(text, "   {arrow} {line}");
        }
    }
    _ = write!(text, "   = {} in {:.1} ms", outcome.name(), service_time.secs_f64() * 1e3);
    if let Some(fault) = fault.as_ref().filter(|_| *outcome != Outcome::Ok) {
        _ = write!(text, ": {fault}");
    }
    if !kept.is_empty() {
        _ = write!(text, "; kept {}", kept.join(", "));
    }
    text.push_str("\n\n");
    text
}
