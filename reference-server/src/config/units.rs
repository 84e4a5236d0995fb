//! Durations, rates and sizes as they are written in a configuration: always with their unit.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// How many of something happen in a second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// A rate from its value per second; `None` unless it is finite and above zero.
    pub fn per_second(value: f64) -> Option<Rate> {
        (value.is_finite() && value > 0.0).then_some(Rate(value))
    }

    /// The value per second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Parses `360/s`, `20/min`, `5k/h`, `12M/day`.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let wrong =
            || format!("'{text}' is not a rate: write a number and its unit, as in \"360/s\" or \"12M/day\"");
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            "day" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number = number.trim();
        let (digits, factor) = match number.as_bytes().last() {
            Some(b'k') => (&number[..number.len() - 1], 1e3),
            Some(b'M') => (&number[..number.len() - 1], 1e6),
            _ => (number, 1.0),
        };
        let value: f64 = digits.trim().parse().map_err(|_| wrong())?;
        Rate::per_second(value * factor / seconds).ok_or_else(|| format!("'{text}': a rate is above zero"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses `250ms`, `30s`, `8h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| {
        format!(
            "'{text}' is not a duration ({error}): write a number and its unit, as in \"250ms\" or \"8h\""
        )
    })
}

/// Parses `512B`, `3kB`, `2MB` (decimal multiples) into bytes.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || {
        format!(
            "'{text}' is not a size: write a whole number and its unit, as in \"512B\", \"3kB\" or \"2MB\""
        )
    };
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        _ => return Err(wrong()),
    };
    digits.parse::<usize>().ok().and_then(|value| value.checked_mul(factor)).ok_or_else(wrong)
}

/// Writes a duration as it is read.
pub(super) fn duration_text<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*value))
}

/// The same, where there is one.
#[expect(clippy::ref_option, reason = "serde's serialize_with passes a reference")]
pub(super) fn optional_duration_text<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => duration_text(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes a size in bytes as it is read.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's serialize_with passes a reference")]
pub(super) fn size_text<S: Serializer>(value: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value}B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_in_every_unit() {
        for (text, value) in [("360/s", 360.0), ("60/min", 1.0), ("7.2k/h", 2.0), ("0.864M/day", 10.0)] {
            assert!((Rate::parse(text).unwrap().get() - value).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn a_number_without_its_unit_is_refused() {
        for text in ["", "5", "0/s", "-1/s", "5/y", "M/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        for text in ["", "5", "s", "5 parsecs"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "5", "kB", "5KB", "99999999999999999999B"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(parse_size("512B").unwrap(), 512);
        assert_eq!(parse_size("3kB").unwrap(), 3_000);
        assert_eq!(parse_size("2 MB").unwrap(), 2_000_000);
    }
}
