//! When a run is ended before its time: `error_rate > 50% for 10s`.

use std::fmt;
use std::str::FromStr;

use super::Population;
use super::slo::{Aggregate, Bound, Comparison, Family, Measure, Metric, Slo, SloError};
use crate::units::Span;

const EXAMPLE: &str =
    "write a rule like \"error_rate > 50% for 10s\" or \"p99(response_time) > 20s for 30s\"";
/// The longest window: what is remembered of each second stays small.
const LONGEST: Span = Span::from_secs(600);

/// A rule: a run is ended when this has held over the last seconds of wall time, run-in included.
///
/// A window goes by the requests that ended in it; of one without any, only a count and a rate can be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Abort {
    /// As written; what reports show.
    pub text: String,
    /// What is observed: requests that ended, or their times (a quantile or the largest).
    pub measure: Measure,
    /// How it is compared with the bound; of times `>` or `>=`.
    pub comparison: Comparison,
    /// The bound.
    pub bound: Bound,
    /// Whole seconds, 1 to 600.
    pub window: Span,
}

impl Abort {
    /// The first thing that this rule names and the scenario does not have: (what is wrong, what to do).
    ///
    /// # Errors
    /// As [`Slo::check`].
    pub fn check(&self, populations: &[Population]) -> Result<(), SloError> {
        self.measure.selector.check(populations)
    }
}

impl FromStr for Abort {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let (condition, window) = text
            .rsplit_once(" for ")
            .ok_or_else(|| SloError::new(format!("{text:?} does not say for how long"), EXAMPLE))?;
        let window: Span = window
            .trim()
            .parse()
            .map_err(|error: crate::units::ParseError| SloError::new(error.problem, error.hint))?;
        if !window.nanos().is_multiple_of(Span::from_secs(1).nanos())
            || window == Span::ZERO
            || window > LONGEST
        {
            let problem = format!("{window} is no window of a rule");
            return Err(SloError::new(problem, format!("write whole seconds from 1s to {LONGEST}")));
        }
        let Slo { measure, comparison, bound, window: of_promise, .. } = condition.parse()?;
        if of_promise.is_some() {
            return Err(SloError::new(format!("{condition:?} is a promise, no rule"), EXAMPLE));
        }
        let seen = match measure.metric {
            Metric::Offered | Metric::Sent | Metric::NotSent => false,
            metric => match metric.family() {
                Family::Requests => true,
                Family::Times => measure.aggregate != Aggregate::Mean,
                Family::Journeys | Family::Audit => false,
            },
        };
        if !seen {
            return Err(SloError::new(
                format!("{measure} cannot be watched while a run goes on"),
                "watch error_rate, failed, shed, timed_out, ok, goodput, or a quantile or max of response_time, \
                 service_time or send_lag",
            ));
        }
        let rising = matches!(comparison, Comparison::More | Comparison::AtLeast);
        if measure.metric.family() == Family::Times && !rising {
            let problem = format!("{measure} {} {bound} would end a run that does well", comparison.sign());
            return Err(SloError::new(problem, "write > and the time that is too long"));
        }
        Ok(Self { text: text.trim().to_owned(), measure, comparison, bound, window })
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measure, comparison, bound, window, .. } = self;
        write!(f, "{measure} {} {bound} for {window}", comparison.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;

    #[test]
    fn rules_are_read_as_they_are_printed() {
        for text in [
            "error_rate > 50% for 10s",
            "p99(response_time{population=patient}) >= 20s for 30s",
            "rate(ok{legitimate=true}) < 1/s for 1m",
            "count(failed) > 1000 for 5s",
        ] {
            let rule: Abort = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                rule.to_string().parse::<Abort>().map(|again| again.measure),
                Ok(rule.measure),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_rule_is_told_with_what_to_write() {
        for (text, problem) in [
            ("error_rate > 50%", "does not say for how long"),
            ("error_rate > 50% for 10", "has no unit"),
            ("error_rate > 50% for 1500ms", "is no window of a rule"),
            ("error_rate > 50% for 20min", "is no window of a rule"),
            ("clean > 50% for 10s", "clean cannot be watched"),
            ("mean(response_time) > 2s for 10s", "cannot be watched"),
            ("p99(response_time) < 2s for 10s", "would end a run that does well"),
            ("eror_rate > 50% for 10s", "unknown metric"),
        ] {
            let error = text.parse::<Abort>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
        }
        let rule: Abort = "error_rate{population=visitr} > 5% for 1s".parse().unwrap();
        let error = rule.check(&[example::population("visitor", Vec::new())]).unwrap_err();
        assert!(error.hint.contains("visitor"), "{error}");
    }
}
