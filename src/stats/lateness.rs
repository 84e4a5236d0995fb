//! What is said of every run about intended and actual instants: how late requests were sent, and what response time tells
//! that service time does not.

use super::quantile::quantile;
use super::verdict::micros_in_words;
use super::{Cohort, PopulationCohort, StepCohort};
use crate::record::{Histogram, ServerRecord};

/// Response time is explained where its quantile is this many times that of service time ...
const GAP: f64 = 2.0;
/// ... and longer by this, in microseconds.
const LEAST_GAP: u64 = 10_000;

type Of = fn(&StepCohort) -> &Histogram;

/// Code and detail of what is worth knowing; none of it makes a run less valid.
pub(super) fn findings(record: &ServerRecord, cohort: &Cohort) -> Vec<(&'static str, String)> {
    let gaps = cohort.populations.iter().zip(&record.layout.populations);
    let gaps = gaps.filter_map(|(population, of)| Some(("response-and-service", gap(&of.name, population)?)));
    let sent = sent_against_intended(cohort).map(|detail| ("sent-against-intended", detail));
    sent.into_iter().chain(gaps).collect()
}

/// Send lag and its two parts.
fn sent_against_intended(cohort: &Cohort) -> Option<String> {
    let all = |of: Of| sum(cohort.populations.iter().flat_map(|population| &population.steps), of);
    let (lag, pacer, lane) = (all(|step| &step.lag), all(|step| &step.pacer), all(|step| &step.lane));
    let at = |of: &Histogram, share| words(quantile(of, 0, share).unwrap_or(0));
    (lag.count() > 0).then(|| {
        format!(
            "{} requests were sent later than intended by {} (p50), {} (p90), {} (p99), {} (p99.9), at most {}; p99 of the \
             pacer's part {}, of the wait for a free lane {}",
            lag.count(),
            at(&lag, 0.5),
            at(&lag, 0.9),
            at(&lag, 0.99),
            at(&lag, 0.999),
            at(&lag, 1.0),
            at(&pacer, 0.99),
            at(&lane, 0.99),
        )
    })
}

/// Where response time is much longer than service time: why.
fn gap(name: &str, population: &PopulationCohort) -> Option<String> {
    let [response, service, lane] = [(|step| &step.response) as Of, |step| &step.service, |step| &step.lane]
        .map(|of| sum(&population.steps, of));
    let (quantile_of, label) =
        [(0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")].into_iter().find(|(share, _)| {
            let at = |of| quantile(of, 0, *share).unwrap_or(0);
            let (response, service) = (at(&response), at(&service));
            response as f64 >= GAP * service as f64 && response - service >= LEAST_GAP
        })?;
    let at = |of| words(quantile(of, 0, quantile_of).unwrap_or(0));
    Some(format!(
        "{name}: {label} of the response time is {}, of the service time {}. Requests became due while the system had not \
         answered those before them and waited here, for a free lane, {} ({label}): as long as their clients did. Response \
         time counts from the intended instant and has that wait; a tool that starts its clock at the sending would have \
         reported {}",
        at(&response),
        at(&service),
        at(&lane),
        at(&service),
    ))
}

fn sum<'a>(steps: impl IntoIterator<Item = &'a StepCohort>, of: Of) -> Histogram {
    let mut all = Histogram::new();
    steps.into_iter().for_each(|step| all.add(of(step)));
    all
}

fn words(micros: u64) -> String {
    micros_in_words(micros as f64)
}
