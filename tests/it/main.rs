//! The integration tests, one binary: each file is named after what it is about.

mod browser;
mod cli;
mod fake_run;
mod goose_open;
mod hlog_python;
mod killed;
mod load_run;
mod load_server;
mod report_golden;
mod report_page;
mod scenarios;
mod shards;
mod sim_story;
mod sim_theory;
mod stories;
mod tidy;
