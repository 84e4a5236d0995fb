//! A reference model of SI-DEP, the French national platform for Covid test results: intake of results, patients'
//! pages, certificates. It knows nothing of the toolkit that loads it.
//!
//! Synthetic data only: names are invented, and every number comes from a range that is set aside for tests.

pub mod class;
pub mod cli;
pub mod config;
mod connections;
mod hex;
pub mod link;
pub mod moment;
mod problem;
mod routes;
pub mod serve;
mod stop;
pub mod store;

use crate::class::Class;

/// The names of the classes of requests, in the order of [`Class::ALL`].
pub fn classes() -> impl Iterator<Item = &'static str> {
    Class::ALL.into_iter().map(Class::name)
}
