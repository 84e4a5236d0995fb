//! A reference model of SI-DEP, the French national platform for Covid test results: intake of results, patients'
//! pages, certificates. It knows nothing of the toolkit that loads it.
//!
//! Synthetic data only: names are invented, and every number comes from a range that is set aside for tests.

mod acceptance;
mod access;
pub mod accounts;
mod app;
mod bearer;
mod birth;
mod body;
mod buckets;
mod caller;
mod certificate;
pub mod class;
pub mod cli;
mod codes;
pub mod config;
mod connections;
mod cookie;
pub mod dcc;
pub mod entry;
pub mod faults;
mod fhir;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod gateway;
mod hex;
mod hl7;
mod hold;
mod intake;
mod issuer;
pub mod kept;
mod keyring;
mod keys;
mod lanes;
mod language;
mod limit;
pub mod link;
mod log;
mod metrics;
pub mod moment;
mod operations;
mod outbox;
mod pages;
mod patient;
mod pool;
mod portal;
pub mod postgres;
mod preload;
mod problem;
mod receipt;
mod refusal;
mod requests;
mod results;
mod retention;
mod routes;
pub mod serve;
mod service;
mod session;
pub mod slots;
mod start;
mod statistics;
mod stop;
pub mod store;
mod timer;
mod tls;
mod token;
pub mod truth;
mod validate;
pub mod waiting_room;
mod words;

pub use self::certificate::{CACHED as CERTIFICATES_IN_MEMORY, Form, Maker};
use crate::class::Class;

/// The names of the classes of requests, in the order of [`Class::ALL`].
pub fn classes() -> impl Iterator<Item = &'static str> {
    Class::ALL.into_iter().map(Class::name)
}
