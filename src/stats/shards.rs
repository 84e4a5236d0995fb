//! Shards of one plan, added up to the run that the plan is.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Cohort, Context, ValidityState, validity};
use crate::record::{
    self, Engine, Event, HeaderError, Layout, RecordError, Run, RunHeader, ServerRecord, Severity, What,
};
use crate::scenario::Shard;
use crate::scenario::slo::Slo;
use crate::units::Offset;

/// Shards that began further apart than this did not play the plan together, in seconds.
const TOGETHER: f64 = 0.1;
/// What is true of a part and not of the whole: a quarter of the samples, a shard that had nothing to do.
const OF_A_PART: [&str; 3] = ["few-samples", "nothing-offered", "aborted"];

/// Runs that cannot be added up.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are not the shards of one plan; every reason.
    #[error("{}", .0.join("\n"))]
    NotOnePlan(Vec<String>),
    /// One of them cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The sum cannot be written.
    #[error("cannot add up the records: {0}")]
    Io(#[from] io::Error),
    /// Its header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// What the header of the sum says beside what the shards say.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    /// Name of its folder.
    pub run_id: String,
    /// The command line.
    pub command: Vec<String>,
    /// Shards may be missing: what they would have played is then in no number.
    pub incomplete: bool,
}

/// Adds up the shards of one plan into the folder `dir`, which then is a run like any other.
///
/// Counters, journeys and histograms are sums, bucket for bucket. Findings of each shard are kept under its number.
///
/// # Errors
/// The runs are not all the shards of one plan, each once; a record cannot be read; the sum cannot be written.
pub fn merge(runs: &[Run], dir: &Path, sum: &Sum) -> Result<(), MergeError> {
    let shards = shards(runs, sum.incomplete)?;
    let mut header = shards[0].1.header.clone();
    for (population, index) in header.layout.populations.iter_mut().zip(0..) {
        let expected = shards.iter().map(|(_, run)| run.header.layout.populations[index].expected);
        population.expected = expected.sum();
    }
    let of = shards[0].0.of();
    header.started_at = shards.iter().map(|(_, run)| run.header.started_at.clone()).min().unwrap_or_default();
    header.shard = None;
    header.run_id.clone_from(&sum.run_id);
    header.command.clone_from(&sum.command);
    std::fs::create_dir_all(dir)?;
    header.write(dir)?;
    for server in &header.servers {
        merge_server(&server.name, of, &shards, None, &header.layout, &dir.join(&server.name))?;
    }
    Ok(())
}

/// Adds up what the shards and (where there is one) the process that started them recorded of one server configuration.
///
/// # Errors
/// A record cannot be read, or the sum not be written.
pub fn merge_server(
    name: &str,
    of: u32,
    shards: &[(Shard, &Run)],
    own: Option<&ServerRecord>,
    layout: &Layout,
    dir: &Path,
) -> io::Result<()> {
    let played: Vec<(Shard, &Run, &ServerRecord)> = shards
        .iter()
        .filter_map(|(shard, run)| {
            Some((*shard, *run, run.servers.iter().find(|record| record.header.name == name)?))
        })
        .collect();
    if played.is_empty() {
        return Ok(());
    }
    let mut parts: Vec<(String, &ServerRecord)> =
        played.iter().map(|(shard, _, record)| (format!("shard {shard}"), *record)).collect();
    parts.extend(own.map(|own| (String::new(), own)));
    let mut events = record::all_events(&parts);
    let end = layout.timeline.end();
    let mut find = |code: &str, severity, detail| {
        let code = code.to_owned();
        events.push(Event { at: end, what: What::Finding { code, detail, severity } });
    };
    for (shard, run, record) in &played {
        for (code, severity, detail) in accused(run, record)? {
            // What the host takes from one machine is judged once.
            if own.is_some() && code == "stolen-cpu" {
                continue;
            }
            find(&code, severity, format!("shard {shard}: {detail}"));
        }
    }
    for number in (1..=of).filter(|number| played.iter().all(|(shard, ..)| shard.number() != *number)) {
        let detail = format!("shard {number}/{of} is missing: what it would have played is in no number");
        find("shard-missing", Severity::Invalid, detail);
    }
    let (severity, detail) = began(of, &played)?;
    find("shards", severity, detail);
    events.extend(audit(&parts));
    let records: Vec<&ServerRecord> = parts.iter().map(|(_, record)| *record).collect();
    if records.iter().all(|record| record.finished()) {
        let at = events.iter().map(|event| event.at).max().unwrap_or(Offset::ZERO).max(end);
        events.push(Event { at, what: What::Finished });
    }
    record::add_up(&records, layout, dir, events)
}

/// The runs in the order of their shards.
fn shards(runs: &[Run], incomplete: bool) -> Result<Vec<(Shard, &Run)>, MergeError> {
    let mut problems = Vec::new();
    let mut by_number: BTreeMap<u32, (Shard, &Run)> = BTreeMap::new();
    for run in runs {
        let dir = run.dir.display();
        match run.header.shard {
            _ if run.header.engine == Engine::Sim => problems.push(format!("{dir} is a simulation")),
            None => {
                problems.push(format!("{dir} is the run of a whole plan, not of a shard (run --shard I/N)"))
            }
            Some(shard) => match by_number.insert(shard.number(), (shard, run)) {
                Some((other, before)) if other.of() == shard.of() => {
                    problems.push(format!("{dir} and {} are both shard {shard}", before.dir.display()));
                }
                _ => {}
            },
        }
    }
    let shards: Vec<(Shard, &Run)> = by_number.into_values().collect();
    let Some((shard, first)) = shards.first() else {
        if problems.is_empty() {
            problems.push("there is no run to add up".to_owned());
        }
        return Err(MergeError::NotOnePlan(problems));
    };
    for (other, run) in &shards[1..] {
        let differs =
            |what: &str| format!("{} has another {what} than {}", run.dir.display(), first.dir.display());
        let different = [
            (other.of() != shard.of(), format!("number of shards ({} and {})", other.of(), shard.of())),
            (
                run.header.scenario_digest != first.header.scenario_digest,
                "scenario (or other flags)".to_owned(),
            ),
            (run.header.seed != first.header.seed, "seed".to_owned()),
            (run.header.tool_version != first.header.tool_version, "version of the tool".to_owned()),
            (run.header.servers != first.header.servers, "list of server configurations".to_owned()),
            (!is_same(&run.header, &first.header), "window, warp, scale or --only".to_owned()),
        ];
        problems.extend(different.into_iter().filter(|(differ, _)| *differ).map(|(_, what)| differs(&what)));
    }
    let missing: Vec<String> = (1..=shard.of())
        .filter(|number| shards.iter().all(|(shard, _)| shard.number() != *number))
        .map(|number| format!("{number}/{}", shard.of()))
        .collect();
    if !missing.is_empty() && !incomplete {
        problems.push(format!(
            "missing: shard {}; --incomplete adds up what there is, and the sum is then INVALID",
            missing.join(", ")
        ));
    }
    if problems.is_empty() { Ok(shards) } else { Err(MergeError::NotOnePlan(problems)) }
}

/// Whether two headers are of the same part of the day with the same people in it.
fn is_same(one: &RunHeader, other: &RunHeader) -> bool {
    let plan = |header: &RunHeader| {
        let mut layout = header.layout.clone();
        layout.populations.iter_mut().for_each(|population| population.expected = None);
        layout
    };
    plan(one) == plan(other) && one.slos == other.slos
}

/// What accuses a shard beside what its engine found, which its events say.
fn accused(run: &Run, record: &ServerRecord) -> io::Result<Vec<(String, Severity, String)>> {
    let slos: Vec<Slo> = run.header.slos.iter().filter_map(|text| text.parse().ok()).collect();
    let context = Context { engine: run.header.engine, machine: &run.header.machine, slos: &slos };
    let cohort = Cohort::read(record)?;
    let reasons = validity(record, &cohort, context)?.reasons.into_iter().filter(|reason| {
        let told = record.events.iter().any(|event| {
            matches!(&event.what, What::Finding { code, detail, .. } if *code == reason.code && *detail == reason.detail)
        });
        !told && !OF_A_PART.contains(&reason.code.as_str())
    });
    let severity = |state| match state {
        ValidityState::Valid => Severity::Note,
        ValidityState::Degraded => Severity::Degraded,
        ValidityState::Invalid => Severity::Invalid,
    };
    Ok(reasons.map(|reason| (reason.code, severity(reason.state), reason.detail)).collect())
}

/// Whether the shards began together, each by its own clock.
fn began(of: u32, played: &[(Shard, &Run, &ServerRecord)]) -> io::Result<(Severity, String)> {
    let begins = played.iter().map(|(.., record)| record.begins()).collect::<io::Result<Vec<_>>>()?;
    let seconds: Vec<f64> = begins.into_iter().flatten().map(|begin| begin.secs_f64()).collect();
    let first = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let apart = seconds.iter().copied().fold(0.0, f64::max) - first;
    let sum = format!("{} of {of} shards of one plan, added up", played.len());
    Ok(if apart > TOGETHER {
        let detail = format!(
            "{sum}: they began {apart:.1} s apart by their own clocks, so the peaks of the plan did not come together; \
             start them with the same --start-at"
        );
        (Severity::Degraded, detail)
    } else {
        (Severity::Note, format!("{sum}; they began within {:.0} ms by their own clocks", apart * 1e3))
    })
}

/// The audits of all parts as one, where there is any.
fn audit(parts: &[(String, &ServerRecord)]) -> Vec<Event> {
    let mut sum: Option<(Offset, [u64; 3])> = None;
    let mut without = Vec::new();
    for (label, part) in parts {
        let last = part.events.iter().rev().find_map(|event| match event.what {
            What::Audit { acknowledged, lost, duplicated } => {
                Some((event.at, [acknowledged, lost, duplicated]))
            }
            _ => None,
        });
        match (last, &mut sum) {
            (None, _) => without.push(label.as_str()),
            (Some(found), None) => sum = Some(found),
            (Some((at, found)), Some((last, sum))) => {
                *last = at.max(*last);
                sum.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
            }
        }
    }
    let Some((at, [acknowledged, lost, duplicated])) = sum else { return Vec::new() };
    let mut events = vec![Event { at, what: What::Audit { acknowledged, lost, duplicated } }];
    // Whoever started the shards audits for all of them.
    let by_own = parts.iter().any(|(label, _)| label.is_empty());
    if !by_own && !without.is_empty() {
        let detail = format!("{} was not audited: its receipts are in no number", without.join(", "));
        let what = What::Finding { code: "audit".to_owned(), detail, severity: Severity::Degraded };
        events.push(Event { at, what });
    }
    events
}
