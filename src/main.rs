//! The `peakday` program: parses and dispatches.

use std::process::ExitCode;

fn main() -> ExitCode {
    peakday::cli::main()
}
