//! What a record says: summary, series, validity and verdict, all pure functions of the record.

mod cohort;
mod estimates;
mod intervals;
mod lateness;
mod live;
mod observe;
mod processors;
mod quantile;
mod rolling;
mod shards;
mod summarize;
mod summary;
mod validity;
mod verdict;
mod windows;

pub use cohort::{Cohort, JourneySums, PopulationCohort, StepCohort};
pub use estimates::{Band, Estimated, Estimates, Mean, PopulationEstimates, Precision};
pub use intervals::quantile_interval;
pub use live::{LiveWindows, live_windows};
pub use quantile::{quantile, samples_needed};
pub use shards::{MergeError, Sum, merge, merge_server};
pub use summarize::summarize;
pub use summary::*;
pub use validity::{Context, lag_limit, never_ran, validity};
pub use verdict::{as_expected, judge, verdict};

#[cfg(test)]
mod tests;
