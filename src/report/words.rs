//! The verdict in words, from the data: what the head of every form of the report says.

use super::say;
use crate::stats::{Expectation, Journeys, Reason, ServerSummary, Summary, Validity, ValidityState, Verdict};

/// The verdict of the run in one sentence.
pub(super) fn verdict(summary: &Summary) -> String {
    let names = |judge: fn(&ServerSummary) -> bool| -> Vec<&str> {
        summary.servers.iter().filter(|s| judge(s)).map(|s| s.name.as_str()).collect()
    };
    match summary.verdict {
        Verdict::Pass => {
            let fell = names(|s| s.expect == Expectation::Fail);
            let held = names(|s| s.expect == Expectation::Hold);
            let parts: Vec<String> = [(fell, "fell"), (held, "held")]
                .into_iter()
                .filter(|(names, _)| !names.is_empty())
                .map(|(names, did)| format!("{} {did}", say::list(&names)))
                .collect();
            format!("As expected: {}.", say::list(&parts))
        }
        Verdict::Fail => {
            let parts: Vec<String> = summary
                .servers
                .iter()
                .filter(|s| s.as_expected == Some(false))
                .map(|s| match s.expect {
                    Expectation::Hold => format!("{} did not hold", s.name),
                    Expectation::Fail => format!("{} held, though it was there to fall", s.name),
                })
                .collect();
            format!("Not as expected: {}.", say::list(&parts))
        }
        Verdict::Undecided => {
            let open = names(|s| s.as_expected.is_none());
            match open.is_empty() {
                true => "Undecided: nothing was measured.".to_owned(),
                false => format!("Undecided: this run cannot tell about {}.", say::list(&open)),
            }
        }
    }
}

/// What a report begins with: what unwanted clients left of the service to the others, where there are any; the verdict.
pub(super) fn first_line(summary: &Summary) -> String {
    match goodput(summary) {
        Some(goodput) => format!("{goodput} {}", verdict(summary)),
        None => verdict(summary),
    }
}

/// The share of good answers that legitimate clients got, by configuration; nothing to say where all are legitimate.
pub(super) fn goodput(summary: &Summary) -> Option<String> {
    let unwanted = |server: &ServerSummary| {
        server.populations.iter().any(|population| !population.legitimate && population.totals.offered > 0)
    };
    if !summary.servers.iter().any(unwanted) {
        return None;
    }
    let shares: Vec<String> = summary
        .servers
        .iter()
        .filter_map(|server| Some((&server.name, server.legitimate.goodput_share?)))
        .map(|(name, share)| format!("{} with {name}", say::share(share)))
        .collect();
    (!shares.is_empty()).then(|| format!("Goodput of the legitimate: {}.", say::list(&shares)))
}

/// What a configuration did, whether that was expected, and what it shows by: one sentence.
pub(super) fn outcome(server: &ServerSummary) -> String {
    let invalid = server.validity.state == ValidityState::Invalid;
    let did = match (server.as_expected, server.expect) {
        _ if invalid => "was not measured: the run is not valid",
        (Some(true), Expectation::Fail) => "fell as expected",
        (Some(false), Expectation::Fail) => "held, though it was expected to fall",
        (Some(true), Expectation::Hold) => "held as expected",
        (Some(false), Expectation::Hold) => "fell, though it was expected to hold",
        (None, _) => "cannot be judged",
    };
    format!("{} {did}: {}; {}", server.name, clean(&server.legitimate.journeys), promises(server))
}

/// `22 % of journeys clean (1,573 of 7,066)`.
pub(super) fn clean(journeys: &Journeys) -> String {
    match journeys.judged {
        0 => "no journey that could be judged".to_owned(),
        judged => format!(
            "{} of journeys clean ({} of {})",
            say::share_of(journeys.clean, judged),
            say::count(journeys.clean),
            say::count(judged)
        ),
    }
}

/// `4 of 5 SLOs failed`.
fn promises(server: &ServerSummary) -> String {
    let all = server.slos.len();
    let of = |verdict| server.slos.iter().filter(|slo| slo.verdict == verdict).count();
    let (failed, undecided) = (of(Verdict::Fail), of(Verdict::Undecided));
    match (all, failed, undecided) {
        (0, ..) => "no SLO was promised".to_owned(),
        (1, 0, 0) => "its SLO passed".to_owned(),
        (all, 0, 0) => format!("all {all} SLOs passed"),
        (all, 0, undecided) => format!("{undecided} of {} undecided", say::plural(all as u64, "SLO", "SLOs")),
        (all, failed, _) => format!("{failed} of {} failed", say::plural(all as u64, "SLO", "SLOs")),
    }
}

/// `valid`, `degraded`, `not valid`.
pub(super) fn validity(validity: &Validity) -> &'static str {
    match validity.state {
        ValidityState::Valid => "valid",
        ValidityState::Degraded => "degraded",
        ValidityState::Invalid => "not valid",
    }
}

/// May the numbers be believed? One sentence.
pub(super) fn belief(validity: &Validity) -> &'static str {
    match validity.state {
        ValidityState::Valid => "The numbers may be believed.",
        ValidityState::Degraded => {
            "The numbers are less certain, or worse than the truth, for the reasons below."
        }
        ValidityState::Invalid => "The numbers may not be believed; what is printed is a bound at best.",
    }
}

/// One finding: `degraded: p99 of the send lag ...`.
pub(super) fn reason(reason: &Reason) -> String {
    let weight = match reason.state {
        ValidityState::Valid => "worth knowing",
        ValidityState::Degraded => "degraded",
        ValidityState::Invalid => "not valid",
    };
    format!("{weight}: {}", reason.detail)
}

/// `pass`, `FAIL`, `undecided`.
pub(super) fn judgement(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Undecided => "undecided",
    }
}

/// What came, and a mark for whether it was expected.
pub(super) fn came(server: &ServerSummary) -> &'static str {
    match (server.as_expected, server.expect) {
        (Some(true), Expectation::Hold) => "held \u{2713}",
        (Some(true), Expectation::Fail) => "fell \u{2713}",
        (Some(false), Expectation::Fail) => "held \u{2717}",
        (Some(false), Expectation::Hold) => "fell \u{2717}",
        (None, _) => "open ?",
    }
}

/// What a warped run does not preserve; nothing to say of one at life's speed.
pub(super) fn warp(time_warp: f64) -> Option<String> {
    ((time_warp - 1.0).abs() > 1e-9).then(|| {
        format!(
            "Time warp {warp}: {warp} s of the day were played in 1 s. Rates at any instant are the day's; counts are \
             1/{warp} of it. Think times, patience, back-off and the server run at life's speed. Not preserved: \
             whatever needs minutes of life to build up, retries above all, so a warped run flatters a server that \
             falls.",
            warp = say::digits(time_warp)
        )
    })
}
