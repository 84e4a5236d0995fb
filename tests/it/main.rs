//! The integration tests, one binary: each file is named after what it is about.

mod browser;
mod cli;
mod consent_tls;
mod fake_run;
mod formats_python;
mod generators;
mod goose_open;
mod hlog_python;
mod instances;
mod killed;
mod limits;
mod load_consent;
mod load_run;
mod load_server;
mod overload;
mod report_golden;
mod report_page;
mod scenarios;
mod server_run;
mod shards;
mod sim_and_run;
mod sim_kinds;
mod sim_levers;
mod sim_story;
mod sim_theory;
mod sim_threads;
#[expect(clippy::print_stdout, reason = "benches/stall.sh shows the figures")]
mod stall;
mod stories;
mod team;
mod tidy;
mod tool;
#[expect(clippy::print_stdout, reason = "benches/truth.sh shows the figures")]
mod truth;
