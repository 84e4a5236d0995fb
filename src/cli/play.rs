//! What of a scenario is played: flags over `PEAKDAY_*` environment over the file.

use clap::Args;

use super::exit::Failure;
use crate::scenario::{Scenario, Timeline};
use crate::units::{Span, TimeOfDay};

/// Flags that `run`, `simulate` and `check` share. Each also reads its `PEAKDAY_*` variable.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is played")]
pub(crate) struct PlayArgs {
    /// Play only this population (may be given several times)
    #[arg(long, value_name = "POPULATION")]
    pub(crate) only: Vec<String>,

    /// The measured part of the day
    #[arg(long, value_name = "HH:MM-HH:MM", env = "PEAKDAY_WINDOW", value_parser = parse_window)]
    pub(crate) window: Option<(TimeOfDay, TimeOfDay)>,

    /// Run scenario time K times faster; rates stay, counts are divided by K
    #[arg(long, value_name = "K", env = "PEAKDAY_TIME_WARP", value_parser = parse_warp)]
    pub(crate) time_warp: Option<f64>,

    /// Length of the measured part in wall time, from the beginning of the window
    #[arg(long, value_name = "D", env = "PEAKDAY_DURATION")]
    pub(crate) duration: Option<Span>,

    /// Multiply all rates
    #[arg(long, value_name = "F", env = "PEAKDAY_SCALE", value_parser = parse_scale)]
    pub(crate) scale: Option<f64>,

    /// Root of all random draws
    #[arg(long, value_name = "N", env = "PEAKDAY_SEED")]
    pub(crate) seed: Option<u64>,
}

impl PlayArgs {
    /// The scenario as it will be played.
    ///
    /// # Errors
    /// All flags that do not fit the scenario, at once.
    pub(crate) fn apply(&self, mut scenario: Scenario) -> Result<(Scenario, Timeline), Failure> {
        let mut problems = Vec::new();
        for name in &self.only {
            if !scenario.populations.iter().any(|population| population.name == *name) {
                let known: Vec<_> = scenario.populations.iter().map(|p| p.name.as_str()).collect();
                problems.push(format!(
                    "--only {name}: the scenario has no such population (it has {})",
                    known.join(", ")
                ));
            }
        }
        let run = &mut scenario.run;
        if let Some((from, to)) = self.window {
            (run.from, run.to) = (from, to);
        }
        run.time_warp = self.time_warp.unwrap_or(run.time_warp);
        run.scale = self.scale.unwrap_or(run.scale);
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        if let Some(duration) = self.duration {
            let end = run.from.nanos() + duration.scaled(run.time_warp).nanos();
            match TimeOfDay::from_nanos(end) {
                Some(to) => run.to = to,
                None => problems.push(format!(
                    "--duration {duration} reaches past 24:00 at time warp {}; shorten it or lower --time-warp",
                    run.time_warp
                )),
            }
        }
        let timeline = Timeline {
            from: run.from,
            to: run.to,
            warp: run.time_warp,
            scale: run.scale,
            run_in: run.run_in,
            drain: run.drain,
        };
        if problems.is_empty() && timeline.measured() <= run.settle {
            problems.push(format!(
                "the measured part lasts {}, not longer than run.settle ({}): no journey would be judged; \
                 lengthen the window or shorten run.settle",
                timeline.measured(),
                run.settle
            ));
        }
        if problems.is_empty() { Ok((scenario, timeline)) } else { Err(Failure::usage(problems.join("\n"))) }
    }
}

fn parse_window(text: &str) -> Result<(TimeOfDay, TimeOfDay), String> {
    let form = "write HH:MM-HH:MM, as in 18:50-20:05";
    let (from, to) = text.split_once('-').ok_or(form)?;
    let parse = |text: &str| text.parse::<TimeOfDay>().map_err(|error| error.to_string());
    let (from, to) = (parse(from)?, parse(to)?);
    if from < to { Ok((from, to)) } else { Err(format!("the window ends before it begins ({form})")) }
}

fn parse_warp(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(warp) if (1.0..=86_400.0).contains(&warp) => Ok(warp),
        _ => Err("a number from 1 to 86400, as in 60".to_owned()),
    }
}

fn parse_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale > 0.0 && scale <= 1e6 => Ok(scale),
        _ => Err("a number above 0 and at most 1000000, as in 1.5".to_owned()),
    }
}
