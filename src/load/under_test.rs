//! The system under test of one stage: a server that the tool starts, or one that runs already.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reference_server::config::Config;

use super::child::{Order, READY_WITHIN, Server, describe};
use super::clock::Clock;
use super::guard::Target;
use super::incidents::{Act, Doing, Faults};
use super::opener::Dial;
use super::ready::is_ready;
use super::recorder::Aside;
use super::request::{RunError, RunRequest, System, file};
use super::tls::Trust;
use crate::record::{Event, Severity, What};
use crate::scenario::Scenario;
use crate::units::{Offset, Span};

/// Where a server lays the certificate that it makes for TLS, in the folder of its store.
const CERTIFICATE: &str = "tls.pem";
/// How often it is seen whether the server still runs.
const LOOK: Span = Span::from_millis(100);
/// Pause between two questions whether instances are back.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A system that is up, as far as is known.
#[derive(Debug)]
pub(super) struct UnderTest {
    name: String,
    target: Target,
    server: Option<(Order, Server)>,
    /// The server's process, which is another one after a restart.
    process: Arc<AtomicU32>,
    /// The server's end was told to the record.
    told: bool,
    /// The faults that it was told.
    faults: Faults,
    /// How many instances the server is, and how many of them are to be away.
    instances: u32,
    away: u32,
    /// All of them were killed and are not back.
    killed: bool,
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
        let lasting = request
            .scenario
            .incidents
            .iter()
            .any(|incident| matches!(incident.kind, crate::scenario::IncidentKind::ServerKilled { .. }));
        let name = of.name().to_owned();
        let entry = match of {
            System::Running { target, .. } => {
                return Ok(Self::new(name, target.clone(), None));
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
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), if lasting { lasting_port() } else { 0 }),
        };
        let (server, target) = up(&name, &order).await?;
        Ok(Self { instances: instances(&entry.config), ..Self::new(name, target, Some((order, server))) })
    }

    fn new(name: String, target: Target, server: Option<(Order, Server)>) -> Self {
        let process = Arc::new(AtomicU32::new(server.as_ref().map_or(0, |(_, server)| server.pid())));
        Self {
            name,
            target,
            server,
            process,
            told: false,
            faults: Faults::default(),
            instances: 1,
            away: 0,
            killed: false,
        }
    }

    /// Where requests go.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The certificate that the server has made for TLS, where the tool has started one that speaks it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn certificate(&self) -> Result<Option<String>, RunError> {
        let started = self.server.as_ref().filter(|_| self.target.tls);
        let read = |(order, _): &(Order, Server)| {
            let path = order.data.join(CERTIFICATE);
            std::fs::read_to_string(&path).map_err(file(&path))
        };
        started.map(read).transpose()
    }

    /// The way to it. A server that the tool has started is trusted by the certificate that it has made; another
    /// one by the scenario's, or by what the system trusts.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub(super) fn dial(&self, scenario: &Scenario) -> Result<Dial, RunError> {
        let trust = match (&self.server, &scenario.ca) {
            (Some((order, _)), _) if self.target.tls => {
                let path = order.data.join(CERTIFICATE);
                Trust::These(std::fs::read_to_string(&path).map_err(file(&path))?)
            }
            (None, Some(ca)) => Trust::These(ca.clone()),
            _ => Trust::System,
        };
        Ok(Dial::to(&self.target, trust))
    }

    /// The server's process, which changes when it is started again, and its address; where the tool has started it.
    pub(super) fn process(&self) -> Option<(Arc<AtomicU32>, SocketAddr)> {
        self.server.as_ref().map(|_| (Arc::clone(&self.process), self.target.addresses[0]))
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

    /// Does what the incidents say, when they say it, and tells the record; tells it too when the server ends by itself.
    /// Never returns: to be dropped when the run is over.
    pub(super) async fn live(&mut self, clock: &Clock, to: &Aside, acts: Vec<Act>) -> Infallible {
        let mut acts = VecDeque::from(acts);
        loop {
            while acts.front().is_some_and(|act| act.at <= clock.now())
                && let Some(act) = acts.pop_front()
            {
                if let Some(next) = self.act(act, clock, to).await {
                    acts.push_front(next);
                    acts.make_contiguous().sort_by_key(|act| act.at);
                }
            }
            if !self.told && self.has_ended(clock, to) {
                self.told = true;
            }
            let look = clock.now() + LOOK;
            let next = acts.front().map_or(look, |act| act.at.min(look));
            tokio::time::sleep_until(clock.instant(next)).await;
        }
    }

    /// Does one thing, and says what is to be done because of it.
    async fn act(&mut self, Act { at, what, told }: Act, clock: &Clock, to: &Aside) -> Option<Act> {
        let tell = |at, (name, detail): (String, String)| {
            to.event(Event { at, what: What::Incident { name, detail } });
        };
        match what {
            Doing::Tell => tell(at, told),
            Doing::Faults(faults) => {
                self.faults = faults;
                self.order_faults(clock, to);
                tell(clock.now(), told);
            }
            Doing::Leave { away } => {
                self.away = away;
                if self.order_away(if self.killed { self.instances } else { away }, clock, to) {
                    tell(clock.now(), told);
                }
            }
            Doing::Kill { back_after } if self.instances > 1 => {
                let now = clock.now();
                self.killed = self.order_away(self.instances, clock, to);
                if self.killed {
                    tell(now, told);
                    return Some(Act { at: now + back_after, what: Doing::Start, told: back() });
                }
            }
            Doing::Start if self.instances > 1 => {
                self.killed = false;
                if !self.order_away(self.away, clock, to) {
                    return None;
                }
                if answers(self.target.addresses[0]).await {
                    tell(clock.now(), told);
                } else {
                    broken(clock, to, "no instance says that it is ready");
                }
            }
            Doing::Kill { back_after } => {
                let (_, server) = self.server.as_mut()?;
                let now = clock.now();
                let killed = server.kill().await;
                self.told = true;
                tell(now, told);
                let status = killed.map_or_else(|error| error.to_string(), describe);
                to.event(Event { at: clock.now(), what: What::ServerExited { status, wanted: true } });
                return Some(Act { at: now + back_after, what: Doing::Start, told: back() });
            }
            Doing::Start => match self.start_again(self.target.addresses[0], clock, to).await {
                Ok(()) => {
                    self.order_faults(clock, to);
                    tell(clock.now(), told);
                }
                Err(error) => broken(clock, to, &error.to_string()),
            },
        }
        None
    }

    /// Tells the server how many of its instances are to be away.
    fn order_away(&mut self, away: u32, clock: &Clock, to: &Aside) -> bool {
        let Some((_, server)) = &mut self.server else { return false };
        let told = server.order(&format!("{{\"away\":{away}}}"));
        if let Err(error) = &told {
            broken(clock, to, &format!("the instances could not be told: {error}"));
        }
        told.is_ok()
    }

    /// Tells the server its faults; one that is not there is told when it is back.
    fn order_faults(&mut self, clock: &Clock, to: &Aside) {
        let Some((_, server)) = &mut self.server else {
            return;
        };
        if server.exited().is_none()
            && let Err(error) = server.order(&self.faults.order())
        {
            broken(clock, to, &format!("the server could not be told its faults: {error}"));
        }
    }

    /// Ends the faults of the server: the audit is no part of what is played.
    pub(super) fn heal(&mut self, clock: &Clock, to: &Aside) {
        if self.faults != Faults::default() {
            self.faults = Faults::default();
            self.order_faults(clock, to);
        }
    }

    /// Starts the server on the store that it has, at this address.
    async fn start_again(&mut self, at: SocketAddr, clock: &Clock, to: &Aside) -> Result<(), RunError> {
        let Some((order, server)) = &mut self.server else {
            return Ok(());
        };
        // What was preloaded is in the store.
        order.preload = None;
        order.listen = at;
        (*server, self.target) = up(&self.name, order).await?;
        self.process.store(server.pid(), Ordering::Relaxed);
        self.told = false;
        self.tell(clock.now(), to);
        Ok(())
    }

    /// Starts the server once more, on the store that it has, if it has ended by itself: what it acknowledged must be
    /// there.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) async fn revive(&mut self, clock: &Clock, to: &Aside) -> Result<(), RunError> {
        let told = self.told;
        let Some((_, server)) = &mut self.server else {
            return Ok(());
        };
        let Some(status) = server.exited() else {
            return Ok(());
        };
        if !told {
            let what = What::ServerExited { status: describe(status), wanted: false };
            to.event(Event { at: clock.now(), what });
        }
        // Nobody goes on where it was: any free port will do, and a client may have taken that one.
        self.start_again(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), clock, to).await
    }

    /// Stops the server where the tool has started it, and removes its store unless it is to be kept.
    pub(super) async fn stop(self, clock: &Clock, to: &Aside, keep_data: bool) {
        let Some((order, mut server)) = self.server else {
            return;
        };
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
        let Some((_, server)) = &mut self.server else {
            return false;
        };
        let Some(status) = server.exited() else {
            return false;
        };
        let what = What::ServerExited { status: describe(status), wanted: false };
        to.event(Event { at: clock.now(), what });
        true
    }
}

/// Name and words of the event that tells that a server which was killed is back.
fn back() -> (String, String) {
    ("server back".to_owned(), "the server accepts requests again".to_owned())
}

/// How many instances a server of this configuration is; it has been read before.
fn instances(config: &str) -> u32 {
    let count = Config::parse(config).map_or(1, |config| config.instances.count);
    count.try_into().unwrap_or(u32::MAX)
}

/// Waits until somebody at this address is ready, for as long as a start may take.
async fn answers(address: SocketAddr) -> bool {
    let until = tokio::time::Instant::now() + READY_WITHIN;
    while tokio::time::Instant::now() < until {
        // A thread that panicked has no answer.
        if tokio::task::spawn_blocking(move || is_ready(address)).await.unwrap_or(false) {
            return true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    false
}

async fn up(name: &str, order: &Order) -> Result<(Server, Target), RunError> {
    let failed = |source| RunError::Server { name: name.to_owned(), source };
    let server = Server::start(order).await.map_err(failed)?;
    let target = Target::parse(server.url())
        .map_err(|error| RunError::Elsewhere { name: name.to_owned(), problem: error.to_string() })?;
    Ok((server, target))
}

/// An incident could not be played: what is measured is not what was planned.
fn broken(clock: &Clock, to: &Aside, error: &str) {
    let detail = format!("an incident could not be played: {error}");
    let (code, severity) = ("incident".to_owned(), Severity::Invalid);
    to.event(Event { at: clock.now(), what: What::Finding { code, detail, severity } });
}

/// A free port for a server that comes back to it. 0, any port, where there is none.
fn lasting_port() -> u16 {
    lasting_ports(1).first().copied().unwrap_or(0)
}

/// So many free ports below those that the system gives to clients, or as many as there are: of the others a client may take one
/// as its own while the server is away.
pub(super) fn lasting_ports(count: usize) -> Vec<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first: u16 = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    // Whoever looks meanwhile must not find the same ones free. So processes that are started one after the other begin far
    // apart: 5,063 is 8,192 by the golden section.
    let spread = (std::process::id() % 8_192 * 5_063 % 8_192) as u16;
    let below = (1_025..first.saturating_sub(spread)).rev().take(256);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    below.filter(is_free).take(count).collect()
}
