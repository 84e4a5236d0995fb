//! The reference server from outside: over HTTP, in this process or as the real program.

mod api;
mod certificates;
mod client;
mod connections;
mod disk_full;
mod fhir;
mod hl7;
mod kills;
mod levers;
mod outbox;
mod patients;
mod postgres;
mod process;
mod server;
mod slots;
mod store_contract;
mod store_instances;
mod synthetic;
