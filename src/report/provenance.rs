//! What was played and how to play it again, as pairs of a term and a text.

use super::{Report, say};
use crate::record::Engine;

/// What was played.
pub(super) fn played(report: &Report) -> Vec<(&'static str, String)> {
    let header = &report.run.header;
    let timeline = &header.layout.timeline;
    let engine = match header.engine {
        Engine::Load => "real requests to a real server",
        Engine::Sim => "simulated",
    };
    let left_out: Vec<&str> =
        header.layout.populations.iter().filter(|p| !p.played).map(|p| p.name.as_str()).collect();
    let mut pairs = vec![
        ("scenario", format!("{}, {engine}", header.scenario)),
        (
            "window",
            format!(
                "{} to {} of the scenario's day in {} of wall time, after a run-in of {}; drain at most {}",
                timeline.from,
                timeline.to,
                say::time(timeline.measured().micros() as f64),
                say::time(timeline.run_in.micros() as f64),
                say::time(timeline.drain.micros() as f64)
            ),
        ),
        (
            "judged",
            format!(
                "journeys that arrived at least {} before the end of the window",
                say::time(header.layout.settle.micros() as f64)
            ),
        ),
        ("time warp, scale", format!("{}, {}", say::digits(timeline.warp), say::digits(timeline.scale))),
        ("seed", header.seed.to_string()),
        ("started", header.started_at.clone()),
    ];
    if !left_out.is_empty() {
        pairs.push(("left out", say::list(&left_out)));
    }
    pairs
}

/// How to play it again, and on what it was played.
pub(super) fn again(report: &Report) -> Vec<(&'static str, String)> {
    let header = &report.run.header;
    let machine = &header.machine;
    let cpus = |cpus: &[u32]| match cpus {
        [] => "any".to_owned(),
        some => some.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
    };
    let told = |text: &str| if text.is_empty() { "not told".to_owned() } else { text.to_owned() };
    let mut pairs = vec![
        ("command", header.command.join(" ")),
        ("seed", header.seed.to_string()),
        ("run", header.run_id.clone()),
        ("peakday", header.tool_version.clone()),
        ("scenario digest", header.scenario_digest.clone()),
    ];
    for server in &header.servers {
        let digest = if server.config_digest.is_empty() {
            "a target that runs elsewhere"
        } else {
            &server.config_digest
        };
        pairs.push(("server digest", format!("{}: {digest}", server.name)));
    }
    pairs.push((
        "machine",
        format!(
            "{} processors ({}), {} of memory, kernel {}, governor {}",
            machine.cores,
            told(&machine.cpu),
            memory(machine.memory_bytes),
            told(&machine.kernel),
            told(&machine.governor)
        ),
    ));
    pairs.push((
        "processors used",
        format!("generator: {}; server: {}", cpus(&machine.generator_cpus), cpus(&machine.server_cpus)),
    ));
    pairs
}

fn memory(bytes: u64) -> String {
    if bytes == 0 { "unknown size".to_owned() } else { format!("{} GB", say::digits(bytes as f64 / 1e9)) }
}
