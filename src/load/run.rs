//! A whole run: the header, then one system after the other.

use std::fs;

use super::cpus::{self, Placement};
use super::machine::machine;
use super::request::{RunError, RunOutcome, RunRequest, System, file, system};
use super::stage::Stage;
use super::{descriptors, interrupt, shard};
use crate::arrivals;
use crate::record::{Engine, Layout, RunHeader, ServerHeader, digest, mask};
use crate::scenario::{Arrivals, Expect};
use crate::units::Offset;

/// Plays a run and writes its record into the run's folder. Blocks until it is over; Ctrl-C ends it in order.
///
/// The record is complete for every system that was played; a later error leaves the earlier ones as they are.
///
/// # Errors
/// When the tool itself fails; see [`RunError`]. A system under test that answers nothing but errors is no error.
pub fn run(request: &RunRequest) -> Result<RunOutcome, RunError> {
    interrupt::install().map_err(|error| RunError::System {
        doing: "take over Ctrl-C",
        source: std::io::Error::other(error),
    })?;
    let descriptors = descriptors::raise();
    // Everything that can be wrong before the first request is found before anything is written.
    let stages = request
        .systems
        .iter()
        .map(|of| Stage::new(request, of, descriptors))
        .collect::<Result<Vec<_>, _>>()?;
    fs::create_dir_all(&request.run_dir).map_err(file(&request.run_dir))?;
    let layout = layout(request);
    let header = header(request, &layout, stages.first().map(|stage| &stage.placement));
    header.write(&request.run_dir)?;

    let mut outcome = RunOutcome { interrupted: false, refused: false, played: 0 };
    for stage in stages {
        if interrupt::pressed() {
            break;
        }
        let layout = layout.clone();
        let placement = stage.placement.clone();
        let player = std::thread::Builder::new().name("generator".to_owned());
        let played = player.spawn({
            let (request, header) = (request.clone(), header.clone());
            move || {
                let generator: Vec<usize> = placement.generator.into_iter().collect();
                cpus::pin(&generator).map_err(system("keep the generator on its core"))?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(system("start the generator's runtime"))?;
                if request.share.generators > 1 {
                    runtime.block_on(stage.direct(&request, &layout, &header))
                } else {
                    runtime.block_on(stage.play(&request, &layout))
                }
            }
        });
        let played = played.map_err(system("start the generator's thread"))?.join();
        played.unwrap_or_else(|_| Err(RunError::Lanes("the generator's thread panicked".to_owned())))?;
        outcome.played += 1;
    }
    outcome.interrupted = interrupt::pressed();
    outcome.refused = request
        .systems
        .iter()
        .any(|of| matches!(of, System::Running { target, .. } if target.withdrawn().is_some()));
    Ok(outcome)
}

/// The layout of the record, with what the plan expects and who plays.
pub(super) fn layout(request: &RunRequest) -> Layout {
    let timeline = &request.timeline;
    let mut layout = Layout::from_scenario(&request.scenario, timeline);
    for (of, population) in layout.populations.iter_mut().zip(&request.scenario.populations) {
        of.played = request.only.is_empty() || request.only.contains(&population.name);
        let planned = !matches!(population.arrivals, Arrivals::After(_));
        of.expected = planned.then(|| {
            arrivals::expected(population, timeline, Offset::ZERO, timeline.end())
                * shard::expected_share(population, timeline, request.share.shard)
        });
    }
    layout
}

/// What the record says of the run as a whole.
pub(super) fn header(request: &RunRequest, layout: &Layout, placement: Option<&Placement>) -> RunHeader {
    let about = &request.about;
    let scenario_text = mask(&about.scenario_text);
    let servers = request.systems.iter().map(|of| match of {
        System::Started(entry) => ServerHeader {
            name: entry.name.clone(),
            config_digest: digest(&entry.config),
            expect: entry.expect,
        },
        System::Running { name, .. } => {
            ServerHeader { name: name.clone(), config_digest: String::new(), expect: Expect::Hold }
        }
    });
    RunHeader {
        record_version: RunHeader::VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: request.scenario.name.clone(),
        scenario_digest: digest(&scenario_text),
        engine: Engine::Load,
        run_id: about.run_id.clone(),
        seed: request.seed,
        started_at: about.started_at.clone(),
        shard: (!request.share.shard.is_whole()).then_some(request.share.shard),
        command: about.command.clone(),
        slos: request.scenario.slos.iter().map(|slo| slo.text.clone()).collect(),
        scenario_text,
        machine: machine(
            placement.and_then(|placement| placement.generator),
            placement.map_or(&[][..], |placement| &placement.server),
        ),
        servers: servers.collect(),
        layout: layout.clone(),
    }
}
