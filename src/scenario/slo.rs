//! Promises as written: `p99(response_time{population=patient}) < 2s for all windows of 10s`.

/// A promise. Its text is what reports show; `stats` judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// As written in the scenario.
    pub text: String,
}
