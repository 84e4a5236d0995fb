//! The speed of the simulation: M/M/8 at load 0.9 beside SimPy, Ciw and NeXosim, and days of 12 million tests and more.
//!
//! Run it by `benches/simulation/run.sh [ROUNDS]`, which prepares the peers. Every measurement is a process of its own on
//! one core, contenders take turns, and what counts is processor time, so that other work on the machine disturbs all
//! alike. The table has the median of the rounds and, in brackets, the least and the most.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::process::Command;
use std::{env, fs};

mod work;

/// Customers in an M/M/8 run of ours, of NeXosim, of SimPy and of Ciw: about a second each.
const CUSTOMERS: [u64; 4] = [5_000_000, 500_000, 60_000, 30_000];
/// Erlang C: c = 8, load 0.9, mean service 1 s.
const MEAN_WAIT: f64 = 0.876_916;

/// One run of one contender.
struct Run {
    cpu: f64,
    per_second: f64,
    mean_wait: f64,
    words: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [what, engine, volume, seed] = args.as_slice() {
        return work::one(what, engine, volume.parse()?, seed.parse()?);
    }
    let rounds: u64 = args.first().map_or(Ok(5), |rounds| rounds.parse())?;
    mm8(rounds)?;
    days((rounds / 2).max(1))
}

fn mm8(rounds: u64) -> Result<(), Box<dyn Error>> {
    let ours = env::current_exe()?.into_os_string();
    let python = env::var_os("BENCH_PYTHON").ok_or("run it by benches/simulation/run.sh")?;
    let nexosim = env::var_os("BENCH_NEXOSIM").ok_or("run it by benches/simulation/run.sh")?;
    let script = |name: &str| format!("{}/benches/simulation/{name}", env!("CARGO_MANIFEST_DIR"));
    let contenders = [
        ("Peakday, look-ahead", &ours, vec!["mm8".to_owned(), "lookahead".to_owned()], CUSTOMERS[0]),
        ("Peakday, events", &ours, vec!["mm8".to_owned(), "events".to_owned()], CUSTOMERS[0]),
        ("NeXosim 1.0.0", &nexosim, vec![], CUSTOMERS[1]),
        ("SimPy 4.1.2", &python, vec![script("mm8_simpy.py")], CUSTOMERS[2]),
        ("Ciw 3.2.7", &python, vec![script("mm8_ciw.py")], CUSTOMERS[3]),
    ];
    let mut runs: Vec<Vec<Run>> = contenders.iter().map(|_| Vec::new()).collect();
    for seed in 1..=rounds {
        for ((_, program, args, customers), runs) in contenders.iter().zip(&mut runs) {
            runs.push(measure(
                Command::new(program).args(args).args([customers.to_string(), seed.to_string()]),
                *customers,
            )?);
        }
    }
    let speed = |index: usize| spread(&runs[index], |run| run.per_second);
    let [nexosim, simpy, ciw] = [2, 3, 4].map(|index| speed(index).1);
    println!("M/M/8, load 0.9, {rounds} rounds; Erlang C: mean wait {MEAN_WAIT} s\n");
    println!("| | customers per second of processor time | x Ciw | x SimPy | x NeXosim | mean wait, s |");
    println!("|---|---|---|---|---|---|");
    for (index, (name, ..)) in contenders.iter().enumerate() {
        let (least, median, most) = speed(index);
        let wait = spread(&runs[index], |run| run.mean_wait).1;
        println!(
            "| {name} | {} ({} to {}) | {:.1} | {:.1} | {:.2} | {wait:.3} |",
            thousands(median),
            thousands(least),
            thousands(most),
            median / ciw,
            median / simpy,
            median / nexosim,
        );
    }
    Ok(())
}

fn days(rounds: u64) -> Result<(), Box<dyn Error>> {
    println!(
        "\nThe day of target-12m, 24 hours and the hour before them, with its record on disk, {rounds} rounds of 12 million \
         tests and one of more\n"
    );
    println!(
        "| server, million tests, engine | requests | s of processor time | ns per request | most memory |"
    );
    println!("|---|---|---|---|---|");
    for (server, millions, rounds) in
        [("peak-12m", 12, rounds), ("x4", 12, rounds), ("peak-12m", 24, 1), ("x4", 24, 1)]
    {
        let mut runs = [Vec::new(), Vec::new()];
        let engines = ["lookahead", "events"];
        for seed in 1..=rounds {
            for (engine, runs) in engines.iter().zip(&mut runs) {
                let args = [server, engine, &millions.to_string(), &seed.to_string()];
                runs.push(measure(Command::new(env::current_exe()?).args(args), 0)?);
            }
        }
        for (engine, runs) in engines.iter().zip(&runs) {
            let (least, median, most) = spread(runs, |run| run.cpu);
            let requests = spread(runs, |run| run.per_second * run.cpu).1;
            println!(
                "| {server}, {millions}, {engine} | {:.1} M | {median:.1} ({least:.1} to {most:.1}) | {:.0} | {} |",
                requests / 1e6,
                median * 1e9 / requests,
                runs[0].words,
            );
        }
    }
    Ok(())
}

/// A contender prints seconds of processor time, the mean wait, and, if it counts them itself, customers and words.
fn measure(command: &mut Command, customers: u64) -> Result<Run, Box<dyn Error>> {
    let output = command.env("RAYON_NUM_THREADS", "1").output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut number = || words.next().map(str::parse::<f64>);
    let (Some(cpu), Some(mean_wait)) = (number().transpose()?, number().transpose()?) else {
        return Err(format!("{command:?} printed {text:?}").into());
    };
    let counted = number().transpose()?.unwrap_or(customers as f64);
    let words = words.collect::<Vec<_>>().join(" ");
    Ok(Run { cpu, per_second: counted / cpu, mean_wait, words })
}

/// Least, median, most.
fn spread(runs: &[Run], of: impl Fn(&Run) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn thousands(number: f64) -> String {
    if number >= 1e6 { format!("{:.2} M", number / 1e6) } else { format!("{:.1} k", number / 1e3) }
}

/// A line of /proc/self/status.
fn status(key: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
}
