//! Laws of work and rates that change, from their text or table.

use super::super::laws;
use super::super::place::Place;
use super::super::shape::TextOr;
use super::shape::{ErlangTable, HyperTable, ProfileForm, ProfileTable, SinusoidTable, WorkForm, WorkTable};
use crate::scenario::Work;
use crate::scenario::queueing::Profile;
use crate::units::Span;

pub(in super::super) fn work(form: WorkForm, place: &Place<'_>) -> Option<Work> {
    let table = match form {
        TextOr::Text(text) => return Some(Work::Law(text.0)),
        TextOr::Table(table) => table,
    };
    let WorkTable { exponential, lognormal, triangular, hyperexponential, erlang, empirical, quantiles } =
        table;
    let given = [
        ("exponential", exponential.is_some()),
        ("lognormal", lognormal.is_some()),
        ("triangular", triangular.is_some()),
        ("hyperexponential", hyperexponential.is_some()),
        ("erlang", erlang.is_some()),
        ("empirical", empirical.is_some()),
        ("quantiles", quantiles.is_some()),
    ];
    if !place.one_of(&given) {
        return None;
    }
    if let Some(table) = hyperexponential {
        return hyper(place.need("hyperexponential", table)?, &place.at("hyperexponential"));
    }
    if let Some(table) = erlang {
        let ErlangTable { stages, mean } = place.need("erlang", table)?;
        let place = place.at("erlang");
        let (stages, mean) = (place.need("stages", stages), place.need("mean", mean));
        if stages == Some(0) {
            place.at("stages").wrong("is 0", "write how many stages, at least 1");
        }
        return Some(Work::Erlang { stages: stages?.max(1), mean: mean? });
    }
    if empirical.is_some() {
        let values: Vec<Span> =
            place.list("empirical", empirical).into_iter().map(|(_, value)| value).collect();
        if values.is_empty() {
            place.at("empirical").wrong("has no values", "write a list of durations");
            return None;
        }
        return Some(Work::Empirical(values));
    }
    if quantiles.is_some() {
        let points = place.list("quantiles", quantiles).into_iter().filter_map(|(place, point)| {
            Some((place.need("share", point.share)?, place.need("value", point.value)?))
        });
        let points: Vec<(f64, Span)> = points.collect();
        let rises = points.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1);
        let whole = points.first().is_some_and(|first| first.0 == 0.0)
            && points.last().is_some_and(|last| last.0 == 1.0);
        if !rises || !whole {
            let hint = "write points in order, the first with share 0, the last with share 1";
            place.at("quantiles").wrong("is no quantile function", hint);
            return None;
        }
        return Some(Work::Quantiles(points));
    }
    laws::of_table(exponential, lognormal, triangular, place).map(Work::Law)
}

fn hyper(table: HyperTable, place: &Place<'_>) -> Option<Work> {
    let HyperTable { mean, scv, share, means } = table;
    let given = (mean.is_some(), scv.is_some(), share.is_some(), means.is_some());
    let (mean, scv) = (place.take("mean", mean), place.take("scv", scv));
    let share = place.take("share", share);
    let means: Vec<Span> = place.list("means", means).into_iter().map(|(_, mean)| mean).collect();
    match given {
        (true, true, false, false) => {
            let (mean, scv) = (mean?, scv?);
            let work = Work::balanced(mean, scv);
            if work.is_none() {
                place.at("scv").wrong(format!("{scv} is below 1"), "a hyperexponential law has at least 1");
            }
            work
        }
        (false, false, true, true) => {
            let share = share?;
            let &[one, other] = means.as_slice() else {
                place.at("means").wrong(format!("{} means", means.len()), "write two");
                return None;
            };
            if !(0.0..=1.0).contains(&share) {
                place.at("share").wrong(format!("{share} is no share"), "write a number from 0 to 1");
            }
            Some(Work::Hyperexponential { share: share.clamp(0.0, 1.0), means: [one, other] })
        }
        _ => {
            place.wrong("does not say one hyperexponential law", "write mean and scv, or share and means");
            None
        }
    }
}

pub(super) fn profile(form: ProfileForm, place: &Place<'_>) -> Option<Profile> {
    let ProfileTable { steps, sinusoid } = match form {
        TextOr::Text(rate) => return Some(Profile::Constant(rate.per_second())),
        TextOr::Table(table) => table,
    };
    if !place.one_of(&[("steps", steps.is_some()), ("sinusoid", sinusoid.is_some())]) {
        return None;
    }
    if let Some(table) = sinusoid {
        let SinusoidTable { base, amplitude, period } = place.need("sinusoid", table)?;
        let place = place.at("sinusoid");
        let base = place.need("base", base).map(|rate| rate.per_second());
        let amplitude = place.need("amplitude", amplitude).map(|rate| rate.per_second());
        let period = place.need("period", period);
        let (base, amplitude, period) = (base?, amplitude?, period?);
        if amplitude > base || base <= 0.0 {
            let hint = "write a base above 0 and an amplitude that is not above it";
            place.wrong("the rate would fall below zero, or is zero", hint);
        }
        if period == Span::ZERO {
            place.at("period").wrong("is zero", "write the length of a cycle");
        }
        return Some(Profile::Sinusoid { base, amplitude, period });
    }
    let steps = place.list("steps", steps).into_iter();
    let steps: Vec<(Span, f64)> = steps
        .filter_map(|(place, step)| {
            Some((place.need("from", step.from)?, place.need("rate", step.rate)?.per_second()))
        })
        .collect();
    if steps.is_empty() || steps.windows(2).any(|two| two[0].0 >= two[1].0) {
        place.at("steps").wrong("are none, or not in order", "write steps of rising \"from\"");
        return None;
    }
    Some(Profile::Steps(steps))
}
