//! A generator that cannot send what the plan offers: two lanes against a server that takes 50 ms for each request.

use peakday::arrivals;
use peakday::record::{self, Clock, Histogram};
use peakday::scenario::Outcome;
use peakday::stats::{ValidityState, summarize};
use peakday::units::Offset;

use crate::server_run::{ServerRun, play};

const SECONDS: f64 = 3.0;

#[test]
fn an_overloaded_generator_moves_no_intended_instant_and_says_what_it_could_not_send() {
    let run = ServerRun {
        scenario: format!(
            "about = \"too few lanes\"\nseed = 9\n[run]\nduration = \"{SECONDS}s\"\ndrain = \"2s\"\n\
             [[population]]\nname = \"client\"\narrivals = {{ rate = \"150/s\" }}\nconnection = \"pool\"\nlanes = 2\n\
             timeout = \"1s\"\n[[population.step]]\nname = \"ask\"\nget = \"/truth/slow\"\n"
        ),
        servers: vec![("slow", "[truth.slow]\nworkers = 2\nlaw = { constant = \"50ms\" }\n".to_owned())],
    };
    let dir = tempfile::tempdir().unwrap();
    let request = play(&run, dir.path(), |_| ()).request;
    let planned: Vec<Offset> = arrivals::planned(&request.scenario, &request.timeline, request.seed)
        .map(|arrival| arrival.at)
        .collect();

    let record = record::open(dir.path()).unwrap();
    let server = &record.servers[0];
    for second in 0..SECONDS as i64 {
        let offered = server.counters().unwrap().map(Result::unwrap).filter(|row| row.interval == second);
        let due = planned.iter().filter(|at| at.second() == second).count() as u64;
        assert_eq!(offered.map(|row| row.offered).sum::<u64>(), due, "offered in the second of the plan");
    }

    let summary = summarize(&record).unwrap();
    let server_summary = &summary.servers[0];
    let step = &server_summary.populations[0].steps[0];
    let (counts, response) = (step.totals, &step.response_us);
    assert_eq!(counts.offered, planned.len() as u64);
    assert_eq!(counts.offered, counts.sent + counts.not_sent);
    assert_eq!((counts.sent, counts.timed_out), (counts.ok, 0), "a backlog never times out");
    // Two lanes send at most 40 a second.
    assert!(counts.ok <= 122 && counts.not_sent > 200, "{counts:?}");
    assert_eq!((response.count, response.over), (counts.offered, counts.not_sent));
    assert_eq!((response.p50, response.p99), (None, None), "most were never answered");

    // The last of the plan are those that were not sent, each at the time it waited: to the end, some ms after the
    // planned one where the machine was busy.
    let mut waited = Histogram::new();
    for row in server.intervals(&[Clock::Response]).unwrap().map(Result::unwrap) {
        if row.outcome == Outcome::NotSent {
            waited.add(&row.histogram);
        }
    }
    assert_eq!(waited.count(), counts.not_sent);
    let censored: Vec<f64> = planned[planned.len() - counts.not_sent as usize..]
        .iter()
        .map(|at| SECONDS - at.secs_f64())
        .collect();
    let expected = censored.iter().sum::<f64>() / censored.len() as f64;
    let mean = waited.mean().unwrap() / 1e6;
    let late = mean - expected;
    assert!((-0.002..0.5).contains(&late), "waited {mean} s in the mean, the plan says {expected} s");

    let validity = &server_summary.validity;
    assert_eq!(validity.state, ValidityState::Invalid);
    assert!(validity.reasons.iter().any(|reason| reason.code == "not-sent"), "{validity:?}");
    let fits = validity.reasons.iter().find(|reason| reason.code == "arrivals").unwrap();
    assert_eq!(fits.state, ValidityState::Valid, "the plan was played all the same: {}", fits.detail);
}
