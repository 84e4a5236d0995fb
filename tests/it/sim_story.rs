//! What must come out of the story, by simulating the shipped scenario of the evening of 5 January 2022.

use std::fs;
use std::path::PathBuf;

use peakday::scenario::file;
use peakday::scenario::queueing::Profile;
use peakday::scenario::server_model::{ServerModel, StationModel};
use peakday::scenario::{Arrivals, Curve, Delay, Scenario, Timeline};
use peakday::sim::{self, Choice, Simulation, Tally};
use peakday::units::{Offset, Span, TimeOfDay};

use crate::scenarios::shipped_scenario;

fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn evening() -> Scenario {
    shipped_scenario("evening-2022-01-05")
}

fn server(name: &str) -> ServerModel {
    let text = fs::read_to_string(scenarios().join(format!("servers/{name}.toml"))).unwrap();
    ServerModel::from_config(&reference_server::config::Config::parse(&text).unwrap())
}

/// A part of the day, ten times faster than life: a tenth of the journeys at the rates of life.
fn hours(from: &str, to: &str, scale: f64) -> Timeline {
    let time = |text: &str| text.parse().unwrap();
    Timeline {
        from: time(from),
        to: time(to),
        warp: 10.0,
        scale,
        run_in: Span::from_secs(60),
        drain: Span::from_secs(5),
    }
}

fn play(scenario: &Scenario, timeline: &Timeline, model: &ServerModel, seed: u64) -> Tally {
    let played = vec![true; scenario.populations.len()];
    let engine = Choice::Auto;
    let simulation = Simulation { scenario, timeline, seed, played: &played, model, engine };
    let (simulated, tally) = sim::tally(&simulation).unwrap();
    assert!(simulated.completed);
    tally
}

/// Share of legitimate journeys that were clean.
fn clean(scenario: &Scenario, tally: &Tally) -> f64 {
    let legitimate = scenario.populations.iter().zip(&tally.populations).filter(|(of, _)| of.legitimate);
    let (clean, marred) =
        legitimate.fold((0, 0), |(clean, marred), (_, of)| (clean + of.clean, marred + of.marred));
    clean as f64 / (clean + marred) as f64
}

fn at(timeline: &Timeline, time: &str) -> Offset {
    timeline.offset_at(time.parse::<TimeOfDay>().unwrap().nanos() as i64)
}

#[test]
fn flat_3m_saturates_on_the_evening_and_holds_an_ordinary_day_and_x4_holds_the_evening() {
    let scenario = evening();
    // 450,000 tests on an ordinary day.
    let ordinary = 450_000.0 / 1_850_000.0;
    for seed in 1..=3 {
        let share = |name: &str, scale: f64| {
            let tally = play(&scenario, &hours("17:00", "22:00", scale), &server(name), seed);
            clean(&scenario, &tally)
        };
        let shares = [share("flat-3m", 1.0), share("flat-3m", ordinary), share("x4", 1.0)];
        assert!(shares[0] < 0.5 && shares[1] > 0.99 && shares[2] > 0.99, "seed {seed}: {shares:?}");
    }
}

#[test]
fn the_come_back_after_an_outage_is_higher_than_the_peak() {
    let scenario = evening();
    let timeline = hours("16:00", "23:30", 1.0);
    let slots = |model: &mut ServerModel, capacity: Vec<(i64, u32)>| model.stations[0].capacity = capacity;
    for seed in 1..=3 {
        let whole = server("x4");
        let mut out = whole.clone();
        let [from, to] = ["17:30", "20:30"].map(|time| at(&timeline, time).nanos());
        slots(&mut out, vec![(from, 0), (to, whole.stations[0].servers.unwrap())]);
        let peak = |model: &ServerModel, from: i64, to: i64| {
            let tally = play(&scenario, &timeline, model, seed);
            let five = 30_000_000_000;
            let rates = (from / five..to / five).map(|slice| {
                let from = Offset::from_nanos(slice * five);
                tally.offered_per_second(from, from + Span::from_nanos(five as u64))
            });
            rates.fold(0.0, f64::max)
        };
        let end = timeline.end().nanos();
        let (ordinary, come_back) = (peak(&whole, 0, end), peak(&out, to, end));
        assert!(come_back > ordinary, "seed {seed}: {come_back}/s after the outage, {ordinary}/s without it");
    }
}

/// The evening with a share of the entries of before 19:00 moved to other hours, evenly.
fn moved(share: f64, to: std::ops::Range<usize>) -> Scenario {
    let mut scenario = evening();
    let hour = |hour: usize| TimeOfDay::from_nanos(hour as u64 * 3_600_000_000_000).unwrap();
    for population in &mut scenario.populations {
        let Arrivals::Curve { curve, .. } = &mut population.arrivals else { continue };
        let mut hours: [f64; 24] =
            std::array::from_fn(|h| curve.share_before(hour(h + 1)) - curve.share_before(hour(h)));
        let before: f64 = hours[..19].iter().sum();
        hours[..19].iter_mut().for_each(|of| *of *= 1.0 - share);
        let count = to.len() as f64;
        hours[to.clone()].iter_mut().for_each(|of| *of += before * share / count);
        *curve = Curve::from_hours(&hours).unwrap();
    }
    scenario
}

#[test]
fn entries_moved_to_after_19_make_its_peak_higher_and_moved_to_20_to_23_lower() {
    let timeline = hours("16:00", "23:30", 1.0);
    let model = server("x4");
    let mut differences = [Vec::new(), Vec::new()];
    for seed in 1..=4 {
        let rate = |scenario: &Scenario| {
            play(scenario, &timeline, &model, seed)
                .offered_per_second(at(&timeline, "19:00"), at(&timeline, "20:00"))
        };
        let whole = rate(&moved(0.0, 19..23));
        differences[0].push(rate(&moved(0.3, 19..23)) / whole);
        differences[1].push(rate(&moved(0.3, 20..23)) / whole);
    }
    assert!(differences[0].iter().all(|ratio| *ratio > 1.1), "{differences:?}");
    assert!(differences[1].iter().all(|ratio| *ratio < 1.0), "{differences:?}");
}

#[test]
fn a_lane_of_their_own_keeps_labs_whole_while_the_form_saturates() {
    let scenario = evening();
    let timeline = hours("17:00", "22:00", 1.0);
    let mut lane = server("flat-3m");
    lane.stations.push(StationModel { queue: Some(40), ..StationModel::new("lab-lane", Some(4)) });
    let labs = lane.class("lab").unwrap();
    lane.classes[usize::from(labs)].station = lane.stations.len() as u16 - 1;
    let lab = scenario.populations.iter().position(|population| population.name == "lab").unwrap();
    let form = scenario.populations.iter().position(|population| population.name == "pharmacist").unwrap();
    for seed in 1..=3 {
        let shares = |model: &ServerModel| {
            let tally = play(&scenario, &timeline, model, seed);
            [lab, form].map(|population| tally.populations[population].clean_share().unwrap())
        };
        let [without, with] = [shares(&server("flat-3m")), shares(&lane)];
        assert!(without[0] < 0.95 && with[0] > 0.99, "seed {seed}: labs {without:?}, in a lane {with:?}");
        assert!(with[1] < 0.5, "seed {seed}: pharmacists {with:?}");
    }
}

#[test]
fn x4_carries_12_million_spread_flat_and_not_with_the_shape_of_the_evening() {
    let scale = 12.0 / 1.85;
    let model = server("x4");
    // Entries all day long, and nobody who waits for the evening to read.
    let mut flat = evening();
    for population in &mut flat.populations {
        match &mut population.arrivals {
            Arrivals::Curve { curve, .. } => *curve = Curve::from_hours(&[1.0; 24]).unwrap(),
            Arrivals::After(after) => after.delays.retain(|(_, delay)| matches!(delay, Delay::After(_))),
            Arrivals::Rate { .. } => {}
        }
    }
    for seed in 1..=2 {
        let share = |scenario: &Scenario| {
            clean(scenario, &play(scenario, &hours("18:00", "20:30", scale), &model, seed))
        };
        let [spread, shaped] = [share(&flat), share(&evening())];
        assert!(
            spread > 0.95 && shaped < 0.5,
            "seed {seed}: {spread} spread flat, {shaped} with the evening's shape"
        );
    }
}

#[test]
fn after_a_burst_a_stable_load_stays_down_and_a_deadline_with_reserve_cures_it() {
    let path = format!("{}/tests/data/queueing/metastable.toml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let system = file::queueing::load(&text, "metastable").unwrap_or_else(|problems| panic!("{problems}"));
    let drained = |change: &dyn Fn(&mut peakday::scenario::queueing::Queueing)| {
        let mut system = system.clone();
        change(&mut system);
        let result = sim::queueing(&system, Choice::Auto, &|_| true).unwrap();
        let until = result.rows[0].figure(sim::Figure::QueueUntil);
        (until.count(), until.mean())
    };
    let burst = |rate: f64| Profile::Steps(vec![(Span::ZERO, rate), (Span::from_secs(20), 600.0)]);
    let without = drained(&|system| {
        system.customers[0].arrivals = peakday::scenario::queueing::Coming::Poisson(burst(600.0));
    });
    assert_eq!(without.0, 4, "without the burst every queue is soon empty again: {without:?}");
    let down = drained(&|_| {});
    assert_eq!(down.0, 0, "the queue is never empty again: {down:?}");
    let cured = drained(&|system| system.model.stations[0].longest_wait = Some(Span::from_millis(900)));
    assert_eq!(cured.0, 4, "with a reserve of 100 ms it is: {cured:?}");
    assert!(cured.1.unwrap() < 120.0, "{cured:?}");
}
