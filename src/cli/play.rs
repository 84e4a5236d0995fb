//! What of a scenario is played: flags over `PEAKDAY_*` environment over the file.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use toml::Value;

use super::exit::Failure;
use crate::scenario::file::Override;
use crate::scenario::{Origin, Scenario};

/// Flags that commands which play or check a scenario share. Each but `--only` also reads its `PEAKDAY_*` variable.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What is played")]
pub(super) struct PlayArgs {
    /// The measured part of the day
    #[arg(long, value_name = "HH:MM-HH:MM", env = "PEAKDAY_WINDOW", hide_env = true)]
    window: Option<String>,

    /// Run scenario time K times faster; rates stay, counts are divided by K
    #[arg(long, value_name = "K", env = "PEAKDAY_TIME_WARP", hide_env = true)]
    time_warp: Option<f64>,

    /// Length of the measured part in wall time, from the beginning of the window
    #[arg(long, value_name = "D", env = "PEAKDAY_DURATION", hide_env = true)]
    duration: Option<String>,

    /// Multiply all rates
    #[arg(long, value_name = "F", env = "PEAKDAY_SCALE", hide_env = true)]
    scale: Option<f64>,

    /// Root of all random draws
    #[arg(long, value_name = "N", env = "PEAKDAY_SEED", hide_env = true, value_parser = clap::value_parser!(i64).range(0..))]
    seed: Option<i64>,
}

impl PlayArgs {
    /// Whether a flag or the environment says which part of the day is played, or how fast.
    pub(super) const fn names_a_part(&self) -> bool {
        self.window.is_some() || self.time_warp.is_some() || self.duration.is_some()
    }

    /// Whether any of these was said.
    pub(super) const fn is_given(&self) -> bool {
        self.names_a_part() || self.scale.is_some() || self.seed.is_some()
    }

    /// The values that stand above the file's; `matches` are the subcommand's and know where each came from.
    pub(super) fn overrides(&self, matches: &ArgMatches) -> Vec<Override> {
        let values = [
            ("window", "run.window", self.window.clone().map(Value::String)),
            ("time_warp", "run.time_warp", self.time_warp.map(Value::Float)),
            ("duration", "run.duration", self.duration.clone().map(Value::String)),
            ("scale", "run.scale", self.scale.map(Value::Float)),
            ("seed", "seed", self.seed.map(Value::Integer)),
        ];
        let over = values.into_iter().filter_map(|(id, path, value)| {
            let (origin, source) = match matches.value_source(id) {
                Some(ValueSource::EnvVariable) => {
                    (Origin::Environment, format!("PEAKDAY_{}", id.to_uppercase()))
                }
                _ => (Origin::Flag, format!("--{}", id.replace('_', "-"))),
            };
            Some(Override { path, value: value?, origin, source })
        });
        over.collect()
    }
}

/// `--only`: the populations of these names, all where none is named.
///
/// # Errors
/// Every name that the scenario does not have, at once.
pub(super) fn only(scenario: &Scenario, names: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<&str> = scenario.populations.iter().map(|population| population.name.as_str()).collect();
    let problems: Vec<String> = names
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| {
            format!("--only {name}: the scenario has no such population (it has {})", known.join(", "))
        })
        .collect();
    if problems.is_empty() { Ok(names.to_vec()) } else { Err(Failure::usage(problems.join("\n"))) }
}
