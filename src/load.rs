//! The load engine: a scenario played against a real system, on the wall clock.

mod attack;
mod audit;
mod child;
mod clock;
mod conduct;
mod connection;
mod cpus;
mod descriptors;
mod dispatch;
mod errors;
mod excerpt;
mod extract;
mod fault;
mod findings;
mod gateway;
mod guard;
mod interrupt;
mod judge;
mod lane;
mod later;
mod live;
mod machine;
mod pacer;
mod plan;
mod preload;
mod proc;
mod progress;
mod recorder;
mod render;
mod request;
mod run;
mod sampler;
mod stage;
#[cfg(test)]
mod tests;
mod trial;
mod under_test;
mod vars;

pub use child::{Launch, StartError};
pub use guard::{Refused, Target};
pub use plan::Unplayable;
pub use progress::{Listener, Phase, Progress};
pub use request::{About, RunError, RunOutcome, RunRequest, System};
pub use run::run;
pub use trial::{Exchange, Trial, try_one};
