//! A request comes: what refuses it before it is at a station, and which instance it goes to.

use super::Engine;
use crate::scenario::server_model::Per;
use crate::sim::clients::{Clients, Request};
use crate::sim::desk::Desk;
use crate::sim::meter::{End, Visit};
use crate::sim::whole_seconds;

impl<C: Clients> Engine<'_, C> {
    /// A client's request comes.
    pub(super) fn come(&mut self, request: &Request<C::Who>, at: i64) {
        let class = self.model.classes[usize::from(request.class)];
        let station = &self.model.stations[usize::from(class.station)];
        self.meter.came(request.class, at);
        let closed = self.closed[usize::from(request.class)] && !self.clients.has_own_entrance(&request.who);
        if self.down || closed {
            let end = if self.down { End::Down } else { End::Closed };
            self.refuse(request, at, end, None);
            return;
        }
        let sender = |per: Per| self.clients.sender(&request.who, per);
        if let Err(wait) = self.doors.passes(self.model, request.class, at, sender) {
            self.refuse(request, at, End::Limited, Some(whole_seconds(wait)));
            return;
        }
        let mut chosen = None;
        if let Some(room) = self.model.room_of[usize::from(request.class)] {
            let instance = self.choose(request);
            let place = self.clients.place(&request.who, self.model.rooms[usize::from(room)].place);
            let told = match place {
                0 => Ok(()),
                place => self.rooms.enter((room, instance), place, request.key, at, self.meter),
            };
            if let Err(wait) = told {
                self.refuse(request, at, End::Room, Some(wait));
                return;
            }
            chosen = Some(instance);
        }
        let first = self.model.first[usize::from(class.station)];
        let all = first..first + station.instances as usize;
        let here = || self.desks[all].iter().map(Desk::present).sum();
        let sender = |per: Per| self.clients.sender(&request.who, per);
        if !self.doors.has_room(class.station, here)
            || !self.doors.admits(class.station, station.bucket, at, sender)
        {
            self.refuse(request, at, End::Limited, None);
            return;
        }
        let instance = chosen.unwrap_or_else(|| self.choose(request));
        self.visit(request, None, instance, at);
    }

    /// The instance of its station that a request goes to.
    pub(super) fn choose(&mut self, request: &Request<C::Who>) -> usize {
        let station = self.model.classes[usize::from(request.class)].station;
        let first = self.model.first[usize::from(station)];
        let of = &self.model.stations[usize::from(station)];
        let desks = &self.desks;
        let present = |instance: usize| desks[first + instance].present();
        self.doors.choose(station, (of.instances, of.dispatch), request.key, present)
    }

    /// It is turned away.
    pub(super) fn refuse(&mut self, request: &Request<C::Who>, at: i64, end: End, retry_after: Option<u64>) {
        self.meter.visit(&Visit { class: request.class, at, left: at, worked: 0, end, wasted: false });
        self.reply(request, (at, at), end, false, retry_after);
    }
}
