//! Connections that a whole population shares, each for one request at a time: whoever finds none free waits for a turn,
//! within its patience, as in the load engine's pool. Its request was sent when it got its lane; what it waits here is waiting for an answer.

use super::{GIVEN, Journey, Journeys, PutOff, WAITED, WAITS};
use crate::scenario::Outcome;
use crate::sim::calendar::Calendar;
use crate::sim::clients::{Reply, Request};
use crate::sim::recorder::Recorder;
use crate::units::Offset;

impl<R: Recorder> Journeys<'_, R> {
    /// A request has its lane, since `at`: it goes over a connection that is free, or waits for one.
    pub(super) fn connect(
        &mut self,
        journey: Journey,
        at: Offset,
        later: &mut Calendar<Journey>,
    ) -> Option<Request<Journey>> {
        let (population, step) = (journey.population(), journey.step());
        let kind = &mut self.populations[usize::from(population)];
        let mut waiting = journey;
        waiting.note |= WAITED | WAITS;
        if kind.connections.take(waiting) {
            return Some(kind.request(journey, at));
        }
        let of = PutOff { due: at, population, step, sent: Some(at), waits: None, given: false };
        let of = self.put_off.entry(journey.arrival().key).or_insert(of);
        (of.waits, of.given) = (Some(journey.key()), false);
        let deadline = at + journey.timeout(&kind.script);
        later.enter(deadline.nanos(), waiting);
        None
    }

    /// A request has ended: its connection goes to the one that has waited longest and still waits, at once. One that is
    /// never answered keeps it to the end.
    pub(super) fn comes_free(&mut self, population: u16, at: i64, later: &mut Calendar<Journey>) {
        if at >= self.drained {
            return;
        }
        let connections = &mut self.populations[usize::from(population)].connections;
        while let Some(mut next) = connections.give_back() {
            let of = self.put_off.get_mut(&next.arrival().key);
            let Some(of) = of.filter(|of| of.waits == Some(next.key()) && !of.given) else { continue };
            of.given = true;
            next.note |= GIVEN;
            later.enter(at, next);
            return;
        }
    }

    /// Somebody who waited for a connection has got one, or has no more patience.
    pub(super) fn connected(
        &mut self,
        mut who: Journey,
        at: i64,
        later: &mut Calendar<Journey>,
    ) -> Option<Request<Journey>> {
        let of = self.put_off.get_mut(&who.arrival().key).filter(|of| of.waits == Some(who.key()))?;
        let sent = of.sent?;
        let given = who.note & GIVEN != 0;
        if !given && of.given {
            // It got one before.
            return None;
        }
        who.note &= !(WAITS | GIVEN);
        if given {
            of.waits = None;
            let kind = &self.populations[usize::from(who.population())];
            return Some(kind.request(who, sent));
        }
        let reply = Reply { at, sent: sent.nanos(), outcome: Outcome::TimedOut, retry_after: 0 };
        self.over(who, reply, later);
        None
    }
}
