//! `peakday simulate`: a scenario against models of its servers, or a plain queueing system.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{ArgMatches, Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::open::{self, Opened};
use super::play::{self, PlayArgs};
use super::run::{folder, resolved};
use super::{files, result};
use crate::arrivals;
use crate::load;
use crate::record::{self, Engine, Layout, RunHeader, ServerHeader};
use crate::scenario::file::queueing;
use crate::scenario::queueing::Queueing;
use crate::scenario::slo::Metric;
use crate::scenario::{Arrivals, RunPlan, Scenario, ServerEntry, ServerModel};
use crate::sim::{self, Choice, Count, Impossible, Seen, Simulation, SimulationError, Study};
use crate::stats::{Summary, Verdict};
use crate::units::{Offset, Span, TimeOfDay};

/// What is simulated before the measured part when the whole day is: its systems are full when it begins.
const WARM_UP: Span = Span::from_secs(3_600);

/// Play a scenario against models of its servers, in virtual time, and write a report; or run a plain queueing system.
///
/// The whole day is played at its own pace, unless --window, --time-warp or --duration say that it is what `run` plays.
#[derive(Debug, Args)]
pub(super) struct SimulateCommand {
    /// A path, or the name of a file in scenarios/ without .toml
    scenario: String,
    /// Only this server configuration: one of the scenario's, a name in scenarios/servers/, or a file (repeatable)
    #[arg(long, value_name = "NAME|FILE")]
    server: Vec<String>,
    /// A model of a server, for the simulation only (repeatable)
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The engine; both give the same results where both can
    #[arg(long, value_enum, default_value_t = EngineName::Auto)]
    engine: EngineName,
    /// Independent runs: the first is on record, all give means and intervals [default: 8 to 64, until --precision is
    /// reached; of a queueing system what its file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: Option<u32>,
    /// How well the p99 of response times in the busiest five minutes is to be known: half of the width of its 95 %
    /// interval
    #[arg(long, value_name = "PERCENT", value_parser = precision, default_value = "2%", conflicts_with = "replications")]
    precision: f64,
    /// Play only this population (repeatable)
    #[arg(long, value_name = "POPULATION")]
    only: Vec<String>,
    /// The run's folder [default: reports/SCENARIO/RUN-ID]
    #[arg(long, value_name = "DIR", env = "PEAKDAY_OUT", hide_env = true)]
    out: Option<PathBuf>,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    play: PlayArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EngineName {
    /// Looks ahead where that is exact
    Auto,
    /// Event by event
    Events,
    /// Looks ahead: only stations that serve in the order of arrival
    Lookahead,
}

pub(super) fn run(command: SimulateCommand, matches: &ArgMatches) -> Result<Exit, Failure> {
    let found = files::scenario(&command.scenario)?;
    load::take_over_interrupt().map_err(|error| anyhow::anyhow!("cannot take over Ctrl-C: {error}"))?;
    if queueing::is_queueing(&found.text) {
        let system = queueing::load(&found.text, &found.name)
            .map_err(|problems| Failure::usage(problems.to_string()))?;
        return plain(&command, system, &found.text);
    }
    let Opened { found, mut scenario, settings } = open::scenario(&command.scenario, &command.play, matches)?;
    if !command.play.names_a_part() {
        let (from, to) = (TimeOfDay::MIDNIGHT, TimeOfDay::END);
        scenario.run = RunPlan { from, to, time_warp: 1.0, run_in: WARM_UP, ..scenario.run };
    }
    let only = play::only(&scenario, &command.only)?;
    let mut servers = match command.server.is_empty() && !command.model.is_empty() {
        true => Vec::new(),
        false => open::servers(&scenario, &command.server)?,
    };
    for path in &command.model {
        servers.push(open::model(path)?);
    }
    if servers.is_empty() {
        return Err(Failure::usage(format!(
            "{}: nothing to simulate: name a server with --server or a model with --model, or put a [[server]] into the scenario",
            found.path.display()
        )));
    }
    let models = servers.iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let played: Vec<bool> =
        scenario.populations.iter().map(|of| only.is_empty() || only.contains(&of.name)).collect();
    let (run_dir, run_id) = folder(command.out.clone(), &scenario.name)?;
    let layout = layout(&scenario, &played);
    create(&run_dir)?;
    header(&scenario, &servers, &layout, run_id, resolved(found.text, &settings))
        .write(&run_dir)
        .map_err(|error| Failure::usage(error.to_string()))?;
    for (server, model) in servers.iter().zip(&models) {
        let simulation = Simulation {
            scenario: &scenario,
            timeline: &layout.timeline,
            seed: scenario.seed,
            played: &played,
            model,
            engine: command.engine.into(),
        };
        let dir = run_dir.join(&server.name);
        let zero = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let study = Study {
            dir: &dir,
            layout: &layout,
            zero: Span::from_nanos(u64::try_from(zero.as_nanos()).unwrap_or(u64::MAX)),
            replications: command.replications.map_or(Count::Until(command.precision), Count::Fixed),
        };
        let live = Live::new(&server.name, command.quiet);
        let watch = |seen: Seen| {
            live.say(&layout.timeline.scenario_time(seen.at), &seen);
            !load::interrupted()
        };
        let simulated = sim::run(&simulation, &study, &watch);
        live.done();
        match simulated {
            Ok(_) if load::interrupted() => break,
            Ok(_) => {}
            Err(SimulationError::Impossible(impossible)) => return Err(not_possible(&impossible)),
            Err(SimulationError::Record(error)) => return Err(anyhow::Error::from(error).into()),
        }
    }
    result::print(&run_dir, load::interrupted())
}

/// A plain queueing system: its table on standard output, and `summary.json`.
fn plain(command: &SimulateCommand, mut system: Queueing, text: &str) -> Result<Exit, Failure> {
    if !command.server.is_empty()
        || !command.model.is_empty()
        || !command.only.is_empty()
        || command.play.is_given()
    {
        return Err(Failure::usage(
            "a queueing system has no servers, populations or parts of a day to choose: of the flags, --engine, \
             --replications, --out and --quiet are for it",
        ));
    }
    system.replications = command.replications.unwrap_or(system.replications);
    let (run_dir, run_id) = folder(command.out.clone(), &system.name)?;
    let result = sim::queueing(&system, command.engine.into(), &|_| !load::interrupted())
        .map_err(|impossible| not_possible(&impossible))?;
    create(&run_dir)?;
    let scenario_text = record::mask(text);
    let summary = Summary {
        schema_version: Summary::VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: system.name.clone(),
        scenario_digest: record::digest(&scenario_text),
        engine: Engine::Sim,
        run_id,
        seed: system.seed,
        started_at: now(),
        time_warp: 1.0,
        scale: 1.0,
        servers: vec![result.summary(&system)],
        verdict: Verdict::Pass,
    };
    let path = run_dir.join(Summary::FILE);
    let json = serde_json::to_string_pretty(&summary).map_err(anyhow::Error::from)?;
    std::fs::write(&path, json)
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
    super::print(&format!("{}{}\n", result.table(), path.display()))?;
    Ok(if result.completed { Exit::Success } else { Exit::Interrupted })
}

fn model(server: &ServerEntry) -> Result<ServerModel, Failure> {
    if let Some(model) = &server.model {
        return Ok(model.clone());
    }
    reference_server::config::Config::parse(&server.config)
        .map(|config| ServerModel::from_config(&config))
        .map_err(|problems| Failure::usage(format!("server {}: {problems}", server.name)))
}

fn layout(scenario: &Scenario, played: &[bool]) -> Layout {
    let timeline = scenario.run.timeline();
    let mut layout = sim::layout(scenario, &timeline);
    for ((of, population), played) in layout.populations.iter_mut().zip(&scenario.populations).zip(played) {
        of.played = *played;
        let planned = !matches!(population.arrivals, Arrivals::After(_));
        let expected = || arrivals::expected(population, &timeline, Offset::ZERO, timeline.end());
        of.expected = planned.then(expected);
    }
    layout
}

fn header(
    scenario: &Scenario,
    servers: &[ServerEntry],
    layout: &Layout,
    run_id: String,
    text: String,
) -> RunHeader {
    let scenario_text = record::mask(&text);
    // Nothing is really stored, so nothing can be asked for again.
    let audited = |metric| matches!(metric, Metric::LostAcknowledged | Metric::DuplicatedAcknowledged);
    let promises = scenario.slos.iter().filter(|slo| !audited(slo.measure.metric));
    let server = |of: &ServerEntry| ServerHeader {
        name: of.name.clone(),
        config_digest: record::digest(&of.config),
        expect: of.expect,
    };
    RunHeader {
        record_version: RunHeader::VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        scenario_digest: record::digest(&scenario_text),
        engine: Engine::Sim,
        run_id,
        seed: scenario.seed,
        started_at: now(),
        shard: None,
        command: std::env::args().collect(),
        slos: promises.map(|slo| slo.text.clone()).collect(),
        scenario_text,
        machine: load::machine(None, &[]),
        servers: servers.iter().map(server).collect(),
        layout: layout.clone(),
    }
}

fn create(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::usage(format!("cannot create the run's folder {}: {error}", dir.display())))
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn precision(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    percent
        .map(|percent| percent / 100.0)
        .filter(|share| (1e-6..=1.0).contains(share))
        .ok_or_else(|| "write a share above 0 % and at most 100 %, as in 2%".to_owned())
}

fn not_possible(impossible: &Impossible) -> Failure {
    Failure::usage(impossible.to_string())
}

impl From<EngineName> for Choice {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Auto => Self::Auto,
            EngineName::Events => Self::Events,
            EngineName::Lookahead => Self::Lookahead,
        }
    }
}

/// One live line on a terminal: replications that are done, simulated time, requests so far, and how many of these are
/// simulated in a second of real time.
struct Live<'a> {
    server: &'a str,
    began: Instant,
    said: Mutex<Option<Instant>>,
    wanted: bool,
}

impl<'a> Live<'a> {
    fn new(server: &'a str, quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        Self { server, began: Instant::now(), said: Mutex::new(None), wanted }
    }

    fn say(&self, time: &str, seen: &Seen) {
        // Whoever finds another at it has nothing to say.
        let Ok(mut said) = self.said.try_lock() else { return };
        if self.wanted && said.is_none_or(|said| said.elapsed() >= Duration::from_millis(100)) {
            *said = Some(Instant::now());
            let rate = seen.requests as f64 / self.began.elapsed().as_secs_f64().max(1e-9) / 1e6;
            let millions = seen.requests as f64 / 1e6;
            let (name, done) = (self.server, seen.done);
            let replications = if done == 1 { "replication" } else { "replications" };
            self.write(&format!(
                "\r\x1b[2K{name}  {done} {replications} done  {time}  {millions:.1} M requests, {rate:.2} M/s"
            ));
        }
    }

    fn done(&self) {
        if self.wanted {
            self.write("\r\x1b[2K");
        }
    }

    fn write(&self, text: &str) {
        // A closed standard error must not end a simulation.
        let mut stderr = std::io::stderr().lock();
        _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}
