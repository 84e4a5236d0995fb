//! The system under test of one stage: a server that the tool starts, or one that runs already.

use std::path::Path;

use super::child::{Order, Server, describe};
use super::clock::Clock;
use super::cpus::Placement;
use super::guard::Target;
use super::recorder::Aside;
use super::request::{RunError, RunRequest, System, file};
use crate::record::{Event, What};

/// A system that is up.
#[derive(Debug)]
pub(super) struct UnderTest {
    target: Target,
    server: Option<Server>,
}

impl UnderTest {
    /// Starts the server where the tool is to do that, on a fresh store in `DIR/data`.
    ///
    /// # Errors
    /// It does not come up, or its files cannot be written.
    pub(super) async fn start(
        request: &RunRequest,
        of: &System,
        placement: &Placement,
        dir: &Path,
    ) -> Result<Self, RunError> {
        let entry = match of {
            System::Running { target, .. } => return Ok(Self { target: target.clone(), server: None }),
            System::Started(entry) => entry,
        };
        let config = dir.join("server.toml");
        std::fs::write(&config, &entry.config).map_err(file(&config))?;
        let order = Order {
            launch: &request.launch,
            config,
            data: dir.join("data"),
            gateway: None,
            preload: None,
            log: dir.join("server.log"),
            cores: placement.server.clone(),
        };
        let server = Server::start(&order)
            .await
            .map_err(|source| RunError::Server { name: entry.name.clone(), source })?;
        let target = Target::parse(server.url()).map_err(|error| RunError::Lanes(error.to_string()))?;
        Ok(Self { target, server: Some(server) })
    }

    /// Where requests go.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The server's process and address, where the tool has started it.
    pub(super) fn process(&self) -> Option<(u32, std::net::SocketAddr)> {
        self.server.as_ref().map(|server| (server.pid(), self.target.addresses[0]))
    }

    /// Tells the record of it.
    pub(super) fn tell(&self, clock: &Clock, to: &Aside) {
        if let Some(server) = &self.server {
            let what = What::ServerStarted {
                url: server.url().to_owned(),
                pid: Some(server.pid()),
                command: server.command().to_vec(),
            };
            to.event(Event { at: clock.now(), what });
        }
    }

    /// Stops the server where the tool has started it.
    pub(super) async fn stop(self, clock: &Clock, to: &Aside) {
        let Some(mut server) = self.server else { return };
        let already = server.exited();
        let status = match already {
            Some(status) => describe(status),
            None => server.stop().await.map_or_else(|error| error.to_string(), describe),
        };
        let what = What::ServerExited { status, wanted: already.is_none() };
        to.event(Event { at: clock.now(), what });
    }
}
