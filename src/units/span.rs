//! Lengths of time and instants of a run, in integer nanoseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{NANOS_PER_SEC, ParseError};

const HINT: &str = "a number and a unit, as in \"250ms\", \"30s\", \"15min\" or \"3h\"";

/// A length of time in nanoseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// The span nearest to `secs` seconds; negative values and NaN become zero, values above 584 years the longest span.
    pub fn from_secs_f64(secs: f64) -> Self {
        // `as` saturates and sends NaN to zero, which is what the doc line says.
        Self(nearest(secs * NANOS_PER_SEC as f64))
    }

    /// Whole nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds, rounded down.
    pub const fn micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Seconds.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// This span `factor` times, rounded to the nanosecond.
    pub fn scaled(self, factor: f64) -> Self {
        Self(nearest(self.0 as f64 * factor))
    }
}

/// The nearest whole number, halves away from zero, as [`f64::round`] does it, without its call into the library.
fn nearest(x: f64) -> u64 {
    let whole = x as u64;
    whole.saturating_add(u64::from(x - whole as f64 >= 0.5))
}

/// The nearest whole number of any sign, halves away from zero, as [`f64::round`] does it, without its call into the library.
#[inline]
pub(crate) fn rounded(x: f64) -> i64 {
    let whole = x as i64;
    let rest = x - whole as f64;
    whole.saturating_add(i64::from(rest >= 0.5) - i64::from(rest <= -0.5))
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Duration::from_nanos(span.0)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl FromStr for Span {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.parse::<f64>().is_ok() {
            return Err(ParseError::new(format!("{text:?} has no unit"), HINT));
        }
        let duration = humantime::parse_duration(text)
            .map_err(|error| ParseError::new(format!("{text:?} is not a duration: {error}"), HINT))?;
        let nanos = u64::try_from(duration.as_nanos())
            .map_err(|_| ParseError::new(format!("{text:?} is longer than 584 years"), HINT))?;
        Ok(Self(nanos))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // humantime writes "1s 500ms"; without the blanks it is still parsed, and stays one word in a table.
        let text = humantime::format_duration(Duration::from_nanos(self.0)).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An instant of a run: nanoseconds of wall time since the measured part began, negative during the run-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(i64);

impl Offset {
    /// The beginning of the measured part.
    pub const ZERO: Self = Self(0);
    /// Later than everything.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after (before, when negative) the beginning of the measured part.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `secs` seconds after the beginning of the measured part.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self(rounded(secs * NANOS_PER_SEC as f64))
    }

    /// Nanoseconds since the beginning of the measured part.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the beginning of the measured part.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The second of the run in which this instant lies, rounded towards the past (-1 is the last second of the run-in).
    pub const fn second(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SEC as i64)
    }

    /// The time from `earlier` to this instant, zero when `earlier` is later: a timer may wake a little early.
    pub const fn since(self, earlier: Self) -> Span {
        let nanos = self.0.saturating_sub(earlier.0);
        Span(if nanos < 0 { 0 } else { nanos as u64 })
    }
}

impl Add<Span> for Offset {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }
}

impl Sub<Span> for Offset {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub_unsigned(span.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_duration_without_a_unit_is_an_error_that_shows_the_form() {
        let error = "250".parse::<Span>().unwrap_err().to_string();
        assert!(error.contains("has no unit") && error.contains("250ms"), "{error}");
    }

    #[test]
    fn seconds_round_towards_the_past() {
        assert_eq!(Offset::from_nanos(-1).second(), -1);
        assert_eq!(Offset::from_nanos(0).second(), 0);
        assert_eq!(Offset::from_secs_f64(1.5).second(), 1);
    }

    #[test]
    fn an_instant_before_another_is_no_time_after_it() {
        assert_eq!(Offset::from_nanos(-5).since(Offset::ZERO), Span::ZERO);
    }

    proptest! {
        #[test]
        fn the_nearest_whole_number_is_that_of_the_library(x in prop_oneof![-2.0..1e19_f64, 0.0..4.0_f64, Just(0.499_999_999_999_999_94), Just(f64::NAN)]) {
            prop_assert_eq!(nearest(x), x.round() as u64);
            prop_assert_eq!(nearest(x.floor() + 0.5), (x.floor() + 0.5).round() as u64);
            for x in [x, -x, x.floor() + 0.5, -x.floor() - 0.5] {
                prop_assert_eq!(rounded(x), x.round() as i64);
            }
        }

        #[test]
        fn what_is_printed_is_parsed_again(nanos in 0..u64::MAX / 2) {
            let span = Span::from_nanos(nanos);
            prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
    }
}
