//! The tool as a process: started with nothing of this process's settings, waited for, looked into.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The tool with these arguments, in the project's folder; no setting of the environment reaches it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peakday"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PEAKDAY_")) {
        command.env_remove(name);
    }
    command
}

/// Polls until there is a value; a bound of two minutes keeps a broken run from hanging the suite.
pub(crate) fn wait_for<T>(mut value: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing came in two minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes that a process has started and that run.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}
