//! The event engine: any discipline, one calendar of ends of service, one of ends of patience, one of requests to come.
//!
//! Ties are those of the look-ahead engine: at one instant capacities change first, then services end, then patience
//! ends, then planned clients come, then what the calendar holds, in the order of its numbers.

mod ahead;
mod behind;
mod changes;
mod doors;
mod intake;

use std::collections::VecDeque;

use self::ahead::{Ahead, Ending};
use super::calendar::{Calendar, Ranked};
use super::clients::{Clients, Horizon, NEVER, Reply, Request, WATCH_EVERY, Watch};
use super::desk::Desk;
use super::faults::Change;
use super::jobs::{Job, Jobs, Ticket};
use super::levels::Levels;
use super::memory::Remembered;
use super::meter::{End, Meter, Visit};
use super::model::{Doors, Intake, Model};
use super::outcome_of;
use super::peak::Peak;
use super::rooms::Rooms;
use crate::scenario::Outcome;
use crate::scenario::server_model::{Discipline, Leaving};

/// Runs clients against a model until the horizon, beginning with what is in the calendar; the longest queue of every station, and whether it came to the end.
pub(super) fn run<C: Clients>(
    model: &Model,
    clients: &mut C,
    later: Calendar<C::Who>,
    meter: &mut Meter,
    start: i64,
    horizon: Horizon,
    watch: Watch<'_>,
) -> (Vec<Peak>, bool) {
    let classes = model.classes.len();
    let desk = |station: &u16| Desk::new(*station, &model.stations[usize::from(*station)], classes, start);
    let mut engine = Engine {
        model,
        clients,
        meter,
        horizon,
        desks: model.instance_of.iter().map(desk).collect(),
        doors: Doors::new(model, start),
        rooms: Rooms::new(model, start),
        jobs: Jobs::new(),
        levels: Levels::new(classes, start),
        later,
        ends: Calendar::new(),
        patience: Calendar::new(),
        changes: model.changes.iter().copied().collect(),
        down: false,
        memories: model.memories.iter().map(Remembered::new).collect(),
        accepted: 0,
        kept: Vec::new(),
        closed: vec![false; classes],
        longer: vec![0; classes],
        presence: 0,
    };
    let completed = engine.run(watch);
    engine.close(completed);
    (super::longest(model, engine.desks.iter().map(|desk| desk.peak), &engine.rooms), completed)
}

struct Engine<'a, C: Clients> {
    model: &'a Model,
    clients: &'a mut C,
    meter: &'a mut Meter,
    horizon: Horizon,
    desks: Vec<Desk>,
    doors: Doors,
    rooms: Rooms,
    jobs: Jobs<C::Who>,
    levels: Levels,
    later: Calendar<C::Who>,
    ends: Calendar<Ahead<Ending>>,
    patience: Calendar<Ahead<Ticket>>,
    /// Changes to come.
    changes: VecDeque<(i64, Change)>,
    /// The server is not there.
    down: bool,
    /// What the server has in memory.
    memories: Vec<Remembered>,
    /// How many are accepted and have not got what they need.
    accepted: u64,
    /// Those among them who were worked on, or waited for it, when the server died, and since when.
    kept: Vec<(i64, Request<C::Who>)>,
    /// By class: requests are refused at once; service takes so much longer.
    closed: Vec<bool>,
    longer: Vec<i64>,
    /// Sum over visits of their time in the measured part, which must be the area of those present.
    presence: u128,
}

impl<C: Clients> Engine<'_, C> {
    fn run(&mut self, watch: Watch<'_>) -> bool {
        let mut requests = 0;
        let last = if self.clients.goes_on() { self.horizon.drained } else { self.horizon.end };
        loop {
            let before = |at: i64, end: i64| if at < end { at } else { NEVER };
            let planned = before(self.clients.planned_at(), self.horizon.end);
            let come = planned.min(before(self.later.next_at(), last));
            let [end, leave] = [self.ends.next_at(), self.patience.next_at()];
            let change = self.changes.front().map_or(NEVER, |(at, _)| *at);
            let now = come.min(end).min(leave).min(change);
            if now > self.horizon.drained {
                return true;
            }
            if change == now {
                self.change(now);
            } else if end == now {
                self.end_service(now);
            } else if leave == now {
                self.end_patience(now);
            } else {
                let request = if planned == now {
                    self.clients.arrive(&mut self.later)
                } else {
                    let Some((at, who)) = self.later.take() else { return true };
                    self.clients.due(who, at, &mut self.later)
                };
                if let Some(request) = &request {
                    if self.model.behind.erases == Some(request.class) {
                        self.work_on(*request, now);
                        continue;
                    }
                    self.come(request, now);
                    requests += 1;
                    if requests % WATCH_EVERY == 0 && !watch(now, requests) {
                        return false;
                    }
                }
            }
        }
    }

    /// A request goes to an instance of its station; its ticket, unless there is no place for it.
    fn visit(
        &mut self,
        request: &Request<C::Who>,
        parent: Option<Ticket>,
        instance: usize,
        at: i64,
    ) -> Option<Ticket> {
        let class = self.model.classes[usize::from(request.class)];
        let station = &self.model.stations[usize::from(class.station)];
        let number = self.model.first[usize::from(class.station)] + instance;
        let work = self.model.work(class, request.key) as i64;
        let desk = &mut self.desks[number];
        if let Some(sharing) = &mut desk.sharing {
            sharing.advance(at, self.meter);
        }
        let sharing = desk.sharing.is_some();
        let preempts = station.discipline == Discipline::Priority { preemptive: true };
        let free = desk.is_free();
        let interrupts = !free && preempts && desk.running.iter().any(|(other, _)| *other > class.priority);
        if !free && !interrupts && (sharing || desk.waiting >= desk.places) {
            self.refuse(request, at, End::Full, None);
            return None;
        }
        let job = Job {
            request: *request,
            at,
            desk: number as u32,
            work,
            left: work,
            started: NEVER,
            gone: false,
            refused: false,
            settled: false,
            parent,
            child: None,
            begun: 0,
            epoch: 0,
        };
        let ticket = self.jobs.add(job);
        if free || interrupts {
            if interrupts {
                self.interrupt(number, at);
            }
            if let Some(groups) = self.desks[number].groups {
                let each = groups.each.saturating_mul(self.counts(request) as i64);
                self.lengthen(ticket, work.saturating_add(each));
            }
            self.start(number, ticket, at);
            let ends = self.jobs.get(ticket).map_or(NEVER, |job| at.saturating_add(job.work));
            let longer =
                sharing || preempts || !self.model.behind.needs[usize::from(request.class)].is_empty();
            // Who may be served for longer than its work, or be interrupted and wait again, may lose patience until then.
            let ends = if longer { NEVER } else { ends };
            self.file_patience(ticket, ends);
        } else {
            self.desks[number].join(ticket, class.priority, false, at);
            self.levels.waiting(request.class, 1, at, self.meter);
            self.file_patience(ticket, NEVER);
        }
        Some(ticket)
    }

    /// Foresees the end of a client's patience, if it may come before `until`.
    fn file_patience(&mut self, ticket: Ticket, until: i64) {
        let Some(job) = self.jobs.get(ticket).filter(|job| job.request.deadline < until) else { return };
        job.request.deadline = self.clients.deadline(&job.request, job.at);
        if job.request.deadline < until {
            let rank = job.request.who.rank() >> 1;
            self.patience.enter(job.request.deadline, Ahead { rank, what: ticket });
        }
    }

    /// Service of a job begins or goes on.
    fn start(&mut self, number: usize, ticket: Ticket, at: i64) {
        let desk = &mut self.desks[number];
        let Some(job) = self.jobs.get(ticket) else { return };
        desk.busy += 1;
        job.started = at;
        let longer = self.longer[usize::from(job.request.class)];
        if longer > 0 && job.epoch == 0 {
            job.work = job.work.saturating_add(longer);
            job.left = job.work;
        }
        if job.request.until_start {
            job.request.deadline = NEVER;
        }
        let rank = job.request.who.rank() >> 1;
        let class = job.request.class;
        if let Some(sharing) = &mut desk.sharing {
            job.started = sharing.virtual_nanos();
            sharing.add(class, job.work, rank, ticket);
            self.foresee(number);
            return;
        }
        let (end, ahead) =
            (at.saturating_add(job.left), Ahead { rank, what: Ending::Job(ticket, job.epoch) });
        self.levels.working(class, 1, at, self.meter);
        let taken_in = self.model.intake[usize::from(class)] != Intake::Apart;
        if taken_in && !self.takes_in(ticket) {
            // It keeps its server for its own work, and nothing else is done.
        } else if !self.model.behind.needs[usize::from(class)].is_empty() {
            self.go_on(ticket, at);
            return;
        } else if taken_in {
            self.has_its_needs(ticket, at);
        }
        self.ends.enter(end, ahead);
        let desk = &mut self.desks[number];
        let station = &self.model.stations[usize::from(desk.station)];
        if matches!(station.discipline, Discipline::Priority { preemptive: true }) {
            desk.running.push((self.model.classes[usize::from(class)].priority, ticket));
        }
    }

    /// The one in service of the highest priority number, of these the one who started last, goes back to the queue.
    fn interrupt(&mut self, number: usize, at: i64) {
        let desk = &mut self.desks[number];
        let Some(index) = (0..desk.running.len()).max_by_key(|index| (desk.running[*index].0, *index)) else {
            return;
        };
        let (priority, ticket) = desk.running.remove(index);
        let Some(job) = self.jobs.get(ticket) else { return };
        job.left -= at - job.started;
        job.started = NEVER;
        job.epoch += 1;
        let class = job.request.class;
        desk.busy -= 1;
        desk.join(ticket, priority, true, at);
        self.levels.working(class, -1, at, self.meter);
        self.levels.waiting(class, 1, at, self.meter);
    }

    fn end_service(&mut self, at: i64) {
        let Some((_, end)) = self.ends.take() else { return };
        let (ticket, number) = match end.what {
            Ending::Job(ticket, epoch) => match self.jobs.get(ticket) {
                Some(job) if job.epoch == epoch => (ticket, job.desk as usize),
                _ => return,
            },
            Ending::Desk(number, epoch) => {
                let number = number as usize;
                let Some(sharing) = &mut self.desks[number].sharing else { return };
                if sharing.epoch != epoch {
                    return;
                }
                sharing.advance(at, self.meter);
                let jobs = &mut self.jobs;
                let Some((_, ticket)) = sharing.next(|ticket| jobs.get(ticket).is_some()) else { return };
                (ticket, number)
            }
        };
        let Some(job) = self.jobs.remove(ticket) else { return };
        self.leave_service(number, ticket, &job, at);
        let kept = self.model.behind.needs[usize::from(job.request.class)].is_empty();
        let worked = if kept { job.work } else { at - job.started };
        let end = if job.refused { End::Full } else { End::Served };
        self.measure(&job, at, worked, end);
        self.doors.learn(self.desks[number].station, at - job.at, at);
        if let Some(parent) = job.parent {
            self.go_on(parent, at);
        } else if self.is_awaited(&job) {
            self.reply(&job.request, (job.at, at), end, false, None);
        }
        self.serve_next(number, at);
    }

    /// A job that was in service no longer is.
    fn leave_service(&mut self, number: usize, ticket: Ticket, job: &Job<C::Who>, at: i64) {
        let desk = &mut self.desks[number];
        desk.busy -= 1;
        if let Some(sharing) = &mut desk.sharing {
            sharing.leave(job.request.class);
            self.foresee(number);
            return;
        }
        self.levels.working(job.request.class, -1, at, self.meter);
        desk.running.retain(|(_, other)| *other != ticket);
    }

    /// Enters the next end of service of a desk whose servers are shared.
    fn foresee(&mut self, number: usize) {
        let Some(sharing) = &mut self.desks[number].sharing else { return };
        let jobs = &mut self.jobs;
        if let Some((at, ticket)) = sharing.next(|ticket| jobs.get(ticket).is_some())
            && let Some(job) = jobs.get(ticket)
        {
            let rank = job.request.who.rank() >> 1;
            self.ends.enter(at, Ahead { rank, what: Ending::Desk(number as u32, sharing.epoch) });
        }
    }

    fn end_patience(&mut self, at: i64) {
        let Some((_, Ahead { what: ticket, .. })) = self.patience.take() else { return };
        let Some(job) = self.jobs.get(ticket).filter(|job| job.loses_patience(at)) else { return };
        job.gone = true;
        let (number, waits, request, came) = (job.desk as usize, job.waits(), job.request, job.at);
        let station = &self.model.stations[usize::from(self.desks[number].station)];
        if station.abandoned == Leaving::Drop {
            self.withdraw(ticket, at, End::Abandoned);
            if !waits {
                self.serve_next(number, at);
            }
        }
        self.reply(&request, (came, at), End::Abandoned, true, None);
    }

    /// A job leaves before its service has ended.
    fn withdraw(&mut self, ticket: Ticket, at: i64, end: End) {
        let Some(job) = self.jobs.remove(ticket) else { return };
        let number = job.desk as usize;
        self.withdraw_behind(&job, at, end);
        if job.waits() {
            self.desks[number].left_queue(at);
            self.levels.waiting(job.request.class, -1, at, self.meter);
            self.measure(&job, at, job.work - job.left, end);
            return;
        }
        if let Some(sharing) = &mut self.desks[number].sharing {
            sharing.advance(at, self.meter);
        }
        let worked = match &self.desks[number].sharing {
            Some(sharing) => (sharing.virtual_nanos() - job.started).min(job.work),
            None => job.work - job.left + (at - job.started),
        };
        self.leave_service(number, ticket, &job, at);
        self.measure(&job, at, worked, end);
    }

    fn serve_next(&mut self, number: usize, at: i64) {
        if let Some(groups) = self.desks[number].groups {
            self.serve_group(number, groups, at);
            return;
        }
        while self.desks[number].busy < self.desks[number].servers {
            let Some(ticket) = self.desks[number].next() else { return };
            let Some(job) = self.jobs.get(ticket) else { continue };
            let (class, waited, is_new) = (job.request.class, (at - job.at) as u64, job.left == job.work);
            self.desks[number].left_queue(at);
            self.levels.waiting(class, -1, at, self.meter);
            let longest = self.model.stations[usize::from(self.desks[number].station)].longest_wait;
            if longest.is_some_and(|longest| waited > longest.nanos()) && is_new {
                let Some(job) = self.jobs.remove(ticket) else { continue };
                self.measure(&job, at, 0, End::Late);
                if !job.gone {
                    self.reply(&job.request, (job.at, at), End::Late, false, None);
                }
            } else {
                self.start(number, ticket, at);
            }
        }
    }

    fn measure(&mut self, job: &Job<C::Who>, at: i64, worked: i64, end: End) {
        let class = job.request.class;
        let wasted = job.gone && end != End::Late && !(end == End::Abandoned && job.waits());
        self.presence += self.meter.presence(job.at, at);
        self.meter.visit(&Visit { class, at: job.at, left: at, worked, end, wasted });
    }

    fn reply(
        &mut self,
        request: &Request<C::Who>,
        (sent, at): (i64, i64),
        end: End,
        gone: bool,
        retry_after: Option<u64>,
    ) {
        let class = self.model.classes[usize::from(request.class)];
        let outcome = outcome_of(end, gone);
        let usual = self.model.stations[usize::from(class.station)].retry_after.map(|span| span.nanos());
        let retry_after = if outcome == Outcome::Shed { retry_after.or(usual).unwrap_or(0) } else { 0 };
        self.clients.answered(request.who, Reply { at, sent, outcome, retry_after }, &mut self.later);
    }

    /// Tells those who still wait that the run is over, and checks that nothing was lost.
    fn close(&mut self, completed: bool) {
        let Horizon { end, drained } = self.horizon;
        self.levels.close(end, self.meter);
        for desk in &mut self.desks {
            if let Some(sharing) = &mut desk.sharing {
                sharing.advance(end, self.meter);
            }
        }
        let remaining: Vec<Job<C::Who>> = self.jobs.remaining().copied().collect();
        for job in remaining {
            self.presence += self.meter.presence(job.at, NEVER);
            let class = job.request.class;
            let (at, end) = (job.at, End::Abandoned);
            self.meter.visit(&Visit { class, at, left: NEVER, worked: 0, end, wasted: false });
            if self.is_awaited(&job) {
                let reply = Reply { at: drained, sent: job.at, outcome: Outcome::InFlight, retry_after: 0 };
                self.clients.answered(job.request.who, reply, &mut self.later);
            }
        }
        self.presence += self.rooms.close(end, self.meter);
        if completed {
            debug_assert_eq!(self.presence, self.meter.area_present(), "Little's law: visits against areas");
        }
    }
}
