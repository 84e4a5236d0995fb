//! Waiting rooms before the stations: the reference server's own queue of tickets, in simulated time.
//!
//! What a room decides goes by who came when, and by nothing that happens at the stations behind it, so both engines ask
//! it in the order of time. A room is measured as a station is: who waits in it has come and has not been let in.

use std::time::Duration;

use reference_server::waiting_room::{Queue, Standing};

use super::meter::{End, Meter, Visit};
use super::model::Model;
use super::peak::Peak;
use super::whole_seconds;
use crate::rng::Key;
use crate::scenario::server_model::RoomModel;

/// The rooms of a server.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    start: i64,
    /// Sum over those who have left of their time in the measured part, which must be the area of those present.
    presence: u128,
}

/// One room; every instance of the server has one of its own.
#[derive(Debug)]
struct Room {
    rule: RoomModel,
    queues: Vec<Queue<u64>>,
    /// Who is in it, and since when it is so many.
    present: u64,
    since: i64,
    peak: Peak,
}

impl Rooms {
    /// Empty rooms.
    pub(super) fn new(model: &Model, start: i64) -> Self {
        let room = |rule: &RoomModel| {
            let station = model.classes[usize::from(rule.before)].station;
            let instances = model.stations[usize::from(station)].instances;
            Room {
                queues: (0..instances).map(|_| empty(rule, 0)).collect(),
                rule: rule.clone(),
                present: 0,
                since: start,
                peak: Peak::new(start),
            }
        };
        Self { rooms: model.rooms.iter().map(room).collect(), start, presence: 0 }
    }

    /// Somebody comes to the room of an instance: goes in, or is to ask again after so many nanoseconds. `whose` tells the
    /// place that is meant, `request` makes the draws.
    ///
    /// # Errors
    /// For how long the page tells to stay away.
    pub(super) fn enter(
        &mut self,
        (number, instance): (u16, usize),
        whose: u64,
        request: Key,
        at: i64,
        meter: &mut Meter,
    ) -> Result<(), u64> {
        let room = &mut self.rooms[usize::from(number)];
        let class = room.rule.shown;
        let now = (at - self.start).max(0) as u64;
        let before = room.queues[instance].waiting() + room.queues[instance].called();
        let standing = room.queues[instance].stand(&whose, None, Duration::from_nanos(now));
        let queue = &room.queues[instance];
        let [now_there, void] = [queue.waiting() + queue.called(), queue.voided().len()];
        for since in queue.voided() {
            let since = self.start + since.as_nanos() as i64;
            self.presence += leaves(class, since, at, End::Abandoned, meter);
        }
        // Whoever is there for the first time is one more than those who have left the room explain.
        let outcome = match standing {
            Standing::In { waited } => {
                if now_there + void == before {
                    meter.came(class, at);
                }
                self.presence += leaves(class, at - waited.as_nanos() as i64, at, End::Served, meter);
                Ok(())
            }
            Standing::Waits { .. } => {
                if now_there + void > before {
                    meter.came(class, at);
                }
                Err(room.asks_again(request))
            }
            Standing::NoPlace => {
                meter.came(class, at);
                self.presence += leaves(class, at, at, End::Full, meter);
                Err(room.asks_again(request))
            }
        };
        let present = room.present + now_there as u64 - before as u64;
        room.becomes(present, at, meter);
        outcome
    }

    /// The server is killed: nobody has a place any more, and the rooms that there will be are empty.
    pub(super) fn die(&mut self, at: i64, meter: &mut Meter) {
        for room in &mut self.rooms {
            let class = room.rule.shown;
            for queue in &mut room.queues {
                for since in queue.since() {
                    let since = self.start + since.as_nanos() as i64;
                    self.presence += leaves(class, since, at, End::Down, meter);
                }
            }
            room.becomes(0, at, meter);
        }
        self.renew(at);
    }

    /// The server begins anew.
    pub(super) fn renew(&mut self, at: i64) {
        let now = (at - self.start).max(0) as u64;
        for room in &mut self.rooms {
            let rule = &room.rule;
            room.queues.iter_mut().for_each(|queue| *queue = empty(rule, now));
        }
    }

    /// Measures those who are still there at the end; the sum of all visits' time in the measured part.
    pub(super) fn close(&mut self, end: i64, meter: &mut Meter) -> u128 {
        for room in &mut self.rooms {
            let class = room.rule.shown;
            for since in room.queues.iter().flat_map(Queue::since) {
                let since = self.start + since.as_nanos() as i64;
                self.presence += leaves(class, since, i64::MAX, End::Abandoned, meter);
            }
            room.becomes(room.present, end, meter);
        }
        self.presence
    }

    /// The most that were in each room, by the station that it is shown as.
    pub(super) fn peaks<'a>(&'a self, model: &'a Model) -> impl Iterator<Item = (u16, Peak)> + 'a {
        self.rooms.iter().map(|room| (model.classes[usize::from(room.rule.shown)].station, room.peak))
    }
}

impl Room {
    /// So many are in it from `at` on.
    fn becomes(&mut self, present: u64, at: i64, meter: &mut Meter) {
        if self.present > 0 {
            meter.waiting(self.rule.shown, self.since, at, self.present);
        }
        if present > self.present {
            self.peak.joined(present, at);
        } else if present < self.present {
            self.peak.left(self.present, at);
            if present == 0 {
                self.peak.emptied(at);
            }
        }
        (self.present, self.since) = (present, at);
    }

    /// Between once and twice the poll, in whole seconds, as the page says it.
    fn asks_again(&self, request: Key) -> u64 {
        let share = 1.0 + request.word("poll").unit();
        whole_seconds(self.rule.poll.scaled(share).nanos())
    }
}

/// Measures one who came at `since` and leaves at `at`; the part of that time which is in the measured part.
fn leaves(class: u16, since: i64, at: i64, end: End, meter: &mut Meter) -> u128 {
    meter.visit(&Visit { class, at: since, left: at, worked: 0, end, wasted: false });
    meter.presence(since, at)
}

fn empty(rule: &RoomModel, now: u64) -> Queue<u64> {
    let poll = Duration::from_nanos(rule.poll.nanos());
    Queue::new(rule.rate, rule.places as usize, poll, Duration::from_nanos(now))
}
