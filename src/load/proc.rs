//! What a process uses, read from `/proc` (proc(5)).

use std::fs;
use std::path::PathBuf;

/// Clock ticks of a second in `/proc`: `USER_HZ`, which is 100 on every Linux.
const TICKS: f64 = 100.0;
/// Bytes of a page as `/proc/PID/stat` counts resident memory.
const KILOBYTE: u64 = 1_024;

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    /// CPU seconds since it began, all threads, user and system.
    pub(super) cpu: f64,
    pub(super) rss_bytes: u64,
    pub(super) threads: u32,
    pub(super) fds: u32,
}

/// What a process uses; `None` when it is gone.
pub(super) fn usage(pid: u32) -> Option<Usage> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let status = fs::read_to_string(dir.join("status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    Some(Usage {
        cpu: cpu(&fs::read_to_string(dir.join("stat")).ok()?)?,
        // A process that has ended and is not yet waited for has no memory.
        rss_bytes: field("VmRSS").unwrap_or(0) * KILOBYTE,
        threads: u32::try_from(field("Threads")?).ok()?,
        fds: fs::read_dir(dir.join("fd")).map_or(0, |fds| u32::try_from(fds.count()).unwrap_or(u32::MAX)),
    })
}

/// The processes of the same program that a process has started, as the instances of a server are; in the order of their numbers.
pub(super) fn kin(pid: u32) -> Vec<u32> {
    let program = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = program(pid);
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children = lists.flat_map(|list| {
        list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
    });
    let mut kin: Vec<u32> = children.filter(|child| own.is_some() && program(*child) == own).collect();
    kin.sort_unstable();
    kin
}

/// The word behind this one on the command line of a process.
pub(super) fn word_after(pid: u32, flag: &str) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split(|byte| *byte == 0);
    words.find(|word| *word == flag.as_bytes())?;
    Some(String::from_utf8_lossy(words.next()?).into_owned())
}

/// CPU seconds of one thread of this process.
pub(super) fn thread_cpu(tid: i32) -> Option<f64> {
    cpu(&fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?)
}

/// CPU seconds that the host took from this machine (steal), since it started; 0 on a machine of its own.
pub(super) fn stolen() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let steal: u64 = stat.lines().next()?.split_whitespace().nth(8)?.parse().ok()?;
    Some(steal as f64 / TICKS)
}

/// Fields 14 and 15 of a `stat` line; the second field is a name that may hold anything, in parentheses.
fn cpu(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 100_000 && usage.threads >= 1 && usage.fds >= 3, "{usage:?}");
        assert!(usage.cpu < 3_600.0);
        assert!(thread_cpu(rustix::thread::gettid().as_raw_nonzero().get()).is_some());
        assert!(stolen().is_some());
    }

    #[test]
    fn a_name_with_parentheses_and_blanks_is_passed_over() {
        let line = "7 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu(line), Some(3.0));
    }

    #[test]
    fn a_process_that_is_gone_uses_nothing() {
        assert_eq!(usage(u32::MAX), None);
        assert_eq!((kin(u32::MAX), word_after(u32::MAX, "a")), (Vec::new(), None));
    }

    #[test]
    fn kin_are_children_of_the_same_program_and_say_what_they_were_started_with() {
        let line = "exec 3<&0; /bin/sh -c 'read -r line; :' sh --listen here <&3 & wait";
        let mut parent = std::process::Command::new("/bin/sh")
            .args(["-c", line])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let found = loop {
            let kin = kin(parent.id());
            if let [child] = kin[..]
                && let Some(word) = word_after(child, "--listen")
            {
                break word;
            }
            std::thread::yield_now();
        };
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert_eq!(found, "here");
    }
}
