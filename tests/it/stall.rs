//! A server that stands still (SIGSTOP) under a real run: the numbers are those of a replay of the plan through the same
//! freeze.
//!
//! The lanes are bounded: some more than the server has slots. So of all that becomes due in the freeze only these few are
//! under way and have a long service time, a share far below the quantiles looked at; all others wait here for a lane, and
//! their service time is as ever. `PEAKDAY_STALL=long` plays 30 s at 2,000/s with a freeze of 1.4 s (`benches/stall.sh`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use peakday::arrivals;
use peakday::record::{self, Clock, Histogram, ServerRecord};
use peakday::stats::{StepSummary, summarize};
use reference_server::config::{Config, Law, TruthQueue};
use reference_server::truth::Queue;
use rustix::process::{Signal, kill_process};

use crate::server_run::{ServerRun, play, process_of, zero_of};

const RUN_IN: f64 = 1.0;

struct Course {
    seconds: f64,
    rate: f64,
    /// Milliseconds for which a slot is held.
    hold: u64,
    slots: usize,
    lanes: usize,
    /// When the freeze ends, in seconds of the run, and how long it is.
    thaw: f64,
    freeze: f64,
}

#[test]
fn a_frozen_server_shows_in_response_time_as_a_replay_of_the_plan_says() {
    let long = std::env::var("PEAKDAY_STALL").is_ok_and(|word| word == "long");
    // 4.7 % of the arrivals fall into the freeze; the backlog is gone after as long again.
    let course = if long {
        Course { seconds: 30.0, rate: 2_000.0, hold: 10, slots: 40, lanes: 48, thaw: 10.0, freeze: 1.4 }
    } else {
        Course { seconds: 6.0, rate: 300.0, hold: 20, slots: 12, lanes: 15, thaw: 3.0, freeze: 0.28 }
    };
    // A machine that other work keeps busy disturbs one run and not the next.
    let mut wrong = attempt(&course, long);
    for _ in 0..2 {
        if !wrong.is_empty() {
            println!("once more: {wrong:?}");
            wrong = attempt(&course, long);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Plays it; all that is wrong.
fn attempt(course: &Course, long: bool) -> Vec<String> {
    let hold = Duration::from_millis(course.hold);
    let queue = TruthQueue { workers: course.slots, queue: None, seed: 1, law: Law::Constant(hold) };
    let truth = [("stall".to_owned(), queue)].into();
    let config = toml::to_string(&Config { truth, ..Config::default() }).unwrap();
    let run = ServerRun {
        scenario: format!(
            "about = \"a server that stands still\"\nseed = 3\n[run]\nduration = \"{}s\"\nrun_in = \"{RUN_IN}s\"\ndrain = \"5s\"\n\
             [[population]]\nname = \"client\"\narrivals = {{ rate = \"{}/s\" }}\nconnection = \"pool\"\nlanes = {}\n\
             timeout = \"60s\"\n[[population.step]]\nname = \"ask\"\nget = \"/truth/stall\"\n",
            course.seconds, course.rate, course.lanes
        ),
        servers: vec![("frozen", config.clone()), ("steady", config)],
    };
    let dir = tempfile::tempdir().unwrap();
    let (from, length) = (course.thaw - course.freeze, course.freeze);
    let played = play(&run, dir.path(), move |dir| freeze(&dir, from, length));
    let frozen = played.meanwhile;

    let record = record::open(dir.path()).unwrap();
    let summary = summarize(&record).unwrap();
    let step = |server: usize| &summary.servers[server].populations[0].steps[0];
    let (stalled, steady) = (step(0), step(1));
    for totals in [stalled.totals, steady.totals] {
        assert_eq!(totals.ok + totals.not_sent, totals.offered, "{totals:?}");
        // What becomes due in the last instant finds no lane where this machine is busy.
        if totals.not_sent * 100 > totals.offered {
            return vec![format!("{} of {} requests were not sent", totals.not_sent, totals.offered)];
        }
    }
    // The measured rate of draining, where a whole second lies in it: at most what the slots can do.
    let most = record.servers[0].counters().unwrap().map(|row| row.unwrap().ok).max().unwrap() as f64;
    let able = course.slots as f64 / hold.as_secs_f64();
    let draining = if long { most.min(able) } else { able };
    let arrivals: Vec<f64> = arrivals::planned(&played.request.scenario, &played.request.timeline, 3)
        .map(|arrival| arrival.at.secs_f64())
        .collect();
    let replay = replay(&arrivals, course, frozen, draining);

    // How far this machine disturbs a run without a freeze.
    let noise = 2.0 * (seconds(steady.response_us.max.unwrap()) - hold.as_secs_f64());
    println!(
        "frozen from {:.4} s to {:.4} s; drained at {most:.0}/s in its fullest second, {able:.0}/s possible",
        frozen.0, frozen.1
    );
    // Whoever came in the freeze or while its queue drained stands above all others, so the slowest of the others are those
    // at a higher quantile of a run without the freeze.
    let untouched = replay.partition_point(|length| *length <= 1.01 * replay[0]) as f64 / replay.len() as f64;
    let without_freeze = response_times(&record.servers[1]);
    println!(
        "{:.1} % of the requests came in the freeze or while its queue drained\n{:6} {:>12} {:>12} {:>9} {:>12} {:>12} {:>18}",
        100.0 * (1.0 - untouched),
        "",
        "response",
        "replay",
        "off by",
        "service",
        "no freeze",
        "… at the same rank"
    );
    let mut wrong = Vec::new();
    for (name, q, seen, service, without) in figures(stalled, steady) {
        // One that falls among those that were not sent has no value.
        let (Some(seen), Some(service), Some(without)) = (seen, service, without) else { continue };
        let expected = quantile(&replay, q);
        let rank = (q / untouched * without_freeze.count() as f64).ceil() as u64;
        let same_rank = without_freeze.at_rank(rank).map(seconds);
        println!(
            "{name:6} {:9.2} ms {:9.2} ms {:+7.2} % {:9.2} ms {:9.2} ms {:>15}",
            seen * 1e3,
            expected * 1e3,
            100.0 * (seen / expected - 1.0),
            service * 1e3,
            without * 1e3,
            same_rank.map_or("–".to_owned(), |time| format!("{:.2} ms", time * 1e3))
        );
        if let Some(same) = same_rank {
            // Untouched by the freeze, and so as without it.
            for (rank, time) in [("", without), (" at the same rank", same)] {
                if (seen - time).abs() > 0.01 * time + noise {
                    wrong.push(format!("{name} is {seen} s, without the freeze{rank} {time} s"));
                }
            }
        } else if (seen - expected).abs() > 0.01 * expected + noise {
            wrong.push(format!("{name} is {seen} s, the replay says {expected} s"));
        }
        if q == 0.99 && service > 0.1 * seen + noise {
            wrong.push(format!("{name} of the service time is {service} s: it shows the queueing"));
        }
    }
    let reasons = &summary.servers[0].validity.reasons;
    let explained = reasons.iter().find(|of| of.code == "response-and-service");
    println!("{}", explained.map_or("", |reason| &reason.detail));
    if explained.is_none() {
        wrong.push("the report does not explain the gap".to_owned());
    }
    wrong
}

/// Freezes the first server from `from` for `length`; when it really was, in seconds of the run.
fn freeze(dir: &Path, from: f64, length: f64) -> (f64, f64) {
    let pid = process_of(dir, "frozen");
    let zero = zero_of(dir, "frozen");
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() - zero;
    sleep(Duration::from_secs_f64((from - now()).max(0.0)));
    kill_process(pid, Signal::STOP).unwrap();
    let begin = now();
    sleep(Duration::from_secs_f64(length));
    let end = now();
    kill_process(pid, Signal::CONT).unwrap();
    (begin, end)
}

/// Response times, in seconds and sorted, of these arrivals through the lanes, the freeze, and the slots.
fn replay(arrivals: &[f64], course: &Course, frozen: (f64, f64), draining: f64) -> Vec<f64> {
    let thawed = |at: f64| if at > frozen.0 && at < frozen.1 { frozen.1 } else { at };
    // A rate of draining below what the slots can do is as if they held longer while they are all busy.
    let hold = Duration::from_secs_f64(course.slots as f64 / draining);
    let mut slow =
        Queue::new(&TruthQueue { workers: course.slots, queue: None, seed: 1, law: Law::Constant(hold) });
    let mut lanes: BinaryHeap<Reverse<Duration>> = BinaryHeap::new();
    let mut lengths = Vec::new();
    for &at in arrivals {
        let due = Duration::from_secs_f64(at + RUN_IN);
        let free = if lanes.len() < course.lanes { None } else { lanes.pop() };
        let sent = free.map_or(due, |Reverse(free)| due.max(free));
        let arrives = thawed(sent.as_secs_f64() - RUN_IN);
        let leaves = slow.enter(Duration::from_secs_f64(arrives + RUN_IN)).unwrap();
        let done = thawed(leaves.as_secs_f64() - RUN_IN);
        lanes.push(Reverse(Duration::from_secs_f64(done + RUN_IN)));
        if at >= 0.0 {
            lengths.push(done - at);
        }
    }
    lengths.sort_by(f64::total_cmp);
    lengths
}

/// Name and quantile, and where they have a value the response time, the service time, and the response time without a
/// freeze.
type Figure = (&'static str, f64, Option<f64>, Option<f64>, Option<f64>);

fn figures(stalled: &StepSummary, steady: &StepSummary) -> [Figure; 5] {
    let (r, s, w) = (&stalled.response_us, &stalled.service_us, &steady.response_us);
    [
        ("p50", 0.5, r.p50, s.p50, w.p50),
        ("p90", 0.9, r.p90, s.p90, w.p90),
        ("p99", 0.99, r.p99, s.p99, w.p99),
        ("p99.9", 0.999, r.p999, s.p999, w.p999),
        ("max", 1.0, r.max, s.max, w.max),
    ]
    .map(|(name, q, r, s, w)| (name, q, r.map(seconds), s.map(seconds), w.map(seconds)))
}

/// Response times over the measured part.
fn response_times(server: &ServerRecord) -> Histogram {
    let mut all = Histogram::new();
    for row in server.intervals(&[Clock::Response]).unwrap().map(Result::unwrap) {
        if row.interval >= 0 {
            all.add(&row.histogram);
        }
    }
    all
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len()) - 1]
}
