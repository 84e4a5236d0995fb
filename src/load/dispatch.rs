//! Which request is due, who carries it, and what waits: the state that all lanes of a run share.
//!
//! Nothing here waits or reads a clock; whoever calls says what time it is. Requests are released in the order of
//! their intended instants, equal ones in the order in which they became known. The lane that became idle last is
//! taken first, so that few connections are warm instead of all being lukewarm.

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::iter::Peekable;
use std::sync::Arc;

use tokio::sync::Notify;

use super::connection::Connection;
use super::keep::{Keep, Rounds};
use super::later::{Later, Pending};
use super::live::{Keeper, Live};
use super::plan::Plan;
use super::recorder::{Entry, Feed};
use super::vars::Vars;
use crate::arrivals::{self, Conformance, Fit, Planned};
use crate::journey::{Due, Ending, Journey, Next, account_of};
use crate::record::{JourneyEvent, Sample};
use crate::scenario::{Arrival, Outcome, Subject};
use crate::units::Offset;

/// A request that is due, and whose.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) live: Box<Live>,
    pub(super) due: Due,
    /// When the pacer let it go.
    pub(super) released: Offset,
}

impl Work {
    /// How it stands in the record if it is sent (or not) at `now` and nothing more is known of it.
    fn sample(&self, outcome: Outcome, now: Offset) -> Sample {
        Sample {
            population: self.live.journey.population(),
            step: self.due.step,
            outcome,
            intended: self.due.at,
            released: self.released,
            sent: now,
            done: now,
        }
    }

    fn not_sent(&self, now: Offset) -> Sample {
        self.sample(Outcome::NotSent, now)
    }
}

/// What a lane is doing.
#[derive(Debug, Default)]
struct Lane {
    /// It is on its crew's stack.
    idle: bool,
    handed: Option<Work>,
    /// What it has taken and may not send yet: the target has a ceiling.
    waiting: Option<Work>,
    wake: Arc<Notify>,
    /// The request under way, as it would stand in the record if the run ended now.
    current: Option<Sample>,
    /// Its own connection, where connections are a lane's.
    connection: Keep,
}

#[derive(Debug, Default)]
struct Crew {
    idle: Vec<usize>,
    backlog: VecDeque<Work>,
}

/// The shared state of a run.
#[derive(Debug)]
pub(super) struct Dispatch {
    plan: Arc<Plan>,
    planned: Peekable<Planned>,
    /// Whether what is released is the planned process.
    conformance: Conformance,
    later: BinaryHeap<Later>,
    /// Numbers what is put off, so that equal instants keep their order.
    count: u64,
    crews: Vec<Crew>,
    lanes: Vec<Lane>,
    /// Accounts of each population that have begun a journey.
    pub(super) accounts: Vec<HashMap<u32, Keeper>>,
    pub(super) feed: Feed,
    /// No request is due at or after this instant.
    end: Offset,
    /// When the dispatcher will look at the time again.
    armed: Offset,
    /// It does not look before.
    rests_until: Offset,
    /// Requests handed to lanes and not finished.
    in_flight: usize,
    offered: u64,
    /// Looks after idle connections.
    pub(super) rounds: Rounds,
}

impl Dispatch {
    /// The state before the first arrival, with `lanes` lanes in all.
    pub(super) fn new(plan: Arc<Plan>, lanes: usize, feed: Feed) -> Self {
        let populations = plan.populations.len();
        Self {
            planned: arrivals::planned(&plan.scenario, &plan.timeline, plan.seed).peekable(),
            conformance: Conformance::new(&plan.scenario, &plan.timeline),
            later: BinaryHeap::new(),
            count: 0,
            crews: std::iter::repeat_with(Crew::default).take(populations).collect(),
            lanes: std::iter::repeat_with(Lane::default).take(lanes).collect(),
            accounts: std::iter::repeat_with(HashMap::new).take(populations).collect(),
            feed,
            end: plan.timeline.end(),
            armed: Offset::from_nanos(i64::MIN),
            rests_until: Offset::from_nanos(i64::MIN),
            in_flight: 0,
            offered: 0,
            rounds: Rounds::default(),
            plan,
        }
    }

    /// The instant at which there is something to release next, if there is one before the end.
    pub(super) fn next_due(&mut self) -> Option<Offset> {
        // What others play, or nobody, is passed over here and nowhere else. The arrivals of other shards are of the same
        // plan, which is tested as a whole.
        while let Some(arrival) = self.planned.next_if(|arrival| !self.plan.plays(arrival)) {
            if self.plan.populations[usize::from(arrival.population)].played {
                self.conformance.note(&arrival);
            }
        }
        let planned = self.planned.peek().map(|arrival| arrival.at);
        let later = self.later.peek().map(|later| later.at);
        [planned, later].into_iter().flatten().min().filter(|at| *at < self.end)
    }

    /// Notes when the dispatcher will look at the time again unless it is told that something is due sooner, and until
    /// when it does not want to be told.
    pub(super) fn arm(&mut self, at: Offset, rests_until: Offset) {
        self.armed = at;
        self.rests_until = rests_until;
    }

    /// True when something is due before the dispatcher would notice; it is then told so once.
    pub(super) fn is_sooner(&mut self) -> bool {
        let rests_until = self.rests_until;
        let sooner = self.next_due().is_some_and(|at| at.max(rests_until) < self.armed);
        if sooner {
            self.armed = Offset::from_nanos(i64::MIN);
        }
        sooner
    }

    /// Releases all that is due at `now`: to idle lanes, else to the backlog of its population.
    pub(super) fn release(&mut self, now: Offset) {
        while let Some(at) = self.next_due().filter(|at| *at <= now) {
            let from_plan = self.planned.peek().is_some_and(|arrival| arrival.at <= at);
            let pending = if from_plan {
                self.planned.next().map(|arrival| {
                    self.conformance.note(&arrival);
                    Pending::Arriving(arrival, None)
                })
            } else {
                self.later.pop().map(|later| later.what)
            };
            match pending {
                Some(Pending::Arriving(arrival, vars)) => self.arrive(arrival, vars.as_deref(), now),
                Some(Pending::Thinking(live, due)) => self.offer(live, due, now),
                None => return,
            }
        }
    }

    /// The next request for a lane that has none: what was handed to it, what waits, or what is just due. With nothing
    /// to do the lane is idle from here on, and is woken by what is returned.
    pub(super) fn take(&mut self, population: u16, lane: usize, now: Offset) -> Result<Work, Arc<Notify>> {
        if let Some(work) = self.lanes[lane].handed.take() {
            return Ok(work);
        }
        let crew = &mut self.crews[usize::from(population)];
        // A lane that was woken for nothing is idle already.
        if !self.lanes[lane].idle {
            if let Some(work) = crew.backlog.pop_front() {
                self.in_flight += 1;
                return Ok(work);
            }
            self.lanes[lane].idle = true;
            crew.idle.push(lane);
        }
        self.release(now);
        self.lanes[lane].handed.take().ok_or_else(|| Arc::clone(&self.lanes[lane].wake))
    }

    /// A lane that was idle does something else for a while: what was handed to it meanwhile is for another.
    pub(super) fn leave(&mut self, population: u16, lane: usize) {
        let crew = &mut self.crews[usize::from(population)];
        if std::mem::take(&mut self.lanes[lane].idle) {
            crew.idle.retain(|idle| *idle != lane);
        }
        let Some(work) = self.lanes[lane].handed.take() else { return };
        match crew.idle.pop() {
            Some(other) => {
                let other = &mut self.lanes[other];
                other.idle = false;
                other.handed = Some(work);
                other.wake.notify_one();
            }
            None => {
                self.in_flight -= 1;
                crew.backlog.push_front(work);
            }
        }
    }

    /// A lane has taken a request that it may not send yet.
    pub(super) fn wait(&mut self, lane: usize, work: Work) {
        self.lanes[lane].waiting = Some(work);
    }

    /// It may now; `None`: the end has come meanwhile.
    pub(super) fn waited(&mut self, lane: usize) -> Option<Work> {
        self.lanes[lane].waiting.take()
    }

    /// A lane takes a request up: `sent` is now.
    pub(super) fn sent(&mut self, lane: usize, work: &Work, sent: Offset) -> Sample {
        let sample = work.sample(Outcome::InFlight, sent);
        self.lanes[lane].current = Some(sample);
        self.feed.push(Entry::Sent { population: sample.population, step: sample.step, at: sent }, sent);
        sample
    }

    /// A lane has finished its request; false when the run had already given it up.
    pub(super) fn ended(&mut self, lane: usize, sample: Sample) -> bool {
        if self.lanes[lane].current.take().is_none() {
            return false;
        }
        self.in_flight -= 1;
        self.feed.push(Entry::Ended(sample), sample.done);
        true
    }

    /// A lane's own connection, if it is open.
    pub(super) fn kept(&self, lane: usize) -> Option<Connection> {
        self.lanes[lane].connection.take()
    }

    /// Keeps a lane's own connection.
    pub(super) fn keep(&mut self, lane: usize, connection: Connection) {
        self.lanes[lane].connection.put(connection, &mut self.rounds);
    }

    /// What a journey does next.
    pub(super) fn go_on(&mut self, live: Box<Live>, next: Next, now: Offset) {
        match next {
            // A journey whose next request would be due after the end stays unfinished.
            Next::Request(due) if due.at >= self.end => {}
            Next::Request(due) => self.put_off(due.at, Pending::Thinking(live, due)),
            Next::End(ending) => {
                let event = match ending {
                    Ending::Completed => JourneyEvent::Completed { clean: live.journey.clean() },
                    Ending::GaveUp => JourneyEvent::GaveUp,
                };
                self.journey(&live.journey, event, now);
            }
        }
    }

    /// Notes something that happened to a journey.
    pub(super) fn journey(&mut self, journey: &Journey, event: JourneyEvent, now: Offset) {
        let Arrival { at, population, .. } = journey.arrival();
        self.feed.push(Entry::Journey { population, arrived: at, event }, now);
    }

    /// The journeys that a cause brings: a message, or another population's success.
    pub(super) fn bring(
        &mut self,
        populations: &[u16],
        cause: Subject,
        vars: Option<&Arc<Vars>>,
        at: Offset,
    ) {
        let plan = Arc::clone(&self.plan);
        for population in populations {
            let followers = &plan.populations[usize::from(*population)].followers;
            for arrival in followers.iter().flat_map(|of| of.of(cause, at)) {
                self.put_off(arrival.at, Pending::Arriving(arrival, vars.cloned()));
            }
        }
    }

    /// Journeys that are known before the run starts.
    pub(super) fn foresee(&mut self, visits: impl IntoIterator<Item = Arrival>, vars: &Arc<Vars>) {
        let plan = Arc::clone(&self.plan);
        for arrival in visits.into_iter().filter(|arrival| plan.plays(arrival)) {
            self.put_off(arrival.at, Pending::Arriving(arrival, Some(Arc::clone(vars))));
        }
    }

    /// Ends the release of requests at `now`: what waits for a lane is not sent, and nothing becomes due any more.
    pub(super) fn cut(&mut self, now: Offset) {
        self.end = self.end.min(now);
        self.release(now);
        for crew in &mut self.crews {
            for work in crew.backlog.drain(..) {
                self.feed.push(Entry::Ended(work.not_sent(now)), now);
            }
        }
        for lane in &mut self.lanes {
            if let Some(work) = lane.waiting.take() {
                self.in_flight -= 1;
                self.feed.push(Entry::Ended(work.not_sent(now)), now);
            }
        }
        self.later.clear();
    }

    /// Gives up what is still under way at `now`: it is in flight at the end.
    pub(super) fn abandon(&mut self, now: Offset) {
        for lane in &mut self.lanes {
            if let Some(sample) = lane.current.take() {
                self.feed.push(Entry::Ended(Sample { done: now, ..sample }), now);
            }
            if let Some(work) = lane.handed.take() {
                self.feed.push(Entry::Ended(work.not_sent(now)), now);
            }
        }
        self.in_flight = 0;
    }

    /// Requests handed to lanes and not finished.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How well the planned arrivals that were released fit the plan, up to the end of the release.
    pub(super) fn fits(&self) -> Vec<Fit> {
        self.conformance.fits(self.end)
    }

    /// Requests that became due so far.
    pub(super) fn offered(&self) -> u64 {
        self.offered
    }

    /// Lanes that are idle.
    pub(super) fn idle(&self) -> usize {
        self.crews.iter().map(|crew| crew.idle.len()).sum()
    }

    /// Wakes every idle lane, so that it sees that the run is over.
    pub(super) fn wake_all(&self) {
        self.lanes.iter().for_each(|lane| lane.wake.notify_one());
    }

    fn put_off(&mut self, at: Offset, what: Pending) {
        self.count += 1;
        self.later.push(Later { at, number: self.count, what });
    }

    fn arrive(&mut self, arrival: Arrival, vars: Option<&Vars>, now: Offset) {
        let population = usize::from(arrival.population);
        let account = account_of(self.plan.population(arrival.population), &self.plan.timeline, arrival.key);
        let keeper = account.map(|index| self.accounts[population].entry(index).or_default());
        let script = &self.plan.populations[population].script;
        let (journey, next) = Journey::begin(script, arrival, keeper.map(|keeper| &mut keeper.account));
        self.journey(&journey, JourneyEvent::Planned, now);
        let live = Box::new(Live::new(journey, account, vars.cloned().unwrap_or_default()));
        self.journey(&journey, JourneyEvent::Started, now);
        match next {
            Next::Request(due) if due.at <= now => self.offer(live, due, now),
            next => self.go_on(live, next, now),
        }
    }

    fn offer(&mut self, live: Box<Live>, due: Due, now: Offset) {
        let population = live.journey.population();
        self.offered += 1;
        self.feed.push(Entry::Offered { population, step: due.step, intended: due.at }, now);
        let crew = &mut self.crews[usize::from(population)];
        let work = Work { live, due, released: now };
        match crew.idle.pop() {
            Some(lane) => {
                self.in_flight += 1;
                let lane = &mut self.lanes[lane];
                lane.idle = false;
                lane.handed = Some(work);
                lane.wake.notify_one();
            }
            None => crew.backlog.push_back(work),
        }
    }
}
