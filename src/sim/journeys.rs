//! The journeys of a scenario as clients of an engine: the same arrivals and the same journeys as in a load run.

use super::calendar::Calendar;
use super::clients::{Clients, NEVER, Reply, Request};
use super::lanes::Lanes;
use super::recorder::Recorder;
use super::slab::{Place, Slab};
use crate::arrivals::{self, Planned};
use crate::journey::{self, Account, Answer, Due, Ending, Journey, Next, Script};
use crate::record::{JourneyEvent, Sample};
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
    to_come: Slab<Arrival>,
    under_way: Slab<UnderWay>,
    mailer: Mailer,
    recorder: R,
}

/// Hands messages over one after the other, where their rate is bounded.
#[derive(Debug, Clone, Copy)]
struct Mailer {
    /// Nanoseconds between two messages; 0 without a bound.
    gap: i64,
    /// When the next may go.
    free: i64,
}

impl Mailer {
    fn new(rate: Option<f64>) -> Self {
        Self { gap: rate.map_or(0, |rate| (1e9 / rate).round() as i64), free: i64::MIN }
    }

    /// When a message that is ready at `at` goes.
    fn hand_over(&mut self, at: Offset) -> Offset {
        if self.gap == 0 {
            // Looking ahead, messages become known in another order than they go.
            return at;
        }
        let goes = at.nanos().max(self.free);
        self.free = goes.saturating_add(self.gap);
        Offset::from_nanos(goes)
    }
}

/// A journey to come or under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    ToCome(Place),
    UnderWay(Place),
}

/// A population, prepared.
struct Kind {
    script: Script,
    steps: Vec<Beat>,
    accounts: Vec<Account>,
    lanes: Lanes<Place>,
}

/// A step, prepared.
struct Beat {
    class: u16,
    /// Messages that a success makes the system send.
    messages: u16,
    /// Populations that a success brings.
    brings: Vec<u16>,
}

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    journey: Journey,
    due: Due,
    sent: Offset,
    order: u64,
    account: Option<u32>,
    /// The present request is offered and waits for a lane.
    waits: bool,
    marred: bool,
    /// Its messages are on their way: the system knows its entry by its reference, however often it comes.
    messages_sent: bool,
}

impl<'a, R: Recorder> Journeys<'a, R> {
    /// The journeys of a run. Those that the entries of before its start bring are entered in the calendar.
    pub(super) fn new(play: Play<'a>, model: &ServerModel, recorder: R, later: &mut Calendar<Who>) -> Self {
        let of = |(index, population): (usize, &Population)| Kind::new(index as u16, population, play, model);
        let populations = play.scenario.populations.iter().enumerate().map(of).collect();
        let readers = (0..)
            .zip(&play.scenario.populations)
            .filter(|(_, population)| is_brought_by(population, &Cause::Message))
            .map(|(index, _)| index)
            .collect();
        let planned = arrivals::planned(play.scenario, play.timeline, play.seed);
        let mut journeys = Self {
            play,
            populations,
            readers,
            planned,
            head: None,
            to_come: Slab::new(),
            under_way: Slab::new(),
            mailer: Mailer::new(model.message_rate),
            recorder,
        };
        journeys.next_planned();
        for earlier in arrivals::earlier(play.scenario, play.timeline, play.seed) {
            for visit in earlier.visits {
                journeys.comes_later(visit, later);
            }
        }
        journeys
    }

    /// The run is over: what still waited in the generator was not sent.
    pub(super) fn close(mut self) -> R {
        let end = self.play.timeline.end();
        for under_way in self.under_way.values().filter(|under_way| under_way.waits) {
            let sample =
                under_way.sample(Outcome::NotSent, end.max(under_way.due.at), end.max(under_way.due.at));
            self.recorder.ended(&sample);
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

    fn comes_later(&mut self, arrival: Arrival, later: &mut Calendar<Who>) {
        if !self.play.played[usize::from(arrival.population)] {
            return;
        }
        self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Planned);
        let place = self.to_come.add(arrival);
        later.enter(arrival.at.nanos(), arrival.key.bits(), Who::ToCome(place));
    }

    /// A journey begins, at its arrival.
    fn begin(&mut self, arrival: Arrival, later: &mut Calendar<Who>) -> Option<Request<Who>> {
        let population = usize::from(arrival.population);
        let kind = &mut self.populations[population];
        let account =
            journey::account_of(&self.play.scenario.populations[population], self.play.timeline, arrival.key);
        let of = account.and_then(|account| kind.accounts.get_mut(account as usize));
        let (journey, next) = Journey::begin(&kind.script, arrival, of);
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
            Next::Request(due) => {
                let place = self.under_way.add(UnderWay {
                    journey,
                    due,
                    sent: due.at,
                    order: arrival.key.bits(),
                    account,
                    waits: false,
                    marred: false,
                    messages_sent: false,
                });
                if due.at > arrival.at {
                    later.enter(due.at.nanos(), arrival.key.bits(), Who::UnderWay(place));
                    return None;
                }
                self.offer(place, arrival.at)
            }
        }
    }

    /// A request is due, or a lane has become free for it: it is sent if a lane is free.
    fn offer(&mut self, place: Place, at: Offset) -> Option<Request<Who>> {
        let under_way = self.under_way.get_mut(place)?;
        let population = under_way.journey.arrival().population;
        let kind = &mut self.populations[usize::from(population)];
        if under_way.waits {
            under_way.waits = false;
        } else {
            self.recorder.offered(population, under_way.due.step, under_way.due.at);
            if !kind.lanes.take(place) {
                under_way.waits = true;
                return None;
            }
        }
        under_way.sent = at;
        self.recorder.sent(population, under_way.due.step, at);
        Some(Request {
            class: kind.steps[usize::from(under_way.due.step)].class,
            key: under_way.journey.key().word("server"),
            deadline: (at + under_way.due.timeout).nanos(),
            until_start: false,
            account: under_way
                .account
                .map_or(0, |account| (u64::from(population) + 1) << 32 | u64::from(account)),
            who: Who::UnderWay(place),
        })
    }

    /// A success sends messages and brings journeys.
    fn bring(&mut self, arrival: &Arrival, step: u16, at: Offset, messages: bool, later: &mut Calendar<Who>) {
        let Play { scenario, timeline, seed, .. } = self.play;
        let beat = &self.populations[usize::from(arrival.population)].steps[usize::from(step)];
        let mut coming = Vec::new();
        for population in &beat.brings {
            coming.extend(arrivals::followers(scenario, timeline, seed, *population, arrival.subject, at));
        }
        let messages = if messages { beat.messages } else { 0 };
        let delay = scenario.messages.as_ref().map_or(Span::ZERO, |messages| messages.delay);
        for item in 0..messages {
            let subject = Subject { item, ..arrival.subject };
            let goes = self.mailer.hand_over(at);
            for reader in &self.readers {
                coming.extend(arrivals::followers(scenario, timeline, seed, *reader, subject, goes + delay));
            }
        }
        for arrival in coming {
            self.comes_later(arrival, later);
        }
    }
}

impl<R: Recorder> Clients for Journeys<'_, R> {
    type Who = Who;

    #[inline]
    fn planned_at(&self) -> i64 {
        self.head.map_or(NEVER, |arrival| arrival.at.nanos())
    }

    fn arrive(&mut self, later: &mut Calendar<Who>) -> Option<Request<Who>> {
        let arrival = self.head?;
        self.next_planned();
        self.recorder.passed(arrival.at);
        self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Planned);
        self.begin(arrival, later)
    }

    fn due(&mut self, who: Who, at: i64, later: &mut Calendar<Who>) -> Option<Request<Who>> {
        match who {
            Who::ToCome(place) => {
                let arrival = self.to_come.remove(place)?;
                self.begin(arrival, later)
            }
            Who::UnderWay(place) => self.offer(place, Offset::from_nanos(at)),
        }
    }

    fn answered(&mut self, who: Who, reply: Reply, later: &mut Calendar<Who>) {
        let Who::UnderWay(place) = who else { return };
        let Some(under_way) = self.under_way.get_mut(place) else { return };
        let at = Offset::from_nanos(reply.at);
        let arrival = *under_way.journey.arrival();
        self.recorder.ended(&under_way.sample(reply.outcome, under_way.sent, at));
        let kind = &mut self.populations[usize::from(arrival.population)];
        if let Some(next) = kind.lanes.give_back() {
            // The lane goes to the one that has waited longest, at once.
            if let Some(next_under_way) = self.under_way.get_mut(next) {
                later.enter(reply.at, next_under_way.order, Who::UnderWay(next));
            }
        }
        if reply.outcome == Outcome::InFlight {
            return;
        }
        let Some(under_way) = self.under_way.get_mut(place) else { return };
        let retry_after = reply.retry_after.map(Span::from_nanos);
        let account = under_way.account.and_then(|account| kind.accounts.get_mut(account as usize));
        let answer = Answer { outcome: reply.outcome, at, retry_after };
        let next = under_way.journey.answered(&kind.script, account, answer);
        let step = under_way.due.step;
        let success = reply.outcome == Outcome::Ok;
        let messages = success && !under_way.messages_sent && kind.steps[usize::from(step)].messages > 0;
        under_way.messages_sent |= messages;
        if !success && !under_way.marred {
            under_way.marred = true;
            self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Marred);
        }
        match next {
            Next::Request(due) => {
                under_way.due = due;
                later.enter(due.at.nanos(), under_way.order, who);
            }
            Next::End(ending) => {
                let event = ended(ending, under_way.journey.clean());
                if ending == Ending::GaveUp && !under_way.marred {
                    self.recorder.journey(arrival.population, arrival.at, JourneyEvent::Marred);
                }
                self.recorder.journey(arrival.population, arrival.at, event);
                self.under_way.remove(place);
            }
        }
        if success && (messages || !self.brings_nothing(arrival.population, step)) {
            self.bring(&arrival, step, at, messages, later);
        }
    }

    fn told_in_order(&self, who: Who) -> bool {
        let Who::UnderWay(place) = who else { return false };
        let Some(under_way) = self.under_way.get(place) else { return false };
        let kind = &self.populations[usize::from(under_way.journey.arrival().population)];
        let sends = self.mailer.gap > 0 && kind.steps[usize::from(under_way.due.step)].messages > 0;
        under_way.account.is_some() || kind.lanes.are_bounded() || sends
    }

    fn order(&self, who: Who) -> u64 {
        match who {
            Who::ToCome(place) => self.to_come.get(place).map_or(0, |arrival| arrival.key.bits()),
            Who::UnderWay(place) => self.under_way.get(place).map_or(0, |under_way| under_way.order),
        }
    }
}

impl<R> Journeys<'_, R> {
    fn brings_nothing(&self, population: u16, step: u16) -> bool {
        self.populations[usize::from(population)].steps[usize::from(step)].brings.is_empty()
    }
}

impl UnderWay {
    fn sample(&self, outcome: Outcome, sent: Offset, done: Offset) -> Sample {
        let intended = self.due.at;
        Sample {
            population: self.journey.arrival().population,
            step: self.due.step,
            outcome,
            intended,
            released: intended,
            sent,
            done,
        }
    }
}

impl Kind {
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
        let accounts = population
            .accounts
            .as_ref()
            .map_or(0, |accounts| (f64::from(accounts.count) / timeline.warp).round().max(1.0) as usize);
        Self {
            script: Script::new(population, timeline),
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
