//! The server under test as a child process: started, awaited, drained, and never left behind.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::cpus;

/// The longest time in which a server opens its store, loads what it is given, and says that it is ready.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(120);
/// The longest time that a server takes to stop after SIGTERM; then it is killed.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// What a server prints when it accepts requests, before its URL.
const READY: &str = "listening on ";

/// How to start a server: a program and what stands before `CONFIG --listen ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments; the last one takes the path of the configuration: `serve --server`.
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// The bundled server, by way of this very program (`peakday serve`).
    ///
    /// # Errors
    /// The system does not tell where this program is.
    pub fn this_program() -> io::Result<Self> {
        let arguments = vec!["serve".into(), "--server".into()];
        Ok(Self { program: std::env::current_exe()?, arguments })
    }

    /// The same with these arguments more.
    pub(super) fn with(mut self, more: Vec<OsString>) -> Self {
        let last = self.arguments.len().saturating_sub(1);
        self.arguments.splice(last..last, more);
        self
    }
}

/// What one server is started with.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) launch: Launch,
    /// Its configuration file.
    pub(super) config: PathBuf,
    /// The folder of its store.
    pub(super) data: PathBuf,
    /// Where it sends its messages, `http://host:port`.
    pub(super) gateway: Option<String>,
    /// What it loads before it listens.
    pub(super) preload: Option<PathBuf>,
    /// What it writes to standard error and, once it is ready, to standard output.
    pub(super) log: PathBuf,
    /// The cores it runs on; none: any.
    pub(super) cores: Vec<usize>,
    /// Where it listens; port 0: a free one.
    pub(super) listen: SocketAddr,
}

/// Why a server under test did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program could not be started.
    #[error("cannot start the server {}: {source}", program.display())]
    Spawn {
        /// Which program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("the server did not start ({status}); it said:\n{said}\n(all of it is in {})", log.display())]
    Ended {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// It did not say that it is ready.
    #[error("the server said nothing of being ready within {} s; its log is {}", READY_WITHIN.as_secs(), log.display())]
    Silent {
        /// Its log.
        log: PathBuf,
    },
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    url: String,
    command: Vec<String>,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, ends at once (a port in use, a configuration that it does not like), or stays silent.
    pub(super) async fn start(order: &Order) -> Result<Self, StartError> {
        let mut command = Command::new(&order.launch.program);
        command
            .args(&order.launch.arguments)
            .arg(&order.config)
            .args(["--listen", &order.listen.to_string()]);
        command.arg("--data").arg(&order.data).arg("--until-stdin-closes");
        if let Some(gateway) = &order.gateway {
            command.args(["--gateway", gateway]);
        }
        if let Some(preload) = &order.preload {
            command.arg("--preload").arg(preload);
        }
        let log = File::options().create(true).append(true).open(&order.log);
        let failed = |source| StartError::Spawn { program: order.launch.program.clone(), source };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.map_err(failed)?);
        // Ctrl-C goes to the whole group of the terminal; the server is to stop when the run says so.
        command.process_group(0);
        let line = std::iter::once(command.get_program()).chain(command.get_args());
        let line = line.map(|word| word.to_string_lossy().into_owned()).collect();
        let mut child = spawn_on(&order.cores, command).await.map_err(failed)?;
        let said = listen(child.stdout.take(), &order.log);
        let mut server = Self { child, url: String::new(), command: line };
        server.url = server.ready(&said, &order.log).await?;
        Ok(server)
    }

    async fn ready(&mut self, said: &mpsc::Receiver<String>, log: &Path) -> Result<String, StartError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(url) = said.try_recv() {
                return Ok(url);
            }
            if let Some(status) = self.exited() {
                let said = last_lines(log, 12);
                return Err(StartError::Ended { status: describe(status), said, log: log.to_owned() });
            }
            if Instant::now() > until {
                return Err(StartError::Silent { log: log.to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it listens, `http://127.0.0.1:PORT`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its command line.
    pub(super) fn command(&self) -> &[String] {
        &self.command
    }

    /// How it ended, if it has.
    pub(super) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Orders its faults: a line on its standard input, which nobody else can write to.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn order(&mut self, line: &str) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Kills it (SIGKILL), whatever it is doing, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets it finish what it has accepted, and waits until it has ended; kills it when that takes too long.
    pub(super) async fn stop(mut self) -> io::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let until = Instant::now() + STOPPED_WITHIN;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, or about to: there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended, in words: "exit status: 0", "signal: 9 (SIGKILL)".
pub(super) fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(_) => status.to_string(),
        None => format!("exit status: {}", status.code().unwrap_or_default()),
    }
}

/// A process inherits the cores of the thread that starts it, so that it never runs elsewhere, not even at its start.
pub(super) async fn spawn_on(cores: &[usize], mut command: Command) -> io::Result<Child> {
    let cores = cores.to_vec();
    let (tell, told) = oneshot::channel();
    let starter = std::thread::Builder::new().name("starter".to_owned());
    starter.spawn(move || {
        // Nobody waits for it any more where the run is over; its standard input closes, and it ends.
        let _ = tell.send(cpus::pin(&cores).and_then(|()| command.spawn()));
    })?;
    told.await.unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")))
}

/// Passes on the URL of the first line that says that the server is ready, and keeps what comes after it in the log.
fn listen(stdout: Option<ChildStdout>, log: &Path) -> mpsc::Receiver<String> {
    let (tell, said) = mpsc::channel();
    let log = log.to_owned();
    let heard = move || {
        let Some(stdout) = stdout else { return };
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        if let Some(url) = lines.by_ref().find_map(|line| Some(line.strip_prefix(READY)?.trim().to_owned())) {
            let _ = tell.send(url);
        }
        let Ok(mut log) = File::options().append(true).open(log) else {
            return;
        };
        lines.for_each(|line| drop(log.write_all(format!("{line}\n").as_bytes())));
    };
    // Without the thread nothing is heard, which ends the start with a word about it.
    let _ = std::thread::Builder::new().name("server output".to_owned()).spawn(heard);
    said
}

fn last_lines(log: &Path, count: usize) -> String {
    let mut text = String::new();
    let _ = File::open(log).and_then(|file| file.take(1 << 20).read_to_string(&mut text));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that runs this line as the server.
    fn order(dir: &Path, line: &str) -> Order {
        Order {
            launch: Launch { program: "/bin/sh".into(), arguments: vec!["-c".into(), line.into()] },
            config: "server.toml".into(),
            data: dir.join("data"),
            gateway: None,
            preload: None,
            log: dir.join("server.log"),
            cores: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    #[tokio::test]
    async fn a_server_is_ready_when_it_says_so_and_stops_when_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let line = "echo hello; echo listening on http://127.0.0.1:81; exec sleep 600";
        let server = Server::start(&order(dir.path(), line)).await.unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:81");
        assert_eq!(server.command()[..2], ["/bin/sh", "-c"]);
        let status = server.stop().await.unwrap();
        assert_eq!(describe(status), "signal: 15 (SIGTERM)");
    }

    #[tokio::test]
    async fn a_server_that_ends_at_once_is_an_error_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let failed = Server::start(&order(dir.path(), "echo cannot listen: port in use >&2; exit 2")).await;
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("exit status: 2") && error.contains("port in use"), "{error}");
        let missing = Launch { program: "/nonexistent".into(), arguments: Vec::new() };
        let order = Order { launch: missing, ..order(dir.path(), "") };
        let error = Server::start(&order).await.unwrap_err().to_string();
        assert!(error.contains("/nonexistent"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_nobody_holds_any_more_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let line = "echo listening on http://127.0.0.1:81; exec sleep 600";
        let server = Server::start(&order(dir.path(), line)).await.unwrap();
        let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
        drop(server);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}
