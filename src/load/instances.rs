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
use reference_server::serve::Options;
use serde::Deserialize;
use tokio::time::Instant;

use self::balancer::{Balancer, Door};
use super::child::{Launch, Order, Server, StartError};
use super::under_test::lasting_ports;

/// The longest time in which a balancer ends whose owner was killed.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(1);

/// What several instances are started with.
#[derive(Debug)]
pub struct InstancesOrder {
    /// The program that is one of them when it is told `--instance`.
    pub launch: Launch,
    /// What a single server would be started with: where all are reached, a folder for all that they keep (their keys too, unless
    /// it says otherwise), and what one of them loads before any listens.
    pub options: Options,
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
    /// There is nowhere for an instance to listen.
    #[error("no port below those of clients is free for an instance; see net.ipv4.ip_local_port_range")]
    NoPort,
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
    lanes: Vec<(String, SocketAddr)>,
    _postgres: Option<OwnPostgres>,
}

impl Instances {
    /// Starts the database, the instances one after the other, and the balancer.
    ///
    /// # Errors
    /// See [`InstancesError`]; what was started by then is ended.
    pub async fn start(order: InstancesOrder) -> Result<Instances, InstancesError> {
        let InstancesOrder { launch, options } = order;
        let Options { config, listen, data, database_url, gateway, mut preload, .. } = options;
        let mut address = listen;
        let mut doors = vec![door("door".to_owned(), &mut address).await?];
        let mut lanes = Vec::new();
        for (name, lane) in &config.lane {
            if let Some(mut listen) = lane.listen {
                doors.push(door(format!("lane-{name}"), &mut listen).await?);
                lanes.push((name.clone(), listen));
            }
        }
        let program = Balancer::program().map_err(InstancesError::Balancer)?;
        let unusable = |source| InstancesError::Data { path: data.clone(), source };
        std::fs::create_dir_all(&data).map_err(unusable)?;
        let own = database_url.is_none() && config.store.url.is_none();
        let postgres = if own && config.store.backend == Backend::Postgres {
            Some(OwnPostgres::start(&data.join("postgres"), SETTINGS)?)
        } else {
            None
        };
        let mut flags = Vec::new();
        if let Some(url) = postgres.as_ref().map(|own| own.url("postgres")).or(database_url) {
            flags.extend(["--database-url".into(), url.into()]);
        }
        let keys = options.keys.unwrap_or_else(|| data.join("keys"));
        flags.extend(["--keys".into(), keys.into(), "--instance".into(), "--public-url".into()]);
        flags.push(options.public_url.unwrap_or_else(|| format!("http://{address}")).into());
        let launch = launch.with(flags);
        let mut instances = Vec::new();
        for number in 1..=config.instances.count {
            let (listen, config) = of_an_instance(&config, &mut doors)?;
            let file = data.join(format!("instance-{number}.toml"));
            std::fs::write(&file, config.to_toml()).map_err(unusable)?;
            let mut order = Order {
                launch: launch.clone(),
                config: file,
                data: data.join(format!("instance-{number}")),
                gateway: gateway.clone(),
                // One is enough: they share what it loads.
                preload: preload.take(),
                log: data.join(format!("instance-{number}.log")),
                // Those of this process, which whoever started it has chosen.
                cores: Vec::new(),
                listen,
            };
            let server = Server::start(&order).await?;
            order.preload = None;
            instances.push((order, Some(server)));
        }
        let balancer = Balancer::start(&program, doors, config.instances.dispatch, &data);
        let balancer = balancer.map_err(InstancesError::Balancer)?;
        Ok(Instances { balancer, instances, faults: None, address, lanes, _postgres: postgres })
    }

    /// Where they are reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the listeners of their lanes are, by the lane's name.
    pub fn lanes(&self) -> &[(String, SocketAddr)] {
        &self.lanes
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

/// Binds the address, and says which one it became. A balancer before this one, whose owner was killed, is about to give it up.
async fn door(name: String, listen: &mut SocketAddr) -> Result<Door, InstancesError> {
    let address = *listen;
    let failed = |source| InstancesError::Listen { address, source };
    let until = Instant::now() + GIVEN_UP_WITHIN;
    let listener = loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bound => break bound.map_err(failed)?,
        }
    };
    *listen = listener.local_addr().map_err(failed)?;
    Ok(Door { name, listener, behind: Vec::new() })
}

/// Where the next instance listens, and its configuration, in which each lane has a listener of this instance's own.
fn of_an_instance(config: &Config, doors: &mut [Door]) -> Result<(SocketAddr, Config), InstancesError> {
    let ports = lasting_ports(doors.len());
    let addresses: Vec<_> =
        ports.into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect();
    if addresses.len() < doors.len() {
        return Err(InstancesError::NoPort);
    }
    for (door, address) in doors.iter_mut().zip(&addresses) {
        door.behind.push(*address);
    }
    let mut own = config.clone();
    let listeners = own.lane.values_mut().filter_map(|lane| lane.listen.as_mut());
    for (listen, address) in listeners.zip(&addresses[1..]) {
        *listen = *address;
    }
    Ok((addresses[0], own))
}

/// A file beside the data of the instances.
fn beside(data: &Path, name: &str) -> io::Result<PathBuf> {
    Ok(std::fs::canonicalize(data)?.join(name))
}
