//! What the simulation knows of a server: stations, and which class of work goes where.
//!
//! A [`ServerModel`] is made from the configuration of a real server ([`ServerModel::from_config`]), from a calibration,
//! or written as a plain queueing system. It can say more than the real server can be told.

use reference_server::class::Class;
use reference_server::config::{self, Abandoned, Config};

use super::{Law, Work};
use crate::units::{Span, TimeOfDay};

/// A server, as queues.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerModel {
    /// Where work waits and is done.
    pub stations: Vec<StationModel>,
    /// What each class of work is and where it goes. A class that a step names and that is not here has no work.
    pub classes: Vec<ClassModel>,
    /// Most messages handed over per second, above 0: the others wait their turn; `None`: all at once.
    pub message_rate: Option<f64>,
}

/// One station, or several alike behind a dispatcher.
#[derive(Debug, Clone, PartialEq)]
pub struct StationModel {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Servers of each instance: requests in service at once. `None`: as many as come.
    pub servers: Option<u32>,
    /// Waiting places of each instance; `None`: as many as come. One request more is turned away.
    pub queue: Option<u32>,
    /// Who is served next.
    pub discipline: Discipline,
    /// How many stations alike there are, at least 1, each with its own queue.
    pub instances: u32,
    /// How one of them is chosen.
    pub dispatch: Dispatch,
    /// What becomes of a request whose client has left.
    pub abandoned: Leaving,
    /// A request that has waited longer than this when its turn comes is turned away instead of served: the deadline of
    /// the work less the reserve that the work itself takes.
    pub longest_wait: Option<Span>,
    /// How long a client that is turned away is asked to stay away.
    pub retry_after: Option<Span>,
    /// A bound on the rate at which requests are let in.
    pub bucket: Option<Bucket>,
    /// Changes of the number of servers of each instance: wall time since the beginning of the measured part in
    /// nanoseconds, and the number from then on. Ordered by time. Who is in service finishes.
    pub capacity: Vec<(i64, u32)>,
    /// The same, at times of day: a run of a part of the day makes it `capacity`.
    pub schedule: Vec<(TimeOfDay, u32)>,
    /// A bound on the requests present that goes by how long they take.
    pub limit: Option<Adaptive>,
}

/// A bound on the requests present at a station, all instances together: it grows while they are served within the target
/// and shrinks when they are not (additive increase, multiplicative decrease).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    /// Never fewer, at least 1.
    pub least: u32,
    /// Never more; the limit begins here.
    pub most: u32,
    /// The time from coming to leaving that it keeps to.
    pub target: Span,
}

/// Who is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Last come, first served; who is in service finishes.
    Lifo,
    /// All at once: the servers are cores, which n requests share equally, none getting more than one core.
    Sharing,
    /// The class of the lowest number first, first come first served within a class.
    Priority {
        /// A request of a lower number interrupts one of the highest number in service, which goes on later from where it
        /// stopped, before others of its class.
        preemptive: bool,
    },
}

/// How one of several instances is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Uniformly at random.
    Random,
    /// In turn.
    RoundRobin,
    /// The one with the fewest requests present; the first of them.
    ShortestQueue,
    /// The one with fewer requests present of so many chosen at random (with repetition); the first chosen of equals.
    PowerOf(u32),
}

/// What becomes of a request whose client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It is served all the same: wasted work.
    Serve,
    /// It gives back its waiting place or its server at once.
    Drop,
}

/// A token bucket: refuses what comes faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Tokens per second, above 0.
    pub per_second: f64,
    /// Most tokens, at least 1; the bucket is full at the beginning.
    pub burst: u32,
    /// Whose it is.
    pub per: Per,
}

/// Whose a token bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Per {
    /// One for all.
    #[default]
    Station,
    /// One for each account; requests without an account are not limited.
    Account,
}

/// A class of work.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassModel {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Index of its station.
    pub station: u16,
    /// How long a server is busy with it.
    pub work: Work,
    /// 0 is served first, where the station has priorities.
    pub priority: u8,
}

impl StationModel {
    /// A station of `servers` servers with a queue without bounds, first come first served.
    pub fn new(name: impl Into<String>, servers: Option<u32>) -> Self {
        Self {
            name: name.into(),
            servers,
            queue: None,
            discipline: Discipline::Fifo,
            instances: 1,
            dispatch: Dispatch::Random,
            abandoned: Leaving::Serve,
            longest_wait: None,
            retry_after: None,
            bucket: None,
            capacity: Vec::new(),
            schedule: Vec::new(),
            limit: None,
        }
    }
}

impl ServerModel {
    /// The model of the reference server with this configuration.
    ///
    /// Requests take the worker slots, sign-ins the issuer's. A slot is held for max(hold, the real work with its
    /// commit); the work itself, some hundred microseconds, is not in a configuration and so not in this model (a
    /// calibration measures it).
    pub fn from_config(config: &Config) -> Self {
        let leaving = match config.slots.abandoned {
            Abandoned::Serve => Leaving::Serve,
            Abandoned::Drop => Leaving::Drop,
        };
        let station = |name: &str, workers: usize, queue: usize| StationModel {
            queue: Some(whole(queue)),
            abandoned: leaving,
            retry_after: Some(span(config.slots.retry_after)),
            ..StationModel::new(name, Some(whole(workers)))
        };
        let stations = vec![
            station("slots", config.slots.workers, config.slots.queue),
            station("issuer", config.issuer.workers, config.issuer.queue),
        ];
        let classes = Class::ALL.map(|class| ClassModel {
            name: class.name().to_owned(),
            station: u16::from(class == Class::SignIn),
            work: Work::Law(config.hold_law(class).map_or(Law::Constant(Span::ZERO), law)),
            priority: 0,
        });
        let message_rate = config.outbox.rate.map(config::Rate::get);
        Self { stations, classes: classes.to_vec(), message_rate }
    }

    /// The index of a class of work.
    pub fn class(&self, name: &str) -> Option<u16> {
        self.classes.iter().position(|class| class.name == name).map(|index| index as u16)
    }
}

fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn span(duration: std::time::Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn law(law: &config::Law) -> Law {
    match *law {
        config::Law::Constant(value) => Law::Constant(span(value)),
        config::Law::Exponential { mean } => Law::Exponential(span(mean)),
        config::Law::LogNormal { mean, cv } => Law::LogNormal { mean: span(mean), cv },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_the_real_server_is_its_twin() {
        let text = r#"
            [slots]
            workers = 32
            queue = 319
            abandoned = "drop"
            [hold]
            law = { lognormal = { mean = "100ms", cv = 1.0 } }
            [hold.class]
            lab = { constant = "400ms" }
            [issuer]
            workers = 16
        "#;
        let model = ServerModel::from_config(&Config::parse(text).unwrap());
        let slots = &model.stations[0];
        assert_eq!((slots.servers, slots.queue, slots.abandoned), (Some(32), Some(319), Leaving::Drop));
        assert_eq!(slots.retry_after, Some(Span::from_secs(5)));
        let class = |name| &model.classes[usize::from(model.class(name).unwrap())];
        assert_eq!(class("form").work.mean(), Span::from_millis(100));
        assert_eq!(class("lab").work, Work::Law(Law::Constant(Span::from_millis(400))));
        assert_eq!((class("sign-in").station, model.stations[1].servers), (1, Some(16)));
        assert_eq!(model.class("unheard-of"), None);
    }
}
