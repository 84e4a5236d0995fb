//! The `peakday` program.
fn main() {}
