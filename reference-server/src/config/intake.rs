//! Asynchronous intake (`[intake]`) and the cache of results (`[cache]`).

use std::time::Duration;

use serde::Serialize;

use super::Law;
use super::build::{count, law, positive};
use super::read::Reader;
use super::units::duration_text;

/// Asynchronous intake (`[intake]`): what is handed in is appended durably and answered 202 with its receipts; workers of
/// its own do the rest, and the hold laws of `validate`, `software` and `lab` are theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intake {
    /// Messages that are worked on at once. Default 16.
    pub workers: usize,
    /// Messages accepted and not worked off; one more is answered 503. Default 1,000,000.
    pub queue: usize,
    /// For how long the acceptance holds its slot at least; `None`: only for the append.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<Law>,
}

/// Results in memory, for patients who look again (`[cache]`). What leaves the server is private as ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// Most results in memory, of some 1 kB each. Default 16,384.
    pub results: usize,
    /// How long one is believed, as another instance may have erased it. Default 60 s.
    #[serde(serialize_with = "duration_text")]
    pub lifetime: Duration,
}

pub(super) fn intake(read: Reader<'_>) -> Intake {
    let intake = Intake {
        workers: count(&read, "workers", 1, 16),
        queue: count(&read, "queue", 1, 1_000_000),
        law: law(&read, "law"),
    };
    read.finish();
    intake
}

pub(super) fn cache(read: Reader<'_>) -> Cache {
    let cache = Cache {
        results: count(&read, "results", 1, 16_384),
        lifetime: positive(&read, "lifetime", Duration::from_secs(60)),
    };
    read.finish();
    cache
}
