//! The integration tests, one binary: each file is named after what it is about.

mod hlog_python;
mod load_run;
mod scenarios;
mod stories;
mod tidy;
