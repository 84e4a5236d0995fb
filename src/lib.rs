//! Peakday: load testing and capacity simulation for peak days.
//!
//! One scenario file, one client behaviour, two engines, one record:
//!
//! ```text
//! scenarios/*.toml ─► Scenario ─► arrivals (seeded, no clock) + Journey (what a client does next; pure)
//!                                    │                               │
//!                    load::run  wall clock, goose            sim::run  virtual time
//!                                    └───────────────┬───────────────┘
//!                                                 record        interval histograms, counters, events
//!                                                    │
//!                           stats: summary, validity, verdict ─► report
//! ```
//!
//! A module imports only from lower layers: `units`, `rng` < `scenario` < `arrivals` | `journey` | `synthetic` |
//! `record` < `stats` < `load` | `sim` < `report` < `cli`. ARCHITECTURE.md has the map; a test keeps the layers.

pub mod arrivals;
pub mod cli;
pub mod journey;
pub mod load;
pub mod record;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod sim;
pub mod stats;
pub mod synthetic;
pub mod units;
