//! Single values of the file: numbers, texts with a form of their own, words of a few.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Value;

use super::key::{Found, Read, Wrong, leaf};
use crate::scenario::{ByteRate, Law, Sources, Template};
use crate::units::{ParseError, Rate, Span, TimeOfDay};

/// A name: `[a-z0-9-]+`.
#[derive(Debug, Clone)]
pub(super) struct Name(pub(super) String);

/// Status codes: inclusive ranges, `"200-299,403"`.
#[derive(Debug, Clone)]
pub(super) struct StatusRanges(pub(super) Vec<(u16, u16)>);

/// A stretch of the day: `"18:50-20:05"`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window(pub(super) TimeOfDay, pub(super) TimeOfDay);

/// A law written as a text: `"100ms"`, or `"20s..30s"` for the uniform one.
#[derive(Debug, Clone)]
pub(super) struct LawText(pub(super) Law);

/// A date: `"2022-01-05"`.
#[derive(Debug, Clone)]
pub(super) struct Date(pub(super) String);

/// A text with a form of its own.
trait Form: Sized {
    const NAME: &'static str;
    /// Regular expression for the schema; what it lets through is still checked. Empty: any text.
    const PATTERN: &'static str;
    const EXAMPLE: &'static str;

    fn parse(text: &str) -> Result<Self, Wrong>;
}

fn read_form<T: Form>(value: &Value) -> Result<Found<T>, Wrong> {
    let read = match value {
        Value::String(text) => T::parse(text),
        Value::Integer(_) | Value::Float(_) if T::EXAMPLE.starts_with(|c: char| c.is_ascii_digit()) => {
            Err(Wrong::new(format!("{value} has no unit"), format!("write a text as in {:?}", T::EXAMPLE)))
        }
        other => Err(Wrong::kind(other, format!("write a text as in {:?}", T::EXAMPLE))),
    };
    leaf(value, read)
}

macro_rules! forms {
    ($($form:ty),*) => {$(
        impl Read for $form {
            fn read(value: Value) -> Result<Found<Self>, Wrong> {
                read_form(&value)
            }
        }

        impl JsonSchema for $form {
            fn schema_name() -> Cow<'static, str> {
                <$form as Form>::NAME.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!({ "type": "string", "examples": [<$form as Form>::EXAMPLE] });
                if !<$form as Form>::PATTERN.is_empty() {
                    schema.insert("pattern".to_owned(), <$form as Form>::PATTERN.into());
                }
                schema
            }
        }
    )*};
}

forms!(Span, Rate, TimeOfDay, Window, LawText, Date, Name, StatusRanges, Template, Sources, ByteRate);

fn form_of_units(error: ParseError) -> Wrong {
    Wrong::new(error.problem, format!("write {}", error.hint))
}

impl Form for Span {
    const NAME: &'static str = "Duration";
    const PATTERN: &'static str = r"^([0-9.]+ ?[a-zA-Zµ]+ ?)+$";
    const EXAMPLE: &'static str = "30s";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(form_of_units)
    }
}

impl Form for Rate {
    const NAME: &'static str = "Rate";
    const PATTERN: &'static str = r"^[0-9._]+ ?[kM]? ?/ ?(s|sec|second|min|minute|h|hour|d|day)$";
    const EXAMPLE: &'static str = "200/s";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(form_of_units)
    }
}

impl Form for TimeOfDay {
    const NAME: &'static str = "TimeOfDay";
    const PATTERN: &'static str = r"^[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2})?$";
    const EXAMPLE: &'static str = "17:30";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(form_of_units)
    }
}

impl Form for Window {
    const NAME: &'static str = "Window";
    const PATTERN: &'static str = r"^[0-9:]+ ?- ?[0-9:]+$";
    const EXAMPLE: &'static str = "18:50-20:05";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let hint = "write two times of day, as in \"18:50-20:05\"";
        let (from, to) = text
            .split_once('-')
            .ok_or_else(|| Wrong::new(format!("{text:?} is no stretch of the day"), hint))?;
        let (from, to) = (TimeOfDay::parse(from)?, TimeOfDay::parse(to)?);
        if from < to {
            Ok(Self(from, to))
        } else {
            Err(Wrong::new(format!("{text:?} ends before it begins"), hint))
        }
    }
}

impl Form for LawText {
    const NAME: &'static str = "LawText";
    const PATTERN: &'static str = r"^([0-9.]+ ?[a-zA-Zµ]+ ?)+(\.\. ?([0-9.]+ ?[a-zA-Zµ]+ ?)+)?$";
    const EXAMPLE: &'static str = "20s..30s";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some((from, to)) = text.split_once("..") else {
            return Span::parse(text).map(|span| Self(Law::Constant(span)));
        };
        let (from, to) = (Span::parse(from)?, Span::parse(to)?);
        match from.cmp(&to) {
            std::cmp::Ordering::Less => Ok(Self(Law::Uniform(from, to))),
            std::cmp::Ordering::Equal => Ok(Self(Law::Constant(from))),
            std::cmp::Ordering::Greater => {
                Err(Wrong::new(format!("{text:?} ends before it begins"), "write the shorter time first"))
            }
        }
    }
}

impl Form for Date {
    const NAME: &'static str = "Date";
    const PATTERN: &'static str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
    const EXAMPLE: &'static str = "2022-01-05";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let date = text.parse::<chrono::NaiveDate>().ok();
        // The printed form and no other: `2022-1-5` would make other synthetic data of the same day.
        match date.map(|date| date.to_string()) {
            Some(printed) if printed == text => Ok(Self(printed)),
            _ => Err(Wrong::new(
                format!("{text:?} is no date"),
                "write year, month and day, as in \"2022-01-05\"",
            )),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Form for Name {
    const NAME: &'static str = "Name";
    const PATTERN: &'static str = "^[a-z0-9-]+$";
    const EXAMPLE: &'static str = "birth-date";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Wrong::new(format!("{text:?} is no name"), "names are of a-z, 0-9 and \"-\""))
        }
    }
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Form for StatusRanges {
    const NAME: &'static str = "StatusRanges";
    const PATTERN: &'static str =
        "^[1-5][0-9]{2}( ?- ?[1-5][0-9]{2})?( ?, ?[1-5][0-9]{2}( ?- ?[1-5][0-9]{2})?)*$";
    const EXAMPLE: &'static str = "200-299";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = || {
            let problem = format!("{text:?} are no status codes");
            Wrong::new(problem, "write codes from 100 to 599 or ranges of them, as in \"200-299,403\"")
        };
        let code = |text: &str| text.trim().parse().ok().filter(|code| (100..600).contains(code));
        let range = |text: &str| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let range = (code(from)?, code(to)?);
            (range.0 <= range.1).then_some(range)
        };
        text.split(',').map(range).collect::<Option<_>>().map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for StatusRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match from == to {
                true => write!(f, "{comma}{from}")?,
                false => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

impl Form for Template {
    const NAME: &'static str = "Template";
    const PATTERN: &'static str = "";
    const EXAMPLE: &'static str = "/p/${link}";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Template::parse(text).map_err(|error| {
            Wrong::new(error.to_string(), "write ${name}, and $${ where a \"${\" itself is meant")
        })
    }
}

impl Form for Sources {
    const NAME: &'static str = "Sources";
    const PATTERN: &'static str = r"^127(\.[0-9]{1,3}){3}/[0-9]{1,2}$";
    const EXAMPLE: &'static str = "127.1.0.0/16";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).ok_or_else(|| {
            let hint =
                "write the first address of a range within 127.0.0.0/8 and its bits, as in \"127.1.0.0/16\"";
            Wrong::new(format!("{text:?} is no range of loopback addresses"), hint)
        })
    }
}

impl Form for ByteRate {
    const NAME: &'static str = "ByteRate";
    const PATTERN: &'static str = "^[0-9]+ ?(B|kB|MB)/s$";
    const EXAMPLE: &'static str = "200B/s";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).ok_or_else(|| {
            Wrong::new(format!("{text:?} is no rate of bytes"), "write B/s, kB/s or MB/s, as in \"200B/s\"")
        })
    }
}

impl Read for String {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let read = match &value {
            Value::String(text) => Ok(text.clone()),
            other => Err(Wrong::kind(other, "write a text in quotes")),
        };
        leaf(&value, read)
    }
}

impl Read for bool {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let read = value.as_bool().ok_or_else(|| Wrong::kind(&value, "write true or false, without quotes"));
        leaf(&value, read)
    }
}

impl Read for f64 {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let read = match &value {
            Value::Integer(number) => Ok(*number as f64),
            Value::Float(number) if number.is_finite() => Ok(*number),
            Value::Float(number) => {
                Err(Wrong::new(format!("{number} is no number"), "write a finite number"))
            }
            other => Err(Wrong::kind(other, "write a number, without quotes")),
        };
        leaf(&value, read)
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Read for $number {
            fn read(value: Value) -> Result<Found<Self>, Wrong> {
                let hint = || format!("write a whole number from 0 to {}, without quotes", <$number>::MAX);
                let read = match &value {
                    Value::Integer(number) => Self::try_from(*number)
                        .map_err(|_| Wrong::new(format!("{number} is out of range"), hint())),
                    Value::Float(number) => Err(Wrong::new(format!("{number} is no whole number"), hint())),
                    other => Err(Wrong::kind(other, hint())),
                };
                leaf(&value, read)
            }
        }
    )*};
}

whole_numbers!(u16, u32, u64);

/// One word of a few.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word<T>(pub(super) T);

/// The words that a [`Word`] can be, each with what it means.
pub(super) trait Words: Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Words> Read for Word<T> {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let words: Vec<String> = T::WORDS.iter().map(|(word, _)| format!("{word:?}")).collect();
        let hint = format!("write {}", words.join(" or "));
        let read = match &value {
            Value::String(text) => T::WORDS
                .iter()
                .find_map(|(word, meaning)| (word == text).then_some(Self(*meaning)))
                .ok_or_else(|| Wrong::new(format!("{text:?} is not among the words for this"), hint)),
            other => Err(Wrong::kind(other, hint)),
        };
        leaf(&value, read)
    }
}

impl<T: Words> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WORDS.iter().find(|(_, meaning)| *meaning == self.0).map_or("", |(word, _)| word))
    }
}

impl<T: Words> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("_or_").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
    }
}
