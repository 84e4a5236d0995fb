//! The engine against queues of which everything is known: M/D/c and M/M/c at 30, 60 and 80 % load.
//!
//! All six queues are played in one run. The plan and the hold times are those of fixed seeds, so what a perfect
//! instrument would read is known to the nanosecond (the replay); only lateness of this machine comes on top, and how late
//! it was is measured: by the send lag and by the server's timer. `PEAKDAY_TRUTH_SECONDS` makes the run longer, and
//! `--nocapture` shows the figures; `benches/truth.sh` does both.

use std::time::Duration;

use peakday::arrivals;
use peakday::record::{self, Who};
use peakday::rng::Key;
use peakday::stats::{Quantiles, summarize};
use peakday::units::Offset;
use reference_server::config::{Config, Law, TruthQueue};
use reference_server::truth::Queue;

use crate::server_run::{ServerRun, play};

const SLOTS: usize = 10;
const HOLD: Duration = Duration::from_millis(50);
const LOADS: [u32; 3] = [30, 60, 80];
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
const RUN_IN: f64 = 2.0;
/// Simulated runs of the same length, to learn how far a quantile of such a run lies from the truth.
const REPLICATIONS: u64 = 200;
/// Standard deviations beyond which a quantile is not believed to be chance.
const SIGMAS: f64 = 5.0;

#[test]
fn measured_quantiles_are_those_of_queueing_theory() {
    let seconds = std::env::var("PEAKDAY_TRUTH_SECONDS").map_or(10.0, |text| text.parse().unwrap());
    let run = ServerRun { scenario: scenario(seconds), servers: vec![("truth", server())] };
    let dir = tempfile::tempdir().unwrap();
    let request = play(&run, dir.path(), |_| ()).request;
    let record = record::open(dir.path()).unwrap();
    let summary = summarize(&record).unwrap();
    let server = &summary.servers[0];
    let rows = record.servers[0].resources().unwrap().map(Result::unwrap);
    let late = rows.filter(|row| row.who == Who::Server).flat_map(|row| row.metrics);
    let late = late.filter(|(name, _)| name == "sidep_truth_latest_seconds").map(|(_, value)| value);
    let server_late = late.fold(0.0, f64::max);

    let planned: Vec<_> = arrivals::planned(&request.scenario, &request.timeline, request.seed).collect();
    println!(
        "{:8} {:>6} {:>5} {:>9} {:>9} {:>19} {:>9} {:>7}",
        "queue", "n", "q", "theory", "replay", "allowed", "measured", "slack"
    );
    let mut wrong = Vec::new();
    for (population, (name, config, rate)) in (0_u16..).zip(queues()) {
        let step = &server.populations[usize::from(population)].steps[0];
        assert_eq!(step.totals.ok, step.totals.offered, "{name}: {:?}", step.totals);
        // A request that is sent late by at most d, answered late by e and read late by at most d is late by 2 d + e at
        // most, and so are those behind it: the departures of such a queue never overtake each other by being late.
        let lag = step.send_lag_us.max.unwrap() as f64 / 1e6;
        let slack = 2.0 * lag + server_late + 0.002;
        let of = planned.iter().filter(|arrival| arrival.population == population).map(|arrival| arrival.at);
        let replay = through(&config, of);
        let theory = Theory::new(&config, rate);
        for (q, spread) in QUANTILES.into_iter().zip(spread(&config, rate, seconds)) {
            let exact = theory.quantile(q);
            let (low, high) = (exact - SIGMAS * spread, exact + SIGMAS * spread);
            let (replayed, seen) = (quantile(&replay, q), measured(&step.response_us, q));
            println!(
                "{name:8} {:6} {q:5} {:6.2} ms {:6.2} ms {:6.2} .. {:6.2} ms {:6.2} ms {:4.2} ms",
                step.totals.offered,
                exact * 1e3,
                replayed * 1e3,
                low * 1e3,
                high * 1e3,
                seen * 1e3,
                slack * 1e3
            );
            // Lengths are recorded to three digits.
            let rounding = 0.001 * seen + 2e-6;
            if seen < low - rounding || seen > high + slack + rounding {
                wrong.push(format!("{name}: p{} is {seen} s, {low} to {high} are believed", q * 100.0));
            }
            if (seen - replayed).abs() > slack + rounding {
                wrong.push(format!("{name}: p{} is {seen} s, the replay says {replayed}", q * 100.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_formulas_have_the_values_of_the_tables() {
    let queue = |workers, law| TruthQueue { workers, queue: None, seed: 1, law };
    // M/M/1: the sojourn is exponential of rate 20/s - 10/s.
    let exponential = Law::Exponential { mean: HOLD };
    let one = Theory::new(&queue(1, exponential), 10.0);
    assert!((one.quantile(0.9) - 10.0_f64.ln() / 10.0).abs() < 1e-6, "{}", one.quantile(0.9));
    // M/D/1 at 1/2: P(W = 0) = 1 - 1/2, and P(W < D) = p_0 + p_1 = 1/2 e^(1/2).
    let one = Theory::new(&queue(1, Law::Constant(HOLD)), 10.0);
    assert!((one.below(0.05) - 0.5).abs() < 1e-6, "{}", one.below(0.05));
    let at_d = 0.5 * 0.5_f64.exp();
    assert!((one.below(0.1 - 1e-9) - at_d).abs() < 1e-5, "{} {at_d}", one.below(0.1));
}

/// Name, configuration, arrivals a second.
fn queues() -> impl Iterator<Item = (String, TruthQueue, f64)> {
    let laws = [("d", Law::Constant(HOLD)), ("m", Law::Exponential { mean: HOLD })];
    laws.into_iter().flat_map(|(letter, law)| {
        LOADS.into_iter().map(move |load| {
            let rate = f64::from(load) / 100.0 * SLOTS as f64 / HOLD.as_secs_f64();
            let config = TruthQueue { workers: SLOTS, queue: None, seed: u64::from(load), law };
            (format!("{letter}{load}"), config, rate)
        })
    })
}

fn server() -> String {
    let truth = queues().map(|(name, config, _)| (name, config)).collect();
    toml::to_string(&Config { truth, ..Config::default() }).unwrap()
}

fn scenario(seconds: f64) -> String {
    let run = format!("[run]\nduration = \"{seconds}s\"\nrun_in = \"{RUN_IN}s\"\ndrain = \"5s\"\n");
    let population = |(name, _, rate): (String, TruthQueue, f64)| {
        format!(
            "[[population]]\nname = \"{name}\"\narrivals = {{ rate = \"{rate}/s\" }}\nconnection = \"pool\"\nlanes = 300\n\
             timeout = \"60s\"\n[[population.step]]\nname = \"ask\"\nget = \"/truth/{name}\"\n"
        )
    };
    format!(
        "about = \"queues of which everything is known\"\nseed = 11\n{run}{}",
        queues().map(population).collect::<String>()
    )
}

/// The response times, in seconds, of those who arrive in the measured part, sorted.
fn through(config: &TruthQueue, arrivals: impl Iterator<Item = Offset>) -> Vec<f64> {
    let mut queue = Queue::new(config);
    let begin = Offset::from_secs_f64(-RUN_IN);
    let mut lengths = Vec::new();
    for at in arrivals {
        let now: Duration = at.since(begin).into();
        let leaves = queue.enter(now).unwrap();
        if at >= Offset::ZERO {
            lengths.push((leaves - now).as_secs_f64());
        }
    }
    lengths.sort_by(f64::total_cmp);
    lengths
}

/// The standard deviation of each quantile over simulated runs.
fn spread(config: &TruthQueue, rate: f64, seconds: f64) -> [f64; 3] {
    let runs: Vec<Vec<f64>> = (0..REPLICATIONS)
        .map(|number| {
            let key = Key::root(5).with(number);
            let mut at = -RUN_IN;
            let times = (0..).map_while(|n| {
                at -= (1.0 - key.with(n).unit()).ln() / rate;
                (at < seconds).then(|| Offset::from_secs_f64(at))
            });
            through(&TruthQueue { seed: 1_000 + number, ..config.clone() }, times)
        })
        .collect();
    QUANTILES.map(|q| {
        let values: Vec<f64> = runs.iter().map(|run| quantile(run, q)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
    })
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len()) - 1]
}

fn measured(response: &Quantiles, q: f64) -> f64 {
    let value = if q == 0.5 {
        response.p50
    } else if q == 0.9 {
        response.p90
    } else {
        response.p99
    };
    value.unwrap() as f64 / 1e6
}

/// The law of the response time in the steady state.
enum Theory {
    /// M/M/c: rate of arrivals, of one slot's departures, slots, chance of waiting (Erlang C).
    Exponential { arrivals: f64, service: f64, slots: f64, waits: f64 },
    /// M/D/c: rate of arrivals, hold, slots, and Q_m, the chance of at most m waiting.
    Constant { arrivals: f64, hold: f64, slots: usize, waiting: Vec<f64> },
}

impl Theory {
    fn new(config: &TruthQueue, arrivals: f64) -> Self {
        let slots = config.workers;
        let hold = config.law.mean().as_secs_f64();
        let offered = arrivals * hold;
        match config.law {
            Law::Constant(_) => Self::Constant { arrivals, hold, slots, waiting: waiting(offered, slots) },
            _ => {
                let blocked = (1..=slots).fold(1.0, |b, n| offered * b / (n as f64 + offered * b));
                let load = offered / slots as f64;
                let waits = blocked / (1.0 - load * (1.0 - blocked));
                Self::Exponential { arrivals, service: 1.0 / hold, slots: slots as f64, waits }
            }
        }
    }

    /// P(response <= t).
    fn below(&self, t: f64) -> f64 {
        match self {
            // The wait is 0, or exponential of rate a = c mu - lambda; the response adds an exponential of rate mu.
            Self::Exponential { arrivals, service, slots, waits } => {
                let (a, mu) = (slots * service - arrivals, *service);
                let alone = (-mu * t).exp();
                let after = if (a - mu).abs() < 1e-9 {
                    (1.0 + mu * t) * alone
                } else {
                    (a * alone - mu * (-a * t).exp()) / (a - mu)
                };
                1.0 - (1.0 - waits) * alone - waits * after
            }
            // Franx, "A simple solution for the M/D/c waiting time distribution", OR Letters 2001, at x = t - D:
            // P(W <= x) = exp(-l u) sum over j < k c of Q_(kc-1-j) (l u)^j / j!, u = k D - x, (k-1) D <= x < k D.
            Self::Constant { arrivals, hold, slots, waiting } => {
                let x = t - hold;
                if x < 0.0 {
                    return 0.0;
                }
                let k = (x / hold).floor() as usize + 1;
                let lu = arrivals * (k as f64 * hold - x);
                let mut term = (-lu).exp();
                let mut sum = 0.0;
                for j in 0..k * slots {
                    sum += waiting.get(k * slots - 1 - j).copied().unwrap_or(1.0) * term;
                    term *= lu / (j + 1) as f64;
                }
                sum
            }
        }
    }

    fn quantile(&self, q: f64) -> f64 {
        let (mut low, mut high) = (0.0, 100.0);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if self.below(middle) < q { low = middle } else { high = middle }
        }
        high
    }
}

/// Q_m of M/D/c: who is there after D are those who waited and those who came (Crommelin, 1932), solved by iteration.
fn waiting(offered: f64, slots: usize) -> Vec<f64> {
    const STATES: usize = 400;
    let mut come = vec![(-offered).exp(); STATES];
    for j in 1..STATES {
        come[j] = come[j - 1] * offered / j as f64;
    }
    let mut present = vec![0.0; STATES];
    present[0] = 1.0;
    for _ in 0..2_000 {
        let mut next = vec![0.0; STATES];
        let mut left = vec![0.0; STATES - slots];
        left[0] = present[..=slots].iter().sum();
        left[1..].copy_from_slice(&present[slots + 1..]);
        for (i, stayed) in left.iter().enumerate().filter(|(_, stayed)| **stayed > 1e-16) {
            for (j, came) in come[..STATES - i].iter().enumerate() {
                next[i + j] += stayed * came;
            }
        }
        let change: f64 = present.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
        present = next;
        if change < 1e-12 {
            break;
        }
    }
    let mut sum = present[..slots].iter().sum::<f64>();
    present[slots..]
        .iter()
        .map(|p| {
            sum += p;
            sum
        })
        .collect()
}
