//! The log: one JSON object a line on standard error.
//!
//! What a client sent cannot get into it, by its types: a value is a number, a text that stands in this program, the
//! template of a route, or what the system or the store said of a failure.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::MatchedPath;
use serde_json::{Map, json};

use crate::config::Level;
use crate::moment::Moment;

/// A value of a line.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Number(u64),
    Duration(Duration),
    Text(&'static str),
    Request(RequestId),
    /// The template of a route, `/p/{link}`; `None`: no route is like that.
    Route(Option<MatchedPath>),
    /// What the system or the store said.
    Cause(String),
}

/// The log of a server.
#[derive(Debug)]
pub(crate) struct Log {
    level: Level,
    /// The first half of the ids of this process's requests.
    process: u32,
    requests: AtomicU32,
}

/// The id of a request, in the log and in the header `X-Request-Id` of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Log {
    pub(crate) fn new(level: Level) -> Log {
        let mut process = [0; 4];
        // Without randomness ids repeat after a restart, which harms nobody.
        let _ = aws_lc_rs::rand::fill(&mut process);
        Log { level, process: u32::from_be_bytes(process), requests: AtomicU32::new(0) }
    }

    /// An id that no other request of this process has (until it has had four billion).
    pub(crate) fn request(&self) -> RequestId {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        RequestId(u64::from(self.process) << 32 | u64::from(number))
    }

    /// Whether lines of this level are written.
    pub(crate) fn heeds(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes a line, if its level is one that is written.
    pub(crate) fn write(&self, level: Level, event: &'static str, values: &[(&'static str, Value)]) {
        if self.heeds(level) {
            let line = line(Moment::now(), level, event, values);
            // Nobody may be reading; that is no reason to stop serving.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }
}

fn line(now: Moment, level: Level, event: &'static str, values: &[(&'static str, Value)]) -> String {
    let mut map = Map::new();
    for (key, value) in values {
        let value = match value {
            Value::Number(number) => json!(number),
            Value::Duration(duration) => json!(duration.as_secs_f64()),
            Value::Text(text) => json!(text),
            Value::Request(id) => json!(id.to_string()),
            Value::Route(route) => json!(route.as_ref().map(MatchedPath::as_str)),
            Value::Cause(cause) => json!(cause),
        };
        map.insert((*key).to_owned(), value);
    }
    // `at`, `level` and `event` first, as people read them.
    let mut line =
        format!("{{\"at\":\"{}\",\"level\":\"{}\",\"event\":\"{event}\"", now.rfc3339(), level.name());
    for (key, value) in map {
        // Writing to a String does not fail.
        let _ = write!(line, ",\"{key}\":{value}");
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_whatever_the_cause_says() {
        let log = Log::new(Level::Info);
        let cause = Value::Cause("no space\nleft \"on\" device".to_owned());
        let values =
            [("cause", cause), ("request", Value::Request(log.request())), ("lines", Value::Number(3))];
        let line = line(Moment::from_millis(1_641_405_600_123), Level::Error, "not written", &values);
        assert_eq!(line.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["level"], &read["event"], &read["lines"]),
            (&json!("error"), &json!("not written"), &json!(3))
        );
        assert_eq!(read["at"], "2022-01-05T18:00:00.123Z");
        assert_eq!(read["request"].as_str().unwrap().len(), 16);
    }

    #[test]
    fn levels_below_the_one_asked_for_are_not_heeded_and_ids_do_not_repeat() {
        let log = Log::new(Level::Warn);
        assert!(log.heeds(Level::Error) && log.heeds(Level::Warn) && !log.heeds(Level::Info));
        assert_ne!(log.request(), log.request());
    }
}
