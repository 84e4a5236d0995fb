//! The `peakday` program: parses and dispatches.

use std::process::ExitCode;

/// For the server that it contains; see `reference-server/src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    peakday::cli::main()
}
