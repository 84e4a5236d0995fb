//! Totals, distributions and journeys.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::record::{Event, What, open};
use crate::stats::*;
use crate::units::Span;

#[test]
fn a_request_counts_where_its_outcome_says_and_good_ones_are_within_the_slo_of_their_step() {
    let summary = summary(&[], |writer| {
        steady(writer, (0, 1), 80, Outcome::Ok, 0.1);
        steady(writer, (0, 1), 10, Outcome::Ok, 0.9);
        steady(writer, (0, 1), 6, Outcome::Shed, 0.01);
        steady(writer, (2, 0), 3, Outcome::TimedOut, 5.0);
        steady(writer, (2, 0), 1, Outcome::NotSent, 21.0);
    });
    let server = &summary.servers[0];
    let expected = Counts {
        offered: 100,
        sent: 99,
        ok: 90,
        failed: 0,
        shed: 6,
        timed_out: 3,
        not_sent: 1,
        in_flight_at_end: 0,
    };
    assert_eq!(server.totals, expected);
    assert_eq!((server.duration_s, server.offered_per_s, server.throughput_per_s), (20.0, 5.0, 4.8));
    assert_eq!(server.goodput_per_s, 4.0, "the slow ones are not good");
    assert_eq!(
        server.populations.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["pharmacist", "patient"]
    );
    assert_eq!(server.populations[0].goodput_share, Some(80.0 / 96.0));
    let save = &server.populations[0].steps[1];
    assert_eq!((save.response_us.count, save.response_us.over), (96, 6));
    assert_eq!((save.service_us.count, save.send_lag_us.count), (96, 96));
    assert_eq!((save.response_us.p50, save.response_us.p95), (Some(100_031), None));
    let result = &server.populations[1].steps[0];
    assert_eq!(
        (result.service_us.count, result.send_lag_us.count),
        (0, 3),
        "no answer, and one was not sent"
    );
}

#[test]
fn requests_of_the_run_in_are_in_no_total() {
    let summary = summary(&[], |writer| {
        whole(writer, &sample(0, 0, Outcome::Ok, -0.1, 0.5));
        whole(writer, &sample(0, 0, Outcome::Ok, 0.0, 0.5));
    });
    assert_eq!(summary.servers[0].totals.offered, 1);
}

#[test]
fn journeys_are_judged_that_arrive_early_enough_and_clean_is_a_share_of_those_that_tell() {
    use JourneyEvent::{Completed, GaveUp, Marred};
    let summary = summary(&["clean{population=patient} >= 50%"], |writer| {
        steady(writer, (2, 0), 20, Outcome::Ok, 0.1);
        for arrived in [0.0, 3.0, 14.9] {
            journey(writer, 2, arrived, &[Completed { clean: true }]);
        }
        journey(writer, 2, 4.0, &[Marred, Completed { clean: false }]);
        journey(writer, 2, 5.0, &[Marred, GaveUp]);
        journey(writer, 2, 6.0, &[Marred]);
        journey(writer, 2, 7.0, &[]);
        // In the run-in, and later than 5 s before the end.
        journey(writer, 2, -1.0, &[Marred, GaveUp]);
        journey(writer, 2, 15.0, &[Marred, GaveUp]);
    });
    let server = &summary.servers[0];
    let expected = Journeys { started: 7, completed: 4, clean: 3, gave_up: 1, unfinished: 2, judged: 6 };
    assert_eq!(server.populations[1].journeys, expected);
    assert_eq!(server.slos[0].observed, Some(0.5));
    assert_eq!(server.slos[0].verdict, Verdict::Pass);
}

#[test]
fn the_peak_minute_is_the_busiest_one_or_the_whole_of_what_is_shorter() {
    let short = summary(&[], |writer| steady(writer, (2, 0), 100, Outcome::Ok, 0.1));
    assert_eq!(short.servers[0].peak_minute_offered_per_s, 5.0);

    let mut layout = testing::layout();
    layout.timeline.to = "20:00".parse().unwrap();
    let (_dir, run) = run_of(&layout, &[], |writer| {
        for second in 0..120_u32 {
            let burst = if (30..90).contains(&second) { 4 } else { 1 };
            for _ in 0..burst {
                whole(writer, &sample(2, 0, Outcome::Ok, f64::from(second), 0.1));
            }
        }
    });
    let server = &summarize(&run).unwrap().servers[0];
    assert_eq!((server.peak_minute_offered_per_s, server.offered_per_s), (4.0, 2.5));
}

#[test]
fn audit_and_resources_are_those_of_the_record() {
    let summary = summary(&[], |writer| {
        let server =
            |seconds, cpu, rss_bytes| Resources { who: Who::Server, rss_bytes, ..generator(seconds, cpu) };
        writer.resources(&server(1.0, 0.5, 900));
        writer.resources(&server(2.0, 0.25, 700));
        writer.event(&Event { at: at(24.0), what: What::Audit { acknowledged: 40, lost: 1, duplicated: 2 } });
    });
    let server = &summary.servers[0];
    assert_eq!(server.audit, Some(Audit { acknowledged: 40, lost: 1, duplicated: 2 }));
    let used = server.resources;
    assert_eq!((used.server_cpu_s, used.server_rss_bytes_max), (Some(0.75), Some(900)));
    assert!((used.generator_cpu_s.unwrap() - 2.1).abs() < 1e-9);
}

#[test]
fn the_keys_of_the_json_are_those_of_the_contract() {
    let summary = summary(&["error_rate < 1%"], |writer| {
        steady(writer, (2, 0), 10, Outcome::Ok, 0.1);
        writer.event(&Event { at: at(24.0), what: What::Audit { acknowledged: 4, lost: 0, duplicated: 0 } });
    });
    let json = serde_json::to_value(&summary).unwrap();
    let check = |value: &serde_json::Value, keys: &str| {
        let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted: BTreeSet<&str> = keys.split_whitespace().collect();
        assert!(found.is_superset(&wanted), "{:?} are missing", wanted.difference(&found));
    };
    check(
        &json,
        "schema_version tool_version scenario scenario_digest engine run_id seed started_at time_warp scale servers verdict",
    );
    let server = &json["servers"][0];
    check(
        server,
        "name config_digest duration_s expect as_expected validity totals goodput_per_s throughput_per_s offered_per_s \
         peak_minute_offered_per_s populations stations audit resources slos",
    );
    let counts = "offered sent ok failed shed timed_out not_sent in_flight_at_end";
    let quantiles = "count over mean p50 p90 p95 p99 p999 max";
    check(&server["validity"], "state reasons");
    check(&server["totals"], counts);
    let population = &server["populations"][1];
    check(population, "name legitimate totals goodput_share journeys steps");
    check(&population["journeys"], "started completed clean gave_up unfinished");
    check(&population["steps"][0], "name totals response_us service_us send_lag_us");
    check(&population["steps"][0]["totals"], counts);
    for clock in ["response_us", "service_us", "send_lag_us"] {
        check(&population["steps"][0][clock], quantiles);
    }
    check(&server["audit"], "acknowledged lost duplicated");
    check(&server["resources"], "generator_cpu_s server_cpu_s server_rss_bytes_max");
    check(&server["slos"][0], "expression observed bound verdict");
    assert_eq!((&json["schema_version"], &json["engine"]), (&1.into(), &"load".into()));
    assert_eq!((&json["seed"], &json["verdict"]), (&u64::MAX.into(), &"pass".into()));
    assert_eq!((&server["expect"], &server["validity"]["state"]), (&"hold".into(), &"valid".into()));
}

#[test]
fn a_summary_comes_back_from_its_json_and_its_schema_names_every_key() {
    let summary = summary(&["error_rate < 1%"], |writer| steady(writer, (2, 0), 10, Outcome::Ok, 0.1));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(serde_json::from_value::<Summary>(json.clone()).unwrap(), summary);
    let schema = serde_json::to_value(Summary::schema()).unwrap();
    for key in json.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    for key in json["servers"][0].as_object().unwrap().keys() {
        assert!(schema["$defs"]["ServerSummary"]["properties"].get(key).is_some(), "{key}");
    }
}

#[test]
fn what_was_offered_and_has_no_outcome_when_the_tool_was_killed_was_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let layout = testing::layout();
    testing::header(&layout, &[]).write(dir.path()).unwrap();
    let mut writer = Writer::create(&dir.path().join(testing::SERVER), &layout, Span::ZERO).unwrap();
    steady(&mut writer, (2, 0), 100, Outcome::Ok, 1.0);
    writer.flush(at(10.0)).unwrap();
    drop(writer);
    let summary = summarize(&open(dir.path()).unwrap()).unwrap();
    let server = &summary.servers[0];
    assert_eq!(server.duration_s, 10.0);
    assert_eq!((server.totals.offered, server.totals.ok, server.totals.in_flight_at_end), (50, 45, 5));
    assert_eq!(server.validity.state, ValidityState::Invalid);
    assert_eq!(server.validity.reasons[0].code, "cut-off");
    assert_eq!((server.as_expected, summary.verdict), (None, Verdict::Undecided));
}

#[test]
fn a_configuration_that_never_ran_is_in_the_summary_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    testing::header(&testing::layout(), &[]).write(dir.path()).unwrap();
    let summary = summarize(&open(dir.path()).unwrap()).unwrap();
    let server = &summary.servers[0];
    assert_eq!((server.name.as_str(), server.as_expected), (testing::SERVER, None));
    assert_eq!(server.validity.reasons[0].code, "never-ran");
    assert_eq!(summary.verdict, Verdict::Undecided);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn totals_always_add_up_and_the_parts_are_the_whole(
        requests in prop::collection::vec((0..3_usize, 0..6_usize, 0.0..20.0_f64, 0.0..8.0_f64), 0..80),
        cut in prop::option::of(1..20_i32),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let layout = testing::layout();
        testing::header(&layout, &[]).write(dir.path()).unwrap();
        let mut writer = Writer::create(&dir.path().join(testing::SERVER), &layout, Span::ZERO).unwrap();
        for &(cell, outcome, intended, seconds) in &requests {
            let (population, step) = [(0, 0), (0, 1), (2, 0)][cell];
            whole(&mut writer, &sample(population, step, Outcome::ALL[outcome], intended, seconds));
        }
        match cut {
            Some(second) => writer.flush(at(f64::from(second))).unwrap(),
            None => writer.finish(at(30.0)).unwrap(),
        }
        let summary = summarize(&open(dir.path()).unwrap()).unwrap();
        let server = &summary.servers[0];
        let ends = |c: &Counts| c.ok + c.failed + c.shed + c.timed_out + c.not_sent + c.in_flight_at_end;
        prop_assert_eq!(ends(&server.totals), server.totals.offered);
        prop_assert_eq!(server.totals.sent, server.totals.offered - server.totals.not_sent);
        let mut sum = 0;
        for population in &server.populations {
            prop_assert_eq!(ends(&population.totals), population.totals.offered);
            for step in &population.steps {
                prop_assert_eq!(ends(&step.totals), step.totals.offered);
                prop_assert_eq!(step.response_us.count, step.totals.offered);
                sum += step.totals.offered;
            }
        }
        prop_assert_eq!(sum, server.totals.offered);
        if cut.is_none() {
            prop_assert_eq!(sum, requests.len() as u64);
            prop_assert!(server.validity.reasons.iter().all(|reason| reason.code != "sums"));
        }
    }
}
