//! The reference server from outside: over HTTP, in this process or as the real program.

mod acceptance;
mod api;
mod browser;
mod certificates;
mod client;
mod connections;
#[expect(clippy::print_stdout, reason = "how much memory connections take is a figure worth seeing")]
mod crowd;
mod disk_full;
mod fhir;
mod hl7;
mod hostile;
mod interface;
mod kills;
mod levers;
mod operations;
mod outbox;
mod patients;
mod portal;
mod postgres;
mod privacy;
mod process;
mod purge;
mod python;
mod server;
mod sign_in;
mod slots;
mod store_contract;
mod store_instances;
mod synthetic;
mod waiting_room;
