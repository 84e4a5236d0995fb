//! The validated scenario: who comes when, what they do, against which servers, and what is promised.
//!
//! `file` mirrors the TOML text and finds every problem at once; everything here is already sound, so nothing
//! downstream checks again. Nothing in this module knows a clock, a socket or a file's place.

mod abort;
pub mod arrival;
pub mod curve;
#[cfg(test)]
pub(crate) mod example;
pub mod feeder;
pub mod file;
mod flow;
pub mod incident;
pub mod law;
pub mod model;
pub(crate) mod nearest;
pub mod network;
pub mod outcome;
pub mod presence;
mod quantile;
pub mod queueing;
pub mod server_model;
pub mod setting;
pub mod shard;
pub mod slo;
pub mod subject;
pub mod table;
pub mod template;
pub mod timeline;
pub mod work;

pub use abort::Abort;
pub use arrival::Arrival;
pub use curve::Curve;
pub use feeder::{Feeder, FeederOrder};
pub use incident::{Incident, IncidentKind, occurrences};
pub use law::Law;
pub use model::*;
pub use network::{ByteRate, Http, Network, Sources};
pub use outcome::Outcome;
pub use presence::Presence;
pub use server_model::ServerModel;
pub use setting::{Origin, Setting};
pub use shard::Shard;
pub use subject::Subject;
pub use table::Table;
pub use template::Template;
pub use timeline::Timeline;
pub use work::Work;
