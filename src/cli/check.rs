//! `peakday check`: every mistake of a scenario at once, and what it plans.

use std::fmt::Write;

use clap::{ArgMatches, Args};

use super::exit::{Exit, Failure};
use super::open::{self, Opened};
use super::play::PlayArgs;
use crate::arrivals;
use crate::journey::Script;
use crate::scenario::{Cause, Scenario, Setting};
use crate::units::Offset;

/// Find every mistake of a scenario; print its planned rates, peak minutes and requests per unit.
#[derive(Debug, Args)]
pub(super) struct CheckCommand {
    /// Paths, or names of files in scenarios/ without .toml
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Print every value with where it came from
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    play: PlayArgs,
}

/// `matches` are those of this subcommand: they know whether a value is a flag's or the environment's.
pub(super) fn run(command: &CheckCommand, matches: &ArgMatches) -> Result<Exit, Failure> {
    let mut problems = Vec::new();
    for named in &command.scenarios {
        match check(command, named, matches) {
            Ok(text) => _ = super::print(&text)?,
            Err(failure) => problems.push(failure.message),
        }
    }
    if problems.is_empty() { Ok(Exit::Success) } else { Err(Failure::usage(problems.join("\n"))) }
}

fn check(command: &CheckCommand, named: &str, matches: &ArgMatches) -> Result<String, Failure> {
    let Opened { found, scenario, settings } = open::scenario(named, &command.play, matches)?;
    let timeline = scenario.run.timeline();
    let mut text = format!("{}: no problems\n", found.path.display());
    let run = &scenario.run;
    _ = writeln!(
        text,
        "  plays {} to {} at time warp {} in {} (run-in {}, drain at most {}), scale {}, seed {}",
        run.from,
        run.to,
        run.time_warp,
        timeline.measured(),
        run.run_in,
        run.drain,
        run.scale,
        scenario.seed
    );
    text.push_str(&plan(&scenario));
    text.push_str(&incidents(&scenario));
    if command.show {
        text.push_str("\n  every value, and where it came from:\n");
        text.push_str(&show(&settings));
    }
    Ok(text)
}

/// What the scenario plans for its whole day.
pub(super) fn plan(scenario: &Scenario) -> String {
    let timeline = scenario.run.timeline();
    let scripts: Vec<Script> = scenario.populations.iter().map(|p| Script::new(p, &timeline)).collect();
    let plays: Vec<Vec<f64>> = scripts.iter().map(Script::plays).collect();
    let causes = |population: u16, cause: &Cause| {
        let index = usize::from(population);
        let steps = plays[index].iter().zip(&scenario.populations[index].steps).enumerate();
        steps
            .map(|(number, (plays, step))| match cause {
                Cause::Message => plays * f64::from(step.messages),
                Cause::Step { population: from, step }
                    if *from == population && usize::from(*step) == number =>
                {
                    *plays
                }
                Cause::Step { .. } => 0.0,
            })
            .sum::<f64>()
    };
    let minutes = arrivals::per_minute(scenario, &causes);
    let mut text = format!(
        "\n  {:<18} {:>13} {:>12} {:>16} {:>10}   {}\n",
        "population", "journeys/day", "mean req/s", "peak minute", "peak req/s", "requests/journey"
    );
    let mut row = |name: &str, journeys: Option<f64>, requests: &[f64], each: Option<f64>| {
        let total: f64 = requests.iter().sum();
        // The first of equal minutes.
        let peak =
            (0..requests.len()).rev().max_by(|a, b| requests[*a].total_cmp(&requests[*b])).unwrap_or(0);
        let journeys = journeys.map_or(String::new(), |n| format!("{n:.0}"));
        let each = each.map_or(String::new(), |n| format!("{n:.2}"));
        _ = writeln!(
            text,
            "  {name:<18} {journeys:>13} {:>12.1} {:>16} {:>10.1}   {each}",
            total / 86_400.0,
            format!("{:02}:{:02}", peak / 60, peak % 60),
            requests[peak] / 60.0
        );
    };
    let mut all = vec![0.0; 1_440];
    for (index, population) in scenario.populations.iter().enumerate() {
        let each = scripts[index].requests_per_journey();
        let requests: Vec<f64> = minutes[index].iter().map(|journeys| journeys * each).collect();
        all.iter_mut().zip(&requests).for_each(|(sum, requests)| *sum += requests);
        row(&population.name, Some(minutes[index].iter().sum()), &requests, Some(each));
    }
    row("all", None, &all, None);
    if let Some(unit) = &scenario.unit {
        let per_unit = all.iter().sum::<f64>() / (unit.volume.per_day() * scenario.run.scale);
        _ = writeln!(
            text,
            "\n  {per_unit:.2} requests per {} at {} (first tries, without steps that are not counted)",
            unit.name, unit.volume
        );
    }
    text
}

/// The day's incidents, where `run` plays each, and the rules by which it ends before its time.
fn incidents(scenario: &Scenario) -> String {
    let timeline = scenario.run.timeline();
    let mut text = String::new();
    if !scenario.incidents.is_empty() {
        text.push_str("\n  incidents\n");
    }
    for incident in &scenario.incidents {
        let begins = incident.begins(&timeline);
        let played = match incident.ends(&timeline) {
            _ if begins >= timeline.end() => "after what `run` plays".to_owned(),
            Some(end) if end <= timeline.start() => "before what `run` plays".to_owned(),
            _ if begins < timeline.start() => "from the beginning of the run on".to_owned(),
            _ if begins < Offset::ZERO => format!("{} before the measured part", Offset::ZERO.since(begins)),
            _ => format!("{} into the measured part", begins.since(Offset::ZERO)),
        };
        let until = incident.until.map_or(String::new(), |until| format!("-{until}"));
        let when = format!("{}{until}", incident.at);
        _ = writeln!(text, "  {when:<18} {} ({played})", incident.kind);
    }
    if !scenario.aborts.is_empty() {
        text.push_str("\n  `run` ends before its time (a simulation does not) when\n");
    }
    for rule in &scenario.aborts {
        _ = writeln!(text, "  {rule}");
    }
    text
}

fn show(settings: &[Setting]) -> String {
    let mut text = String::new();
    for Setting { path, value, origin } in settings {
        _ = writeln!(text, "    {path} = {value}   ({origin})");
    }
    text
}
