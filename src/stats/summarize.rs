//! From the record of a run to its summary.

use std::collections::BTreeMap;
use std::io;

use super::{
    Audit, Cohort, Context, Counts, Estimates, Expectation, JourneySums, Journeys, Legitimate,
    PopulationCohort, PopulationSummary, Quantiles, ResourceTotals, ServerSummary, SloResult, StepCohort,
    StepSummary, Summary, as_expected, judge, never_ran, validity, verdict,
};
use crate::record::{Histogram, PopulationLayout, RecordError, Run, ServerHeader, ServerRecord, What, Who};
use crate::scenario::Expect;
use crate::scenario::slo::Slo;

/// Summarizes a run, also one that was cut off.
///
/// # Errors
/// When the record cannot be read.
pub fn summarize(run: &Run) -> Result<Summary, RecordError> {
    let header = &run.header;
    let slos = slos(run)?;
    let mut servers = Vec::new();
    for server in &header.servers {
        servers.push(match run.servers.iter().find(|record| record.header.name == server.name) {
            Some(record) => summarize_server(run, record, &slos)?,
            None => never_started(run, server),
        });
    }
    Ok(Summary {
        schema_version: Summary::VERSION,
        tool_version: header.tool_version.clone(),
        scenario: header.scenario.clone(),
        scenario_digest: header.scenario_digest.clone(),
        engine: header.engine,
        run_id: header.run_id.clone(),
        seed: header.seed,
        started_at: header.started_at.clone(),
        time_warp: header.layout.timeline.warp,
        scale: header.layout.timeline.scale,
        verdict: verdict(servers.iter().map(|server: &ServerSummary| server.as_expected)),
        servers,
    })
}

impl Summary {
    /// The version of the form.
    pub const VERSION: u32 = 1;
    /// The name of the file in a run's folder.
    pub const FILE: &str = "summary.json";

    /// The JSON Schema of the form.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

fn slos(run: &Run) -> Result<Vec<Slo>, RecordError> {
    let parse = |text: &String| {
        text.parse::<Slo>().map_err(|error| {
            let problem = format!("{}: the promise {text:?}: {error}", run.dir.join("run.toml").display());
            RecordError::Io(io::Error::new(io::ErrorKind::InvalidData, problem))
        })
    };
    run.header.slos.iter().map(parse).collect()
}

fn summarize_server(run: &Run, record: &ServerRecord, slos: &[Slo]) -> io::Result<ServerSummary> {
    let layout = &*record.layout;
    let cohort = Cohort::read(record)?;
    let context = Context { engine: run.header.engine, machine: &run.header.machine, slos };
    let validity = validity(record, &cohort, context)?;
    let audit = audit(record);
    let mut results = Vec::new();
    let live: Vec<SloResult> = record.judged()?.unwrap_or_default();
    for slo in slos {
        match live.iter().find(|result| result.expression == slo.text) {
            Some(result) => results.push(result.clone()),
            None => results.extend(judge(slo, record, &cohort, audit.as_ref())?),
        }
    }
    let per_second = |count: u64| if cohort.seconds() > 0.0 { count as f64 / cohort.seconds() } else { 0.0 };
    let totals = totals(cohort.populations.iter().flat_map(|population| &population.steps));
    let good = cohort.populations.iter().flat_map(|population| &population.steps).map(|step| step.good).sum();
    let played = cohort.populations.iter().zip(&layout.populations).filter(|(_, of)| of.played);
    let expect = expectation(record.header.expect);
    let estimates: Option<Estimates> = record.estimates()?;
    let mut all_legitimate = legitimate(played.clone());
    let mut populations = Vec::new();
    for (index, (population, of)) in cohort.populations.iter().zip(&layout.populations).enumerate() {
        let mut summary = summarize_population(population, of);
        if let Some(estimates) = &estimates {
            estimates.replace(index, &mut summary);
        }
        populations.extend(of.played.then_some(summary));
    }
    if let Some(estimates) = &estimates {
        estimates.replace_legitimate(&mut all_legitimate);
    }
    Ok(ServerSummary {
        name: record.header.name.clone(),
        config_digest: record.header.config_digest.clone(),
        duration_s: cohort.seconds(),
        replications: estimates.map(|estimates| estimates.replications),
        expect,
        as_expected: as_expected(expect, validity.state, &results),
        validity,
        totals,
        goodput_per_s: per_second(good),
        throughput_per_s: per_second(totals.ok + totals.failed + totals.shed),
        offered_per_s: per_second(totals.offered),
        peak_minute_offered_per_s: cohort.peak_minute(layout),
        legitimate: all_legitimate,
        populations,
        stations: record.station_figures()?.unwrap_or_default(),
        observations: Vec::new(),
        audit,
        resources: resources(record)?,
        slos: results,
    })
}

fn summarize_population(population: &PopulationCohort, of: &PopulationLayout) -> PopulationSummary {
    let totals = totals(&population.steps);
    let good: u64 = population.steps.iter().map(|step| step.good).sum();
    PopulationSummary {
        name: of.name.clone(),
        legitimate: of.legitimate,
        totals,
        goodput_share: share(good, totals.offered),
        journeys: population.judged.summary(),
        steps: population
            .steps
            .iter()
            .zip(&of.steps)
            .map(|(step, of)| StepSummary {
                name: of.name.clone(),
                totals: step.counts,
                response_us: Quantiles::of(
                    &step.response,
                    step.counts.offered.saturating_sub(step.counts.ok),
                ),
                service_us: Quantiles::of(&step.service, 0),
                send_lag_us: Quantiles::of(&step.lag, 0),
                ci95: BTreeMap::new(),
            })
            .collect(),
        ci95: BTreeMap::new(),
    }
}

fn legitimate<'a>(
    populations: impl IntoIterator<Item = (&'a PopulationCohort, &'a PopulationLayout)>,
) -> Legitimate {
    let (mut totals, mut good) = (Counts::default(), 0);
    let (mut journeys, mut response) = (JourneySums::default(), Histogram::new());
    for (population, _) in populations.into_iter().filter(|(_, of)| of.legitimate) {
        journeys.add(&population.judged);
        for step in &population.steps {
            totals.add(&step.counts);
            good += step.good;
            response.add(&step.response);
        }
    }
    Legitimate {
        totals,
        goodput_share: share(good, totals.offered),
        journeys: journeys.summary(),
        response_us: Quantiles::of(&response, totals.offered.saturating_sub(totals.ok)),
        ci95: BTreeMap::new(),
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

impl JourneySums {
    fn summary(&self) -> Journeys {
        Journeys {
            started: self.started,
            completed: self.completed,
            clean: self.clean,
            gave_up: self.gave_up,
            unfinished: self.unfinished(),
            judged: self.base(),
        }
    }
}

fn totals<'a>(steps: impl IntoIterator<Item = &'a StepCohort>) -> Counts {
    let mut sum = Counts::default();
    steps.into_iter().for_each(|step| sum.add(&step.counts));
    sum
}

/// The last audit: a run may audit again what it could not ask at first.
fn audit(record: &ServerRecord) -> Option<Audit> {
    record.events.iter().rev().find_map(|event| match event.what {
        What::Audit { acknowledged, lost, duplicated } => Some(Audit { acknowledged, lost, duplicated }),
        _ => None,
    })
}

fn resources(record: &ServerRecord) -> io::Result<ResourceTotals> {
    let mut totals = ResourceTotals::default();
    for row in record.resources()? {
        let row = row?;
        match row.who {
            Who::Generator => *totals.generator_cpu_s.get_or_insert(0.0) += row.cpu,
            Who::Server => {
                *totals.server_cpu_s.get_or_insert(0.0) += row.cpu;
                totals.server_rss_bytes_max = totals.server_rss_bytes_max.max(Some(row.rss_bytes));
            }
            Who::Store => {}
        }
    }
    Ok(totals)
}

fn expectation(expect: Expect) -> Expectation {
    match expect {
        Expect::Hold => Expectation::Hold,
        Expect::Fail => Expectation::Fail,
    }
}

fn never_started(run: &Run, server: &ServerHeader) -> ServerSummary {
    let empty = StepCohort::default();
    let population = |of: &PopulationLayout| {
        let steps = of.steps.iter().map(|_| StepCohort::default()).collect();
        summarize_population(&PopulationCohort { steps, ..PopulationCohort::default() }, of)
    };
    ServerSummary {
        name: server.name.clone(),
        config_digest: server.config_digest.clone(),
        duration_s: 0.0,
        replications: None,
        expect: expectation(server.expect),
        as_expected: None,
        validity: never_ran(),
        totals: empty.counts,
        goodput_per_s: 0.0,
        throughput_per_s: 0.0,
        offered_per_s: 0.0,
        peak_minute_offered_per_s: 0.0,
        legitimate: legitimate([]),
        populations: run.header.layout.populations.iter().filter(|of| of.played).map(population).collect(),
        stations: Vec::new(),
        observations: Vec::new(),
        audit: None,
        resources: ResourceTotals::default(),
        slos: Vec::new(),
    }
}
