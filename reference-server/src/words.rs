//! Results, kinds of tests, dates and times in the words of a language.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike};

use crate::entry::{Outcome, TestKind};
use crate::language::Language;

const MONTHS: [(&str, &str); 12] = [
    ("janvier", "January"),
    ("février", "February"),
    ("mars", "March"),
    ("avril", "April"),
    ("mai", "May"),
    ("juin", "June"),
    ("juillet", "July"),
    ("août", "August"),
    ("septembre", "September"),
    ("octobre", "October"),
    ("novembre", "November"),
    ("décembre", "December"),
];

/// The kind of a test.
pub(crate) fn kind(language: Language, kind: TestKind) -> &'static str {
    match kind {
        TestKind::Antigen => language.choose("Test antigénique", "Rapid antigen test"),
        TestKind::Pcr => language.choose("Test RT-PCR", "RT-PCR test"),
    }
}

/// A result.
pub(crate) fn outcome(language: Language, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Negative => language.choose("négatif", "negative"),
        Outcome::Positive => language.choose("positif", "positive"),
        Outcome::Indeterminate => language.choose("indéterminé", "inconclusive"),
    }
}

/// `2022-01-05` as people write it; a text that is no date as it stands.
pub(crate) fn date(language: Language, text: &str) -> String {
    text.parse::<NaiveDate>().map_or_else(|_| text.to_owned(), |date| day(language, date))
}

/// A time of RFC 3339 as people write it, in the time zone it was written in.
pub(crate) fn time(language: Language, text: &str) -> String {
    let Ok(time) = DateTime::<FixedOffset>::parse_from_rfc3339(text) else { return text.to_owned() };
    let (day, hour, minute) = (day(language, time.date_naive()), time.hour(), time.minute());
    match language {
        Language::French => format!("{day} à {hour} h {minute:02}"),
        Language::English => format!("{day} at {hour}:{minute:02}"),
    }
}

fn day(language: Language, date: NaiveDate) -> String {
    let (french, english) =
        usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month).copied()).unwrap_or_default();
    let day = match (language, date.day()) {
        (Language::French, 1) => "1er".to_owned(),
        (_, day) => day.to_string(),
    };
    format!("{day} {} {}", language.choose(french, english), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_as_people_write_them() {
        assert_eq!(date(Language::French, "1985-05-14"), "14 mai 1985");
        assert_eq!(date(Language::French, "2022-02-01"), "1er février 2022");
        assert_eq!(date(Language::English, "2022-12-01"), "1 December 2022");
        assert_eq!(date(Language::English, "soon"), "soon");
        let evening = "2022-01-05T17:04:00+01:00";
        assert_eq!(time(Language::French, evening), "5 janvier 2022 à 17 h 04");
        assert_eq!(time(Language::English, evening), "5 January 2022 at 17:04");
    }
}
