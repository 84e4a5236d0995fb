//! Laws of random times, from their text or table.

use super::key::Key;
use super::place::Place;
use super::shape::{ExponentialTable, LawForm, LawTable, LogNormalTable, TextOr, TriangularTable};
use crate::scenario::Law;
use crate::units::Span;

pub(super) fn law(form: LawForm, place: &Place<'_>) -> Option<Law> {
    match form {
        TextOr::Text(text) => Some(text.0),
        TextOr::Table(LawTable { exponential, lognormal, triangular }) => {
            let given = [
                ("exponential", exponential.is_some()),
                ("lognormal", lognormal.is_some()),
                ("triangular", triangular.is_some()),
            ];
            if place.one_of(&given) { of_table(exponential, lognormal, triangular, place) } else { None }
        }
    }
}

/// A law under `key` that may be absent, which means what `absent` says.
pub(super) fn take_or(
    key: &str,
    found: Option<Key<LawForm>>,
    absent: &str,
    place: &Place<'_>,
) -> Option<Law> {
    place.take_or(key, found, absent).and_then(|form| law(form, &place.at(key)))
}

/// The law of the first of these keys that is there.
pub(super) fn of_table(
    exponential: Option<Key<ExponentialTable>>,
    lognormal: Option<Key<LogNormalTable>>,
    triangular: Option<Key<TriangularTable>>,
    place: &Place<'_>,
) -> Option<Law> {
    if let Some(table) = exponential {
        let table = place.need("exponential", table)?;
        let mean =
            positive(place.at("exponential").need("mean", table.mean), &place.at("exponential").at("mean"));
        return Some(Law::Exponential(mean?));
    }
    if let Some(table) = lognormal {
        return log_normal(place.need("lognormal", table)?, &place.at("lognormal"));
    }
    let table = place.need("triangular", triangular?)?;
    let place = place.at("triangular");
    let (from, mode, to) =
        (place.need("from", table.from), place.need("mode", table.mode), place.need("to", table.to));
    let (from, mode, to) = (from?, mode?, to?);
    check_triangle(from, mode, to, &place);
    Some(Law::Triangular { from, mode, to })
}

/// Notes a triangle that is none: its corners must be in order, the first before the last.
pub(super) fn check_triangle<T: PartialOrd>(from: T, mode: T, to: T, place: &Place<'_>) {
    if !(from <= mode && mode <= to && from < to) {
        place.wrong("from, mode and to are not in order", "write from <= mode <= to, and from < to");
    }
}

fn log_normal(table: LogNormalTable, place: &Place<'_>) -> Option<Law> {
    let hint = "write mean and cv, or median and sigma";
    let mean = table.mean.map(|key| place.need("mean", key));
    let cv = table.cv.map(|key| place.need("cv", key));
    let median = table.median.map(|key| place.need("median", key));
    let sigma = table.sigma.map(|key| place.need("sigma", key));
    let above_zero = |key: &str, value: f64| {
        if value <= 0.0 {
            place
                .at(key)
                .wrong(format!("{value} is not above 0"), "a law without spread is written as \"100ms\"");
        }
    };
    match (mean, cv, median, sigma) {
        (Some(mean), Some(cv), None, None) => {
            let (mean, cv) = (positive(mean, &place.at("mean"))?, cv?);
            above_zero("cv", cv);
            Some(Law::LogNormal { mean, cv })
        }
        (None, None, Some(median), Some(sigma)) => {
            let (median, sigma) = (positive(median, &place.at("median"))?, sigma?);
            above_zero("sigma", sigma);
            Some(Law::lognormal_median(median, sigma))
        }
        _ => {
            place.wrong("does not say one lognormal law", hint);
            None
        }
    }
}

fn positive(span: Option<Span>, place: &Place<'_>) -> Option<Span> {
    if span == Some(Span::ZERO) {
        place.wrong("is zero", "write a longer time");
    }
    span
}
