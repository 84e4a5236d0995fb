//! The journeys of a scenario as clients of an engine: the same arrivals and the same journeys as in a load run.
//!
//! A journey under way is its own state and nothing else: it travels with its request and through the calendar, so that
//! of a million that wait each takes the 64 bytes of its place there.

use std::collections::BTreeMap;

use super::calendar::{Calendar, Ranked};
use super::clients::{Clients, NEVER, Reply, Request};
use super::lanes::Lanes;
use super::recorder::Recorder;
use super::visits::Visits;
use crate::arrivals::{self, Followers, Planned};
use crate::journey::{self, Account, Answer, Ending, Journey, Next, Script};
use crate::record::{JourneyEvent, Sample};
use crate::rng::Key;
use crate::scenario::server_model::Per;
use crate::scenario::{
    Arrival, Arrivals, Cause, Outcome, Population, Scenario, ServerModel, Subject, Timeline,
};
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
    head: Option<Arrival>,
    /// Journeys that will come: brought by something.
    visits: Visits,
    /// Requests that had to wait for a lane and have not ended, by the key of their journey.
    put_off: BTreeMap<Key, PutOff>,
    mailer: Mailer,
    recorder: R,
}

/// Hands messages over while the server is there, and one after the other where their rate is bounded.
#[derive(Debug, Clone)]
struct Mailer {
    /// Nanoseconds between two messages; 0 without a bound.
    gap: i64,
    /// When the next may go.
    free: i64,
    /// From when until when the server is not there.
    outages: Vec<(i64, i64)>,
    /// The longest that a message waits before it is due.
    jitter: u64,
}

impl Mailer {
    fn new(model: &ServerModel, outages: &[(i64, i64)]) -> Self {
        Self {
            gap: model.message_rate.map_or(0, |rate| (1e9 / rate).round() as i64),
            free: i64::MIN,
            outages: outages.to_vec(),
            jitter: model.message_jitter.nanos(),
        }
    }

    /// When a message that is ready at `at` goes. The random wait comes after the turn: which of the two comes first makes no
    /// difference to a message while the other is short, and messages become known in the order of their turns.
    fn hand_over(&mut self, at: Offset, seed: u64, subject: Subject) -> Offset {
        let mut goes = at.nanos();
        if self.gap > 0 {
            goes = self.when_there(goes.max(self.free));
            self.free = goes.saturating_add(self.gap);
        }
        if self.jitter > 0 {
            let key = Key::root(seed).word("jitter").with(u64::from(subject.population));
            let key = key.with(subject.journey).with(u64::from(subject.item));
            goes = goes.saturating_add_unsigned(key.below(self.jitter));
        }
        Offset::from_nanos(self.when_there(goes))
    }

    /// The first instant from `at` on at which the server is there.
    fn when_there(&self, at: i64) -> i64 {
        let within = self.outages.iter().find(|(from, until)| (*from..*until).contains(&at));
        within.map_or(at, |(_, until)| *until)
    }
}

/// A population, prepared.
struct Kind {
    script: Script,
    /// What causes bring of it.
    followers: Option<Followers>,
    steps: Vec<Beat>,
    accounts: Vec<Account>,
    lanes: Lanes<Journey>,
}

/// A step, prepared.
struct Beat {
    class: u16,
    /// Messages that a success makes the system send.
    messages: u16,
    /// Populations that a success brings.
    brings: Vec<u16>,
}

/// A request that was due while no lane was free.
#[derive(Debug, Clone, Copy)]
struct PutOff {
    due: Offset,
    population: u16,
    step: u16,
    sent: bool,
}

/// What is remembered of a journey in its note: its present request had to wait for a lane.
const WAITED: u8 = 1;
/// Its messages are on their way: the system knows its entry by its reference, however often it comes.
const MESSAGES_SENT: u8 = 2;

impl Ranked for Journey {
    fn rank(&self) -> u64 {
        self.arrival().key.bits()
    }
}

impl<'a, R: Recorder> Journeys<'a, R> {
    /// The journeys of a run, those among them that the entries of before its start bring. `outages` are the times at which
    /// the server is not there.
    pub(super) fn new(play: Play<'a>, model: &ServerModel, outages: &[(i64, i64)], recorder: R) -> Self {
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
            head: None,
            visits: Visits::new(timeline.start().nanos(), timeline.end().nanos()),
            put_off: BTreeMap::new(),
            mailer: Mailer::new(model, outages),
            recorder,
        };
        journeys.next_planned();
        for earlier in arrivals::earlier(play.scenario, timeline, play.seed) {
            for visit in &earlier.visits {
                comes_later(visit, play.played, &mut journeys.visits, &mut journeys.recorder);
            }
        }
        journeys
    }

    /// The run is over: what still waited in the generator was not sent.
    pub(super) fn close(mut self) -> R {
        let end = self.play.timeline.end();
        for of in self.put_off.values().filter(|of| !of.sent) {
            let given_up = end.max(of.due);
            self.recorder.ended(&Sample {
                population: of.population,
                step: of.step,
                outcome: Outcome::NotSent,
                intended: of.due,
                released: of.due,
                sent: given_up,
                done: given_up,
            });
        }
        self.recorder
    }

    fn next_planned(&mut self) {
        self.head = loop {
            match self.planned.next() {
                Some(arrival) if !self.play.played[usize::from(arrival.population)] => {}
                head => break head,
            }
        };
    }

    /// A journey begins, at its arrival.
    fn begin(&mut self, arrival: Arrival, later: &mut Calendar<Journey>) -> Option<Request<Journey>> {
        let kind = &mut self.populations[usize::from(arrival.population)];
        let account = kind.account_of(&arrival).and_then(|account| kind.accounts.get_mut(account as usize));
        let (journey, next) = Journey::begin(&kind.script, arrival, account);
        self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Started);
        match next {
            Next::End(ending) => {
                let clean = ending == Ending::Completed;
                if !clean {
                    self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Marred);
                }
                self.recorder.journey(arrival.population, arrival.at, ended(ending, clean));
                None
            }
            Next::Request(due) if due.at > arrival.at => {
                later.enter(due.at.nanos(), journey);
                None
            }
            Next::Request(_) => self.offer(journey, arrival.at),
        }
    }

    /// A request is due, or a lane has become free for it: it is sent if a lane is free.
    #[inline(always)]
    fn offer(&mut self, journey: Journey, at: Offset) -> Option<Request<Journey>> {
        let (population, step) = (journey.population(), journey.step());
        let kind = &mut self.populations[usize::from(population)];
        if journey.note & WAITED != 0 {
            if let Some(of) = self.put_off.get_mut(&journey.arrival().key) {
                of.sent = true;
            }
            self.recorder.sent(population, step, at);
        } else if kind.lanes.take(journey) {
            self.recorder.sent_when_due(population, step, at);
        } else {
            self.recorder.offered(population, step, at);
            let key = journey.arrival().key;
            self.put_off.insert(key, PutOff { due: at, population, step, sent: false });
            return None;
        }
        Some(Request {
            class: kind.steps[usize::from(step)].class,
            key: journey.key().word("server"),
            deadline: (at + journey.timeout(&kind.script)).nanos(),
            until_start: false,
            who: journey,
        })
    }

    /// A success sends messages and brings journeys.
    fn bring(&mut self, arrival: &Arrival, step: u16, at: Offset, messages: bool) {
        let beat = &self.populations[usize::from(arrival.population)].steps[usize::from(step)];
        let followers = |population: &u16| self.populations[usize::from(*population)].followers.iter();
        let (played, visits, recorder) = (self.play.played, &mut self.visits, &mut self.recorder);
        let mut comes = |visit: Arrival| comes_later(&visit, played, visits, recorder);
        for brought in beat.brings.iter().flat_map(followers) {
            brought.of(arrival.subject, at).for_each(&mut comes);
        }
        let messages = if messages { beat.messages } else { 0 };
        let delay = self.play.scenario.messages.as_ref().map_or(Span::ZERO, |messages| messages.delay);
        for item in 0..messages {
            let subject = Subject { item, ..arrival.subject };
            let goes = self.mailer.hand_over(at, self.play.seed, subject);
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
        self.head.map_or(NEVER, |arrival| arrival.at.nanos()).min(self.visits.next_at())
    }

    fn arrive(&mut self, later: &mut Calendar<Journey>) -> Option<Request<Journey>> {
        let brought = self.visits.next_at();
        let arrival = match self.head {
            Some(planned) if planned.at.nanos() <= brought => {
                self.next_planned();
                self.recorder.journey(planned.population, planned.at, JourneyEvent::Planned);
                planned
            }
            _ => self.visits.take()?,
        };
        self.recorder.passed(arrival.at);
        self.begin(arrival, later)
    }

    #[inline]
    fn due(&mut self, who: Journey, at: i64, _: &mut Calendar<Journey>) -> Option<Request<Journey>> {
        self.offer(who, Offset::from_nanos(at))
    }

    fn answered(&mut self, mut who: Journey, reply: Reply, later: &mut Calendar<Journey>) {
        let (at, sent) = (Offset::from_nanos(reply.at), Offset::from_nanos(reply.sent));
        let (arrival, step) = (who.arrival(), who.step());
        let mut due = sent;
        if who.note & WAITED != 0 {
            who.note &= !WAITED;
            due = self.put_off.remove(&arrival.key).map_or(sent, |of| of.due);
        }
        let population = arrival.population;
        let (outcome, intended, released) = (reply.outcome, due, due);
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
        if was_clean && (outcome != Outcome::Ok || next == Next::End(Ending::GaveUp)) {
            self.recorder.journey(population, arrival.at, JourneyEvent::Marred);
        }
        let beat = &kind.steps[usize::from(step)];
        let messages = outcome == Outcome::Ok && beat.messages > 0 && who.note & MESSAGES_SENT == 0;
        let brings = outcome == Outcome::Ok && (messages || !beat.brings.is_empty());
        if messages {
            who.note |= MESSAGES_SENT;
        }
        match next {
            Next::Request(due) => later.enter(due.at.nanos(), who),
            Next::End(ending) => self.recorder.journey(population, arrival.at, ended(ending, who.clean())),
        }
        if brings {
            self.bring(&arrival, step, at, messages);
        }
    }

    fn told_in_order(&self, who: &Journey, outcome: Outcome) -> bool {
        let kind = &self.populations[usize::from(who.population())];
        let sends = self.mailer.gap > 0 && kind.steps[usize::from(who.step())].messages > 0;
        kind.lanes.are_bounded()
            || sends
            || !kind.accounts.is_empty() && kind.script.concerns_the_account(who.step(), outcome)
    }

    fn sender(&self, who: &Journey, per: Per) -> u64 {
        let arrival = who.arrival();
        let index = arrival.population;
        let population = &self.play.scenario.populations[usize::from(index)];
        let account = self.populations[usize::from(index)].account_of(&arrival);
        match (per, account) {
            (Per::Station, _) => 1,
            (Per::Account, Some(account)) => (u64::from(index) + 1) << 32 | u64::from(account),
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
}

impl Kind {
    /// The account with which a journey is made, if its population has any.
    #[inline]
    fn account_of(&self, arrival: &Arrival) -> Option<u32> {
        journey::account_among(self.accounts.len() as u64, arrival.key)
    }

    fn new(index: u16, population: &Population, play: Play<'_>, model: &ServerModel) -> Self {
        let timeline = play.timeline;
        let steps = (0..).zip(&population.steps).map(|(number, step)| {
            let cause = Cause::Step { population: index, step: number };
            let others = (0..).zip(&play.scenario.populations);
            Beat {
                // Every class that a step names is in the model: `play.rs` sees to it.
                class: model.class(&step.class).unwrap_or(0),
                messages: step.messages.min(u32::from(u16::MAX)) as u16,
                brings: others
                    .filter(|(_, other)| is_brought_by(other, &cause))
                    .map(|(other, _)| other)
                    .collect(),
            }
        });
        let accounts = journey::accounts_in(population, timeline).unwrap_or(0) as usize;
        Self {
            script: Script::new(population, timeline),
            followers: Followers::new(play.scenario, timeline, play.seed, index),
            steps: steps.collect(),
            accounts: vec![Account::default(); accounts],
            lanes: Lanes::new(population.lanes),
        }
    }
}

fn is_brought_by(population: &Population, cause: &Cause) -> bool {
    matches!(&population.arrivals, Arrivals::After(after) if after.cause == *cause)
}

const fn ended(ending: Ending, clean: bool) -> JourneyEvent {
    match ending {
        Ending::Completed => JourneyEvent::Completed { clean },
        Ending::GaveUp => JourneyEvent::GaveUp,
    }
}
