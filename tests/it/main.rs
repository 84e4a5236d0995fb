//! The integration tests, one binary: each file is named after what it is about.

mod scenarios;
mod tidy;
