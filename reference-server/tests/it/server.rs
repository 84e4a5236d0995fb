//! Servers for tests: in this process, or the real program.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use reference_server::config::Config;
use reference_server::serve::{Options, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Client;

/// A server in this process, with a data folder of its own that outlives restarts.
pub(crate) struct InProcess {
    folder: TempDir,
    options: Options,
    pub(crate) address: SocketAddr,
    /// Where the listener of the lane `lab` listens, if it has one.
    pub(crate) lab_address: Option<SocketAddr>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl InProcess {
    pub(crate) async fn start(config: &str) -> InProcess {
        InProcess::start_with(config, |_| {}).await
    }

    /// Starts a server whose options are changed first.
    pub(crate) async fn start_with(config: &str, change: impl FnOnce(&mut Options)) -> InProcess {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options {
            config: Config::parse(config).unwrap(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: folder.path().join("data"),
            keys: None,
            database_url: None,
            gateway: None,
            preload: None,
            // The same after a restart on another port, so that tokens stay good.
            public_url: Some("http://sidep.test".to_owned()),
            until_stdin_closes: false,
            faults: Arc::default(),
        };
        change(&mut options);
        let address = options.listen;
        let mut server = InProcess { folder, options, address, lab_address: None, running: None };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let server = Server::start(self.options.clone()).await.unwrap();
        self.address = server.address();
        self.lab_address = server.lane_address("lab");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        self.running = Some((stop, task));
    }

    /// Stops the server as SIGTERM would.
    pub(crate) async fn stop(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            let _ = stop.send(());
            task.await.unwrap();
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Stops the server and starts it again with changed options.
    pub(crate) async fn restart_with(&mut self, change: impl FnOnce(&mut Options)) {
        self.stop().await;
        change(&mut self.options);
        self.run().await;
    }

    /// Orders a fault, as the process that started the server would.
    pub(crate) fn obey(&self, order: &[u8]) -> bool {
        self.options.faults.obey(order)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await.unwrap()
    }

    pub(crate) async fn signed_in(&self, account: &str) -> Client {
        Client::signed_in(self.address, account).await
    }

    /// The value of a metric without labels, or with exactly these.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = self.client().await.get("/metrics").await.expect(200).text();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name} in\n{page}")).parse().unwrap()
    }
}

/// The real program. It is killed when the test ends.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

/// The command of the real program with a data folder, listening on a free port.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidep-server"));
    command.args(["--listen", "127.0.0.1:0", "--public-url", "http://sidep.test", "--data"]).arg(data);
    command
}

impl Process {
    /// Starts the program and waits for its line.
    pub(crate) fn start(mut command: Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        let address = address.unwrap_or_else(|| panic!("it said '{line}'"));
        Process { child, address }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Kills it at once, as kill -9 does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file into a folder.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The bytes of every file below a folder.
pub(crate) fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path))
        } else {
            bytes.extend(std::fs::read(path).unwrap())
        }
    }
    bytes
}
