//! How many of something in how much time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ParseError, Span};

const HINT: &str = "a count and a period, as in \"200/s\", \"40/min\", \"12M/day\"";
const MICRO: f64 = 1e6;

/// A rate: a count (kept in millionths) in a period.
///
/// Both are kept as they were written, so that 12 million a day stays exactly that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    micro: u64,
    period: Period,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Period {
    Second,
    Minute,
    Hour,
    Day,
}

impl Period {
    const fn span(self) -> Span {
        Span::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "day",
        }
    }
}

impl Rate {
    /// `count` in every second, to a millionth.
    pub fn per_sec(count: f64) -> Self {
        Self { micro: (count * MICRO).round() as u64, period: Period::Second }
    }

    /// Events per second.
    pub fn per_second(self) -> f64 {
        self.micro as f64 / MICRO / self.period.span().secs_f64()
    }

    /// Events per day of 24 hours.
    pub fn per_day(self) -> f64 {
        self.micro as f64 / MICRO * (86_400.0 / self.period.span().secs_f64())
    }
}

impl FromStr for Rate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |why: &str| ParseError::new(format!("{text:?} is not a rate: {why}"), HINT);
        let (count, period) = text.trim().split_once('/').ok_or_else(|| wrong("it has no period"))?;
        let period = match period.trim() {
            "s" | "sec" | "second" => Period::Second,
            "min" | "minute" => Period::Minute,
            "h" | "hour" => Period::Hour,
            "d" | "day" => Period::Day,
            _ => return Err(wrong("the period is none of s, min, h, day")),
        };
        let count = count.trim();
        let (digits, factor) = match count.as_bytes().last() {
            Some(b'k') => (&count[..count.len() - 1], 1e3),
            Some(b'M') => (&count[..count.len() - 1], 1e6),
            _ => (count, 1.0),
        };
        let number: f64 =
            digits.trim().replace('_', "").parse().map_err(|_| wrong("the count is no number"))?;
        let micro = number * factor * MICRO;
        if !(0.0..1e18).contains(&micro) {
            return Err(wrong("the count is negative or too large"));
        }
        Ok(Self { micro: micro.round() as u64, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.micro as f64 / MICRO;
        let (count, suffix) = match count {
            c if c >= 1e6 && self.micro.is_multiple_of(10_000_000_000) => (c / 1e6, "M"),
            c => (c, ""),
        };
        write!(f, "{count}{suffix}/{}", self.period.name())
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_million_a_day_is_kept_exactly() {
        let rate: Rate = "12M/day".parse().unwrap();
        assert_eq!(rate.per_day(), 12e6);
        assert_eq!(rate.to_string(), "12M/day");
    }

    #[test]
    fn rates_are_parsed_again_as_they_are_printed() {
        for text in ["200/s", "1.85M/day", "0.5/s", "40/min", "793650/day"] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate, "{text}");
        }
    }

    #[test]
    fn a_rate_without_a_period_or_count_is_refused() {
        for text in ["200", "/s", "200/fortnight", "-1/s", "NaN/s", "x/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
