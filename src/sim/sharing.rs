//! Processor sharing over some cores, by virtual time.
//!
//! With n requests on c cores each advances at the rate min(1, c / n). Virtual time V advances at that rate, so a request
//! of work S that comes at V leaves at V + S, whatever comes and goes in between: one heap of finish tags, and no
//! request is touched but the one that comes or leaves. V is kept in 2^-32 ns, rounded down.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::jobs::Ticket;
use super::meter::Meter;

const FRACTION: u32 = 32;

/// The requests that share the cores of one instance.
#[derive(Debug)]
pub(super) struct Sharing {
    cores: u32,
    virtual_now: u128,
    at: i64,
    /// Finish tag, order, who.
    tags: BinaryHeap<Reverse<(u128, u64, Ticket)>>,
    /// How many of each class are here.
    present: Vec<u32>,
    total: u32,
    /// Grows with every change; an end foreseen before one is void.
    pub(super) epoch: u32,
}

impl Sharing {
    pub(super) fn new(cores: u32, classes: usize, at: i64) -> Self {
        let present = vec![0; classes];
        Self { cores, virtual_now: 0, at, tags: BinaryHeap::new(), present, total: 0, epoch: 0 }
    }

    /// Lets time pass until `at`.
    pub(super) fn advance(&mut self, at: i64, meter: &mut Meter) {
        let passed = (at - self.at).max(0) as u128;
        if passed > 0 && self.total > 0 {
            let running = u128::from(self.cores.min(self.total));
            let total = u128::from(self.total);
            for (class, present) in (0..).zip(&self.present).filter(|(_, present)| **present > 0) {
                let work = passed * u128::from(*present) * running / total;
                meter.shared(class, (self.at, at), u64::from(*present), work);
            }
            self.virtual_now += (passed << FRACTION) * running / total;
        }
        self.at = at;
    }

    /// A request of `work` nanoseconds comes, now.
    pub(super) fn add(&mut self, class: u16, work: i64, order: u64, ticket: Ticket) {
        self.tags.push(Reverse((self.virtual_now + ((work.max(0) as u128) << FRACTION), order, ticket)));
        self.count(class, true);
    }

    /// The virtual time now, in nanoseconds: what a request has got since it came is the difference.
    pub(super) fn virtual_nanos(&self) -> i64 {
        (self.virtual_now >> FRACTION) as i64
    }

    /// A request of this class leaves, now. Its tag stays until it comes up.
    pub(super) fn leave(&mut self, class: u16) {
        self.count(class, false);
    }

    /// The request that finishes next, and when; `there` tells whether one is still there.
    pub(super) fn next(&mut self, mut there: impl FnMut(Ticket) -> bool) -> Option<(i64, Ticket)> {
        while let Some(Reverse((tag, _, ticket))) = self.tags.peek().copied() {
            if there(ticket) {
                let left = tag.saturating_sub(self.virtual_now);
                let running = u128::from(self.cores.min(self.total).max(1));
                let needed = (left * u128::from(self.total)).div_ceil(running << FRACTION);
                return Some((self.at.saturating_add(needed as i64), ticket));
            }
            self.tags.pop();
        }
        None
    }

    fn count(&mut self, class: u16, more: bool) {
        let present = &mut self.present[usize::from(class)];
        if more {
            *present += 1;
            self.total += 1;
        } else {
            *present -= 1;
            self.total -= 1;
        }
        self.epoch = self.epoch.wrapping_add(1);
    }
}
