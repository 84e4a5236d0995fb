//! The tables of a report: promises, journeys, steps, errors, audit and resources.

use super::say;
use super::table::{Cell, Table, Tone};
use super::{windows, words};
use crate::record::{Run, What};
use crate::stats::{Counts, Journeys, Quantiles, ServerSummary, Summary, ValidityState, Verdict};

/// One row for each configuration: the result of a run at a glance, at most 100 columns wide for short names.
pub(super) fn overview(summary: &Summary) -> Table {
    let columns = [
        "server",
        "verdict",
        "#clean journeys",
        "#ok",
        "#shed",
        "#timed out",
        "#failed",
        "#unsent",
        "#p50",
        "#p99",
        "validity",
    ];
    let mut table = Table::new(&columns);
    for server in &summary.servers {
        let all = &server.legitimate;
        let totals = &server.totals;
        let tone = match server.as_expected {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Open,
        };
        let trust = match server.validity.state {
            ValidityState::Valid => Tone::Good,
            ValidityState::Degraded => Tone::Open,
            ValidityState::Invalid => Tone::Bad,
        };
        table.row(vec![
            server.name.as_str().into(),
            Cell::toned(words::came(server), tone),
            share_and_count(&all.journeys).into(),
            say::count(totals.ok).into(),
            say::count(totals.shed).into(),
            say::count(totals.timed_out).into(),
            say::count(totals.failed).into(),
            say::count(totals.not_sent).into(),
            known(&all.response_us, 0.5, all.response_us.p50, all.ci95.get("response_us.p50")).into(),
            known(&all.response_us, 0.99, all.response_us.p99, all.ci95.get("response_us.p99")).into(),
            Cell::toned(words::validity(&server.validity), trust),
        ]);
    }
    table
}

fn share_and_count(journeys: &Journeys) -> String {
    match journeys.judged {
        0 => "none".to_owned(),
        all => format!("{} of {}", say::share_of(journeys.clean, all), say::count(all)),
    }
}

/// The promises, what was seen, and the judgement.
pub(super) fn promises(summary: &Summary) -> Table {
    let mut table = Table::new(&["server", "SLO", "observed", "verdict"]);
    for server in &summary.servers {
        for slo in &server.slos {
            let tone = match slo.verdict {
                Verdict::Pass => Tone::Good,
                Verdict::Fail => Tone::Bad,
                Verdict::Undecided => Tone::Open,
            };
            table.row(vec![
                server.name.as_str().into(),
                slo.expression.as_str().into(),
                slo.detail.as_str().into(),
                Cell::toned(words::judgement(slo.verdict), tone),
            ]);
        }
    }
    table
}

/// Journeys by configuration and population.
pub(super) fn journeys(summary: &Summary) -> Table {
    let columns = [
        "population",
        "server",
        "#started",
        "#judged",
        "#clean",
        "#clean share",
        "#completed",
        "#gave up",
        "#unfinished",
        "#goodput",
    ];
    let mut table = Table::new(&columns);
    let Some(first) = summary.servers.first() else { return table };
    for name in first.populations.iter().map(|p| &p.name) {
        for server in &summary.servers {
            for population in server.populations.iter().filter(|p| p.name == *name) {
                let Journeys { started, completed, clean, gave_up, unfinished, judged } = population.journeys;
                let mark = if population.legitimate { "" } else { " (unwanted)" };
                let count = |n: u64| -> Cell { say::count(n).into() };
                table.row(vec![
                    format!("{name}{mark}").into(),
                    server.name.as_str().into(),
                    count(started),
                    count(judged),
                    count(clean),
                    say::share_of(clean, judged).into(),
                    count(completed),
                    count(gave_up),
                    count(unfinished),
                    population.goodput_share.map_or("none".to_owned(), say::share).into(),
                ]);
            }
        }
    }
    table
}

/// The steps of a configuration, with counts and quantiles.
pub(super) fn steps(server: &ServerSummary) -> Table {
    let columns = [
        "population",
        "step",
        "#offered",
        "#ok",
        "#shed",
        "#timed out",
        "#failed",
        "#not sent",
        "#in flight",
        "#p50",
        "#p90",
        "#p99",
        "#p99.9",
        "#service p50",
        "#lag p99",
    ];
    let mut table = Table::new(&columns);
    for population in &server.populations {
        for step in &population.steps {
            let Counts { offered, ok, failed, shed, timed_out, not_sent, in_flight_at_end, .. } = step.totals;
            let r = &step.response_us;
            let mut cells: Vec<Cell> = vec![population.name.as_str().into(), step.name.as_str().into()];
            let counts = [offered, ok, shed, timed_out, failed, not_sent, in_flight_at_end];
            cells.extend(counts.map(|n| Cell::from(say::count(n))));
            let (service, lag) = (&step.service_us, &step.send_lag_us);
            let quantiles = [
                (r, 0.5, r.p50, "response_us.p50"),
                (r, 0.9, r.p90, "response_us.p90"),
                (r, 0.99, r.p99, "response_us.p99"),
                (r, 0.999, r.p999, "response_us.p999"),
                (service, 0.5, service.p50, ""),
                (lag, 0.99, lag.p99, ""),
            ];
            let cell = |(of, q, value, name)| Cell::from(known(of, q, value, step.ci95.get(name)));
            cells.extend(quantiles.map(cell));
            table.row(cells);
        }
    }
    table
}

/// A quantile in words: "none" where it is a request without a success, a dash where fewer than ten requests are beyond
/// it, which is too few to tell.
fn quantile(of: &Quantiles, q: f64, value: Option<u64>) -> String {
    match value {
        _ if (of.count as f64) < windows::samples_for(q) => "–".to_owned(),
        Some(us) => say::time(us as f64),
        None => "none".to_owned(),
    }
}

/// Incidents, and what else happened to a server or ended a run.
pub(super) fn happenings(run: &Run) -> Table {
    let mut table = Table::new(&["server", "time of day", "#into the run", "what happened"]);
    for server in &run.servers {
        for event in &server.events {
            let words = match &event.what {
                What::Incident { detail, .. } => detail.clone(),
                What::Aborted { reason } => format!("the run was ended: {reason}"),
                What::ServerExited { status, wanted: false } => {
                    format!("the server ended by itself ({status})")
                }
                _ => continue,
            };
            let into = format!("{:.1} s", event.at.secs_f64());
            let at = run.header.layout.timeline.scenario_time(event.at);
            table.row(vec![server.header.name.as_str().into(), at.into(), into.into(), words.into()]);
        }
    }
    table
}

/// A quantile in words, with half of its 95 % interval where several replications tell it.
fn known(of: &Quantiles, q: f64, value: Option<u64>, interval: Option<&[f64; 2]>) -> String {
    let text = quantile(of, q, value);
    match interval {
        Some([low, high]) if value.is_some() && !text.starts_with('–') && high > low => {
            format!("{text} ± {}", say::time((high - low) / 2.0))
        }
        _ => text,
    }
}

/// The kinds of errors, where each was seen, and the first example of it.
pub(super) fn errors(run: &Run) -> Table {
    let mut table = Table::new(&["server", "error", "seen in", "first at", "example"]);
    for server in &run.servers {
        let mut kinds: Vec<(&str, Vec<String>, String, &str)> = Vec::new();
        for event in &server.events {
            if let What::ErrorExample { population, step, error, detail } = &event.what {
                let place = format!("{population}.{step}");
                match kinds.iter_mut().find(|(kind, ..)| kind == error) {
                    Some((_, places, ..)) if places.contains(&place) => {}
                    Some((_, places, ..)) => places.push(place),
                    None => {
                        let at = run.header.layout.timeline.scenario_time(event.at);
                        kinds.push((error, vec![place], at, detail));
                    }
                }
            }
        }
        for (error, places, at, detail) in kinds {
            let server = server.header.name.as_str();
            table.row(vec![server.into(), error.into(), places.join(", ").into(), at.into(), detail.into()]);
        }
    }
    table
}

/// What became of acknowledged things, and what the processes used.
pub(super) fn audit_and_resources(summary: &Summary) -> Table {
    let columns = [
        "server",
        "#acknowledged",
        "#lost",
        "#duplicated",
        "#generator CPU",
        "#server CPU",
        "#server memory, most",
    ];
    let mut table = Table::new(&columns);
    for server in &summary.servers {
        let none = || "not seen".to_owned();
        let seconds = |value: Option<f64>| value.map_or_else(none, |s| format!("{} s", say::digits(s)));
        let bad = |n: u64| Cell::toned(say::count(n), if n > 0 { Tone::Bad } else { Tone::Good });
        let audit: [Cell; 3] = match &server.audit {
            Some(audit) => [say::count(audit.acknowledged).into(), bad(audit.lost), bad(audit.duplicated)],
            None => ["not audited".into(), "–".into(), "–".into()],
        };
        let mut cells = vec![Cell::from(server.name.as_str())];
        cells.extend(audit);
        cells.push(seconds(server.resources.generator_cpu_s).into());
        cells.push(seconds(server.resources.server_cpu_s).into());
        let memory = server.resources.server_rss_bytes_max;
        cells
            .push(memory.map_or_else(none, |bytes| format!("{} MB", say::digits(bytes as f64 / 1e6))).into());
        table.row(cells);
    }
    table
}
