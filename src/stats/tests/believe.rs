//! Validity: each finding, seen and not seen.

use super::*;
use crate::record::{Event, Sample, Severity, What};
use crate::stats::*;
use crate::units::Span;

fn validity_of(layout: &Layout, slos: &[&str], fill: impl FnOnce(&mut Writer)) -> Validity {
    let (_dir, run) = run_of(layout, slos, fill);
    summarize(&run).unwrap().servers.remove(0).validity
}

/// The findings, without what is said of every run.
fn found(validity: &Validity) -> impl Iterator<Item = &Reason> {
    let always = ["sent-against-intended", "response-and-service"];
    validity.reasons.iter().filter(move |reason| !always.contains(&reason.code.as_str()))
}

fn codes(validity: &Validity) -> Vec<&str> {
    found(validity).map(|reason| reason.code.as_str()).collect()
}

fn healthy(writer: &mut Writer) {
    steady(writer, (2, 0), 400, Outcome::Ok, 0.1);
    (0..40).for_each(|number| {
        journey(writer, 2, f64::from(number) / 2.0, &[JourneyEvent::Completed { clean: true }]);
    });
}

/// Requests of the step with an SLO of 500 ms that waited for the pacer and for a lane.
fn waited(writer: &mut Writer, pacer: f64, lane: f64) {
    for number in 0..100 {
        let plain = sample(0, 1, Outcome::Ok, f64::from(number) / 5.0, pacer + lane + 0.05);
        let released = plain.intended + Span::from_secs_f64(pacer);
        whole(writer, &Sample { released, sent: released + Span::from_secs_f64(lane), ..plain });
    }
}

#[test]
fn a_healthy_run_is_valid_without_reasons() {
    let mut layout = testing::layout();
    layout.populations[2].expected = Some(38.0);
    let validity = validity_of(&layout, &["p90(response_time) < 1s"], healthy);
    assert_eq!((validity.state, codes(&validity)), (ValidityState::Valid, vec![]));
}

#[test]
fn lateness_is_said_of_every_run_and_a_gap_of_response_over_service_is_explained() {
    let said = |pacer, lane, code| {
        let validity = validity_of(&testing::layout(), &[], |writer| waited(writer, pacer, lane));
        validity.reasons.into_iter().find(|reason| reason.code == code).map(|reason| reason.detail)
    };
    let lateness = said(0.01, 0.02, "sent-against-intended").unwrap();
    assert!(
        lateness.starts_with("100 requests were sent later than intended by 30.0 ms (p50)"),
        "{lateness}"
    );
    assert!(
        lateness.ends_with("the pacer's part 10.0 ms, of the wait for a free lane 20.0 ms"),
        "{lateness}"
    );
    assert_eq!(said(0.001, 0.002, "response-and-service"), None);
    let gap = said(0.0, 0.95, "response-and-service").unwrap();
    assert!(gap.contains("p90 of the response time is 1.00 s, of the service time 50.0 ms"), "{gap}");
}

#[test]
fn a_run_in_which_nothing_was_due_is_invalid() {
    let validity = validity_of(&testing::layout(), &[], |_| {});
    assert_eq!((validity.state, codes(&validity)), (ValidityState::Invalid, vec!["nothing-offered"]));
}

#[test]
fn requests_that_have_no_outcome_or_too_many_make_a_complete_record_invalid() {
    let lost = validity_of(&testing::layout(), &[], |writer| {
        healthy(writer);
        writer.offered(0, 1, at(3.0));
        writer.sent(0, 1, at(3.0));
    });
    assert_eq!((lost.state, codes(&lost)), (ValidityState::Invalid, vec!["sums"]));
    assert!(
        lost.reasons[0].detail.contains("pharmacist.save: 1 of 1 requests"),
        "{}",
        lost.reasons[0].detail
    );

    let twice = validity_of(&testing::layout(), &[], |writer| {
        healthy(writer);
        writer.ended(&sample(2, 0, Outcome::Ok, 3.0, 0.1));
    });
    assert_eq!(codes(&twice), ["sums"]);

    let never_taken = validity_of(&testing::layout(), &[], |writer| {
        healthy(writer);
        writer.offered(0, 1, at(-1.0));
    });
    assert_eq!(codes(&never_taken), ["sums"]);
}

#[test]
fn arrivals_far_from_their_expectation_or_never_started_are_invalid() {
    let mut layout = testing::layout();
    layout.populations[2].expected = Some(100.0);
    let far = validity_of(&layout, &[], healthy);
    assert_eq!((far.state, codes(&far)), (ValidityState::Invalid, vec!["plan"]));
    layout.populations[2].expected = Some(60.0);
    assert_eq!(validity_of(&layout, &[], healthy).state, ValidityState::Valid);

    let lost = validity_of(&testing::layout(), &[], |writer| {
        healthy(writer);
        writer.journey(2, at(2.0), JourneyEvent::Planned);
    });
    assert_eq!(codes(&lost), ["not-started"]);
}

#[test]
fn send_lag_is_judged_against_the_tightest_promise_and_names_who_is_late() {
    for (pacer, lane, expected) in [
        (0.020, 0.020, None),
        (0.060, 0.001, Some(("pacer-lag", ValidityState::Degraded))),
        (0.001, 0.060, Some(("lane-wait", ValidityState::Degraded))),
        (0.030, 0.030, Some(("send-lag", ValidityState::Degraded))),
        (0.001, 0.600, Some(("lane-wait", ValidityState::Invalid))),
    ] {
        let validity = validity_of(&testing::layout(), &[], |writer| waited(writer, pacer, lane));
        let found = found(&validity).next().map(|reason| (reason.code.as_str(), reason.state));
        assert_eq!(found, expected, "{pacer} {lane}");
    }
    // A promise that is tighter than the step's own.
    let slo = ["p50(response_time{population=pharmacist}) < 100ms"];
    let validity = validity_of(&testing::layout(), &slo, |writer| waited(writer, 0.020, 0.001));
    assert_eq!(codes(&validity), ["pacer-lag"]);
}

#[test]
fn requests_that_were_not_sent_degrade_and_then_invalidate() {
    for (not_sent, expected) in
        [(0, ValidityState::Valid), (1, ValidityState::Degraded), (10, ValidityState::Invalid)]
    {
        let validity = validity_of(&testing::layout(), &[], |writer| {
            steady(writer, (2, 0), 500 - not_sent, Outcome::Ok, 0.1);
            steady(writer, (2, 0), not_sent, Outcome::NotSent, 21.0);
        });
        assert_eq!(validity.state, expected, "{not_sent}: {:?}", codes(&validity));
    }
}

#[test]
fn a_generator_that_is_busy_all_the_time_or_for_ten_seconds_degrades() {
    // The machine of these tests gives the generator one processor.
    let play = |from: f64, to: f64, spins: bool| {
        let dir = tempfile::tempdir().unwrap();
        let run = testing::run(dir.path(), &testing::layout(), &[], |writer| {
            healthy(writer);
            for second in 0..21 {
                let share = if (from..to).contains(&f64::from(second)) { 0.98 } else { 0.1 };
                writer.resources(&generator(f64::from(second), share));
            }
            if spins {
                let what =
                    What::Finding { code: "spin".into(), detail: String::new(), severity: Severity::Note };
                writer.event(&Event { at: at(0.0), what });
            }
        });
        summarize(&run).unwrap().servers.remove(0).validity
    };
    let busy = |from, to| play(from, to, false);
    // A pacer that spins is always busy.
    assert_eq!(codes(&play(0.0, 21.0, true)), ["spin"]);
    assert_eq!(codes(&busy(0.0, 21.0)), ["generator-cpu"]);
    assert_eq!(codes(&busy(5.0, 15.0)), ["generator-cpu"]);
    assert_eq!(codes(&busy(5.0, 10.0)), [""; 0]);
}

#[test]
fn the_thread_that_sends_counts_where_the_row_tells_of_it_and_so_does_what_the_host_took() {
    let with = |thread: f64, stolen: f64| {
        let dir = tempfile::tempdir().unwrap();
        let run = testing::run(dir.path(), &testing::layout(), &[], |writer| {
            healthy(writer);
            for second in 0..21 {
                let metrics = vec![("thread_cpu".to_owned(), thread), ("stolen_cpu".to_owned(), stolen)];
                writer.resources(&Resources { metrics, ..generator(f64::from(second), 0.5) });
            }
        });
        summarize(&run).unwrap().servers.remove(0).validity
    };
    assert_eq!(codes(&with(0.4, 0.05)), [""; 0]);
    assert_eq!(codes(&with(0.9, 0.05)), ["generator-cpu"]);
    // Of the two processors of this machine.
    assert_eq!(codes(&with(0.4, 0.15)), ["stolen-cpu"]);
}

#[test]
fn a_run_whose_generator_nobody_watched_is_degraded() {
    let dir = tempfile::tempdir().unwrap();
    let run = testing::run(dir.path(), &testing::layout(), &[], healthy);
    let validity = summarize(&run).unwrap().servers.remove(0).validity;
    assert_eq!((validity.state, codes(&validity)), (ValidityState::Degraded, vec!["no-resources"]));
}

#[test]
fn a_promise_that_asks_for_more_samples_than_there_are_degrades() {
    let validity = validity_of(&testing::layout(), &["p99.9(response_time) < 1s"], healthy);
    assert_eq!((validity.state, codes(&validity)), (ValidityState::Degraded, vec!["few-samples"]));
    assert!(validity.reasons[0].detail.contains("400") && validity.reasons[0].detail.contains("10000"));
}

#[test]
fn what_the_engine_found_counts_as_it_says_and_the_worst_comes_first() {
    let finding = |code: &str, severity| Event {
        at: at(1.0),
        what: What::Finding { code: code.into(), detail: "seen".into(), severity },
    };
    let validity = validity_of(&testing::layout(), &[], |writer| {
        healthy(writer);
        writer.event(&finding("steal", Severity::Note));
        writer.event(&finding("descriptors", Severity::Invalid));
        writer.event(&Event { at: at(19.5), what: What::Aborted { reason: "interrupted".into() } });
    });
    assert_eq!(validity.state, ValidityState::Invalid);
    assert_eq!(codes(&validity), ["descriptors", "aborted", "steal"]);
}

#[test]
fn a_run_that_was_ended_early_is_judged_by_what_was_measured() {
    let (_dir, run) = run(&[], |writer| {
        for number in 0..100 {
            whole(writer, &sample(2, 0, Outcome::Ok, f64::from(number) / 10.0, 0.1));
        }
        writer.event(&Event { at: at(10.0), what: What::Aborted { reason: "interrupted".into() } });
    });
    let server = summarize(&run).unwrap().servers.remove(0);
    assert_eq!((server.duration_s, server.offered_per_s), (10.0, 10.0));
    assert_eq!(server.validity.state, ValidityState::Degraded);
}
