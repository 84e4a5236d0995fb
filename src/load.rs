//! The load engine: a scenario played against a real system, on the wall clock.

mod attack;
mod clock;
mod connection;
mod cpus;
mod descriptors;
mod extract;
mod fault;
mod guard;
mod interrupt;
mod pacer;
