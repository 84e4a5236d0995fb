//! A foreign program that does not outlive its owner, however that ends.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A shell that runs the program, sends it each signal that it reads the name of on standard input, and another one at its end: the
/// system closes it whatever kills the owner.
const KEEPER: &str = r#"
last=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ while read -r signal; do kill "-$signal" "$child"; done; kill "-$last" "$child"; } <&3 2>/dev/null &
wait "$child"; status=$?
kill "$!" 2>/dev/null
exit "$status"
"#;

/// A running program. Dropping it sends it its last signal and waits for its end.
#[derive(Debug)]
pub struct Kept {
    keeper: Child,
}

impl Kept {
    /// Starts a program that is ended by this signal, as in `TERM`; `set` sets its user and its outputs.
    ///
    /// # Errors
    /// The system starts no shell. Of a program that is not there, the shell says so on standard error and ends.
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
        last: &str,
        set: impl FnOnce(&mut Command),
    ) -> io::Result<Kept> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "keeper", last]).arg(program).args(arguments);
        // The folder that this process is in may be closed to another user.
        command.stdin(Stdio::piped()).current_dir("/");
        // Not of the group of the terminal: Ctrl-C is for the owner, who may have something to end first.
        command.process_group(0);
        set(&mut command);
        Ok(Kept { keeper: command.spawn()? })
    }

    /// Sends it this signal, as in `USR1`.
    pub fn signal(&mut self, name: &str) {
        if let Some(keeper) = &mut self.keeper.stdin {
            // It has ended before.
            let _ = writeln!(keeper, "{name}");
        }
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.keeper.try_wait().ok().flatten()
    }

    /// Sends it its last signal and waits for its end.
    pub fn stop(&mut self) {
        drop(self.keeper.stdin.take());
        // It has ended before, or does now.
        let _ = self.keeper.wait();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_sent_its_signals_and_its_end_is_seen() {
        let line =
            "trap 'echo told' USR1; trap 'echo ended; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let output = std::fs::File::create(&log).unwrap();
        let mut kept = Kept::start("/bin/sh", ["-c", line], "TERM", |command| {
            command.stdout(output);
        })
        .unwrap();
        while !said().contains("ready") {
            std::thread::yield_now();
        }
        assert_eq!(kept.exited(), None);
        kept.signal("USR1");
        while !said().contains("told") {
            std::thread::yield_now();
        }
        kept.stop();
        assert_eq!(
            (kept.exited().and_then(|status| status.code()), &*said()),
            (Some(7), "ready\ntold\nended\n")
        );
    }
}
