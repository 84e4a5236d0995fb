//! Times of day of the scenario's day.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{NANOS_PER_SEC, ParseError, Span};

const HINT: &str = "hours and minutes, as in \"17:30\" or \"17:30:15\"";
const DAY: u64 = 86_400 * NANOS_PER_SEC;

/// A time of day in scenario time: nanoseconds since midnight, from 00:00 to 24:00 inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeOfDay(u64);

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);
    /// 24:00, the end of the day.
    pub const END: Self = Self(DAY);

    /// The time of day `nanos` after midnight, or `None` past 24:00.
    pub const fn from_nanos(nanos: u64) -> Option<Self> {
        if nanos <= DAY { Some(Self(nanos)) } else { None }
    }

    /// Nanoseconds since midnight.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Hours since midnight.
    pub fn hours_f64(self) -> f64 {
        self.0 as f64 / (3_600 * NANOS_PER_SEC) as f64
    }

    /// The time from `earlier` to this time of day, zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl FromStr for TimeOfDay {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new(format!("{text:?} is not a time of day"), HINT);
        let mut parts = text.trim().split(':');
        let mut part = |most: u64| -> Result<Option<u64>, ParseError> {
            let Some(digits) = parts.next() else { return Ok(None) };
            if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            let value = digits.parse::<u64>().map_err(|_| wrong())?;
            if value > most { Err(wrong()) } else { Ok(Some(value)) }
        };
        let hours = part(24)?.ok_or_else(wrong)?;
        let minutes = part(59)?.ok_or_else(wrong)?;
        let seconds = part(59)?.unwrap_or(0);
        if parts.next().is_some() {
            return Err(wrong());
        }
        Self::from_nanos((hours * 3_600 + minutes * 60 + seconds) * NANOS_PER_SEC).ok_or_else(wrong)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / NANOS_PER_SEC;
        write!(f, "{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)?;
        if !seconds.is_multiple_of(60) {
            write!(f, ":{:02}", seconds % 60)?;
        }
        Ok(())
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_printed_as_they_are_written() {
        for text in ["00:00", "17:30", "18:50:15", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for text in ["", "17", "17:60", "24:01", "25:00", "17:30:15:00", "-1:00", "+1:00", "17h30"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
