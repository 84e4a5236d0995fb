//! The access log: who did what with which record, and when. Nothing about anybody's health or name.
//!
//! One JSON object a line, a file a day below `access/` in the data folder, only ever appended to. A request only
//! adds its line to memory; a thread of its own writes what has gathered after 50 ms and has it on disk after
//! another second. So a kill may lose the lines of the last 50 ms, and a power cut those of the last second.

use std::fmt::{self, Display};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::moment::Moment;

const FOLDER: &str = "access";

/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// How long written lines may wait to be on disk.
const ON_DISK: Duration = Duration::from_secs(1);

/// Bytes that wait at most for a disk that takes none; what comes beyond is lost, and counted.
const MOST: usize = 16 << 20;

/// Who did it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'a> {
    /// The account of a token.
    Account(&'a str),
    /// Whoever has a record's link and its birth date.
    Patient,
    /// The server itself.
    Server,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    SignIn,
    Enter,
    Draft,
    Search,
    View,
    Print,
    Open,
    Result,
    Certificate,
    Statistics,
    Purge,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Operation::SignIn => "sign-in",
            Operation::Enter => "enter",
            Operation::Draft => "draft",
            Operation::Search => "search",
            Operation::View => "view",
            Operation::Print => "print",
            Operation::Open => "open",
            Operation::Result => "result",
            Operation::Certificate => "certificate",
            Operation::Statistics => "statistics",
            Operation::Purge => "purge",
        }
    }
}

/// The ids of records, as a JSON array: they have nothing in them that is to be escaped.
struct Records<'a>(&'a [i64]);

impl Display for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (place, id) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}\"{id:016x}\"")?;
        }
        f.write_str("]")
    }
}

/// Where lines go. Dropping it writes what is left.
#[derive(Debug)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    lines: AtomicU64,
    lost: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    stopping: bool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessLog {
    /// Opens the log in a data folder; its files are removed when they are older than `keep`.
    pub(crate) fn open(data: &Path, keep: Duration) -> io::Result<AccessLog> {
        let folder = data.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let mut writer = Writer { folder, keep, day: String::new(), file: None, broken: false };
        // A folder that cannot be written is found now, and not by the first access.
        writer.turn(Moment::now())?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || gather(&theirs, &mut writer))?;
        Ok(AccessLog { shared, thread: Some(thread) })
    }

    /// Records that `who` did something with these records.
    pub(crate) fn record(&self, who: Who<'_>, operation: Operation, records: &[i64]) {
        self.add(who, operation, "done", "records", Records(records));
    }

    /// Records that an account asked for somebody else's record, and did not get it.
    pub(crate) fn refused(&self, who: Who<'_>, operation: Operation, record: i64) {
        self.add(who, operation, "refused", "records", Records(&[record]));
    }

    /// Records something that is not about single records: what it is about.
    pub(crate) fn about(&self, who: Who<'_>, operation: Operation, what: serde_json::Value) {
        self.add(who, operation, "done", "about", what);
    }

    fn add(&self, who: Who<'_>, operation: Operation, outcome: &str, key: &str, what: impl Display) {
        let who = match who {
            Who::Account(account) => account,
            Who::Patient => "patient",
            Who::Server => "server",
        };
        let line = format!(
            "{{\"at\":\"{}\",\"who\":{},\"operation\":\"{}\",\"outcome\":\"{outcome}\",\"{key}\":{what}}}\n",
            Moment::now().rfc3339(),
            json!(who),
            operation.name()
        );
        let mut waiting = self.shared.waiting();
        if waiting.lines.len() + line.len() > MOST {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line.as_bytes());
        drop(waiting);
        self.shared.lines.fetch_add(1, Ordering::Relaxed);
        if first {
            self.shared.filled.notify_one();
        }
    }

    /// Lines recorded since the start.
    pub(crate) fn lines(&self) -> u64 {
        self.shared.lines.load(Ordering::Relaxed)
    }

    /// Lines lost, since the disk took none for too long.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Writes that failed; their lines were kept and written again.
    pub(crate) fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.shared.waiting().stopping = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes what gathers, until the log is dropped.
fn gather(shared: &Shared, writer: &mut Writer) {
    let (mut unwritten, mut written_at) = (Vec::new(), None::<Instant>);
    loop {
        let (lines, stopping) = next(shared, unwritten, written_at);
        unwritten = lines;
        if !unwritten.is_empty() {
            match writer.write(&unwritten, Moment::now()) {
                Ok(()) => {
                    unwritten.clear();
                    written_at.get_or_insert_with(Instant::now);
                }
                // Written again with the next ones.
                Err(_) => {
                    shared.failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        if stopping || written_at.is_some_and(|since| since.elapsed() >= ON_DISK) {
            writer.sync();
            written_at = None;
        }
        if stopping {
            return;
        }
    }
}

/// Waits for lines, for the time to have written ones on disk, or for the end; then lets lines gather. What could not be
/// written is returned again, and nothing is added to it: the rest waits in memory, within its bound.
fn next(shared: &Shared, unwritten: Vec<u8>, written_at: Option<Instant>) -> (Vec<u8>, bool) {
    let patience =
        written_at.map_or(Duration::from_secs(3_600), |since| ON_DISK.saturating_sub(since.elapsed()));
    let none = |waiting: &mut Waiting| waiting.lines.is_empty() && unwritten.is_empty() && !waiting.stopping;
    let waited = shared.filled.wait_timeout_while(shared.waiting(), patience, none);
    let (waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let stopping = waiting.stopping;
    drop(waiting);
    if !stopping {
        std::thread::sleep(GATHER);
    }
    let mut waiting = shared.waiting();
    let lines = if unwritten.is_empty() { std::mem::take(&mut waiting.lines) } else { unwritten };
    (lines, stopping)
}

/// The file of the day.
#[derive(Debug)]
struct Writer {
    folder: PathBuf,
    keep: Duration,
    day: String,
    file: Option<File>,
    /// A write failed, perhaps in the middle of a line.
    broken: bool,
}

impl Writer {
    fn write(&mut self, lines: &[u8], now: Moment) -> io::Result<()> {
        self.turn(now)?;
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        let written = if self.broken { file.write_all(b"\n") } else { Ok(()) };
        let written = written.and_then(|()| file.write_all(lines));
        self.broken = written.is_err();
        written
    }

    fn sync(&self) {
        if let Some(file) = &self.file {
            // A disk that fails is found by the next write.
            let _ = file.sync_data();
        }
    }

    /// Opens the file of the day, when it is not open yet, and removes those that are too old.
    fn turn(&mut self, now: Moment) -> io::Result<()> {
        let day = now.rfc3339()[..10].to_owned();
        if self.file.is_some() && self.day == day {
            return Ok(());
        }
        self.sync();
        let path = self.folder.join(format!("{day}.jsonl"));
        self.file = Some(File::options().append(true).create(true).mode(0o600).open(path)?);
        self.day = day;
        let oldest = now.before(self.keep).rfc3339()[..10].to_owned();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let name = file.file_name();
            let day = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            // Days compare as their texts do.
            if day.is_some_and(|day| day.len() == oldest.len() && *day < *oldest) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &Path) -> Vec<serde_json::Value> {
        let mut text = String::new();
        for file in fs::read_dir(folder.join(FOLDER)).unwrap() {
            text += &fs::read_to_string(file.unwrap().path()).unwrap();
        }
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_are_appended_over_restarts_and_say_who_did_what() {
        let folder = tempfile::tempdir().unwrap();
        let year = Duration::from_secs(365 * 86_400);
        let log = AccessLog::open(folder.path(), year).unwrap();
        log.record(Who::Account("89900000001"), Operation::View, &[7]);
        drop(log);
        let log = AccessLog::open(folder.path(), year).unwrap();
        log.refused(Who::Account("sw-1"), Operation::Print, 8);
        assert_eq!(log.lines(), 1);
        drop(log);
        let lines = lines(folder.path());
        let said = |line: &serde_json::Value| {
            ["who", "operation", "outcome"].map(|key| line[key].as_str().unwrap().to_owned())
        };
        assert_eq!(lines.len(), 2);
        assert_eq!(said(&lines[0]), ["89900000001", "view", "done"]);
        assert_eq!(lines[0]["records"], json!(["0000000000000007"]));
        assert_eq!(said(&lines[1]), ["sw-1", "print", "refused"]);
    }

    #[test]
    fn files_that_are_too_old_are_removed_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let access = folder.path().join(FOLDER);
        fs::create_dir(&access).unwrap();
        let now = Moment::from_millis(1_641_405_600_000);
        for name in ["2021-12-25.jsonl", "2021-12-26.jsonl", "2021-12-27.jsonl", "notes.txt"] {
            fs::write(access.join(name), "").unwrap();
        }
        let keep = Duration::from_secs(10 * 86_400);
        let mut writer =
            Writer { folder: access.clone(), keep, day: String::new(), file: None, broken: false };
        writer.write(b"{}\n", now).unwrap();
        let mut left: Vec<_> = fs::read_dir(&access)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        assert_eq!(left, ["2021-12-26.jsonl", "2021-12-27.jsonl", "2022-01-05.jsonl", "notes.txt"]);
    }
}
