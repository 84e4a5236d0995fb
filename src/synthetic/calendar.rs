//! Dates and times of day as bodies write them.

use super::json::digits;

const SECONDS_PER_DAY: i64 = 86_400;

/// A day of the Gregorian calendar: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i64);

impl Day {
    /// Parses `2022-01-05`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (year, month, day) = (number()?, number()?, number()?);
        let parsed = Self::new(year, month, day);
        let sound = (1..=12).contains(&month) && parsed.civil() == (year, month, day);
        sound.then_some(parsed)
    }

    /// The day of a date. Algorithm: Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    pub(super) const fn new(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// Year, month and day: the inverse, civil_from_days.
    pub(super) const fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (year + era * 400 + carry, month, day)
    }

    /// Appends `2022-01-05`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let (year, month, day) = self.civil();
        digits(out, year as u64, 4);
        out.push(b'-');
        digits(out, month as u64, 2);
        out.push(b'-');
        digits(out, day as u64, 2);
    }

    /// Appends `20220105`.
    pub(super) fn write_compact(self, out: &mut Vec<u8>) {
        let (year, month, day) = self.civil();
        for (value, width) in [(year, 4), (month, 2), (day, 2)] {
            digits(out, value as u64, width);
        }
    }
}

/// Appends an instant, in seconds after midnight of a day, as `2022-01-05T18:50:07+01:00`: French winter time.
pub(super) fn write_instant(out: &mut Vec<u8>, midnight: Day, seconds: i64) {
    Day(midnight.0 + seconds.div_euclid(SECONDS_PER_DAY)).write(out);
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u64;
    for (separator, value) in [(b'T', of_day / 3_600), (b':', of_day / 60 % 60), (b':', of_day % 60)] {
        out.push(separator);
        digits(out, value, 2);
    }
    out.extend_from_slice(b"+01:00");
}

/// Appends the same as HL7 writes it: `20220105185007+0100`.
pub(super) fn write_compact(out: &mut Vec<u8>, midnight: Day, seconds: i64) {
    Day(midnight.0 + seconds.div_euclid(SECONDS_PER_DAY)).write_compact(out);
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u64;
    for value in [of_day / 3_600, of_day / 60 % 60, of_day % 60] {
        digits(out, value, 2);
    }
    out.extend_from_slice(b"+0100");
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn days_are_those_of_the_calendar(days in -100_000..100_000_i64) {
            let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
            let date = epoch + chrono::TimeDelta::days(days);
            let civil = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            prop_assert_eq!(Day(days).civil(), civil);
            prop_assert_eq!(Day::new(civil.0, civil.1, civil.2), Day(days));
        }

        #[test]
        fn instants_are_written_as_rfc_3339_says(seconds in -200_000..200_000_i64) {
            let mut out = Vec::new();
            write_instant(&mut out, Day::new(2022, 1, 5), seconds);
            let text = String::from_utf8(out).unwrap();
            let parsed = chrono::DateTime::parse_from_rfc3339(&text).unwrap();
            // Midnight in Paris is 23:00 of the day before in UTC.
            prop_assert_eq!(parsed.timestamp(), 1_641_337_200 + seconds, "{}", text);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        assert_eq!(Day::parse("2022-01-05"), Some(Day(18_997)));
        for text in ["", "2022", "2022-02-30", "2022-13-01", "5 January", "2022-00-10"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
