//! The `sidep-server` program.
fn main() {}
