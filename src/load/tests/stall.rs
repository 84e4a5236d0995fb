//! The reason for this engine: a server that stands still must show in the numbers as its clients felt it.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{ok, play, population, scenario, server, timeline};
use crate::load::conduct::Ended;
use crate::record::Clock;
use crate::scenario::Outcome;
use crate::units::Span;

/// The smallest length that at least `percent` % of the lengths do not exceed.
fn quantile(mut lengths: Vec<Span>, percent: usize) -> Span {
    lengths.sort_unstable();
    lengths[(lengths.len() * percent).div_ceil(100) - 1]
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_a_second_shows_in_response_time_and_not_in_service_time() {
    // 200 requests a second for 10 s, one lane, an answer in 1 ms; from 4 s to 5 s the server does nothing.
    let begin = Instant::now();
    let dial = server(move |_| async move {
        let now = begin.elapsed();
        let stall = Duration::from_secs(4)..Duration::from_secs(5);
        if stall.contains(&now) {
            tokio::time::sleep(stall.end - now).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        ok()
    });
    let scenario = scenario(vec![population(200.0, 1)]);
    let played = play(scenario, timeline(Span::ZERO, Span::from_secs(10)), dial).await;

    let samples = played.samples();
    let lengths = |clock| samples.iter().filter_map(|sample| sample.length(clock)).collect::<Vec<_>>();
    // Every tenth request falls into the stall, and 4 in 5 of these wait for 0.2 s and more: the p95 is half a second,
    // the p99 nine tenths, the p50 nothing.
    assert!(quantile(lengths(Clock::Response), 99) > Span::from_millis(850));
    assert!(quantile(lengths(Clock::Response), 95) > Span::from_millis(400));
    assert!(quantile(lengths(Clock::Response), 50) < Span::from_millis(10));
    // A closed loop would have seen one slow answer in 2,000.
    assert!(quantile(lengths(Clock::Service), 99) < Span::from_millis(4));
    assert!(quantile(lengths(Clock::Service), 100) > Span::from_millis(950));
    // The wait is named for what it was: no lane was free. The pacer was on time.
    assert!(quantile(lengths(Clock::Lane), 99) > Span::from_millis(850));
    assert!(quantile(lengths(Clock::Pacer), 100) < Span::from_millis(2));

    assert_eq!(played.ended, Ended::Planned);
    assert_eq!(samples.len(), played.offered(), "nothing is dropped");
    assert!((1_700..2_300).contains(&samples.len()), "{}", samples.len());
    assert_eq!(played.count(Outcome::Ok), samples.len());
}

#[tokio::test(start_paused = true)]
async fn what_still_waits_at_the_end_is_recorded_at_the_time_it_waited() {
    // Nothing is answered from 1 s on: of 2 s, one lane holds one request, all others wait.
    let begin = Instant::now();
    let dial = server(move |_| async move {
        if begin.elapsed() >= Duration::from_secs(1) {
            std::future::pending::<()>().await;
        }
        ok()
    });
    let scenario = scenario(vec![population(100.0, 1)]);
    let played = play(scenario, timeline(Span::ZERO, Span::from_secs(2)), dial).await;

    let samples = played.samples();
    assert_eq!(samples.len(), played.offered());
    assert_eq!(played.count(Outcome::InFlight), 1);
    assert_eq!(played.count(Outcome::Ok) + played.count(Outcome::NotSent) + 1, samples.len());
    assert!(played.count(Outcome::NotSent) > 60);
    for sample in &samples {
        match sample.outcome {
            // At the end of the measured part nothing more is sent, and the last answer is awaited for 5 s.
            Outcome::NotSent => assert_eq!(sample.done.second(), 2),
            Outcome::InFlight => assert_eq!(sample.done.second(), 7),
            _ => assert!(sample.done.second() < 2),
        }
    }
}
