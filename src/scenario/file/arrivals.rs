//! How journeys come: along a curve, at a rate, or after something of another population.

use std::collections::BTreeMap;

use super::key::{Key, Map};
use super::laws;
use super::leaf::Window;
use super::place::Place;
use super::population::Draft;
use super::shape::{ArrivalsTable, DelayTable};
use crate::scenario::nearest::nearest;
use crate::scenario::{After, Arrivals, Cause, Curve, Delay, Law};
use crate::units::{Rate, Span};

/// Puts the arrivals of every population in their place.
pub(super) fn read(drafts: &mut [Draft<'_>], curves: &BTreeMap<String, Option<Curve>>, volume: Option<Rate>) {
    for index in 0..drafts.len() {
        let Some(table) = drafts[index].arrivals.take() else { continue };
        let place = drafts[index].place.at("arrivals");
        if let Some(arrivals) = arrivals(table, &place, curves, volume, drafts) {
            drafts[index].population.arrivals = arrivals;
        }
    }
    check_origins(drafts);
}

fn arrivals(
    table: ArrivalsTable,
    place: &Place<'_>,
    curves: &BTreeMap<String, Option<Curve>>,
    volume: Option<Rate>,
    drafts: &[Draft<'_>],
) -> Option<Arrivals> {
    let given =
        [("curve", table.curve.is_some()), ("rate", table.rate.is_some()), ("after", table.after.is_some())];
    if !place.one_of(&given) {
        return None;
    }
    let ArrivalsTable { curve, volume: own, shares, batch, rate, between, after, share, journeys, delay } =
        table;
    let foreign = |with: &str, keys: &[(&str, bool)]| {
        for (key, _) in keys.iter().filter(|(_, given)| *given) {
            place.at(key).wrong(format!("goes only with {with:?}"), "leave it out");
        }
    };
    if curve.is_none() {
        foreign(
            "curve",
            &[("volume", own.is_some()), ("shares", shares.is_some()), ("batch", batch.is_some())],
        );
    }
    if rate.is_none() {
        foreign("rate", &[("between", between.is_some())]);
    }
    if after.is_none() {
        foreign(
            "after",
            &[("share", share.is_some()), ("journeys", journeys.is_some()), ("delay", delay.is_some())],
        );
    }
    if let Some(curve) = curve {
        return along_curve(curve, (own, shares, batch), place, curves, volume);
    }
    if let Some(rate) = rate {
        let rate = place.need("rate", rate)?;
        if rate.per_second() == 0.0 {
            place.at("rate").wrong(format!("{rate} brings nobody"), "write a rate above 0");
        }
        return match place.take_or("between", between, "all day") {
            None => Some(Arrivals::Rate { rate }),
            Some(window) => between_times(rate, window, &place.at("between")),
        };
    }
    let cause = place.need("after", after?).and_then(|text| cause(&text, &place.at("after"), drafts));
    let share = place.or("share", share, 1.0);
    if !(share > 0.0 && share <= 1.0) {
        place
            .at("share")
            .wrong(format!("{share} is no share that brings anybody"), "write a number above 0 and up to 1");
    }
    let journeys = place.or("journeys", journeys, 1.0);
    if journeys < 1.0 {
        let hint = "it is the mean of those causes that bring any: say with share how many do";
        place.at("journeys").wrong(format!("{journeys} is below 1"), hint);
    }
    let items = place.list("delay", delay);
    let mut delays: Vec<(f64, Delay)> =
        items.into_iter().filter_map(|(place, table)| weighted(table, &place)).collect();
    if delays.is_empty() {
        delays.push((1.0, Delay::After(Law::Constant(Span::ZERO))));
    }
    Some(Arrivals::After(After { cause: cause?, share, journeys, delays }))
}

/// A constant rate in a stretch of the day: a curve that is flat there.
fn between_times(rate: Rate, Window(from, to): Window, place: &Place<'_>) -> Option<Arrivals> {
    const MINUTE: u64 = 60_000_000_000;
    if !from.nanos().is_multiple_of(MINUTE) || !to.nanos().is_multiple_of(MINUTE) {
        place.wrong(format!("{from}-{to} is not in whole minutes"), "write it as in \"18:30-19:30\"");
        return None;
    }
    let within = |minute: u64| (from.nanos()..to.nanos()).contains(&(minute * MINUTE));
    let weights: Vec<f64> = (0..1_440).map(|minute| f64::from(u8::from(within(minute)))).collect();
    let seconds = (to.nanos() - from.nanos()) as f64 / 1e9;
    Some(Arrivals::Curve { curve: Curve::from_minutes(&weights)?, per_day: rate.per_second() * seconds })
}

type Sizes = (Option<Key<Rate>>, Option<Map<f64>>, Option<Key<u32>>);

fn along_curve(
    curve: Key<String>,
    (own, shares, batch): Sizes,
    place: &Place<'_>,
    curves: &BTreeMap<String, Option<Curve>>,
    volume: Option<Rate>,
) -> Option<Arrivals> {
    let volume = place.take("volume", own).or(volume);
    if volume.is_none() {
        place.at("volume").wrong("is missing", "write volume = \"1.85M/day\" here or in [unit]");
    }
    let mut share = 1.0;
    for (_, place, part) in place.map("shares", shares) {
        if !(part > 0.0 && part <= 1.0) {
            place.wrong(
                format!("{part} is no share that brings anybody"),
                "write a number above 0 and up to 1",
            );
        }
        share *= part;
    }
    let batch = place.or("batch", batch, 1);
    if batch == 0 {
        place.at("batch").wrong("is 0", "a journey brings at least one unit");
    }
    let name = place.need("curve", curve)?;
    let Some(curve) = curves.get(&name) else {
        let known = curves.keys().map(String::as_str);
        place
            .at("curve")
            .wrong(format!("there is no curve {name:?}"), meant(&name, known, "write it as [curves.…]"));
        return None;
    };
    Some(Arrivals::Curve {
        curve: curve.clone()?,
        per_day: volume?.per_day() * share / f64::from(batch.max(1)),
    })
}

fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone, otherwise: &str) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => match known.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => otherwise.to_owned(),
            known => format!("there are {known}"),
        },
    }
}

fn cause(text: &str, place: &Place<'_>, drafts: &[Draft<'_>]) -> Option<Cause> {
    if text == "message" {
        return Some(Cause::Message);
    }
    let Some((population, step)) = text.split_once('.') else {
        place.wrong(format!("{text:?} is no cause"), "write \"message\", or \"population.step\"");
        return None;
    };
    let names = drafts.iter().map(|draft| draft.population.name.as_str());
    let Some(found) = names.clone().position(|name| name == population) else {
        place.wrong(format!("there is no population {population:?}"), meant(population, names, "write one"));
        return None;
    };
    let steps = drafts[found].population.steps.iter().map(|step| step.name.as_str());
    let Some(index) = steps.clone().position(|name| name == step) else {
        place.wrong(format!("{population:?} has no step {step:?}"), meant(step, steps, "write one"));
        return None;
    };
    // A file with 65,536 populations or steps does not come by.
    Some(Cause::Step { population: u16::try_from(found).ok()?, step: u16::try_from(index).ok()? })
}

fn weighted(table: DelayTable, place: &Place<'_>) -> Option<(f64, Delay)> {
    let DelayTable { weight, time, exponential, lognormal, triangular, time_of_day } = table;
    let weight = place.or("weight", weight, 1.0);
    if weight <= 0.0 {
        place.at("weight").wrong(format!("{weight} is not above 0"), "leave out a delay that does not occur");
    }
    let given = [
        ("time", time.is_some()),
        ("exponential", exponential.is_some()),
        ("lognormal", lognormal.is_some()),
        ("triangular", triangular.is_some()),
        ("time_of_day", time_of_day.is_some()),
    ];
    if !place.one_of(&given) {
        return None;
    }
    if let Some(time) = time {
        return Some((weight, Delay::After(place.need("time", time)?.0)));
    }
    let Some(table) = time_of_day else {
        return Some((weight, Delay::After(laws::of_table(exponential, lognormal, triangular, place)?)));
    };
    let table = place.need("time_of_day", table)?;
    let place = place.at("time_of_day");
    let (from, mode, to) =
        (place.need("from", table.from), place.need("mode", table.mode), place.need("to", table.to));
    let (from, mode, to) = (from?, mode?, to?);
    laws::check_triangle(from, mode, to, &place);
    Some((weight, Delay::AtTimeOfDay { from, mode, to }))
}

/// Notes populations that wait for one another in a circle, and messages that nobody causes.
fn check_origins(drafts: &[Draft<'_>]) {
    let cause = |draft: &Draft<'_>| match &draft.population.arrivals {
        Arrivals::After(after) => Some(after.cause.clone()),
        _ => None,
    };
    // What surely comes: first what comes by itself, then again and again what those bring.
    let mut comes: Vec<bool> = drafts.iter().map(|draft| cause(draft).is_none()).collect();
    for _ in 0..drafts.len() {
        let sent = drafts
            .iter()
            .zip(&comes)
            .any(|(draft, comes)| *comes && draft.population.steps.iter().any(|step| step.messages > 0));
        for index in 0..drafts.len() {
            let brought = match cause(&drafts[index]) {
                None => true,
                Some(Cause::Message) => sent,
                Some(Cause::Step { population, .. }) => comes[usize::from(population)],
            };
            comes[index] |= brought;
        }
    }
    for (draft, comes) in drafts.iter().zip(&comes) {
        if !comes {
            let hint = match cause(draft) {
                Some(Cause::Message) => {
                    "no step of those who come makes a message: write messages = 1 at the step that does"
                }
                _ => "it waits for a population that itself never comes",
            };
            draft.place.at("arrivals").at("after").wrong("never happens", hint);
        }
    }
}
