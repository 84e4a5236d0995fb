//! The system under test of one stage: a server that the tool starts, or one that runs already.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::{Order, Server, describe};
use super::clock::Clock;
use super::guard::Target;
use super::recorder::Aside;
use super::request::{RunError, RunRequest, System, file};
use crate::record::{Event, What};
use crate::units::Offset;

/// How often it is seen whether the server still runs.
const LOOK: Duration = Duration::from_millis(100);

/// A system that is up, as far as is known.
#[derive(Debug)]
pub(super) struct UnderTest {
    name: String,
    target: Target,
    server: Option<(Order, Server)>,
    /// The server's end was told to the record.
    told: bool,
}

impl UnderTest {
    /// Starts the server where the tool is to do that, on a fresh store in `DIR/data`.
    ///
    /// # Errors
    /// It does not come up, or its files cannot be written.
    pub(super) async fn start(
        request: &RunRequest,
        of: &System,
        cores: &[usize],
        dir: &Path,
        gateway: Option<String>,
        preload: Option<PathBuf>,
    ) -> Result<Self, RunError> {
        let name = of.name().to_owned();
        let entry = match of {
            System::Running { target, .. } => {
                return Ok(Self { name, target: target.clone(), server: None, told: false });
            }
            System::Started(entry) => entry,
        };
        let config = dir.join("server.toml");
        std::fs::write(&config, &entry.config).map_err(file(&config))?;
        let data = dir.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(file(&data))?;
        }
        let order = Order {
            launch: request.launch.clone(),
            config,
            data,
            gateway,
            preload,
            log: dir.join("server.log"),
            cores: cores.to_vec(),
        };
        let (server, target) = up(&name, &order).await?;
        Ok(Self { name, target, server: Some((order, server)), told: false })
    }

    /// Where requests go.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The server's process and address, where the tool has started it.
    pub(super) fn process(&self) -> Option<(u32, SocketAddr)> {
        self.server.as_ref().map(|(_, server)| (server.pid(), self.target.addresses[0]))
    }

    /// Tells the record that the server was started.
    pub(super) fn tell(&self, at: Offset, to: &Aside) {
        if let Some((_, server)) = &self.server {
            let what = What::ServerStarted {
                url: server.url().to_owned(),
                pid: Some(server.pid()),
                command: server.command().to_vec(),
            };
            to.event(Event { at, what });
        }
    }

    /// Tells the record when the server ends by itself. Never returns: to be dropped when the run is over.
    pub(super) async fn watch(&mut self, clock: &Clock, to: &Aside) -> Infallible {
        while self.server.is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            if !self.told && self.has_ended(clock, to) {
                self.told = true;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts the server once more, on the store that it has, if it has ended by itself: what it acknowledged must be
    /// there.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) async fn revive(&mut self, clock: &Clock, to: &Aside) -> Result<(), RunError> {
        let told = self.told;
        let Some((order, server)) = &mut self.server else { return Ok(()) };
        let Some(status) = server.exited() else { return Ok(()) };
        if !told {
            let what = What::ServerExited { status: describe(status), wanted: false };
            to.event(Event { at: clock.now(), what });
        }
        // What was preloaded is in the store.
        order.preload = None;
        (*server, self.target) = up(&self.name, order).await?;
        self.told = false;
        self.tell(clock.now(), to);
        Ok(())
    }

    /// Stops the server where the tool has started it, and removes its store unless it is to be kept.
    pub(super) async fn stop(self, clock: &Clock, to: &Aside, keep_data: bool) {
        let Some((order, mut server)) = self.server else { return };
        let already = server.exited();
        let status = match already {
            Some(status) => describe(status),
            None => server.stop().await.map_or_else(|error| error.to_string(), describe),
        };
        if !self.told {
            let what = What::ServerExited { status, wanted: already.is_none() };
            to.event(Event { at: clock.now(), what });
        }
        if !keep_data {
            // A folder that stays is no reason to lose a run.
            let _ = std::fs::remove_dir_all(&order.data);
        }
    }

    fn has_ended(&mut self, clock: &Clock, to: &Aside) -> bool {
        let Some((_, server)) = &mut self.server else { return false };
        let Some(status) = server.exited() else { return false };
        let what = What::ServerExited { status: describe(status), wanted: false };
        to.event(Event { at: clock.now(), what });
        true
    }
}

async fn up(name: &str, order: &Order) -> Result<(Server, Target), RunError> {
    let failed = |source| RunError::Server { name: name.to_owned(), source };
    let server = Server::start(order).await.map_err(failed)?;
    let target = Target::parse(server.url())
        .map_err(|error| RunError::Elsewhere { name: name.to_owned(), problem: error.to_string() })?;
    Ok((server, target))
}
