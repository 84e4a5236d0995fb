//! Requests in service that need others, one after the other, and stations that serve in groups.

use super::{Ahead, Ending, Engine};
use crate::scenario::server_model::PlaceOf;
use crate::sim::calendar::Ranked;
use crate::sim::clients::{Clients, NEVER, Request};
use crate::sim::desk::Groups;
use crate::sim::jobs::{Job, Ticket};
use crate::sim::meter::End;
use crate::sim::model::Intake;

impl<C: Clients> Engine<'_, C> {
    /// A job in service begins the next thing that it needs, or has all of it and ends when its own work is done.
    pub(super) fn go_on(&mut self, ticket: Ticket, at: i64) {
        let model = self.model;
        let Some(job) = self.jobs.get(ticket) else { return };
        let (request, had) = (job.request, job.begun);
        let begun = usize::from(self.spare(&request, had, at));
        let Some(job) = self.jobs.get(ticket) else { return };
        job.begun = begun as u8 + 1;
        job.child = None;
        let Some(class) = model.behind.needs[usize::from(request.class)].get(begun) else {
            let end = at.max(job.started.saturating_add(job.left));
            let what = Ending::Job(ticket, job.epoch);
            if model.intake[usize::from(request.class)] != Intake::Apart {
                self.has_its_needs(ticket, at);
            }
            self.ends.enter(end, Ahead { rank: request.who.rank() >> 1, what });
            return;
        };
        let key = request.key.word("behind").with(begun as u64);
        let needed = Request { class: *class, key, deadline: NEVER, until_start: false, ..request };
        self.meter.came(*class, at);
        let instance = self.choose(&needed);
        let child = self.visit(&needed, Some(ticket), instance, at);
        if let Some(job) = self.jobs.get(ticket) {
            job.child = child;
        }
    }

    /// How much of what a request needs it has or need not have, once it has so much: what it has asked for is in memory then,
    /// and what is there it does not ask for.
    fn spare(&mut self, request: &Request<C::Who>, had: u8, at: i64) -> u8 {
        let rules = &self.model.behind.spared[usize::from(request.class)];
        let mut begun = had;
        for rule in rules {
            let memory = &mut self.memories[usize::from(rule.memory)];
            let whose = self.clients.place(&request.who, PlaceOf::Link);
            let until = rule.from as u8 + rule.count as u8;
            if until == had {
                memory.keep(whose, at);
            }
            if rule.from as u8 == begun && memory.has(whose, at) {
                begun = until;
            }
        }
        begun
    }

    /// What a job needed now that it leaves before its end, nobody needs any more.
    pub(super) fn withdraw_behind(&mut self, job: &Job<C::Who>, at: i64, end: End) {
        let Some(child) = job.child else { return };
        let Some(of) = self.jobs.get(child) else { return };
        let (number, waits) = (of.desk as usize, of.waits());
        self.withdraw(child, at, end);
        if !waits && !self.down {
            self.serve_next(number, at);
        }
    }

    /// A job's work is of this length.
    pub(super) fn lengthen(&mut self, ticket: Ticket, work: i64) {
        if let Some(job) = self.jobs.get(ticket) {
            (job.work, job.left) = (work, work);
        }
    }

    /// How often a request counts in a group.
    pub(super) fn counts(&self, request: &Request<C::Who>) -> u64 {
        let by_entries = self.model.classes[usize::from(request.class)].by_entries;
        if by_entries { u64::from(request.entries) } else { 1 }
    }

    /// All who wait are served together, once the group before has left.
    pub(super) fn serve_group(&mut self, number: usize, groups: Groups, at: i64) {
        if self.desks[number].busy > 0 {
            return;
        }
        let (mut group, mut count) = (Vec::new(), 0);
        while count < groups.most
            && let Some(ticket) = self.desks[number].next()
        {
            if let Some(Job { request, work, .. }) = self.jobs.get(ticket).copied() {
                count += self.counts(&request);
                group.push((ticket, request.class, work));
            }
        }
        let Some((.., work)) = group.first() else { return };
        let work = work.saturating_add(groups.each.saturating_mul(count as i64));
        for (ticket, class, _) in group {
            self.desks[number].left_queue(at);
            self.levels.waiting(class, -1, at, self.meter);
            self.lengthen(ticket, work);
            self.start(number, ticket, at);
        }
    }
}
