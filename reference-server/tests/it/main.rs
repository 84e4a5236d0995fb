//! The reference server from outside: over HTTP, in this process or as the real program.

mod api;
mod certificates;
mod client;
mod connections;
mod fhir;
mod hl7;
mod levers;
mod outbox;
mod patients;
mod process;
mod server;
mod slots;
mod store_contract;
mod synthetic;
