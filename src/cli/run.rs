//! `peakday run`: a scenario against real servers, one configuration after the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgMatches, Args};

use super::exit::{Exit, Failure};
use super::open::{self, Opened};
use super::play::{self, PlayArgs};
use super::progress::Live;
use super::share::ShareArgs;
use super::{result, share};
use crate::load::{self, About, Launch, Refused, RunError, RunRequest, System, Target};
use crate::scenario::{Origin, Pacing, Scenario, Setting};

/// Play a scenario against real servers, one configuration after the other, and write a report.
#[derive(Debug, Args)]
pub(super) struct RunCommand {
    /// A path, or the name of a file in scenarios/ without .toml
    scenario: String,
    /// Only this server configuration: one of the scenario's, a name in scenarios/servers/, or a file (repeatable)
    #[arg(long, value_name = "NAME|FILE")]
    server: Vec<String>,
    /// A system that runs already, instead of servers that the tool starts: on this machine, or one that consents
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    target: Option<String>,
    /// The token for which a target elsewhere consents, at its /.well-known/peakday.json
    #[arg(long, value_name = "TOKEN")]
    consent: Option<String>,
    /// Where the target sends its messages: they are awaited at ADDR/messages
    #[arg(long, value_name = "ADDR", requires = "target")]
    messages: Option<SocketAddr>,
    /// Play only this population (repeatable)
    #[arg(long, value_name = "POPULATION")]
    only: Vec<String>,
    /// The run's folder [default: reports/SCENARIO/RUN-ID]
    #[arg(long, value_name = "DIR", env = "PEAKDAY_OUT", hide_env = true)]
    out: Option<PathBuf>,
    /// How to wait for the instants of requests: timerfd rests, spin is more exact and keeps a processor busy, bunch is up to
    /// half a millisecond late and saves processor time
    #[arg(long, value_name = "PACER", env = "PEAKDAY_PACER", hide_env = true, value_parser = ["timerfd", "spin", "bunch"])]
    pacer: Option<String>,
    /// Keep the stores of the servers in the run's folder
    #[arg(long)]
    keep_data: bool,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    share: ShareArgs,
    #[command(flatten)]
    play: PlayArgs,
}

pub(super) fn run(command: RunCommand, matches: &ArgMatches) -> Result<Exit, Failure> {
    let Opened { found, mut scenario, settings } = open::scenario(&command.scenario, &command.play, matches)?;
    if let Some(pacer) = &command.pacer {
        scenario.run.pacer = match pacer.as_str() {
            "spin" => Pacing::Spin,
            "bunch" => Pacing::Bunch,
            _ => Pacing::Timerfd,
        };
    }
    let only = play::only(&scenario, &command.only)?;
    let systems = systems(&scenario, &command.server, command.target.as_deref(), command.consent.as_deref())?;
    let parent = command.share.parent()?;
    let live = Live::new(&scenario.run.timeline());
    let share = match &parent {
        Some(parent) => share::of_parent(parent),
        None => command.share.share(&scenario, &only, &systems, command.consent.as_deref())?,
    };
    let (run_dir, run_id) = match &parent {
        Some(parent) => (parent.order().folder.clone(), parent.order().shard.to_string()),
        None => folder(command.out, &scenario.name)?,
    };
    let request = RunRequest {
        timeline: scenario.run.timeline(),
        seed: scenario.seed,
        only,
        systems,
        run_dir: run_dir.clone(),
        about: About {
            run_id,
            started_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            command: without_token(std::env::args()),
            scenario_text: resolved(found.text, &settings),
        },
        messages: command.messages.or_else(|| command.share.own_address()),
        share,
        progress: (!command.quiet).then(|| live.listener()),
        launch: Launch::this_program()
            .map_err(|error| anyhow::anyhow!("cannot find this program: {error}"))?,
        keep_data: command.keep_data,
        scenario: Arc::new(scenario),
    };
    if let Some(parent) = parent {
        return share::play(request, parent);
    }
    let played = load::run(&request);
    live.done();
    match played {
        Ok(outcome) => {
            let exit = result::print(&run_dir, outcome.interrupted)?;
            Ok(if outcome.refused { Exit::worst([exit, Exit::Refused]) } else { exit })
        }
        Err(error) => {
            // What was measured before the tool failed is reported all the same.
            if !matches!(error, RunError::Unplayable(_) | RunError::Configuration { .. })
                && run_dir.join("run.toml").exists()
            {
                _ = result::print(&run_dir, false);
            }
            Err(failure(&error))
        }
    }
}

/// What is played against: the target named, the servers named, or else what the scenario says.
///
/// # Errors
/// There is nothing, something unknown, or another machine.
pub(super) fn systems(
    scenario: &Scenario,
    servers: &[String],
    url: Option<&str>,
    consent: Option<&str>,
) -> Result<Vec<System>, Failure> {
    let systems = match url.or(scenario.target.as_deref().filter(|_| servers.is_empty())) {
        Some(url) => vec![System::Running {
            name: "target".to_owned(),
            target: target(url, consent, scenario.ca.as_deref())?,
        }],
        None => open::servers(scenario, servers)?.into_iter().map(System::Started).collect(),
    };
    for system in &systems {
        if let System::Started(crate::scenario::ServerEntry { name, model: Some(_), .. }) = system {
            return Err(Failure::usage(format!(
                "server {name} is a model, for the simulation only: use `peakday simulate`, or name with --server one that \
                 has a config"
            )));
        }
    }
    if systems.is_empty() {
        return Err(Failure::usage(format!(
            "scenario {:?} has nothing to play against: name a server with --server, a running system with --target, or \
             put a [[server]] into it",
            scenario.name
        )));
    }
    Ok(systems)
}

pub(super) fn target(url: &str, consent: Option<&str>, ca: Option<&str>) -> Result<Target, Failure> {
    let target = match consent {
        Some(token) => Target::consenting(url, token, ca, &load::look_up),
        None => Target::parse(url),
    };
    target.map_err(|refused| {
        let message = refused.to_string();
        match refused {
            Refused::Elsewhere { .. } | Refused::NoConsent { .. } => Failure::refused(message),
            Refused::Unusable { .. } => Failure::usage(message),
        }
    })
}

/// The command line as the record keeps it: a consent's token is a secret.
fn without_token(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut secret = false;
    arguments
        .map(|argument| {
            if std::mem::replace(&mut secret, argument == "--consent") {
                "***".to_owned()
            } else if argument.starts_with("--consent=") {
                "--consent=***".to_owned()
            } else {
                argument
            }
        })
        .collect()
}

pub(super) fn failure(error: &RunError) -> Failure {
    match error {
        RunError::AboveConsent { .. } => Failure::refused(error.to_string()),
        RunError::Unplayable(_)
        | RunError::Configuration { .. }
        | RunError::Incident { .. }
        | RunError::File { .. }
        | RunError::NothingToRead { .. } => Failure::usage(error.to_string()),
        _ => anyhow::anyhow!("{error}").into(),
    }
}

/// The run's folder and its id: the one asked for, or a new one below `reports/`.
pub(super) fn folder(out: Option<PathBuf>, scenario: &str) -> Result<(PathBuf, String), Failure> {
    let now = chrono::Utc::now().format("%Y-%m-%dT%H-%M-%SZ").to_string();
    if let Some(dir) = out {
        if dir.join("run.toml").exists() {
            let message =
                format!("--out {}: holds a run already; name another folder or move it away", dir.display());
            return Err(Failure::usage(message));
        }
        return Ok((dir, now));
    }
    let base = Path::new("reports").join(scenario);
    let ids = std::iter::once(now.clone()).chain((2..).map(|number| format!("{now}-{number}")));
    let free = ids.map(|id| (base.join(&id), id)).find(|(dir, _)| !dir.exists());
    free.ok_or_else(|| Failure::usage(format!("{} has no free name for a run", base.display())))
}

/// The text of the scenario, with what the flags and the environment put over it as comments below.
pub(super) fn resolved(mut text: String, settings: &[Setting]) -> String {
    let over = settings.iter().filter(|setting| setting.origin > Origin::File);
    for Setting { path, value, origin } in over {
        text.push_str(&format!("\n# {path} = {value}   ({origin}, over the file)"));
    }
    text
}
