//! Points in time as the server keeps them: milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The wall clock's; before 1970 it is 0.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Moment {
        Moment(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This much later.
    pub fn after(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This much earlier.
    pub fn before(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// In RFC 3339, UTC, with milliseconds.
    pub fn rfc3339(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0)
            .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
            .unwrap_or_default()
    }

    /// How long ago `earlier` was; zero if it was not.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_forward_and_back() {
        let start = Moment::from_millis(1_500);
        let later = start.after(Duration::from_secs(2));
        assert_eq!(later.millis(), 3_500);
        assert_eq!(later.seconds(), 3);
        assert_eq!(later.since(start), Duration::from_secs(2));
        assert_eq!(start.since(later), Duration::ZERO);
        assert_eq!(later.before(Duration::from_secs(2)), start);
        assert_eq!(later.rfc3339(), "1970-01-01T00:00:03.500Z");
    }
}
