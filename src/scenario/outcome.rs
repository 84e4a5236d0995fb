//! How a request ends.

use serde::{Deserialize, Serialize};

/// What became of an offered request; every request has exactly one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The step's success condition held; an expected refusal is a success.
    Ok,
    /// An answer that was no success, or none because the connection failed.
    Failed,
    /// The server refused the work: status 429 or 503.
    Shed,
    /// The client's patience ended before the answer.
    TimedOut,
    /// Still waiting in the generator at the end of the run.
    NotSent,
    /// Sent, and without an answer at the end of the run.
    InFlight,
}

impl Outcome {
    /// All outcomes, in the order of the record.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Failed, Self::Shed, Self::TimedOut, Self::NotSent, Self::InFlight];

    /// The word for it in files and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Shed => "shed",
            Self::TimedOut => "timed-out",
            Self::NotSent => "not-sent",
            Self::InFlight => "in-flight",
        }
    }
}
