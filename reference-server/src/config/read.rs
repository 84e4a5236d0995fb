//! Reads a TOML table key by key and keeps every problem it meets, so that all of them are reported at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::{Table, Value};

use super::units::{Rate, parse_duration, parse_size};
use crate::class::Class;
use crate::problem::Problem;

/// A table that is being read. A key that was asked for is known; every other one is a problem.
pub(super) struct Reader<'a> {
    path: String,
    table: Table,
    asked: RefCell<Vec<&'a str>>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(table: Table, problems: &'a RefCell<Vec<Problem>>) -> Self {
        Reader { path: String::new(), table, asked: RefCell::default(), problems }
    }

    /// The table under `key`.
    pub(super) fn section(&self, key: &'a str) -> Option<Reader<'a>> {
        match self.take(key)? {
            Value::Table(table) => {
                Some(Reader { path: self.at(key), table, asked: RefCell::default(), problems: self.problems })
            }
            other => self.reject(key, format!("is {}", kind(&other)), "write a table"),
        }
    }

    /// The tables under `key`, by their names.
    pub(super) fn sections(&self, key: &'a str) -> Vec<(String, Reader<'a>)> {
        let Some(Reader { path, table, problems, .. }) = self.section(key) else { return Vec::new() };
        let below = |(name, value): (String, Value)| match value {
            Value::Table(table) => {
                let path = format!("{path}.{name}");
                Some((name, Reader { path, table, asked: RefCell::default(), problems }))
            }
            other => self.reject(&format!("{key}.{name}"), format!("is {}", kind(&other)), "write a table"),
        };
        table.into_iter().filter_map(below).collect()
    }

    pub(super) fn text(&self, key: &'a str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => self.reject(key, format!("is {}", kind(&other)), "write a text in quotes"),
        }
    }

    pub(super) fn switch(&self, key: &'a str) -> Option<bool> {
        match self.take(key)? {
            Value::Boolean(value) => Some(value),
            other => self.reject(key, format!("is {}", kind(&other)), "write true or false, without quotes"),
        }
    }

    pub(super) fn whole(&self, key: &'a str, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match self.take(key)? {
            Value::Integer(value) => match u64::try_from(value).ok().filter(|value| range.contains(value)) {
                Some(value) => Some(value),
                None => self.reject(key, format!("is {value}"), &format!("write {expected}")),
            },
            other => self.reject(key, format!("is {}", kind(&other)), &format!("write {expected}")),
        }
    }

    pub(super) fn number(&self, key: &'a str, range: RangeInclusive<f64>) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a whole number in a configuration is far below 2^53")]
        let value = match self.take(key)? {
            Value::Float(value) => value,
            Value::Integer(value) => value as f64,
            other => return self.reject(key, format!("is {}", kind(&other)), "write a number"),
        };
        if range.contains(&value) {
            return Some(value);
        }
        self.reject(
            key,
            format!("is {value}"),
            &format!("write a number from {} to {}", range.start(), range.end()),
        )
    }

    pub(super) fn duration(&self, key: &'a str) -> Option<Duration> {
        self.parsed(key, parse_duration)
    }

    pub(super) fn size(&self, key: &'a str) -> Option<usize> {
        self.parsed(key, parse_size)
    }

    pub(super) fn rate(&self, key: &'a str) -> Option<Rate> {
        self.parsed(key, Rate::parse)
    }

    /// A list of whole numbers, none twice.
    pub(super) fn cpus(&self, key: &'a str) -> Option<Vec<usize>> {
        const HINT: &str = "write a list of core numbers, as in [0, 1]";
        let value = self.take(key)?;
        let Value::Array(items) = value else {
            return self.reject(key, format!("is {}", kind(&value)), HINT);
        };
        let mut cores = Vec::new();
        for item in items {
            match item.as_integer().and_then(|core| usize::try_from(core).ok()) {
                Some(core) if core < 4_096 && !cores.contains(&core) => cores.push(core),
                Some(core) => return self.reject(key, format!("has {core}"), "each core once, below 4096"),
                None => return self.reject(key, format!("has {item}"), HINT),
            }
        }
        Some(cores)
    }

    /// A list of classes.
    pub(super) fn classes(&self, key: &'a str) -> Option<BTreeSet<Class>> {
        const HINT: &str = "write a list of classes, as in [\"lab\"]";
        let value = self.take(key)?;
        let Value::Array(items) = value else {
            return self.reject(key, format!("is {}", kind(&value)), HINT);
        };
        if items.is_empty() {
            return self.reject(key, "is empty", HINT);
        }
        let mut classes = BTreeSet::new();
        for item in items {
            match item.as_str().map(str::parse) {
                Some(Ok(class)) => {
                    classes.insert(class);
                }
                Some(Err(problem)) => return self.reject(key, problem, ""),
                None => return self.reject(key, format!("has {item}"), HINT),
            }
        }
        Some(classes)
    }

    /// A socket address.
    pub(super) fn address(&self, key: &'a str) -> Option<SocketAddr> {
        self.parsed(key, |text| {
            text.parse().map_err(|_| {
                format!("'{text}' is not an address: write \"127.0.0.1:8081\", or port 0 for a free one")
            })
        })
    }

    /// Says that `key` is missing if it is.
    pub(super) fn required(&self, key: &str, hint: &str) {
        if !self.table.contains_key(key) {
            self.reject::<()>(key, "is missing", hint);
        }
    }

    /// Says of the name of this table if it is none.
    pub(super) fn name(&self, name: &str) {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_name) {
            self.reject_here("is no name", "use a-z, 0-9 and -");
        }
    }

    /// Every key of this table, asked for or not.
    pub(super) fn keys(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    /// Records that this table as a whole is wrong.
    pub(super) fn reject_here(&self, problem: &str, hint: &str) {
        let (path, problem, hint) = (self.path.clone(), problem.to_owned(), hint.to_owned());
        self.problems.borrow_mut().push(Problem { path, problem, hint });
    }

    /// Records that `key` is wrong.
    pub(super) fn reject<T>(&self, key: &str, problem: impl Into<String>, hint: &str) -> Option<T> {
        let (path, problem) = (self.at(key), problem.into());
        self.problems.borrow_mut().push(Problem { path, problem, hint: hint.to_owned() });
        None
    }

    /// Says of every key that nobody asked for that it is unknown.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(&key.as_str())) {
            let near = asked
                .iter()
                .min_by_key(|known| distance(known, key))
                .filter(|known| distance(known, key) <= 2);
            let hint = match near {
                Some(known) => format!("did you mean '{known}'?"),
                None => format!("known here: {}", asked.join(", ")),
            };
            self.reject::<()>(key, "unknown key", &hint);
        }
    }

    fn parsed<T>(&self, key: &'a str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(&self.text(key)?) {
            Ok(value) => Some(value),
            Err(problem) => self.reject(key, problem, ""),
        }
    }

    fn take(&self, key: &'a str) -> Option<Value> {
        self.asked.borrow_mut().push(key);
        self.table.get(key).cloned()
    }

    fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number without a unit",
        Value::Float(_) => "a number without a unit",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// Levenshtein's edit distance, for hints about misspelt keys.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_distance_counts_single_changes() {
        assert_eq!(distance("workers", "workers"), 0);
        assert_eq!(distance("wokers", "workers"), 1);
        assert_eq!(distance("queue", "quuee"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
