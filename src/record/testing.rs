//! Small records for tests, here and in `stats`.

use std::path::Path;

use super::{
    Engine, Layout, Machine, PopulationLayout, Run, RunHeader, Sample, ServerHeader, StepLayout, Writer,
    digest,
};
use crate::scenario::{Expect, Outcome, Timeline};
use crate::units::{Offset, Span};

pub(crate) const SERVER: &str = "small";

/// 20 s of measured time after a run-in of 3 s; two populations with three steps, and robots that `--only` left out.
pub(crate) fn layout() -> Layout {
    let step =
        |name: &str, slo: Option<u64>| StepLayout { name: name.into(), slo: slo.map(Span::from_millis) };
    let population = |name: &str, legitimate, played, steps| PopulationLayout {
        name: name.into(),
        legitimate,
        played,
        expected: None,
        steps,
    };
    Layout {
        interval: Span::from_secs(1),
        settle: Span::from_secs(5),
        timeline: Timeline {
            from: "18:00".parse().unwrap(),
            to: "18:20".parse().unwrap(),
            warp: 60.0,
            scale: 1.0,
            run_in: Span::from_secs(3),
            drain: Span::from_secs(5),
        },
        populations: vec![
            population("pharmacist", true, true, vec![step("form", None), step("save", Some(500))]),
            population("robot", false, false, vec![step("save", None)]),
            population("patient", true, true, vec![step("result", None)]),
        ],
    }
}

pub(crate) fn header(layout: &Layout, slos: &[&str]) -> RunHeader {
    RunHeader {
        record_version: RunHeader::VERSION,
        tool_version: "0.0.0-test".into(),
        scenario: "small-evening".into(),
        scenario_digest: digest("text"),
        engine: Engine::Load,
        run_id: "run-1".into(),
        seed: u64::MAX,
        started_at: "2022-01-05T18:00:00Z".into(),
        shard: None,
        command: vec!["peakday".into(), "run".into()],
        slos: slos.iter().map(|&slo| slo.into()).collect(),
        scenario_text: "about = \"a \\\"quoted\\\" text\"\n[run]\n".into(),
        machine: Machine { cores: 2, generator_cpus: vec![1], ..Machine::default() },
        servers: vec![ServerHeader {
            name: SERVER.into(),
            config_digest: digest("config"),
            expect: Expect::Hold,
        }],
        layout: layout.clone(),
    }
}

pub(crate) fn at(seconds: f64) -> Offset {
    Offset::from_secs_f64(seconds)
}

/// A request that was released and sent at once and ended after `seconds`.
pub(crate) fn sample(population: u16, step: u16, outcome: Outcome, intended: f64, seconds: f64) -> Sample {
    let (intended, done) = (at(intended), at(intended + seconds));
    let sent = if outcome == Outcome::NotSent { done } else { intended };
    Sample { population, step, outcome, intended, released: intended, sent, done }
}

/// Tells a writer all of a request.
pub(crate) fn whole(writer: &mut Writer, sample: &Sample) {
    writer.offered(sample.population, sample.step, sample.intended);
    if sample.outcome != Outcome::NotSent {
        writer.sent(sample.population, sample.step, sample.sent);
    }
    writer.ended(sample);
}

/// Writes a run of one server, complete at second 25, and opens it.
pub(crate) fn run(dir: &Path, layout: &Layout, slos: &[&str], fill: impl FnOnce(&mut Writer)) -> Run {
    header(layout, slos).write(dir).unwrap();
    let mut writer = Writer::create(&dir.join(SERVER), layout, Span::from_secs(1_641_405_600)).unwrap();
    fill(&mut writer);
    writer.finish(at(25.0)).unwrap();
    super::open(dir).unwrap()
}
