//! The look-ahead engine: for stations that serve in the order of arrival, no events but arrivals.
//!
//! Requests are taken in order of time; each is told its fate at once ([`super::line`]). Replies go straight to clients
//! whose next step concerns nobody else before it is due, and through a calendar to those whose accounts others share.
//!
//! Ties, in both engines: at one instant capacities change first, then services end, then patience ends, then planned
//! clients come, then what the calendar holds, in the order of its numbers.

use super::calendar::{Calendar, Ranked};
use super::clients::{Clients, Horizon, NEVER, Reply, Request, WATCH_EVERY, Watch};
use super::line::{Fate, Line};
use super::meter::{End, Meter, Visit};
use super::model::{Class, Doors, Model};
use super::peak::Peak;
use super::rooms::Rooms;
use super::shelf::Kept;
use super::{outcome_of, whole_seconds};
use crate::scenario::server_model::Per;
use crate::scenario::{Outcome, Table};
use crate::units::Span;

/// Runs clients against a model until the horizon, beginning with what is in the calendar; the longest queue of every station, and whether it came to the end.
///
/// The model must be one that [`Model::needs_events`] says nothing against.
pub(super) fn run<C: Clients>(
    model: &Model,
    clients: &mut C,
    later: Calendar<C::Who>,
    meter: &mut Meter,
    start: i64,
    horizon: Horizon,
    watch: Watch<'_>,
) -> (Vec<Peak>, bool) {
    let lines =
        model.instance_of.iter().map(|station| Line::new(&model.stations[usize::from(*station)], start));
    let way = |(number, class): (u16, &Class)| {
        let station = &model.stations[usize::from(class.station)];
        Way {
            station: class.station,
            line: model.first[usize::from(class.station)],
            straight: station.instances == 1
                && station.bucket.is_none()
                && !model.has_gates(number)
                && model.room_of[usize::from(number)].is_none(),
            work: model.table(*class).clone(),
        }
    };
    let mut engine = Engine {
        model,
        ways: (0..).zip(&model.classes).map(way).collect(),
        lines: lines.collect(),
        doors: Doors::new(model, start),
        rooms: Rooms::new(model, start),
        later,
        replies: Calendar::new(),
        horizon,
    };
    let completed = engine.run(clients, meter, watch);
    engine.rooms.close(horizon.end, meter);
    (engine.peaks(), completed)
}

/// Where requests of a class go.
#[derive(Debug)]
struct Way {
    station: u16,
    /// The first instance of the station.
    line: usize,
    /// There is one instance, and neither a token bucket nor a waiting room on the way.
    straight: bool,
    work: Table,
}

struct Engine<'a, W> {
    model: &'a Model,
    /// By class.
    ways: Vec<Way>,
    lines: Vec<Line>,
    doors: Doors,
    rooms: Rooms,
    later: Calendar<W>,
    /// Replies that must be told in order of time; of one instant, answers before the ends of patience.
    replies: Calendar<Told<W>>,
    horizon: Horizon,
}

/// A reply on its way.
#[derive(Debug, Clone, Copy)]
struct Told<W> {
    who: W,
    reply: Reply,
}

impl<W: Ranked> Kept for Told<W> {
    fn save(&self, words: &mut Vec<u32>) {
        let Reply { at, sent, outcome, retry_after } = self.reply;
        self.who.save(words);
        [at as u64, sent as u64, retry_after].iter().for_each(|number| number.save(words));
        words.push(outcome as u32);
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        let who = W::load(next);
        let (at, sent, retry_after) = (u64::load(next) as i64, u64::load(next) as i64, u64::load(next));
        let outcome = Outcome::ALL[next() as usize];
        Self { who, reply: Reply { at, sent, outcome, retry_after } }
    }
}

impl<W: Ranked> Ranked for Told<W> {
    fn rank(&self) -> u64 {
        self.who.rank() >> 1 | u64::from(self.reply.outcome == Outcome::TimedOut) << 63
    }
}

impl<W: Ranked> Engine<'_, W> {
    fn run<C: Clients<Who = W>>(&mut self, clients: &mut C, meter: &mut Meter, watch: Watch<'_>) -> bool {
        let mut requests = 0;
        let last = if clients.goes_on() { self.horizon.drained } else { self.horizon.end };
        loop {
            let before = |at: i64, end: i64| if at < end { at } else { NEVER };
            let planned = before(clients.planned_at(), self.horizon.end);
            let (due, told) = (before(self.later.next_at(), last), self.replies.next_at());
            let next = planned.min(due);
            if told <= next && told <= self.horizon.drained {
                let Some((_, Told { who, reply })) = self.replies.take() else { return true };
                clients.answered(who, reply, &mut self.later);
                continue;
            }
            if next == NEVER {
                break;
            }
            // Two calls, so that a request is made and served in one piece of code each.
            if planned <= due {
                let Some(request) = &clients.arrive(&mut self.later) else { continue };
                self.serve(request, next, clients, meter);
            } else {
                let Some((at, who)) = self.later.take() else { break };
                let Some(request) = &clients.due(who, at, &mut self.later) else { continue };
                self.serve(request, next, clients, meter);
            }
            requests += 1;
            if requests % WATCH_EVERY == 0 && !watch(next, requests) {
                return false;
            }
        }
        while let Some((_, Told { who, reply })) = self.replies.take() {
            clients.answered(who, self.known(reply), &mut self.later);
        }
        true
    }

    #[inline(always)]
    fn serve<C: Clients<Who = W>>(
        &mut self,
        request: &Request<W>,
        at: i64,
        clients: &mut C,
        meter: &mut Meter,
    ) {
        let way = &self.ways[usize::from(request.class)];
        let (work, station) = (way.work.draw(request.key) as i64, way.station);
        let (fate, stay_away) = if way.straight {
            let patience = (request.deadline, request.until_start);
            (self.lines[way.line].join(at, work, patience, || clients.deadline(request, at)), None)
        } else {
            self.find_way(request, at, work, clients, meter)
        };
        let start = fate.start.unwrap_or(fate.left);
        let wasted = fate.gone && fate.start.is_some();
        let (class, worked) = (request.class, fate.left - start);
        meter.foresee(&Visit { class, at, left: fate.left, worked, end: fate.end, wasted }, start);
        if fate.told == NEVER {
            // Neither served nor out of patience while the run lasts.
            let reply = Reply { at: NEVER, sent: at, outcome: Outcome::InFlight, retry_after: 0 };
            clients.answered(request.who, self.known(reply), &mut self.later);
            return;
        }
        let outcome = outcome_of(fate.end, fate.gone);
        let usual = || self.model.stations[usize::from(station)].retry_after.map_or(0, Span::nanos);
        let retry_after = match outcome {
            Outcome::Shed => stay_away.map_or_else(usual, whole_seconds),
            _ => 0,
        };
        let reply = Reply { at: fate.told, sent: at, outcome, retry_after };
        if fate.told > at && clients.told_in_order(&request.who, outcome) {
            self.replies.enter(fate.told, Told { who: request.who, reply });
        } else {
            clients.answered(request.who, self.known(reply), &mut self.later);
        }
    }

    /// What becomes of a request that may be refused before it comes to a line, or has several to choose from; and where it
    /// comes too fast or is told to wait, for how many nanoseconds.
    fn find_way<C: Clients<Who = W>>(
        &mut self,
        request: &Request<W>,
        at: i64,
        work: i64,
        clients: &C,
        meter: &mut Meter,
    ) -> (Fate, Option<u64>) {
        let Way { station: number, line: first, .. } = self.ways[usize::from(request.class)];
        let station = &self.model.stations[usize::from(number)];
        let refused = Fate { start: None, left: at, end: End::Limited, told: at, gone: false };
        let sender = |per: Per| clients.sender(&request.who, per);
        if let Err(wait) = self.doors.passes(self.model, request.class, at, sender) {
            return (refused, Some(wait));
        }
        let mut chosen = None;
        if let Some(room) = self.model.room_of[usize::from(request.class)] {
            let instance = self.choose(request, at);
            let place = clients.place(&request.who, self.model.rooms[usize::from(room)].place);
            let told = match place {
                0 => Ok(()),
                place => self.rooms.enter((room, instance), place, request.key, at, meter),
            };
            if let Err(wait) = told {
                return (Fate { end: End::Room, ..refused }, Some(wait));
            }
            chosen = Some(instance);
        }
        if !self.doors.admits(number, station.bucket, at, sender) {
            return (refused, None);
        }
        let instance = chosen.unwrap_or_else(|| self.choose(request, at));
        let line = &mut self.lines[first + instance];
        let patience = (request.deadline, request.until_start);
        (line.join(at, work, patience, || clients.deadline(request, at)), None)
    }

    /// The instance of its station that a request goes to.
    fn choose(&mut self, request: &Request<W>, at: i64) -> usize {
        let Way { station: number, line: first, .. } = self.ways[usize::from(request.class)];
        let station = &self.model.stations[usize::from(number)];
        let lines = &mut self.lines;
        let present = |instance: usize| lines[first + instance].present(at);
        self.doors.choose(number, (station.instances, station.dispatch), request.key, present)
    }

    /// What a client knows of it when the run is over.
    fn known(&self, reply: Reply) -> Reply {
        if reply.at > self.horizon.drained {
            Reply { at: self.horizon.drained, outcome: Outcome::InFlight, retry_after: 0, ..reply }
        } else {
            reply
        }
    }

    fn peaks(&mut self) -> Vec<Peak> {
        let end = self.horizon.drained;
        super::longest(self.model, self.lines.iter_mut().map(|line| line.peak(end)), &self.rooms)
    }
}
