//! What came of a plain queueing system, as `summary.json` says it.

use std::collections::BTreeMap;

use super::plain::{QueueingResult, StationRow};
use super::{Engine, Figure};
use crate::scenario::queueing::{Customers, Queueing};
use crate::stats::{
    Counts, Expectation, Journeys, Legitimate, Observation, PopulationSummary, Quantiles, Reason,
    ResourceTotals, ServerSummary, Station, StepSummary, Validity, ValidityState,
};

impl QueueingResult {
    /// The summary of the system as of one server configuration named `model`: customers as populations, their steps as
    /// steps, requests of replication 0. Customers make no journeys, so none are counted.
    pub fn summary(&self, system: &Queueing) -> ServerSummary {
        let seconds = system.duration.secs_f64();
        let populations: Vec<PopulationSummary> =
            system.customers.iter().map(|customers| self.population(system, customers)).collect();
        let totals = sum(populations.iter().map(|population| population.totals));
        let engine = match self.engine {
            Engine::Events => "event engine",
            Engine::Lookahead => "look-ahead engine",
        };
        let stations: Vec<Station> = self.rows.iter().map(|row| row.summary(self.replications)).collect();
        ServerSummary {
            name: "model".to_owned(),
            config_digest: String::new(),
            duration_s: seconds,
            replications: Some(self.replications),
            expect: Expectation::Hold,
            as_expected: Some(true),
            validity: Validity {
                state: ValidityState::Valid,
                reasons: vec![Reason {
                    code: "engine".to_owned(),
                    state: ValidityState::Valid,
                    detail: format!("{engine}: {}; {} replications", self.why, self.replications),
                }],
            },
            totals,
            goodput_per_s: totals.ok as f64 / seconds,
            throughput_per_s: (totals.ok + totals.shed) as f64 / seconds,
            offered_per_s: totals.offered as f64 / seconds,
            peak_minute_offered_per_s: totals.offered as f64 / seconds,
            legitimate: Legitimate {
                totals,
                goodput_share: share(&totals),
                journeys: Journeys::default(),
                response_us: Quantiles::default(),
                ci95: BTreeMap::new(),
            },
            populations,
            stations,
            observations: self
                .observations
                .iter()
                .map(|seen| Observation {
                    station: seen.station.clone(),
                    class: seen.class.clone().unwrap_or_default(),
                    at: seen.at,
                    mean: seen.mean.mean().unwrap_or(0.0),
                    mean_ci95: seen.mean.ci95(),
                    p_empty: seen.p_empty.mean().unwrap_or(0.0),
                    p_empty_ci95: seen.p_empty.ci95(),
                })
                .collect(),
            audit: None,
            resources: ResourceTotals::default(),
            slos: Vec::new(),
        }
    }

    fn population(&self, system: &Queueing, customers: &Customers) -> PopulationSummary {
        let step = |class: u16| {
            let name = &system.model.classes[usize::from(class)].name;
            let row = self.rows.iter().find(|row| row.class.as_ref() == Some(name))?;
            Some((name.rsplit('.').next().unwrap_or(name).to_owned(), row))
        };
        let steps: Vec<StepSummary> = customers
            .route
            .iter()
            .filter_map(|leg| step(leg.class))
            .map(|(name, row)| {
                let totals = counts(row);
                let station = row.summary(self.replications);
                let over = totals.offered - totals.ok;
                let response_us = match over {
                    0 => station.sojourn_us,
                    // Those without a success stand above every value: the quantiles are not those of the others.
                    _ => Quantiles { count: totals.offered, over, ..Quantiles::default() },
                };
                StepSummary {
                    name,
                    totals,
                    response_us,
                    service_us: station.sojourn_us,
                    send_lag_us: Quantiles::default(),
                    ci95: sojourn_intervals(&station, over),
                }
            })
            .collect();
        let totals = sum(steps.iter().map(|step| step.totals));
        PopulationSummary {
            name: customers.name.clone(),
            legitimate: true,
            totals,
            goodput_share: share(&totals),
            journeys: Journeys::default(),
            steps,
            ci95: BTreeMap::new(),
        }
    }

    /// A table for people: a line for every station and class.
    pub fn table(&self) -> String {
        let mut lines = vec![format!(
            "{:<24} {:>12} {:>9} {:>9} {:>9} {:>11} {:>11} {:>11} {:>11} {:>9} {:>9}",
            "station / class",
            "arrivals",
            "refused",
            "left",
            "p(wait)",
            "wait s",
            "wait p99 s",
            "sojourn s",
            "± (95 %)",
            "queue",
            "busy"
        )];
        for row in &self.rows {
            let name =
                row.class.as_ref().map_or(row.station.clone(), |class| format!("{} / {class}", row.station));
            let number = |figure: Figure| row.figure(figure).mean().map_or("-".to_owned(), short);
            let half = row.figure(Figure::Sojourn).half_width().map_or("-".to_owned(), short);
            lines.push(format!(
                "{name:<24} {:>12} {:>9} {:>9} {:>9} {:>11} {:>11} {:>11} {half:>11} {:>9} {:>9}",
                row.arrivals(),
                row.blocked(),
                row.abandoned(),
                number(Figure::PWait),
                number(Figure::Wait),
                number(Figure::WaitP99),
                number(Figure::Sojourn),
                number(Figure::QueueMean),
                number(Figure::BusyMean),
            ));
        }
        for seen in &self.observations {
            let name = seen
                .class
                .as_ref()
                .map_or(seen.station.clone(), |class| format!("{} / {class}", seen.station));
            let [mean, empty] = [&seen.mean, &seen.p_empty].map(|of| of.mean().map_or("-".to_owned(), short));
            lines.push(format!(
                "{name:<24} at {:>10} s: {mean} present, none with probability {empty}",
                seen.at
            ));
        }
        lines.join("\n") + "\n"
    }
}

/// Four significant digits.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.digits$}")
}

/// The intervals of what is said of a step's response times: those of its station, where all were served.
fn sojourn_intervals(station: &Station, over: u64) -> BTreeMap<String, [f64; 2]> {
    let of = |(name, interval): (&String, &[f64; 2])| {
        let figure = name.strip_prefix("sojourn_us.").filter(|_| over == 0)?;
        Some((format!("response_us.{figure}"), *interval))
    };
    station.ci95.iter().filter_map(of).collect()
}

fn counts(row: &StationRow) -> Counts {
    let [offered, ok, shed, timed_out] = [row.arrivals(), row.served(), row.blocked(), row.abandoned()];
    let in_flight_at_end = offered - ok - shed - timed_out;
    Counts { offered, sent: offered, ok, failed: 0, shed, timed_out, not_sent: 0, in_flight_at_end }
}

fn sum(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold(Counts::default(), |mut sum, counts| {
        sum.add(&counts);
        sum
    })
}

fn share(counts: &Counts) -> Option<f64> {
    (counts.offered > 0).then(|| counts.ok as f64 / counts.offered as f64)
}
