//! Runs in virtual time: the clock is paused, server and lanes are tasks of one runtime, connections are pipes within
//! the process. So every number is exact, and nothing takes any time.

mod answers;
mod auditing;
mod bench;
mod connections;
mod protocols;
mod stall;
