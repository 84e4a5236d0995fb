//! Several instances of the bundled server behind one address: a PostgreSQL that they share, HAProxy, a process for each.
//!
//! The process that starts them is the server as everybody else sees it: it says where they are reached, takes orders on standard
//! input, and ends with all of them. However it ends, none of them stays.

mod balancer;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reference_server::config::{Backend, Config};
use reference_server::postgres::{OwnPostgres, PostgresError};
use serde::Deserialize;
use tokio::time::Instant;

use self::balancer::Balancer;
use super::child::{Launch, Order, Server, StartError};
use super::under_test::lasting_port;

/// The longest time in which a balancer ends whose owner was killed.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(1);

/// What several instances are started with.
#[derive(Debug)]
pub struct InstancesOrder {
    /// The program that is one of them when it is told `--instance`.
    pub launch: Launch,
    /// Their configuration file.
    pub file: PathBuf,
    /// The same, read.
    pub config: Config,
    /// Where they are reached; port 0: a free one.
    pub listen: SocketAddr,
    /// A folder for all that they keep, created if it is missing.
    pub data: PathBuf,
    /// The folder of their keys; `None`: in that one.
    pub keys: Option<PathBuf>,
    /// Their database, whatever the configuration says.
    pub database_url: Option<String>,
    /// Where they send messages.
    pub gateway: Option<String>,
    /// What one of them loads before any listens.
    pub preload: Option<PathBuf>,
    /// The URL under which they are reached; `None`: `http://` and the address.
    pub public_url: Option<String>,
}

/// Why there are no instances.
#[derive(Debug, thiserror::Error)]
pub enum InstancesError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another --listen address, or port 0 for a free one"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}: {source}; choose another one with --data", path.display())]
    Data {
        /// The folder that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no database for them.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// One of them did not start.
    #[error(transparent)]
    Instance(#[from] StartError),
    /// There is nobody to share the requests out.
    #[error("{0}")]
    Balancer(String),
}

/// What the parent orders: how many instances are away. Everything else is an order for each of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Away {
    away: usize,
}

/// Running instances, and what they run on.
#[derive(Debug)]
pub struct Instances {
    // In the order in which they are dropped.
    balancer: Balancer,
    instances: Vec<(Order, Option<Server>)>,
    /// The last order for each, for one that comes back.
    faults: Option<String>,
    address: SocketAddr,
    _postgres: Option<OwnPostgres>,
}

impl Instances {
    /// Starts the database, the instances one after the other, and the balancer.
    ///
    /// # Errors
    /// See [`InstancesError`]; what was started by then is ended.
    pub async fn start(order: InstancesOrder) -> Result<Instances, InstancesError> {
        let InstancesOrder { launch, file, config, listen, data, keys, database_url, gateway, .. } = order;
        let not_listening = |source| InstancesError::Listen { address: listen, source };
        let door = door(listen).await.map_err(not_listening)?;
        let address = door.local_addr().map_err(not_listening)?;
        let program = Balancer::program().map_err(InstancesError::Balancer)?;
        std::fs::create_dir_all(&data)
            .map_err(|source| InstancesError::Data { path: data.clone(), source })?;
        let mut arguments = launch.arguments.clone();
        let config_flag = arguments.pop();
        let own = database_url.is_none() && config.store.url.is_none();
        let postgres = if own && config.store.backend == Backend::Postgres {
            Some(OwnPostgres::start(&data.join("postgres"), SETTINGS)?)
        } else {
            None
        };
        if let Some(url) = postgres.as_ref().map(|own| own.url("postgres")).or(database_url) {
            arguments.extend(["--database-url".into(), url.into()]);
        }
        let keys = keys.unwrap_or_else(|| data.join("keys"));
        arguments.extend(["--keys".into(), keys.into(), "--instance".into(), "--public-url".into()]);
        arguments.push(order.public_url.unwrap_or_else(|| format!("http://{address}")).into());
        arguments.extend(config_flag);
        let launch = Launch { program: launch.program, arguments };
        let mut preload = order.preload;
        let mut instances = Vec::new();
        for number in 1..=config.instances.count {
            let mut order = Order {
                launch: launch.clone(),
                config: file.clone(),
                data: data.join(format!("instance-{number}")),
                gateway: gateway.clone(),
                // One is enough: they share what it loads.
                preload: preload.take(),
                log: data.join(format!("instance-{number}.log")),
                // Those of this process, which whoever started it has chosen.
                cores: Vec::new(),
                listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), lasting_port()),
            };
            let server = Server::start(&order).await?;
            order.preload = None;
            // The port that it has got, where any was good; it is to have the same when it comes back.
            let own = server.url().strip_prefix("http://").and_then(|address| address.parse().ok());
            order.listen = own.unwrap_or(order.listen);
            instances.push((order, Some(server)));
        }
        let addresses: Vec<SocketAddr> = instances.iter().map(|(order, _)| order.listen).collect();
        let balancer = Balancer::start(&program, door, &addresses, config.instances.dispatch, &data);
        let balancer = balancer.map_err(InstancesError::Balancer)?;
        Ok(Instances { balancer, instances, faults: None, address, _postgres: postgres })
    }

    /// Where they are reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does what a line of standard input says. What is no order is passed over.
    ///
    /// # Errors
    /// An instance that was away does not start again.
    pub async fn obey(&mut self, line: &str) -> Result<(), InstancesError> {
        if let Ok(Away { away }) = serde_json::from_str(line) {
            return self.let_leave(away).await;
        }
        for server in self.instances.iter_mut().filter_map(|(_, server)| server.as_mut()) {
            // One that has ended by itself is seen when it is asked for.
            let _ = server.order(line);
        }
        self.faults = Some(line.to_owned());
        Ok(())
    }

    /// Kills the last ones of them, so that so many are away, and starts the others again.
    async fn let_leave(&mut self, away: usize) -> Result<(), InstancesError> {
        let stay = self.instances.len().saturating_sub(away);
        for (number, (order, server)) in self.instances.iter_mut().enumerate() {
            match server {
                // Dropped, it is killed.
                Some(_) if number >= stay => *server = None,
                None if number < stay => {
                    let started = server.insert(Server::start(order).await?);
                    if let Some(faults) = &self.faults {
                        let _ = started.order(faults);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets nobody in any more, lets each instance finish what it has accepted, and ends everything.
    pub async fn stop(mut self) {
        self.balancer.close();
        for (_, server) in &mut self.instances {
            if let Some(server) = server.take() {
                let _ = server.stop().await;
            }
        }
    }
}

/// What is different from PostgreSQL's own settings: room for the log between two checkpoints, and no compiled queries, which cost more
/// than they bring where each takes microseconds.
const SETTINGS: &[&str] = &["max_wal_size=4GB", "jit=off"];

/// Binds the address. A balancer before this one, whose owner was killed, is about to give it up.
async fn door(listen: SocketAddr) -> io::Result<TcpListener> {
    let until = Instant::now() + GIVEN_UP_WITHIN;
    loop {
        match TcpListener::bind(listen) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bound => return bound,
        }
    }
}

/// A file beside the data of the instances.
fn beside(data: &Path, name: &str) -> io::Result<PathBuf> {
    Ok(std::fs::canonicalize(data)?.join(name))
}
