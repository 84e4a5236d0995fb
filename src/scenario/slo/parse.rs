//! From the text of a promise or a metric to its parts.

use std::fmt::Display;
use std::str::FromStr;

use super::{Aggregate, Bound, Comparison, Family, Measure, Metric, Selector, Slo};
use crate::scenario::nearest::nearest;
use crate::units::{NANOS_PER_SEC, Span};

const EXAMPLE: &str = "write a promise like \"p99(response_time{population=patient}) < 2s for all windows of 10s\" \
                       or \"clean{legitimate=true} >= 99%\"";

/// What is wrong with the text of a promise or metric, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {hint}")]
pub struct SloError {
    /// What was found, quoted.
    pub problem: String,
    /// What to write.
    pub hint: String,
}

impl SloError {
    pub(in crate::scenario) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }

    pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Self {
        let hint = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => {
                let mut known: Vec<&str> = known.collect();
                known.sort_unstable();
                known.dedup();
                format!("known: {}", known.join(", "))
            }
        };
        Self::new(format!("unknown {what} {name:?}"), hint)
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let at = text
            .find(['<', '>', '='])
            // The "=" of a label stands inside the braces.
            .and_then(|first| match text.find('{') {
                Some(open) if open < first => {
                    let close = open + text[open..].find('}')?;
                    text[close..].find(['<', '>', '=']).map(|sign| close + sign)
                }
                _ => Some(first),
            })
            .ok_or_else(|| SloError::new(format!("{text:?} compares nothing"), EXAMPLE))?;
        let measure: Measure = text[..at].parse()?;
        let comparison = Comparison::ALL
            .into_iter()
            .find(|comparison| text[at..].starts_with(comparison.sign()))
            .ok_or_else(|| SloError::new(format!("\"=\" in {text:?} is no comparison"), "write \"==\""))?;
        let rest = &text[at + comparison.sign().len()..];
        let (bound, window) = match rest.split_once(" for ") {
            Some((bound, window)) => (bound, Some(parse_window(window, measure.metric)?)),
            None => (rest, None),
        };
        let bound = parse_bound(bound.trim(), measure.aggregate)?;
        Ok(Self { text: text.trim().to_owned(), measure, comparison, bound, window })
    }
}

impl FromStr for Measure {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let text = text.trim();
        let (aggregate, inner) = match text.split_once('(') {
            None => (None, text),
            Some((name, rest)) => {
                let inner = rest
                    .strip_suffix(')')
                    .ok_or_else(|| SloError::new(format!("{text:?} does not end with \")\""), EXAMPLE))?;
                (Some(named("aggregate", name, &Aggregate::ALL, Aggregate::name)?), inner.trim())
            }
        };
        let (name, selector) = match inner.split_once('{') {
            None => (inner, Selector::default()),
            Some((name, labels)) => {
                let labels = labels
                    .strip_suffix('}')
                    .ok_or_else(|| SloError::new(format!("the \"{{\" in {text:?} is not closed"), EXAMPLE))?;
                (name, parse_selector(labels)?)
            }
        };
        let metric = named("metric", name, &Metric::ALL, Metric::name)?;
        let allowed = metric.aggregates();
        let names = || allowed.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ");
        let aggregate = match aggregate {
            Some(aggregate) if allowed.contains(&aggregate) => aggregate,
            Some(aggregate) => {
                return Err(SloError::new(
                    format!("{} of {} says nothing", aggregate.name(), metric.name()),
                    format!("of it there are {}", names()),
                ));
            }
            None if metric.family() == Family::Times => {
                return Err(SloError::new(
                    format!("{} is many values", metric.name()),
                    format!("say which: {} of it, as in \"p99({})\"", names(), metric.name()),
                ));
            }
            None => allowed[0],
        };
        let odd = match metric.family() {
            Family::Journeys if selector.step.is_some() => Some("a journey has no step"),
            Family::Audit if selector != Selector::default() => Some("the audit is about the whole run"),
            _ => None,
        };
        if let Some(odd) = odd {
            return Err(SloError::new(format!("{selector} does not go with {}", metric.name()), odd));
        }
        Ok(Self { aggregate, metric, selector })
    }
}

fn named<T: Copy>(what: &str, text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, SloError> {
    let text = text.trim();
    all.iter()
        .copied()
        .find(|item| name(*item) == text)
        .ok_or_else(|| SloError::unknown(what, text, all.iter().map(|item| name(*item))))
}

fn parse_selector(labels: &str) -> Result<Selector, SloError> {
    let mut selector = Selector::default();
    for part in labels.split(',').filter(|part| !part.trim().is_empty()) {
        let (label, value) = part
            .split_once('=')
            .map(|(label, value)| (label.trim(), value.trim()))
            .ok_or_else(|| SloError::new(format!("{part:?} is no condition"), "write \"label=value\""))?;
        let twice = match label {
            "population" => selector.population.replace(parse_name(value)?).is_some(),
            "step" => selector.step.replace(parse_name(value)?).is_some(),
            "legitimate" => {
                let wanted = value.parse().map_err(|_| {
                    SloError::new(
                        format!("legitimate={value} is neither true nor false"),
                        "write true or false",
                    )
                })?;
                selector.legitimate.replace(wanted).is_some()
            }
            _ => {
                return Err(SloError::unknown(
                    "label",
                    label,
                    ["population", "step", "legitimate"].into_iter(),
                ));
            }
        };
        if twice {
            return Err(SloError::new(format!("{label} is given twice"), "give each label once"));
        }
    }
    Ok(selector)
}

fn parse_name(value: &str) -> Result<String, SloError> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        Ok(value.to_owned())
    } else {
        Err(SloError::new(format!("{value:?} is no name"), "names are of a-z, 0-9 and \"-\", without quotes"))
    }
}

fn parse_bound(text: &str, aggregate: Aggregate) -> Result<Bound, SloError> {
    fn unit<E: Display>(text: &str) -> impl FnOnce(E) -> SloError {
        move |error| {
            SloError::new(format!("the bound {text:?}: {error}"), "give the bound in the unit of the metric")
        }
    }
    match aggregate {
        Aggregate::Share => {
            let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
            match percent {
                Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Bound::Share(percent / 100.0)),
                _ => Err(SloError::new(
                    format!("the bound {text:?} is no share"),
                    "write per cent from 0% to 100%, as in \"99%\"",
                )),
            }
        }
        Aggregate::Count => text.parse().map(Bound::Count).map_err(|_| {
            SloError::new(format!("the bound {text:?} is no count"), "write a whole number, as in \"== 0\"")
        }),
        Aggregate::Rate => text.parse().map(Bound::Rate).map_err(unit(text)),
        _ => text.parse().map(Bound::Time).map_err(unit(text)),
    }
}

fn parse_window(text: &str, metric: Metric) -> Result<Span, SloError> {
    if matches!(metric.family(), Family::Journeys | Family::Audit) {
        return Err(SloError::new(
            format!("{} has no windows", metric.name()),
            "leave out \"for all windows of …\": journeys and the audit are judged over the whole run",
        ));
    }
    let span = text.trim().strip_prefix("all windows of ").ok_or_else(|| {
        SloError::new(format!("\"for {text}\" is not understood"), "write \"for all windows of 10s\"")
    })?;
    match span.trim().parse::<Span>() {
        Err(error) => {
            Err(SloError::new(format!("the window {span:?}: {error}"), "write \"for all windows of 10s\""))
        }
        Ok(span) if span == Span::ZERO || !span.nanos().is_multiple_of(NANOS_PER_SEC) => Err(SloError::new(
            format!("a window of {span} is no number of whole seconds"),
            "the record is kept by the second; write \"for all windows of 10s\"",
        )),
        Ok(span) => Ok(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_promises_of_the_contract_are_understood() {
        let slo: Slo = "p99(response_time{population=patient,step=result}) < 500ms for all windows of 10s"
            .parse()
            .unwrap();
        assert_eq!(slo.measure.aggregate, Aggregate::P99);
        assert_eq!(slo.measure.metric, Metric::ResponseTime);
        assert_eq!(slo.measure.selector.population.as_deref(), Some("patient"));
        assert_eq!(slo.measure.selector.step.as_deref(), Some("result"));
        assert_eq!((slo.comparison, slo.bound), (Comparison::Less, Bound::Time(Span::from_millis(500))));
        assert_eq!(slo.window, Some(Span::from_secs(10)));

        let slo: Slo = "error_rate{legitimate=true} < 0.1%".parse().unwrap();
        assert_eq!((slo.measure.aggregate, slo.bound), (Aggregate::Share, Bound::Share(0.001)));
        assert_eq!(slo.measure.selector.legitimate, Some(true));

        let slo: Slo = "lost_acknowledged == 0".parse().unwrap();
        assert_eq!((slo.comparison, slo.bound), (Comparison::Equal, Bound::Count(0)));
    }

    #[test]
    fn what_is_understood_is_printed_as_it_was_written() {
        for text in [
            "p99(response_time{population=patient,step=result}) < 500ms for all windows of 10s",
            "p99.9(service_time) <= 2s",
            "mean(send_lag{population=lab}) < 50ms",
            "error_rate{legitimate=true} < 0.1%",
            "goodput{legitimate=true} >= 99%",
            "rate(goodput) > 200/s",
            "count(timed_out{population=patient}) == 0",
            "clean{population=pharmacist} >= 99.9%",
            "completed{population=lab} >= 99%",
            "lost_acknowledged == 0",
        ] {
            assert_eq!(text.parse::<Slo>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_says_nothing_is_refused_with_a_hint() {
        for (text, expected) in [
            ("", "compares nothing"),
            ("clean", "compares nothing"),
            ("clean{population=patient", "compares nothing"),
            ("claen >= 99%", "did you mean \"clean\"?"),
            ("p98(response_time) < 1s", "unknown aggregate \"p98\""),
            ("response_time < 1s", "say which"),
            ("p99(clean) >= 99%", "says nothing"),
            ("clean{who=patient} >= 99%", "unknown label \"who\""),
            ("clean{population=\"patient\"} >= 99%", "without quotes"),
            ("clean{population} >= 99%", "is no condition"),
            ("clean{legitimate=yes} >= 99%", "neither true nor false"),
            ("clean{population=a,population=b} >= 99%", "given twice"),
            ("clean{step=form} >= 99%", "a journey has no step"),
            ("lost_acknowledged{population=lab} == 0", "the whole run"),
            ("clean >= 0.99", "write per cent"),
            ("clean >= 199%", "write per cent"),
            ("p99(response_time) < 500", "has no unit"),
            ("rate(ok) > 5", "no period"),
            ("lost_acknowledged == 0.5", "whole number"),
            ("clean = 99%", "write \"==\""),
            ("clean >= 99% for all windows of 10s", "has no windows"),
            ("error_rate < 1% for 10s", "not understood"),
            ("error_rate < 1% for all windows of 1500ms", "whole seconds"),
            ("p99(response_time < 1s", "does not end with"),
        ] {
            let error = text.parse::<Slo>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    fn names() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[a-z0-9-]{1,12}")
    }

    proptest! {
        #[test]
        fn every_promise_is_parsed_again_as_it_is_printed(
            metric in proptest::sample::select(Metric::ALL.to_vec()),
            aggregate: proptest::sample::Index,
            comparison in proptest::sample::select(Comparison::ALL.to_vec()),
            population in names(),
            step in names(),
            legitimate: Option<bool>,
            number in 0..100_000_u64,
            window in proptest::option::of(1..600_u64),
        ) {
            let aggregate = *aggregate.get(metric.aggregates());
            let selector = match metric.family() {
                Family::Times | Family::Requests => Selector { population, step, legitimate },
                Family::Journeys => Selector { population, step: None, legitimate },
                Family::Audit => Selector::default(),
            };
            let bound = match aggregate {
                Aggregate::Share => Bound::Share(number as f64 / 100_000.0),
                Aggregate::Count => Bound::Count(number),
                Aggregate::Rate => Bound::Rate(crate::units::Rate::per_sec(number as f64 / 10.0)),
                _ => Bound::Time(Span::from_millis(number)),
            };
            let window = match metric.family() {
                Family::Times | Family::Requests => window.map(Span::from_secs),
                Family::Journeys | Family::Audit => None,
            };
            let measure = Measure { aggregate, metric, selector };
            let slo = Slo { text: String::new(), measure, comparison, bound, window };
            let again: Slo = slo.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), slo.to_string());
            prop_assert_eq!(again.measure, slo.measure);
            prop_assert_eq!(again.window, slo.window);
        }

        #[test]
        fn no_text_brings_the_parser_down(text in ".{0,60}") {
            let _ = text.parse::<Slo>();
        }
    }
}
