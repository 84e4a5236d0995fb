//! The Python of the tests: readers that share no code with us.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python that has the packages: what `tests/run.sh` says, what it has put under `target/`, or the system's.
pub(crate) fn python() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-python/bin/python");
    match std::env::var_os("PEAKDAY_TEST_PYTHON") {
        Some(python) => python.into(),
        None if installed.exists() => installed,
        None => "python3".into(),
    }
}

/// A script or a file below `tests/python/`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python").join(name)
}

/// The command of a script.
pub(crate) fn run(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(script(name));
    command
}
