//! Promises and expectations.

use proptest::prelude::*;

use super::*;
use crate::record::{Event, What};
use crate::stats::*;

fn judge_one(slo: &str, fill: impl FnOnce(&mut Writer)) -> SloResult {
    let mut slos = summary(&[slo], fill).servers.remove(0).slos;
    assert_eq!(slos.len(), 1);
    slos.remove(0)
}

#[test]
fn a_quantile_below_its_bound_passes_and_one_above_fails() {
    let fill = |writer: &mut Writer| {
        steady(writer, (2, 0), 990, Outcome::Ok, 0.1);
        steady(writer, (2, 0), 10, Outcome::Ok, 0.9);
    };
    let slo = judge_one("p99(response_time{population=patient}) < 500ms", fill);
    assert_eq!((slo.verdict, slo.observed, slo.bound), (Verdict::Pass, Some(100_031.0), 500_000.0));
    assert_eq!((slo.unit, slo.detail.as_str()), (SloUnit::Us, "100 ms (n = 1000, 95 %: 100 ms to 900 ms)"));
    let slo = judge_one("p99(response_time{population=patient}) < 100ms", fill);
    assert_eq!(slo.verdict, Verdict::Fail);
    let slo = judge_one("max(response_time) < 500ms", fill);
    assert_eq!(slo.verdict, Verdict::Fail);
}

#[test]
fn a_quantile_among_those_without_an_answer_fails_and_is_no_number() {
    let slo = judge_one("p99(response_time) < 10s", |writer| {
        steady(writer, (2, 0), 960, Outcome::Ok, 0.1);
        steady(writer, (2, 0), 40, Outcome::Shed, 0.01);
    });
    assert_eq!((slo.verdict, slo.observed), (Verdict::Fail, None));
    assert_eq!(slo.detail, "none: 4 % of 1000 without an answer");
}

#[test]
fn too_few_samples_or_none_are_undecided_and_never_a_pass() {
    let few = judge_one("p99(response_time) < 10s", |writer| steady(writer, (2, 0), 999, Outcome::Ok, 0.1));
    assert_eq!((few.verdict, few.observed), (Verdict::Undecided, None));
    assert!(few.detail.contains("999") && few.detail.contains("1000"), "{}", few.detail);
    for slo in [
        "p50(response_time{step=form}) < 10s",
        "error_rate{step=form} < 50%",
        "count(failed{step=form}) == 0",
        "clean{population=pharmacist} >= 1%",
        "lost_acknowledged == 0",
        "p50(response_time{step=form}) < 10s for all windows of 5s",
        "error_rate{step=form} < 50% for all windows of 5s",
    ] {
        let judged = judge_one(slo, |writer| steady(writer, (2, 0), 50, Outcome::Ok, 0.1));
        assert_eq!((judged.verdict, judged.observed), (Verdict::Undecided, None), "{slo}: {}", judged.detail);
    }
}

#[test]
fn counts_shares_and_rates_are_of_the_requests_that_were_due() {
    let fill = |writer: &mut Writer| {
        steady(writer, (2, 0), 60, Outcome::Ok, 0.1);
        steady(writer, (0, 1), 15, Outcome::Ok, 0.9);
        steady(writer, (0, 1), 5, Outcome::Failed, 0.1);
        steady(writer, (2, 0), 20, Outcome::NotSent, 21.0);
        writer.event(&Event { at: at(24.0), what: What::Audit { acknowledged: 40, lost: 0, duplicated: 2 } });
    };
    for (slo, observed, verdict) in [
        ("error_rate < 25%", 0.25, Verdict::Fail),
        ("error_rate <= 25%", 0.25, Verdict::Pass),
        ("goodput >= 60%", 0.6, Verdict::Pass),
        ("goodput{legitimate=true,population=pharmacist} > 0%", 0.0, Verdict::Fail),
        ("count(offered) == 100", 100.0, Verdict::Pass),
        ("rate(ok) >= 3.75/s", 3.75, Verdict::Pass),
        ("count(not_sent) == 0", 20.0, Verdict::Fail),
        ("sent >= 81%", 0.8, Verdict::Fail),
        ("failed{population=pharmacist} <= 25%", 0.25, Verdict::Pass),
        ("lost_acknowledged == 0", 0.0, Verdict::Pass),
        ("duplicated_acknowledged == 0", 2.0, Verdict::Fail),
    ] {
        let judged = judge_one(slo, fill);
        assert_eq!((judged.observed, judged.verdict), (Some(observed), verdict), "{slo}");
    }
}

#[test]
fn promises_about_populations_that_were_left_out_are_not_judged() {
    let summary = summary(
        &["error_rate{population=robot} < 1%", "error_rate{legitimate=false} < 1%", "error_rate < 1%"],
        |writer| steady(writer, (2, 0), 10, Outcome::Ok, 0.1),
    );
    let judged: Vec<_> = summary.servers[0].slos.iter().map(|slo| slo.expression.as_str()).collect();
    assert_eq!(judged, ["error_rate < 1%"]);
    assert_eq!(summary.verdict, Verdict::Pass);
}

#[test]
fn every_window_must_hold_and_the_worst_is_told() {
    let slo = "p50(response_time) < 500ms for all windows of 5s";
    let fast = |writer: &mut Writer| steady(writer, (2, 0), 400, Outcome::Ok, 0.1);
    assert_eq!(judge_one(slo, fast).verdict, Verdict::Pass);
    let slow = judge_one(slo, |writer| {
        fast(writer);
        for _ in 0..200 {
            whole(writer, &sample(2, 0, Outcome::Ok, 10.5, 2.0));
        }
    });
    assert_eq!(slow.verdict, Verdict::Fail);
    assert!(
        slow.detail.starts_with("1 of 4 windows fail; worst, the window of 5s from t = 10s"),
        "{}",
        slow.detail
    );
    assert!(slow.observed.unwrap() > 1_999_000.0);
}

#[test]
fn a_window_in_which_nothing_ends_while_work_is_outstanding_fails() {
    // Everything that is due from second 6 on ends at second 15.
    let stalled = judge_one("error_rate < 1% for all windows of 2s", |writer| {
        for tenth in 0..200 {
            let intended = f64::from(tenth) / 10.0;
            let seconds = if (6.0..15.0).contains(&intended) { 15.0 - intended } else { 0.01 };
            whole(writer, &sample(2, 0, Outcome::Ok, intended, seconds));
        }
    });
    assert_eq!((stalled.verdict, stalled.observed), (Verdict::Fail, None));
    assert!(stalled.detail.contains("nothing ended"), "{}", stalled.detail);
}

#[test]
fn a_stall_from_the_first_second_on_fails_too() {
    let stalled = judge_one("error_rate < 1% for all windows of 5s", |writer| {
        (0..50).for_each(|tenth| whole(writer, &sample(2, 0, Outcome::Ok, f64::from(tenth) / 10.0, 12.0)));
    });
    assert_eq!(stalled.verdict, Verdict::Fail, "{}", stalled.detail);
}

#[test]
fn a_window_in_which_only_the_run_in_is_finished_is_idle() {
    let judged = judge_one("error_rate < 1% for all windows of 5s", |writer| {
        whole(writer, &sample(2, 0, Outcome::Ok, -1.0, 4.0));
        (6..10).for_each(|number| whole(writer, &sample(2, 0, Outcome::Ok, f64::from(number), 0.1)));
    });
    assert_eq!(judged.verdict, Verdict::Pass, "{}", judged.detail);
}

#[test]
fn idle_windows_are_skipped() {
    let judged = judge_one("error_rate < 1% for all windows of 5s", |writer| {
        (0..5).for_each(|number| whole(writer, &sample(2, 0, Outcome::Ok, f64::from(number), 0.1)));
        (16..20).for_each(|number| whole(writer, &sample(2, 0, Outcome::Ok, f64::from(number), 0.1)));
    });
    assert_eq!((judged.verdict, judged.observed), (Verdict::Pass, Some(0.0)), "{}", judged.detail);
    assert!(judged.detail.starts_with("worst of 2"), "{}", judged.detail);
}

#[test]
fn what_ends_in_the_drain_is_judged_with_the_last_window() {
    let late = judge_one("error_rate < 10% for all windows of 5s", |writer| {
        steady(writer, (2, 0), 100, Outcome::Ok, 0.1);
        (0..30).for_each(|_| whole(writer, &sample(2, 0, Outcome::TimedOut, 19.0, 4.0)));
    });
    assert_eq!(late.verdict, Verdict::Fail);
    assert!(late.detail.contains("from t = 15s"), "{}", late.detail);
}

#[test]
fn a_configuration_that_is_there_to_fall_is_as_expected_when_it_falls() {
    use Expectation::{Fail, Hold};
    use ValidityState::{Degraded, Invalid, Valid};
    use Verdict::{Pass, Undecided};
    let results = |verdicts: &[Verdict]| -> Vec<SloResult> {
        let one = |&verdict| SloResult {
            expression: String::new(),
            observed: None,
            bound: 0.0,
            unit: SloUnit::Count,
            detail: String::new(),
            verdict,
        };
        verdicts.iter().map(one).collect()
    };
    for (expect, validity, verdicts, expected) in [
        (Hold, Valid, &[Pass, Pass][..], Some(true)),
        (Hold, Degraded, &[Pass], Some(true)),
        (Hold, Valid, &[Pass, Undecided], None),
        (Hold, Valid, &[Undecided, Verdict::Fail], Some(false)),
        (Hold, Invalid, &[Pass], None),
        (Hold, Valid, &[], Some(true)),
        (Fail, Valid, &[Pass, Verdict::Fail, Undecided], Some(true)),
        (Fail, Valid, &[Pass, Pass], Some(false)),
        (Fail, Valid, &[Pass, Undecided], None),
        (Fail, Invalid, &[Verdict::Fail], None),
        (Fail, Valid, &[], None),
    ] {
        assert_eq!(
            as_expected(expect, validity, &results(verdicts)),
            expected,
            "{expect:?} {validity:?} {verdicts:?}"
        );
    }
    assert_eq!(verdict([Some(true), Some(true)]), Pass);
    assert_eq!(verdict([Some(true), None]), Undecided);
    assert_eq!(verdict([None, Some(false)]), Verdict::Fail);
    assert_eq!(verdict([]), Undecided);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_judged_quantile_is_that_of_all_requests_sorted_with_those_without_a_success_last(
        lengths in prop::collection::vec(prop::option::weighted(0.9, 0..2_000_u64), 20..200), bound in 1..2_100_u64,
    ) {
        let judged = judge_one(&format!("p50(response_time) <= {bound}us"), |writer| {
            for (number, length) in lengths.iter().enumerate() {
                let outcome = if length.is_some() { Outcome::Ok } else { Outcome::Failed };
                // In whole microseconds: up to 2 ms a histogram keeps them exactly.
                let seconds = length.unwrap_or(1) as f64 / 1e6;
                whole(writer, &sample(2, 0, outcome, (number / 20) as f64, seconds));
            }
        });
        let mut sorted: Vec<f64> = lengths.iter().map(|length| length.map_or(f64::INFINITY, |l| l as f64)).collect();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len().div_ceil(2) - 1];
        prop_assert_eq!(judged.verdict == Verdict::Pass, median <= bound as f64);
        prop_assert_eq!(judged.observed, median.is_finite().then_some(median));
    }
}
