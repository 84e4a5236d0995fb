//! One instance of a station in the event engine: who is served, and who waits in what order.

use std::collections::VecDeque;

use super::jobs::Ticket;
use super::peak::Peak;
use super::sharing::Sharing;
use crate::scenario::server_model::{Discipline, StationModel};

/// A station's instance.
#[derive(Debug)]
pub(super) struct Desk {
    /// Its station.
    pub(super) station: u16,
    /// Servers; `u32::MAX` for as many as come.
    pub(super) servers: u32,
    /// Requests in service.
    pub(super) busy: u32,
    /// Requests that wait, those that left their place not counted.
    pub(super) waiting: u64,
    /// Waiting places.
    pub(super) places: u64,
    /// Its longest queue.
    pub(super) peak: Peak,
    /// Those who share the cores, where it does that.
    pub(super) sharing: Option<Sharing>,
    /// Those in service, where they may be interrupted.
    pub(super) running: Vec<(u8, Ticket)>,
    /// All who wait are served together.
    pub(super) groups: Option<Groups>,
    queue: Queue,
}

/// How groups are served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups {
    /// So much longer for each.
    pub(super) each: i64,
    /// What counts so much is a whole group.
    pub(super) most: u64,
}

/// Those who wait, some of whom may have left.
#[derive(Debug)]
enum Queue {
    First(VecDeque<Ticket>),
    Last(Vec<Ticket>),
    Priority(Vec<VecDeque<Ticket>>),
}

impl Desk {
    pub(super) fn new(number: u16, station: &StationModel, classes: usize, start: i64) -> Self {
        let sharing = station.discipline == Discipline::Sharing;
        Self {
            station: number,
            servers: station.servers.unwrap_or(u32::MAX),
            busy: 0,
            waiting: 0,
            places: station.queue.map_or(u64::MAX, u64::from),
            peak: Peak::new(start),
            sharing: sharing.then(|| Sharing::new(station.servers.unwrap_or(1), classes, start)),
            running: Vec::new(),
            groups: match station.discipline {
                Discipline::Groups { each, most } => {
                    Some(Groups { each: each.nanos() as i64, most: most.map_or(u64::MAX, u64::from) })
                }
                _ => None,
            },
            queue: match station.discipline {
                Discipline::Fifo | Discipline::Sharing | Discipline::Groups { .. } => {
                    Queue::First(VecDeque::new())
                }
                Discipline::Lifo => Queue::Last(Vec::new()),
                Discipline::Priority { .. } => Queue::Priority(Vec::new()),
            },
        }
    }

    /// A request joins the queue; one that was interrupted goes before all others of its priority.
    pub(super) fn join(&mut self, ticket: Ticket, priority: u8, interrupted: bool, at: i64) {
        match &mut self.queue {
            Queue::First(queue) => queue.push_back(ticket),
            Queue::Last(queue) => queue.push(ticket),
            Queue::Priority(levels) => {
                let level = usize::from(priority);
                if levels.len() <= level {
                    levels.resize_with(level + 1, VecDeque::new);
                }
                if interrupted {
                    levels[level].push_front(ticket);
                } else {
                    levels[level].push_back(ticket);
                }
            }
        }
        self.waiting += 1;
        self.peak.joined(self.waiting, at);
    }

    /// The next in the queue, who may have left; `None` when the queue is empty.
    pub(super) fn next(&mut self) -> Option<Ticket> {
        match &mut self.queue {
            Queue::First(queue) => queue.pop_front(),
            Queue::Last(queue) => queue.pop(),
            Queue::Priority(levels) => levels.iter_mut().find_map(VecDeque::pop_front),
        }
    }

    /// One of those who waited waits no more.
    pub(super) fn left_queue(&mut self, at: i64) {
        self.peak.left(self.waiting, at);
        self.waiting -= 1;
        if self.waiting == 0 {
            self.peak.emptied(at);
        }
    }

    /// All who waited have left: those of them whom the queue still holds are forgotten.
    pub(super) fn forget(&mut self) {
        match &mut self.queue {
            Queue::First(queue) => queue.clear(),
            Queue::Last(queue) => queue.clear(),
            Queue::Priority(levels) => levels.clear(),
        }
    }

    /// Whether service can begin at once.
    pub(super) fn is_free(&self) -> bool {
        match (&self.sharing, self.groups) {
            (Some(_), _) => u64::from(self.busy) < self.places.saturating_add(u64::from(self.servers)),
            (None, Some(_)) => self.busy == 0,
            (None, None) => self.busy < self.servers,
        }
    }

    /// How many requests are here.
    pub(super) fn present(&self) -> usize {
        self.waiting as usize + self.busy as usize
    }
}
