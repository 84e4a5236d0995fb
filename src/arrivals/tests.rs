//! Laws of the arrivals: counts, rescaled times, order, and that no draw hangs on another.

use super::*;
use crate::scenario::example::{evening, population, scenario, step, timeline};
use crate::scenario::{
    After, Arrival, Arrivals, Cause, Delay, Law, Population, Presence, Scenario, Subject, Timeline,
};
use crate::units::{NANOS_PER_SEC, Offset, Rate, Span};
use proptest::prelude::*;

fn coming(name: &str, arrivals: Arrivals) -> Population {
    Population { arrivals, ..population(name, vec![step("ask")]) }
}

fn curve(per_day: f64) -> Population {
    coming("pharmacist", Arrivals::Curve { curve: evening(), per_day })
}

fn rate(per_second: f64) -> Population {
    coming("lab", Arrivals::Rate { rate: Rate::per_sec(per_second) })
}

/// Patients of whom everyone comes, `delay` after the message.
fn patient(share: f64, journeys: f64, delays: Vec<(f64, Delay)>) -> Population {
    coming("patient", Arrivals::After(After { cause: Cause::Message, share, journeys, delays }))
}

fn day() -> Scenario {
    scenario(vec![curve(1_000_000.0), rate(3.0), curve(200_000.0)])
}

fn peak() -> Timeline {
    timeline("18:50", "20:05", 60.0)
}

/// Kolmogorov and Smirnov: the largest distance of the sample from the uniform law on [0, 1), which exceeds
/// sqrt(ln(2/p) / 2n) with probability p.
fn is_uniform(mut sample: Vec<f64>) -> bool {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let off = |(rank, x): (usize, &f64)| (x - rank as f64 / n).abs().max(((rank + 1) as f64 / n - x).abs());
    let distance = sample.iter().enumerate().map(off).fold(0.0, f64::max);
    n > 100.0 && distance < ((2.0_f64 / 1e-6).ln() / (2.0 * n)).sqrt()
}

fn of(arrivals: &[Arrival], population: u16) -> Vec<Arrival> {
    arrivals.iter().filter(|arrival| arrival.population == population).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn arrivals_are_in_order_in_the_run_and_as_many_as_planned(
        seed: u64, from in 0..20_u64, hours in 1..5_u64, warp in 1.0..200.0_f64, scale in 0.01..0.2_f64,
    ) {
        let mut run = timeline(&format!("{from}:00"), &format!("{}:30", from + hours.min(23 - from)), warp);
        run.scale = scale;
        let scenario = day();
        let arrivals: Vec<Arrival> = planned(&scenario, &run, seed).collect();
        let order = |arrival: &Arrival| (arrival.at, arrival.population, arrival.subject.journey);
        prop_assert!(arrivals.is_sorted_by_key(order));
        prop_assert!(arrivals.iter().all(|arrival| run.start() <= arrival.at && arrival.at < run.end()));
        for (index, population) in (0..).zip(&scenario.populations) {
            let own = of(&arrivals, index);
            let mean = expected(population, &run, run.start(), run.end());
            prop_assert!((own.len() as f64 - mean).abs() < 5.0 * mean.sqrt() + 15.0, "{} for {mean}", own.len());
            let subject = |journey| Subject { population: index, journey, item: 0 };
            prop_assert!(own.iter().zip(0..).all(|(arrival, number)| arrival.subject == subject(number)));
        }
    }
}

#[test]
fn rescaled_times_are_uniform_and_rescaled_gaps_exponential() {
    let (scenario, run) = (scenario(vec![curve(500_000.0), rate(100.0)]), timeline("16:00", "21:00", 120.0));
    for seed in 1..=5 {
        let arrivals: Vec<Arrival> = planned(&scenario, &run, seed).collect();
        for (index, population) in (0..).zip(&scenario.populations) {
            let own = of(&arrivals, index);
            let count = |from, to| expected(population, &run, from, to);
            let all = count(run.start(), run.end());
            assert!(is_uniform(own.iter().map(|arrival| count(run.start(), arrival.at) / all).collect()));
            let gaps = own.windows(2).map(|pair| 1.0 - (-count(pair[0].at, pair[1].at)).exp());
            assert!(is_uniform(gaps.collect()), "population {index}, seed {seed}");
        }
    }
}

#[test]
fn a_warped_run_keeps_the_rates_and_divides_the_counts() {
    let (slow, fast) = (timeline("18:50", "20:05", 1.0), peak());
    for population in [curve(1e6), rate(3.0)] {
        let second = |run: &Timeline, at: Offset| expected(&population, run, at, at + Span::from_secs(1));
        // The same scenario time: 30 min into the measured part.
        let (in_life, in_run) =
            (second(&slow, Offset::from_secs_f64(1_800.0)), second(&fast, Offset::from_secs_f64(30.0)));
        assert!((in_life / in_run - 1.0).abs() < 0.01, "{in_life} {in_run}");
    }
    let whole = |run: &Timeline| expected(&curve(1e6), run, Offset::ZERO, run.end());
    assert!((whole(&slow) / whole(&fast) - 60.0).abs() < 1e-6);
    let double = Timeline { scale: 2.0, ..fast };
    assert!((whole(&double) / whole(&fast) - 2.0).abs() < 1e-9);
}

#[test]
fn a_whole_day_has_the_volume_of_the_day_and_its_run_in_reaches_into_the_day_before() {
    let mut run = timeline("00:00", "24:00", 60.0);
    run.run_in = Span::from_secs(3_600);
    let population = curve(600_000.0);
    assert!((expected(&population, &run, Offset::ZERO, run.end()) - 10_000.0).abs() < 1e-6);
    // An hour of wall time is 60 h of scenario time: two days and a half.
    let before = expected(&population, &run, run.start(), Offset::ZERO);
    let afternoon = 1.0 - evening().share_before("12:00".parse().unwrap());
    assert!((before - 10_000.0 * (2.0 + afternoon)).abs() < 1e-6, "{before}");
    let arrivals: Vec<Arrival> = planned(&scenario(vec![population]), &run, 1).collect();
    let early = arrivals.iter().filter(|arrival| arrival.at < Offset::ZERO).count() as f64;
    assert!((early - before).abs() < 5.0 * before.sqrt(), "{early}");
}

#[test]
fn nothing_comes_where_nothing_is_planned() {
    let mut run = peak();
    let patient = patient(1.0, 1.0, vec![(1.0, Delay::After(Law::Constant(Span::ZERO)))]);
    assert_eq!(expected(&patient, &run, run.start(), run.end()), 0.0);
    assert_eq!(planned(&scenario(vec![patient, curve(0.0), rate(0.0)]), &run, 1).next(), None);
    run.scale = 0.0;
    assert_eq!(planned(&day(), &run, 1).next(), None);
}

#[test]
fn no_populations_arrivals_depend_on_another_or_on_the_end_of_the_run() {
    let (all, run) = (day(), peak());
    let arrivals: Vec<Arrival> = planned(&all, &run, 7).collect();
    let mut other = all.clone();
    other.populations[1] = rate(50.0);
    let others: Vec<Arrival> = planned(&other, &run, 7).collect();
    assert_eq!(of(&arrivals, 0), of(&others, 0));
    assert_eq!(of(&arrivals, 2), of(&others, 2));
    assert_ne!(of(&arrivals, 1), of(&others, 1));
    let short: Vec<Arrival> = planned(&all, &timeline("18:50", "19:30", 60.0), 7).collect();
    assert_eq!(short[..], arrivals[..short.len()]);
    assert_ne!(planned(&all, &run, 8).next(), Some(arrivals[0]));
}

#[test]
fn arrivals_can_be_taken_up_again_anywhere() {
    let mut planned = planned(&day(), &peak(), 7);
    planned.nth(100);
    assert!(planned.clone().eq(planned));
}

/// A regression test: these are the arrivals of seed 1, whatever machine draws them.
#[test]
fn the_first_arrivals_of_a_seed_are_always_the_same() {
    let first: Vec<(i64, u16, u64)> = planned(&day(), &peak(), 1)
        .take(8)
        .map(|arrival| (arrival.at.nanos(), arrival.population, arrival.key.bits()))
        .collect();
    let known = [
        (-14_996_121_628, 1, 7_021_841_452_754_043_790),
        (-14_995_631_132, 0, 5_024_346_577_092_769_787),
        (-14_961_529_216, 0, 14_610_027_324_987_365_190),
        (-14_951_329_403, 0, 481_934_601_057_839_498),
        (-14_937_540_067, 2, 15_175_539_986_999_948_626),
        (-14_925_154_179, 2, 8_897_564_659_516_487_428),
        (-14_917_495_496, 0, 4_268_175_048_320_197_896),
        (-14_890_643_203, 2, 4_822_258_612_225_091_542),
    ];
    assert_eq!(first, known);
}

fn followers(
    scenario: &Scenario,
    run: &Timeline,
    seed: u64,
    population: u16,
    cause: Subject,
    at: Offset,
) -> Vec<Arrival> {
    let of = Followers::new(scenario, run, seed, population);
    of.iter().flat_map(|of| of.of(cause, at)).collect()
}

fn cause(journey: u64) -> Subject {
    Subject { population: 0, journey, item: 3 }
}

#[test]
fn a_share_of_the_causes_brings_so_many_journeys_on_average() {
    let (run, n) = (timeline("00:00", "24:00", 1.0), 20_000);
    let delay = || vec![(1.0, Delay::After(Law::Exponential(Span::from_secs(60))))];
    let scenario = scenario(vec![curve(1.0), patient(0.85, 1.3, delay())]);
    let brought: Vec<usize> = (0..n)
        .map(|journey| {
            let visits = followers(&scenario, &run, 1, 1, cause(journey), Offset::ZERO);
            assert!(visits.iter().all(|visit| visit.subject == cause(journey) && visit.population == 1));
            visits.len()
        })
        .collect();
    let share_of = |count: usize| brought.iter().filter(|&&c| c == count).count() as f64 / n as f64;
    // Standard error of a share: at most 0.5 / sqrt n.
    let near = |share: f64, of: f64| (share - of).abs() < 2.5 / (n as f64).sqrt();
    assert!(near(share_of(0), 0.15) && near(share_of(1), 0.85 * 0.7) && near(share_of(2), 0.85 * 0.3));
    assert!(followers(&scenario, &run, 1, 0, cause(1), Offset::ZERO).is_empty(), "nothing brings a curve");
    assert!(
        followers(&scenario, &run, 1, 9, cause(1), Offset::ZERO).is_empty(),
        "there is no such population"
    );
}

#[test]
fn who_comes_hangs_on_the_cause_and_not_on_its_time() {
    let run = timeline("00:00", "24:00", 60.0);
    let delays = vec![(1.0, Delay::After(Law::Exponential(Span::from_secs(600))))];
    let scenario = scenario(vec![curve(1.0), patient(0.7, 2.5, delays)]);
    for journey in 0..200 {
        let early = followers(&scenario, &run, 1, 1, cause(journey), Offset::ZERO);
        let late = followers(&scenario, &run, 1, 1, cause(journey), Offset::from_secs_f64(60.0));
        let shifted: Vec<Arrival> =
            early.iter().map(|visit| Arrival { at: visit.at + Span::from_secs(60), ..*visit }).collect();
        assert_eq!(shifted, late);
        for (i, visit) in early.iter().enumerate() {
            assert!(early[..i].iter().all(|other| other.key != visit.key), "journeys of their own");
        }
    }
}

#[test]
fn a_delay_is_scenario_time_and_the_run_ends_at_its_end() {
    let run = peak();
    let delays = vec![(1.0, Delay::After(Law::Constant(Span::from_secs(600))))];
    let scenario = scenario(vec![curve(1.0), patient(1.0, 1.0, delays)]);
    let arrive = |at: f64| -> Vec<f64> {
        let visits = followers(&scenario, &run, 1, 1, cause(1), Offset::from_secs_f64(at));
        visits.iter().map(|visit| visit.at.secs_f64()).collect()
    };
    assert_eq!(arrive(20.0), [30.0]);
    assert_eq!(arrive(64.9), [74.9]);
    assert!(arrive(65.0).is_empty(), "at 75 s the measured part is over");
}

#[test]
fn late_readers_come_by_the_triangular_law_cut_off_at_their_cause() {
    let late = Delay::AtTimeOfDay {
        from: "18:00".parse().unwrap(),
        mode: "20:30".parse().unwrap(),
        to: "23:00".parse().unwrap(),
    };
    let scenario = scenario(vec![curve(1.0), patient(1.0, 1.0, vec![(1.0, late)])]);
    let run = timeline("00:00", "24:00", 1.0);
    // Symmetric between 18:00 and 23:00: with x in halves of the width, F = x^2 / 2 up to 1 and 1 - (2 - x)^2 / 2 above.
    let cdf = |hours: f64| match ((hours - 18.0) / 2.5).clamp(0.0, 2.0) {
        x if x < 1.0 => x * x / 2.0,
        x => 1.0 - (2.0 - x).powi(2) / 2.0,
    };
    for cause_at in [9.0, 17.99, 19.0, 20.5, 22.5] {
        let at = Offset::from_secs_f64(cause_at * 3_600.0);
        let sample = (0..5_000).map(|journey| {
            let visits = followers(&scenario, &run, 1, 1, cause(journey), at);
            let hours = visits[0].at.secs_f64() / 3_600.0;
            assert!(hours >= cause_at.max(18.0) && hours < 23.0, "{hours}");
            (cdf(hours) - cdf(cause_at)) / (1.0 - cdf(cause_at))
        });
        assert!(is_uniform(sample.collect()), "caused at {cause_at}");
    }
    // After the law's end: at once. In the run-in of the day before: that day's evening, here over as well.
    for hours in [23.0, 23.5, -0.5] {
        let at = Offset::from_secs_f64(hours * 3_600.0);
        assert_eq!(followers(&scenario, &run, 1, 1, cause(1), at)[0].at, at);
    }
}

#[test]
fn a_mixture_of_delays_keeps_its_weights() {
    let after = |secs| Delay::After(Law::Constant(Span::from_secs(secs)));
    let delays = vec![(4.0, after(1)), (0.0, after(2)), (1.0, after(3))];
    let (scenario, run) =
        (scenario(vec![curve(1.0), patient(1.0, 1.0, delays)]), timeline("00:00", "24:00", 1.0));
    let mut counts = [0_i32; 4];
    for journey in 0..10_000 {
        let visits = followers(&scenario, &run, 1, 1, cause(journey), Offset::ZERO);
        counts[(visits[0].at.nanos() / NANOS_PER_SEC as i64) as usize] += 1;
    }
    // Binomial: standard deviation sqrt(10000 x 0.8 x 0.2) = 40.
    assert!((counts[1] - 8_000).abs() < 200 && counts[2] == 0, "{counts:?}");
}

fn with_messages(mut sender: Population, messages: u32) -> Population {
    sender.steps[0].messages = messages;
    sender
}

#[test]
fn readers_of_earlier_entries_and_of_the_runs_own_make_one_steady_stream() {
    // Entries at a constant rate bring readers at the same rate, however their delay is spread, if it is below a day.
    let delays = vec![(1.0, Delay::After(Law::Exponential(Span::from_secs(3_600))))];
    let scenario = scenario(vec![with_messages(rate(2.0), 10), patient(0.8, 1.5, delays)]);
    let run = timeline("18:00", "20:00", 40.0);
    let mut visits: Vec<Arrival> = earlier(&scenario, &run, 3).flat_map(|entry| entry.visits).collect();
    let preloaded = visits.len();
    for entry in planned(&scenario, &run, 3) {
        for item in 0..10 {
            visits.extend(followers(&scenario, &run, 3, 1, Subject { item, ..entry.subject }, entry.at));
        }
    }
    assert!(preloaded > visits.len() / 4 && preloaded < visits.len());
    let length = run.end().since(run.start()).secs_f64();
    assert!(is_uniform(visits.iter().map(|visit| visit.at.since(run.start()).secs_f64() / length).collect()));
    // Batches of 10 make the count overdispersed: its variance is below 10 x 1.8 times that of a Poisson count.
    let mean = 2.0 * 10.0 * 0.8 * 1.5 * length;
    assert!((visits.len() as f64 - mean).abs() < 5.0 * (18.0 * mean).sqrt(), "{} for {mean}", visits.len());
}

#[test]
fn earlier_entries_are_of_the_day_before_the_run_and_have_readers_in_it() {
    let delays = vec![(1.0, Delay::After(Law::LogNormal { mean: Span::from_secs(1_800), cv: 2.0 }))];
    let lab = with_messages(rate(1.0), 3);
    let scenario = scenario(vec![with_messages(curve(1e6), 1), lab, rate(5.0), patient(0.9, 1.3, delays)]);
    let run = peak();
    let entries: Vec<Earlier> = earlier(&scenario, &run, 3).collect();
    let start = run.scenario_nanos(run.start());
    assert!(entries.is_sorted_by_key(|entry| entry.entered));
    let mut seen = std::collections::BTreeSet::new();
    for entry in &entries {
        assert!(entry.entered < start && entry.entered >= start - 86_400 * NANOS_PER_SEC as i64);
        assert!(entry.subject.journey & Subject::EARLIER != 0 && seen.insert(entry.subject));
        assert!(entry.subject.item < [1, 3][usize::from(entry.subject.population)]);
        assert!(!entry.visits.is_empty());
        for visit in &entry.visits {
            assert!(visit.population == 3 && visit.subject == entry.subject);
            assert!(visit.at >= run.start() && visit.at < run.end());
        }
    }
    assert!(entries.iter().any(|entry| entry.subject.population == 1 && entry.subject.item == 2));
    assert_eq!(entries, earlier(&scenario, &run, 3).collect::<Vec<_>>());
}

/// Who starts at the first time and, where there is a second, stops then.
fn here(from: &str, to: Option<&str>) -> Presence {
    let time = |text: &str| text.parse().unwrap();
    Presence::switched([(time(from), true)].into_iter().chain(to.map(|to| (time(to), false))).collect())
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_population_comes_only_while_it_is_there_and_as_often_as_planned(seed: u64, starts in 1..70_u64, lasts in 5..80_u64) {
        let clock = |minutes: u64| format!("{}:{:02}", 18 + (50 + minutes) / 60, (50 + minutes) % 60);
        let mut scenario = scenario(vec![curve(3_000_000.0), rate(60.0), rate(60.0)]);
        for population in &mut scenario.populations[..2] {
            population.presence = here(&clock(starts), Some(&clock(starts + lasts)));
        }
        let run = peak();
        let arrivals: Vec<Arrival> = planned(&scenario, &run, seed).collect();
        let (from, to) = (starts as i64 * NANOS_PER_SEC as i64, (starts + lasts) as i64 * NANOS_PER_SEC as i64);
        for index in 0..2 {
            let came = of(&arrivals, index);
            prop_assert!(came.iter().all(|arrival| (from..to).contains(&arrival.at.nanos())), "{index}");
            let plan = expected(&scenario.populations[usize::from(index)], &run, run.start(), run.end());
            prop_assert!((came.len() as f64 - plan).abs() < 6.0 * plan.sqrt() + 6.0, "{}, {plan}", came.len());
            prop_assert!(plan > 0.0);
        }
        let alone = Scenario { populations: vec![curve(1.0), rate(1.0), rate(60.0)], ..scenario.clone() };
        let others: Vec<Arrival> = planned(&alone, &run, seed).collect();
        prop_assert_eq!(of(&arrivals, 2), of(&others, 2), "another's incident changes nothing");
    }
}

#[test]
fn the_waits_after_an_absence_are_still_those_of_a_poisson_process() {
    let mut of = rate(20_000.0);
    let times = [("19:00", false), ("19:20", true), ("19:30", false), ("19:31", true)];
    let times = times.map(|(time, comes)| (time.parse().unwrap(), comes));
    of.presence = Presence::switched(times.to_vec()).unwrap();
    let run = peak();
    let arrivals: Vec<Arrival> = planned(&scenario(vec![of.clone()]), &run, 11).take(400_000).collect();
    let until = |at: Offset| expected(&of, &run, run.start(), at);
    let gaps = arrivals.windows(2).map(|pair| 1.0 - (until(pair[0].at) - until(pair[1].at)).exp());
    assert!(is_uniform(gaps.step_by(7).collect()));
    let mut numbers: Vec<u64> = arrivals.iter().map(|arrival| arrival.subject.journey).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), arrivals.len(), "no journey has another's number");
}

#[test]
fn readers_of_a_message_do_not_come_while_they_are_away() {
    let mut readers = patient(1.0, 1.0, vec![(1.0, Delay::After(Law::Constant(Span::from_secs(600))))]);
    readers.presence = here("19:30", None);
    let scenario = scenario(vec![rate(1.0), readers]);
    let brought = |minute: i64| {
        let cause = Subject { population: 0, journey: 0, item: 0 };
        followers(&scenario, &peak(), 1, 1, cause, Offset::from_nanos(minute * NANOS_PER_SEC as i64)).len()
    };
    assert_eq!((brought(20), brought(35)), (0, 1), "read at 19:20, and at 19:35");
}
