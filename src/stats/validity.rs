//! May the numbers of a run be believed? What accuses the generator or the record, with the threshold of each finding.
//!
//! | code | seen | makes the run |
//! |---|---|---|
//! | `cut-off` | the record has no end: the tool was killed | invalid |
//! | `aborted` | the run was ended early | degraded |
//! | `nothing-offered` | no request was due in the measured part | invalid |
//! | `sums` | outcomes do not add up to what was offered, or requests were never taken up | invalid |
//! | `plan` | planned journeys are further than 5 standard deviations (and 3) from the expectation | invalid |
//! | `not-started` | planned journeys whose first request was not offered | invalid |
//! | `send-lag`, `pacer-lag`, `lane-wait` | p99 of the lag above a tenth of the tightest SLO; above the SLO | degraded; invalid |
//! | `not-sent` | requests not sent above 0.1 % of the offered; above 1 % | degraded; invalid |
//! | `sent-against-intended` | how late requests were sent: said of every run that sent some | – |
//! | `response-and-service` | response time is much longer than service time, and why | – |
//! | `arrivals` | intended instants that are not those of the planned process (Kolmogorov-Smirnov, p <= 1e-6) | invalid |
//! | `generator-cpu` | what sends was busy above 80 % of the time, or above 95 % in some 10 s | degraded |
//! | `stolen-cpu` | the host took above 5 % of the machine's processors | degraded |
//! | `no-resources` | nobody watched the generator's processors | degraded |
//! | `few-samples` | a promise about a quantile has fewer samples than 10 / (1 − q) | degraded |
//! | others | what the engine found (limits on sockets, a stolen processor, ...) | as the engine says |

use std::io;

use super::observe::{Observed, Source};
use super::quantile::quantile;
use super::verdict::micros_in_words;
use super::{Cohort, Reason, StepCohort, Validity, ValidityState, lateness, processors};
use crate::record::{Engine, Histogram, Machine, PopulationLayout, ServerRecord, Severity, What};
use crate::scenario::slo::{Bound, Family, Metric, Slo};

const SIGMAS: f64 = 5.0;
const PLAN_SLACK: f64 = 3.0;
const LAG_SHARE: f64 = 0.1;
const NOT_SENT_DEGRADED: f64 = 0.001;
const NOT_SENT_INVALID: f64 = 0.01;

/// What validity is judged by beside the record itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Which engine ran: a simulated generator cannot be late.
    pub engine: Engine,
    /// The machine.
    pub machine: &'a Machine,
    /// The promises.
    pub slos: &'a [Slo],
}

/// Judges whether the numbers of a record may be believed.
///
/// # Errors
/// When the record cannot be read.
pub fn validity(record: &ServerRecord, cohort: &Cohort, context: Context<'_>) -> io::Result<Validity> {
    let mut findings = Findings::default();
    ended(record, cohort, &mut findings);
    sums(record, cohort, &mut findings);
    plan(record, cohort, &mut findings);
    if context.engine == Engine::Load {
        for (code, detail) in lateness::findings(record, cohort) {
            findings.add(code, ValidityState::Valid, detail);
        }
        send_lag(record, cohort, context.slos, &mut findings);
        let spins = record
            .events
            .iter()
            .any(|event| matches!(&event.what, What::Finding { code, .. } if code == "spin"));
        for (code, detail) in processors::findings(record, cohort, context.machine)? {
            // A pacer that spins keeps its processor busy whatever the load.
            if spins && code == "generator-cpu" {
                continue;
            }
            findings.add(code, ValidityState::Degraded, detail);
        }
    }
    samples(record, cohort, context.slos, &mut findings);
    for event in &record.events {
        if let What::Finding { code, detail, severity } = &event.what {
            let state = match severity {
                Severity::Note => ValidityState::Valid,
                Severity::Degraded => ValidityState::Degraded,
                Severity::Invalid => ValidityState::Invalid,
            };
            findings.add(code, state, detail.clone());
        }
    }
    Ok(findings.validity())
}

/// The validity of a configuration of which there is no record.
pub fn never_ran() -> Validity {
    let mut findings = Findings::default();
    let detail = "this configuration was never started: the run ended before its turn";
    findings.add("never-ran", ValidityState::Invalid, detail.to_owned());
    findings.validity()
}

#[derive(Default)]
struct Findings(Vec<Reason>);

impl Findings {
    fn add(&mut self, code: &str, state: ValidityState, detail: String) {
        self.0.push(Reason { code: code.to_owned(), detail, state });
    }

    /// The worst first.
    fn validity(mut self) -> Validity {
        self.0.sort_by_key(|reason| std::cmp::Reverse(reason.state));
        let state = self.0.first().map_or(ValidityState::Valid, |reason| reason.state);
        Validity { state, reasons: self.0 }
    }
}

fn ended(record: &ServerRecord, cohort: &Cohort, findings: &mut Findings) {
    let (seconds, planned) = (cohort.seconds(), record.layout.timeline.end().secs_f64());
    if !record.finished() {
        let detail = format!(
            "the record was cut off with {seconds:.0} of {planned:.0} s measured: what was under way has no outcome \
             and counts as in flight"
        );
        findings.add("cut-off", ValidityState::Invalid, detail);
    }
    for event in &record.events {
        if let What::Aborted { reason } = &event.what {
            let at = event.at.secs_f64();
            let detail = format!("the run was ended at t = {at:.0} s of {planned:.0} s: {reason}");
            findings.add("aborted", ValidityState::Degraded, detail);
        }
    }
    if cohort.offered.iter().sum::<u64>() == 0 {
        let detail = format!(
            "no request was due in the measured part of {seconds:.0} s: look at the window, the populations and --only"
        );
        findings.add("nothing-offered", ValidityState::Invalid, detail);
    }
}

fn sums(record: &ServerRecord, cohort: &Cohort, findings: &mut Findings) {
    for (population, name) in cohort.populations.iter().zip(&record.layout.populations) {
        for (step, of) in population.steps.iter().zip(&name.steps) {
            let place = format!("{}.{}", name.name, of.name);
            let offered = step.counts.offered;
            if step.surplus > 0 {
                let detail =
                    format!("{place}: {} more outcomes than the {offered} requests offered", step.surplus);
                findings.add("sums", ValidityState::Invalid, detail);
            }
            if !record.finished() {
                continue;
            }
            if step.unaccounted > 0 {
                let detail = format!("{place}: {} of {offered} requests have no outcome", step.unaccounted);
                findings.add("sums", ValidityState::Invalid, detail);
            }
            let (due, taken) = step.whole;
            if due != taken {
                let detail =
                    format!("{place}: {due} requests were offered and {taken} were sent or given up");
                findings.add("sums", ValidityState::Invalid, detail);
            }
        }
    }
}

fn plan(record: &ServerRecord, cohort: &Cohort, findings: &mut Findings) {
    for (population, of) in cohort.populations.iter().zip(&record.layout.populations) {
        let (name, journeys) = (&of.name, &population.arrived);
        if let Some(expected) = of.expected.filter(|_| of.played && cohort.complete && record.finished()) {
            let planned = journeys.planned as f64;
            let most = SIGMAS * expected.sqrt() + PLAN_SLACK;
            if (planned - expected).abs() > most {
                let detail = format!(
                    "{name}: {planned} journeys were planned where {expected:.0} ± {most:.0} are expected: the \
                     arrivals do not follow the scenario"
                );
                findings.add("plan", ValidityState::Invalid, detail);
            }
        }
        if record.finished() && cohort.complete && journeys.started < journeys.planned {
            let missing = journeys.planned - journeys.started;
            let detail = format!(
                "{name}: {missing} of {} planned journeys were never started: the generator lost them",
                journeys.planned
            );
            findings.add("not-started", ValidityState::Invalid, detail);
        }
    }
}

fn send_lag(record: &ServerRecord, cohort: &Cohort, slos: &[Slo], findings: &mut Findings) {
    for (population, of) in cohort.populations.iter().zip(&record.layout.populations) {
        let name = &of.name;
        let (offered, not_sent) = population
            .steps
            .iter()
            .fold((0, 0), |sum, step| (sum.0 + step.counts.offered, sum.1 + step.counts.not_sent));
        let share = not_sent as f64 / (offered as f64).max(1.0);
        if share > NOT_SENT_DEGRADED {
            let state =
                if share > NOT_SENT_INVALID { ValidityState::Invalid } else { ValidityState::Degraded };
            let detail = format!(
                "{name}: {not_sent} of {offered} requests ({:.2} %) were still waiting in the generator at the end: \
                 it cannot send this load",
                100.0 * share
            );
            findings.add("not-sent", state, detail);
        }
        let Some(tightest) = tightest(of, slos) else { continue };
        let p99 = |clock: fn(&StepCohort) -> &Histogram| {
            let mut all = Histogram::new();
            population.steps.iter().for_each(|step| all.add(clock(step)));
            quantile(&all, 0, 0.99).unwrap_or(0) as f64
        };
        let lag = p99(|step| &step.lag);
        let limit = LAG_SHARE * tightest;
        if lag <= limit {
            continue;
        }
        let (pacer, lane) = (p99(|step| &step.pacer), p99(|step| &step.lane));
        let (code, advice) = match (pacer > limit, lane > limit) {
            (true, false) => ("pacer-lag", "the pacer is late: give the generator a processor of its own"),
            (false, true) => ("lane-wait", "requests wait for a free lane: raise `lanes`"),
            _ => ("send-lag", "the generator is late: give it a processor of its own, or less load"),
        };
        let state = if lag > tightest { ValidityState::Invalid } else { ValidityState::Degraded };
        let [lag, pacer, lane, tightest] = [lag, pacer, lane, tightest].map(micros_in_words);
        let detail = format!(
            "{name}: p99 of the send lag is {lag} (pacer {pacer}, lanes {lane}), the tightest SLO {tightest}; {advice}"
        );
        findings.add(code, state, detail);
    }
}

/// The send lag (p99, microseconds) above which a population's numbers are degraded; `None` without a latency promise.
pub fn lag_limit(population: &PopulationLayout, slos: &[Slo]) -> Option<f64> {
    tightest(population, slos).map(|tightest| LAG_SHARE * tightest)
}

/// The tightest latency promise about a population, in microseconds: of its steps and of the promises that name it.
fn tightest(population: &PopulationLayout, slos: &[Slo]) -> Option<f64> {
    let steps = population.steps.iter().filter_map(|step| step.slo).map(|slo| slo.micros() as f64);
    let promises = slos.iter().filter_map(|slo| {
        let selector = &slo.measure.selector;
        let about = selector.selects(&population.name, population.legitimate)
            && population.steps.iter().any(|step| selector.selects_step(&step.name));
        match slo.bound {
            Bound::Time(span) if about && slo.measure.metric == Metric::ResponseTime => {
                Some(span.micros() as f64)
            }
            _ => None,
        }
    });
    steps.chain(promises).min_by(f64::total_cmp)
}

fn samples(record: &ServerRecord, cohort: &Cohort, slos: &[Slo], findings: &mut Findings) {
    let source = Source { layout: &record.layout, cohort, audit: None };
    for slo in slos.iter().filter(|slo| slo.measure.metric.family() == Family::Times) {
        let Some(cells) = source.cells(&slo.measure) else { continue };
        if let Observed::TooFew { samples, needed } = source.observe(&slo.measure, &cells) {
            let detail =
                format!("{}: {samples} samples, {needed} are needed: play a longer window", slo.text);
            findings.add("few-samples", ValidityState::Degraded, detail);
        }
    }
}
