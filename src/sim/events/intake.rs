//! Asynchronous intake: what is accepted is answered, and worked on in the order of acceptance, whatever becomes of the server.

use super::Engine;
use crate::sim::calendar::Ranked;
use crate::sim::clients::{Clients, NEVER, Request};
use crate::sim::jobs::{Job, Ticket};
use crate::sim::model::Intake;

impl<C: Clients> Engine<'_, C> {
    /// Service of a job begins: false where too much is accepted for it to be.
    pub(super) fn takes_in(&mut self, ticket: Ticket) -> bool {
        let is_full = self.accepted >= self.model.most_accepted;
        let Some(job) = self.jobs.get(ticket) else { return true };
        let accepts = matches!(self.model.intake[usize::from(job.request.class)], Intake::Accepted(_));
        job.refused = accepts && is_full;
        !job.refused
    }

    /// A job has got all that it needs: it is accepted, and its work goes on; or it was that work, and is settled.
    pub(super) fn has_its_needs(&mut self, ticket: Ticket, at: i64) {
        let Some(job) = self.jobs.get(ticket).filter(|job| !job.refused) else { return };
        job.settled = true;
        let mut request = job.request;
        match self.model.intake[usize::from(request.class)] {
            Intake::Apart => {}
            Intake::Accepted(class) => {
                self.accepted += 1;
                self.clients.accepted(&mut request.who);
                let key = request.key.word("intake");
                self.work_on(Request { class, key, deadline: NEVER, until_start: false, ..request }, at);
            }
            Intake::Worked => {
                self.accepted -= 1;
                self.clients.settled(request.who, at, &mut self.later);
            }
        }
    }

    /// Whether somebody waits for the end of a job.
    pub(super) fn is_awaited(&self, job: &Job<C::Who>) -> bool {
        !job.gone && job.parent.is_none() && self.is_clients(job.request.class)
    }

    /// Whether requests of a class are clients', who are told what becomes of them.
    pub(super) fn is_clients(&self, class: u16) -> bool {
        self.model.intake[usize::from(class)] != Intake::Worked && self.model.behind.erases != Some(class)
    }

    /// The server dies: what was accepted and is not settled is kept for the next.
    pub(super) fn keep(&mut self, job: &Job<C::Who>) {
        if self.model.intake[usize::from(job.request.class)] == Intake::Worked && !job.settled {
            self.kept.push((job.at, job.request));
        }
    }

    /// The server is there again, and takes up what it had accepted.
    pub(super) fn take_up(&mut self, at: i64) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by_key(|(accepted, request)| (*accepted, request.who.rank()));
        for (_, request) in kept {
            self.work_on(request, at);
        }
    }

    /// A request comes of whose end nobody is told.
    pub(super) fn work_on(&mut self, request: Request<C::Who>, at: i64) {
        self.meter.came(request.class, at);
        let instance = self.choose(&request);
        self.visit(&request, None, instance, at);
    }
}
