//! The journeys of a scenario as clients of an engine: the same arrivals and the same journeys as in a load run.
//!
//! A journey under way is its own state and nothing else: it travels with its request and through the calendar, so that
//! of a million that wait each takes 64 bytes there, 52 if it waits for long.

mod kind;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use self::kind::Kind;
use super::beat::is_brought_by;
use super::calendar::Calendar;
use super::clients::{Clients, NEVER, Reply, Request};
use super::mailer::Mailer;
use super::model::Model;
use super::recorder::Recorder;
use super::visits::Visits;
use crate::arrivals::{self, Planned};
use crate::journey::{self, Answer, Ending, Journey, Next};
use crate::record::{JourneyEvent, Sample};
use crate::rng::Key;
use crate::scenario::server_model::{Per, PlaceOf};
use crate::scenario::{Arrival, Cause, Outcome, Population, Scenario, ServerModel, Subject, Timeline};
use crate::units::{Offset, Span};

/// What is played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Play<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) timeline: &'a Timeline,
    pub(super) seed: u64,
    /// By population: whether it comes.
    pub(super) played: &'a [bool],
}

/// All journeys of a run.
pub(super) struct Journeys<'a, R> {
    play: Play<'a>,
    populations: Vec<Kind>,
    /// Populations that messages bring.
    readers: Vec<u16>,
    planned: Planned,
    /// The next planned arrivals, the first last, with their accounts, if any.
    coming: Vec<(Arrival, Option<u32>)>,
    /// Journeys that will come: brought by something.
    visits: Visits,
    /// Requests that had to wait for a lane and have not ended, by the key of their journey.
    put_off: BTreeMap<Key, PutOff>,
    /// Entries that were accepted in a request of which the journey does not know it, by its key.
    taken: BTreeSet<Key>,
    mailer: Mailer,
    /// The class of the change that every message makes when it has gone.
    erases: Option<u16>,
    /// No journey makes a request from here on, and nothing is awaited from there on.
    end: i64,
    drained: i64,
    recorder: R,
}

/// A request that was due while no lane was free, or no connection.
#[derive(Debug, Clone, Copy)]
struct PutOff {
    due: Offset,
    population: u16,
    step: u16,
    /// When it got its lane.
    sent: Option<Offset>,
    /// It waits for a connection, or has just been given one; the key of the request.
    waits: Option<Key>,
    given: bool,
}

/// Planned arrivals that are drawn at a time.
const TOGETHER: usize = 32;
/// What is remembered of a journey in its note: its present request had to wait for a lane or a connection.
const WAITED: u8 = 1;
/// Its messages are on their way: the system knows its entry by its reference, however often it comes.
const MESSAGES_SENT: u8 = 2;
/// Its entry is accepted for the first time: what it hands in will send the messages.
const FRESH: u8 = 4;
/// It is no journey but one of its messages, which has gone.
const ERASES: u8 = 8;
/// Its request waits for a connection, until its patience ends or ...
const WAITS: u8 = 16;
/// ... one has come free.
const GIVEN: u8 = 32;

impl<'a, R: Recorder> Journeys<'a, R> {
    /// The journeys of a run, those among them that the entries of before its start bring. `outages` are the times at which
    /// the server is not there.
    pub(super) fn new(
        play: Play<'a>,
        (model, ready): (&ServerModel, &Model),
        outages: &[(i64, i64)],
        recorder: R,
    ) -> Self {
        let of = |(index, population): (usize, &Population)| Kind::new(index as u16, population, play, model);
        let populations = play.scenario.populations.iter().enumerate().map(of).collect();
        let readers = (0..)
            .zip(&play.scenario.populations)
            .filter(|(_, population)| is_brought_by(population, &Cause::Message))
            .map(|(index, _)| index)
            .collect();
        let timeline = play.timeline;
        let mut journeys = Self {
            play,
            populations,
            readers,
            planned: arrivals::planned(play.scenario, timeline, play.seed),
            coming: Vec::with_capacity(TOGETHER),
            visits: Visits::new(timeline.start().nanos(), timeline.end().nanos()),
            put_off: BTreeMap::new(),
            taken: BTreeSet::new(),
            mailer: Mailer::new(model, outages),
            erases: ready.behind.erases,
            end: timeline.end().nanos(),
            drained: (timeline.end() + timeline.drain).nanos(),
            recorder,
        };
        journeys.look_ahead();
        for earlier in arrivals::earlier(play.scenario, timeline, play.seed) {
            for visit in &earlier.visits {
                comes_later(visit, play.played, &mut journeys.visits, &mut journeys.recorder);
            }
        }
        journeys
    }

    /// The run is over: what still waited in the generator was not sent.
    pub(super) fn close(mut self) -> R {
        let [end, drained] = [self.end, self.drained].map(Offset::from_nanos);
        for of in self.put_off.values() {
            // Who has a lane was sent, and waited for a connection as long as anything was awaited.
            let (outcome, sent, done) = match of.sent {
                Some(sent) => (Outcome::InFlight, sent, drained),
                None => (Outcome::NotSent, end.max(of.due), end.max(of.due)),
            };
            let (population, step, intended, released) = (of.population, of.step, of.due, of.due);
            self.recorder.ended(&Sample { population, step, outcome, intended, released, sent, done });
        }
        self.recorder
    }

    /// Draws the next planned arrivals.
    fn look_ahead(&mut self) {
        let (played, populations) = (self.play.played, &self.populations);
        let next = self.planned.by_ref().filter(|arrival| played[usize::from(arrival.population)]);
        self.coming.extend(next.take(TOGETHER).map(|arrival| {
            let account = populations[usize::from(arrival.population)].account_of(&arrival);
            (arrival, account)
        }));
        self.coming.reverse();
        // Accounts lie anywhere in memory: asked for together, none waits for the one before.
        let of = |(arrival, account): &(Arrival, Option<u32>)| {
            let kind = &populations[usize::from(arrival.population)];
            account.map_or(0, |account| kind.accounts[account as usize].journeys())
        };
        black_box(self.coming.iter().map(of).fold(0, u32::wrapping_add));
    }

    /// A journey begins, at its arrival.
    fn begin(
        &mut self,
        arrival: Arrival,
        account: Option<u32>,
        later: &mut Calendar<Journey>,
    ) -> Option<Request<Journey>> {
        let kind = &mut self.populations[usize::from(arrival.population)];
        let account = account.and_then(|account| kind.accounts.get_mut(account as usize));
        let (journey, next) = Journey::begin(&kind.script, arrival, account);
        self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Started);
        match next {
            Next::End(ending) => {
                self.ends(&journey, ending);
                None
            }
            Next::Request(due) if due.at > arrival.at => {
                later.enter(due.at.nanos(), journey);
                None
            }
            Next::Request(_) => self.offer(journey, arrival.at, later),
        }
    }

    /// A request is due, or a lane has become free for it: it is sent if a lane is free.
    #[inline(always)]
    fn offer(
        &mut self,
        journey: Journey,
        at: Offset,
        later: &mut Calendar<Journey>,
    ) -> Option<Request<Journey>> {
        let (population, step) = (journey.population(), journey.step());
        let kind = &mut self.populations[usize::from(population)];
        if journey.note & WAITED != 0 {
            if let Some(of) = self.put_off.get_mut(&journey.arrival().key) {
                of.sent = Some(at);
            }
            self.recorder.sent(population, step, at);
        } else if kind.lanes.take(journey) {
            self.recorder.sent_when_due(population, step, at);
        } else {
            self.recorder.offered(population, step, at);
            let key = journey.arrival().key;
            let of = PutOff { due: at, population, step, sent: None, waits: None, given: false };
            self.put_off.insert(key, of);
            return None;
        }
        if kind.connections.are_bounded() {
            return self.connect(journey, at, later);
        }
        Some(kind.request(journey, at))
    }

    /// A client's request is over, and its lane with it; what it is told may concern others, or is no success.
    #[inline(never)]
    fn over(&mut self, mut who: Journey, reply: Reply, later: &mut Calendar<Journey>) {
        let (asked, at) = (who, Offset::from_nanos(reply.at));
        let (arrival, step) = (who.arrival(), who.step());
        let (mut due, mut sent) = (Offset::from_nanos(reply.sent), Offset::from_nanos(reply.sent));
        if who.note & WAITED != 0 {
            who.note &= !WAITED;
            if let Some(of) = self.put_off.remove(&arrival.key) {
                (due, sent) = (of.due, of.sent.unwrap_or(sent));
            }
        }
        let population = arrival.population;
        let beat = &self.populations[usize::from(population)].steps[usize::from(step)];
        let (accepts, brings, sends) = (beat.accepts, !beat.brings.is_empty(), beat.messages > 0);
        // An acceptance that lacks what the step asks for is none to its client.
        let was_ok = reply.outcome == Outcome::Ok;
        let outcome = if was_ok && beat.lacks { Outcome::Failed } else { reply.outcome };
        let (intended, released) = (due, due);
        self.recorder.ended(&Sample { population, step, outcome, intended, released, sent, done: at });
        let kind = &mut self.populations[usize::from(population)];
        if let Some(mut next) = kind.lanes.give_back() {
            // The lane goes to the one that has waited longest, at once.
            next.note |= WAITED;
            later.enter(reply.at, next);
        }
        if outcome == Outcome::InFlight {
            return;
        }
        let account = kind.account_of(&arrival).and_then(|account| kind.accounts.get_mut(account as usize));
        let answer = Answer { outcome, at, retry_after: Some(Span::from_nanos(reply.retry_after)) };
        let was_clean = who.clean();
        let next = who.answered(&kind.script, account, answer);
        if was_clean && !who.clean() {
            self.recorder.journey(population, arrival.at, JourneyEvent::Marred);
        }
        let messages = was_ok && sends && who.note & MESSAGES_SENT == 0;
        if messages {
            who.note |= MESSAGES_SENT;
            if accepts {
                self.taken.remove(&arrival.key);
            }
        }
        match next {
            Next::Request(due) => later.enter(due.at.nanos(), who),
            Next::End(ending) => self.ends(&who, ending),
        }
        if brings && outcome == Outcome::Ok {
            self.bring(&arrival, step, at);
        }
        if messages && !accepts {
            self.send(asked, at, later);
        }
    }

    /// A journey is over. One that is given up is marred, even if every request that it made was a success.
    fn ends(&mut self, who: &Journey, ending: Ending) {
        let (Arrival { population, at, .. }, clean) = (who.arrival(), who.clean());
        let event = match ending {
            Ending::Completed => JourneyEvent::Completed { clean },
            Ending::GaveUp => JourneyEvent::GaveUp,
        };
        if ending == Ending::GaveUp && clean {
            self.recorder.journey(population, at, JourneyEvent::Marred);
        }
        self.recorder.journey(population, at, event);
    }

    /// A success brings journeys.
    fn bring(&mut self, arrival: &Arrival, step: u16, at: Offset) {
        let beat = &self.populations[usize::from(arrival.population)].steps[usize::from(step)];
        let followers = |population: &u16| self.populations[usize::from(*population)].followers.iter();
        let (played, visits, recorder) = (self.play.played, &mut self.visits, &mut self.recorder);
        let mut comes = |visit: Arrival| comes_later(&visit, played, visits, recorder);
        for brought in beat.brings.iter().flat_map(followers) {
            brought.of(arrival.subject, at).for_each(&mut comes);
        }
    }

    /// What a step has handed in sends messages, which bring journeys.
    fn send(&mut self, mut who: Journey, at: Offset, later: &mut Calendar<Journey>) {
        let (arrival, step) = (who.arrival(), who.step());
        let messages = self.populations[usize::from(arrival.population)].steps[usize::from(step)].messages;
        let followers = |population: &u16| self.populations[usize::from(*population)].followers.iter();
        let (played, visits, recorder) = (self.play.played, &mut self.visits, &mut self.recorder);
        let mut comes = |visit: Arrival| comes_later(&visit, played, visits, recorder);
        let delay = self.play.scenario.messages.as_ref().map_or(Span::ZERO, |messages| messages.delay);
        for item in 0..messages {
            let subject = Subject { item, ..arrival.subject };
            let goes = self.mailer.hand_over(at, self.play.seed, subject);
            if self.erases.is_some() {
                who.note = ERASES;
                later.enter(goes.nanos(), who);
            }
            for readers in self.readers.iter().flat_map(followers) {
                readers.of(subject, goes + delay).for_each(&mut comes);
            }
        }
    }
}

/// Something brings a journey.
fn comes_later(visit: &Arrival, played: &[bool], visits: &mut Visits, recorder: &mut impl Recorder) {
    if played[usize::from(visit.population)] {
        recorder.journey(visit.population, visit.at, JourneyEvent::Planned);
        visits.add(visit);
    }
}

impl<R: Recorder> Clients for Journeys<'_, R> {
    type Who = Journey;

    #[inline]
    fn planned_at(&self) -> i64 {
        self.coming.last().map_or(NEVER, |(arrival, _)| arrival.at.nanos()).min(self.visits.next_at())
    }

    fn arrive(&mut self, later: &mut Calendar<Journey>) -> Option<Request<Journey>> {
        let brought = self.visits.next_at();
        let is_first = |(planned, _): &mut (Arrival, _)| planned.at.nanos() <= brought;
        let (arrival, account) = match self.coming.pop_if(is_first) {
            Some((planned, account)) => {
                if self.coming.is_empty() {
                    self.look_ahead();
                }
                self.recorder.journey(planned.population, planned.at, JourneyEvent::Planned);
                (planned, account)
            }
            None => {
                let visit = self.visits.take()?;
                let account = self.populations[usize::from(visit.population)].account_of(&visit);
                (visit, account)
            }
        };
        self.recorder.passed(arrival.at);
        self.begin(arrival, account, later)
    }

    #[inline(always)]
    fn due(&mut self, who: Journey, at: i64, later: &mut Calendar<Journey>) -> Option<Request<Journey>> {
        if who.note & ERASES != 0 {
            let key = who.key().word("erase");
            let class = self.erases?;
            return Some(Request { class, key, deadline: NEVER, until_start: false, entries: 1, who });
        }
        if who.note & WAITS != 0 {
            return self.connected(who, at, later);
        }
        // What is due after the end is looked at for those who wait for a connection only.
        if at >= self.end {
            return None;
        }
        self.offer(who, Offset::from_nanos(at), later)
    }

    #[inline(always)]
    fn answered(&mut self, mut who: Journey, reply: Reply, later: &mut Calendar<Journey>) {
        let (population, step) = (who.population(), who.step());
        let kind = &mut self.populations[usize::from(population)];
        if reply.outcome != Outcome::Ok || !kind.steps[usize::from(step)].quiet || who.note & WAITED != 0 {
            if kind.connections.are_bounded() {
                self.comes_free(population, reply.at, later);
            }
            return self.over(who, reply, later);
        }
        let (at, sent) = (Offset::from_nanos(reply.at), Offset::from_nanos(reply.sent));
        let outcome = Outcome::Ok;
        let sample = Sample { population, step, outcome, intended: sent, released: sent, sent, done: at };
        self.recorder.ended(&sample);
        match who.answered(&kind.script, None, Answer { outcome, at, retry_after: None }) {
            Next::Request(due) => later.enter(due.at.nanos(), who),
            Next::End(ending) => self.ends(&who, ending),
        }
    }

    #[inline]
    fn deadline(&self, request: &Request<Journey>, at: i64) -> i64 {
        if request.deadline == NEVER {
            return NEVER;
        }
        let who = &request.who;
        let kind = &self.populations[usize::from(who.population())];
        // Who waited for a connection has been waiting since it got its lane.
        let since = kind.connections.are_bounded().then(|| self.put_off.get(&who.arrival().key)?.sent);
        let since = since.flatten().unwrap_or(Offset::from_nanos(at));
        (since + who.timeout(&kind.script)).nanos()
    }

    fn goes_on(&self) -> bool {
        self.populations.iter().any(|kind| kind.connections.are_bounded())
    }

    fn accepted(&mut self, who: &mut Journey) {
        let sends =
            self.populations[usize::from(who.population())].steps[usize::from(who.step())].messages > 0;
        who.note &= !FRESH;
        if sends && who.note & MESSAGES_SENT == 0 && self.taken.insert(who.arrival().key) {
            who.note |= FRESH;
        }
    }

    fn settled(&mut self, who: Journey, at: i64, later: &mut Calendar<Journey>) {
        if who.note & FRESH != 0 {
            self.send(who, Offset::from_nanos(at), later);
        }
    }

    #[inline]
    fn told_in_order(&self, who: &Journey, outcome: Outcome) -> bool {
        let kind = &self.populations[usize::from(who.population())];
        kind.steps[usize::from(who.step())].in_order[usize::from(outcome != Outcome::Ok)]
    }

    fn sender(&self, who: &Journey, per: Per) -> u64 {
        let arrival = who.arrival();
        let index = arrival.population;
        let population = &self.play.scenario.populations[usize::from(index)];
        let account = self.populations[usize::from(index)].account_of(&arrival);
        match (per, account) {
            (Per::Station, _) => 1,
            (Per::Account, Some(account)) => Kind::number(index, account),
            (Per::Software, Some(_)) => {
                let software = population.accounts.as_ref().is_some_and(|of| of.kind == "software");
                if software { u64::from(index) + 1 } else { 0 }
            }
            (Per::Account | Per::Software, None) => 0,
            (Per::Address, account) => population.network.sources.map_or(1, |sources| {
                let client = journey::client_of(self.play.seed, index, account, arrival.subject);
                u64::from(u32::from_be_bytes(sources.address(client)))
            }),
        }
    }

    fn has_own_entrance(&self, who: &Journey) -> bool {
        self.populations[usize::from(who.population())].own_entrance
    }

    fn place(&self, who: &Journey, of: PlaceOf) -> u64 {
        let arrival = who.arrival();
        let kind = &self.populations[usize::from(arrival.population)];
        match of {
            PlaceOf::Link => kind.steps[usize::from(who.step())].place.number(who),
            PlaceOf::Account => {
                kind.account_of(&arrival).map_or(0, |account| Kind::number(arrival.population, account))
            }
        }
    }
}
