//! A plain queueing system: customers who come and go between stations, without requests, journeys or a day.

use super::{ServerModel, Work};
use crate::units::Span;

/// A queueing system and how long it is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Queueing {
    /// Name of the file without `.toml`.
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// The root of every random draw.
    pub seed: u64,
    /// Time before the measured part, zero for a system that is watched from its initial state on.
    pub run_in: Span,
    /// Length of the measured part.
    pub duration: Span,
    /// Queues may grow for as long as it is watched; else a system without a steady state is refused.
    pub may_grow: bool,
    /// Independent runs; the spread between them gives the intervals. At least 1.
    pub replications: u32,
    /// The stations; its classes are the steps of the customers' routes, in the order of `customers`.
    pub model: ServerModel,
    /// Who comes.
    pub customers: Vec<Customers>,
    /// When to count who is present; instants since the beginning of the measured part.
    pub observe: Vec<Span>,
    /// The instants are phases of a cycle of this length, seen in every whole cycle of the measured part.
    pub cycle: Option<Span>,
}

/// A kind of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Customers {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// How they come.
    pub arrivals: Coming,
    /// How many come together, at least 1.
    pub batch: Batch,
    /// So many are in the system at the beginning, at the first step of their route, with all of their work before them.
    pub initial: u32,
    /// Where they go, in order unless `next` says otherwise. Never empty.
    pub route: Vec<Leg>,
    /// Patience at each station, from their coming to it.
    pub patience: Option<Patience>,
    /// What they do when they are turned away or lose patience; `None`: they leave.
    pub retry: Option<Comeback>,
}

/// How customers come.
#[derive(Debug, Clone, PartialEq)]
pub enum Coming {
    /// A Poisson process of this rate.
    Poisson(Profile),
    /// One whenever the integral of the rate reaches the next whole number.
    Even(Profile),
    /// Independent times between one and the next.
    Renewal(Work),
    /// So many customers, who think and come again for ever.
    Closed {
        /// How many.
        count: u32,
        /// How long one thinks, before the first time too.
        think: Work,
    },
}

/// A rate over time, in customers (or batches) per second.
#[derive(Debug, Clone, PartialEq)]
pub enum Profile {
    /// Always the same.
    Constant(f64),
    /// From each time (since the beginning of the measured part) on, this rate; the first holds before it too. Ordered.
    Steps(Vec<(Span, f64)>),
    /// base + amplitude sin(2 pi t / period), never negative.
    Sinusoid {
        /// Mean rate.
        base: f64,
        /// Largest deviation, at most the mean.
        amplitude: f64,
        /// Length of a cycle.
        period: Span,
    },
}

/// How many come together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batch {
    /// Always so many.
    Fixed(u32),
    /// Geometric from 1 on, of this mean.
    Geometric(f64),
}

/// One step of a route; its class of work has the same number among all steps of all customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// The class of work in the model.
    pub class: u16,
    /// Where they go next, with relative weights; `None` is the way out. Empty: to the following step.
    pub next: Vec<(f64, Option<u16>)>,
}

/// How long customers wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    /// The law, drawn at every station.
    pub law: Work,
    /// Patience is with waiting only and ends when service begins; else it lasts until service ends.
    pub until_service: bool,
}

/// How customers come back.
#[derive(Debug, Clone, PartialEq)]
pub struct Comeback {
    /// Time until the next try.
    pub after: Work,
    /// Chance of coming back, each time, 0 to 1.
    pub persistence: f64,
    /// Most tries after the first; `None`: without end.
    pub attempts: Option<u32>,
}

impl Queueing {
    /// The names of the classes' customers, in the order of the classes.
    pub fn owner(&self, class: u16) -> Option<&Customers> {
        self.customers.iter().find(|customers| customers.route.iter().any(|leg| leg.class == class))
    }
}
