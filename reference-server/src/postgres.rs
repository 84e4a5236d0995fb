//! A PostgreSQL of one's own: made and started from the installed programs, and ended with its owner, however that ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::getuid;
use tempfile::TempDir;

use crate::kept::Kept;

/// Where Debian has the programs of each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// It refuses to be root. In a user namespace (user_namespaces(7)) root has another number, and still its own files.
const NAMESPACE: [&str; 5] = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"];

/// Where there are none, this user is whom root has it run as; Debian's package makes it.
const USER: &str = "postgres";

/// The longest folder of a socket: with the name of the socket it must fit into the 107 bytes of an address (unix(7)).
const LONGEST_SOCKET: usize = 80;

/// The longest time of a start, recovery from a crash included.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server with a folder of its own, reached through a socket in the file system that only its user (and root) can use.
#[derive(Debug)]
pub struct OwnPostgres {
    programs: PathBuf,
    runs: Runs,
    folder: PathBuf,
    log: PathBuf,
    socket: PathBuf,
    /// Where the folder's own path is too long for a socket.
    _short: Option<TempDir>,
    settings: Vec<String>,
    /// It is thrown away in the end.
    passing: bool,
    kept: Kept,
}

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Its programs are not installed.
    #[error(
        "PostgreSQL is not installed (no {DEBIAN}/*/bin/postgres, none in PATH): install the Debian package postgresql, or give --database-url"
    )]
    Missing,
    /// It does not run as root, and there is nobody else.
    #[error(
        "PostgreSQL does not run as root, and there are no user namespaces and no user '{USER}': install the Debian package postgresql, or do not be root"
    )]
    NoUser,
    /// Its user cannot get at its folder.
    #[error("the user '{USER}' cannot enter {}: choose a folder that everybody may enter (chmod o+x)", .0.display())]
    Closed(PathBuf),
    /// A program of it failed.
    #[error("PostgreSQL in {} did not {what}: {said}", folder.display())]
    Failed {
        /// Its folder.
        folder: PathBuf,
        /// What it should have done.
        what: &'static str,
        /// The end of what it said.
        said: String,
    },
    /// The system refused something.
    #[error("cannot use {} for PostgreSQL: {source}", path.display())]
    File {
        /// What was used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OwnPostgres {
    /// Starts a server on the database in `folder`, which is made if it is missing; what it says is added to `folder`.log. Each
    /// setting is `name=value`.
    ///
    /// # Errors
    /// See [`PostgresError`].
    pub fn start(folder: &Path, settings: &[&str]) -> Result<OwnPostgres, PostgresError> {
        OwnPostgres::make(folder, settings, false)
    }

    /// The same for a database that is thrown away in the end: it is made without waiting for the disk, and ended without a last
    /// checkpoint. What is committed meanwhile is on disk as ever.
    ///
    /// # Errors
    /// See [`PostgresError`].
    pub fn passing(folder: &Path, settings: &[&str]) -> Result<OwnPostgres, PostgresError> {
        OwnPostgres::make(folder, settings, true)
    }

    fn make(folder: &Path, settings: &[&str], passing: bool) -> Result<OwnPostgres, PostgresError> {
        let programs = programs().ok_or(PostgresError::Missing)?;
        let runs = Runs::choose().ok_or(PostgresError::NoUser)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PostgresError::File { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let folder = fs::canonicalize(folder).map_err(failed(folder))?;
        if matches!(runs, Runs::As(..))
            && let Some(closed) = folder.ancestors().skip(1).find(|path| !open_to_all(path))
        {
            return Err(PostgresError::Closed(closed.to_owned()));
        }
        give(&folder, runs).map_err(failed(&folder))?;
        let (short, socket) = if folder.as_os_str().len() > LONGEST_SOCKET {
            let short = tempfile::Builder::new().prefix("postgres-").tempdir();
            let short = short.map_err(failed(&std::env::temp_dir()))?;
            give(short.path(), runs).map_err(failed(short.path()))?;
            let socket = short.path().to_owned();
            (Some(short), socket)
        } else {
            (None, folder.clone())
        };
        let log = folder.with_extension("log");
        if !folder.join("PG_VERSION").exists() {
            make(&programs, runs, &folder, passing)?;
        }
        // An owner that was killed has left it behind, and it is about to end.
        let until = Instant::now() + READY_WITHIN;
        while running(&folder) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect::<Vec<_>>();
        let kept = launch(&programs, runs, &folder, &socket, &settings, &log)?;
        let mut server =
            OwnPostgres { programs, runs, folder, log, socket, _short: short, settings, passing, kept };
        server.ready()?;
        Ok(server)
    }

    /// The URL of one of its databases; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?host={}&user=sidep", self.socket.display())
    }

    /// Stops it as an operator would: who is connected is disconnected, what is under way is undone.
    pub fn stop(&mut self) {
        self.kept.stop();
    }

    /// Ends it as a crash would; it recovers when it is started again.
    pub fn crash(&mut self) {
        self.kept.signal("QUIT");
        self.stop();
    }

    /// Starts it again after it was ended, under the same URL.
    ///
    /// # Errors
    /// See [`PostgresError`].
    pub fn start_again(&mut self) -> Result<(), PostgresError> {
        self.kept = launch(&self.programs, self.runs, &self.folder, &self.socket, &self.settings, &self.log)?;
        self.ready()
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        pid(&self.folder)
    }

    /// Waits until it says in its folder that it is ready, as `pg_ctl` does.
    fn ready(&mut self) -> Result<(), PostgresError> {
        let until = Instant::now() + READY_WITHIN;
        let state = self.folder.join("postmaster.pid");
        loop {
            let ended = self.kept.exited().is_some();
            if !ended && fs::read_to_string(&state).is_ok_and(|text| text.trim_end().ends_with("ready")) {
                return Ok(());
            }
            if ended || Instant::now() > until {
                let said = last_lines(&self.log);
                return Err(PostgresError::Failed { folder: self.folder.clone(), what: "start", said });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.passing {
            self.crash();
        } else {
            self.stop();
        }
    }
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> =
        versions.filter_map(|entry| Some((number(&entry.path())?, entry.path()))).collect();
    versions.sort_unstable();
    let debian = versions.into_iter().rev().map(|(_, path)| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = debian.chain(std::env::split_paths(&path).collect::<Vec<_>>());
    all.into_iter().find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
}

/// The ids of the user that it runs as instead of root, from the list of users (passwd(5)).
fn user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find_map(|line| line.strip_prefix(USER)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn open_to_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|folder| folder.mode() & 0o001 != 0)
}

/// Makes a folder its user's alone.
fn give(folder: &Path, runs: Runs) -> io::Result<()> {
    if let Runs::As(user, group) = runs {
        std::os::unix::fs::chown(folder, Some(user), Some(group))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn pid(folder: &Path) -> Option<u32> {
    let text = fs::read_to_string(folder.join("postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

/// Whether a server runs in this folder. What a killed one has left there it finds out and passes over by itself.
fn running(folder: &Path) -> bool {
    pid(folder).is_some_and(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "postgres"
    })
}

/// As whom it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// This process's user, who is not root.
    Here,
    /// Root by another number.
    InNamespace,
    /// Another user, with its group.
    As(u32, u32),
}

impl Runs {
    fn choose() -> Option<Runs> {
        if !getuid().is_root() {
            return Some(Runs::Here);
        }
        let [unshare, arguments @ ..] = NAMESPACE;
        let tried = Command::new(unshare).args(arguments).arg("true").stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(Runs::InNamespace);
        }
        user().map(|(user, group)| Runs::As(user, group))
    }

    /// A command line of this program, to be run with [`Runs::set`].
    fn line(
        self,
        program: PathBuf,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> (OsString, Vec<OsString>) {
        let program = OsString::from(program);
        match self {
            Runs::InNamespace => {
                let [unshare, before @ ..] = NAMESPACE;
                let before = before.into_iter().map(OsString::from).chain([program]);
                (unshare.into(), before.chain(arguments).collect())
            }
            Runs::Here | Runs::As(..) => (program, arguments.into_iter().collect()),
        }
    }

    fn set(self, command: &mut Command) {
        if let Runs::As(user, group) = self {
            command.uid(user).gid(group);
        }
    }
}

fn make(programs: &Path, runs: Runs, folder: &Path, passing: bool) -> Result<(), PostgresError> {
    let mut arguments: Vec<OsString> = vec!["--pgdata".into(), folder.into()];
    let usual = ["--username=sidep", "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-instructions"];
    arguments.extend(usual.map(OsString::from));
    if passing {
        arguments.push("--no-sync".into());
    }
    let (program, arguments) = runs.line(programs.join("initdb"), arguments);
    let mut command = Command::new(program);
    runs.set(&mut command);
    // The folder that this process is in may be closed to that user.
    command.args(arguments).current_dir("/").stdin(Stdio::null());
    let path = programs.join("initdb");
    let output = command.output().map_err(|source| PostgresError::File { path, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Err(PostgresError::Failed { folder: folder.to_owned(), what: "make its database", said })
}

fn launch(
    programs: &Path,
    runs: Runs,
    folder: &Path,
    socket: &Path,
    settings: &[String],
    log: &Path,
) -> Result<Kept, PostgresError> {
    let failed = |source| PostgresError::File { path: log.to_owned(), source };
    let output = File::options().create(true).append(true).open(log).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    let mut arguments: Vec<OsString> =
        vec!["-D".into(), folder.into(), "-c".into(), "listen_addresses=".into()];
    let socket = format!("unix_socket_directories={}", socket.display());
    for setting in [socket, "unix_socket_permissions=0700".to_owned()].iter().chain(settings) {
        arguments.extend(["-c".into(), setting.into()]);
    }
    // SIGINT is a fast shutdown.
    let (program, arguments) = runs.line(programs.join("postgres"), arguments);
    let kept = Kept::start(program, arguments, "INT", |command| {
        runs.set(command);
        command.stdout(output).stderr(errors);
    });
    kept.map_err(|source| PostgresError::File { path: "/bin/sh".into(), source })
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(6)..].join("\n")
}
