//! Where one journey stands, and what follows from an answer.

use super::{Account, Script};
use crate::rng::Key;
use crate::scenario::{Arrival, OnFailure, Outcome, RetryFrom, Subject, Target};
use crate::units::{Offset, Span};

/// Times a journey may come to a step, retries included, before it is ended as given up. A scenario whose steps have no
/// way to their end is refused before it runs; this bounds what is left.
pub const MOST_VISITS: u32 = 1_000_000;

/// One client's session under way: 48 bytes, as a simulation has a million of them.
///
/// Its key makes all its draws, so a copy of a journey, given the same answers, does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journey {
    arrived: Offset,
    key: Key,
    /// Journey, population and item of the subject.
    about: u64,
    by: u16,
    item: u16,
    population: u16,
    step: u16,
    /// Steps come to so far, skipped ones and retries included: tells the draws of one visit from those of the next.
    visit: u32,
    /// Retries since the journey began or last paused.
    tries: u32,
    /// With an account: the number of this journey among those of it. Without: the `every` steps (by index, the first 32)
    /// that succeeded in this journey.
    habit: u32,
    clean: bool,
    /// For an engine to remember something by; 0 at first.
    pub note: u8,
}

/// What a journey does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Sends a request when it is due.
    Request(Due),
    /// Nothing: it has ended.
    End(Ending),
}

/// A request to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Index of the step in its population.
    pub step: u16,
    /// The intended instant.
    pub at: Offset,
    /// Retries before this request since the journey began or last paused: 0 in the first try.
    pub tries: u32,
    /// Grows with every request of the journey, not always by one; with the journey's key it names the request.
    pub visit: u32,
}

/// How a journey ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It reached its end.
    Completed,
    /// It was given up.
    GaveUp,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its outcome. `NotSent` and `InFlight` are no answers but the end of the run: the journey goes no further.
    pub outcome: Outcome,
    /// When the client knew.
    pub at: Offset,
    /// How long the server asked it to stay away.
    pub retry_after: Option<Span>,
}

impl Journey {
    /// Begins a journey; the account is the one it is made with, if any (see [`super::account_of`]).
    pub fn begin(script: &Script, arrival: Arrival, mut account: Option<&mut Account>) -> (Self, Next) {
        let number = account.as_deref_mut().map_or(0, Account::begin);
        let Arrival { at, population, subject, key } = arrival;
        let mut journey = Self {
            arrived: at,
            key,
            about: subject.journey,
            by: subject.population,
            item: subject.item,
            population,
            step: 0,
            visit: 0,
            tries: 0,
            habit: number,
            clean: true,
            note: 0,
        };
        let first = if script.steps.is_empty() { Target::End } else { Target::Step(0) };
        let next = journey.come_to(script, account.as_deref(), first, arrival.at, false);
        (journey, next)
    }

    /// Goes on after an answer to the request that was last due.
    #[inline(always)]
    pub fn answered(&mut self, script: &Script, account: Option<&mut Account>, answer: Answer) -> Next {
        match script.steps[usize::from(self.step)].simply {
            // Most answers, in a line of code.
            Some(to) if answer.outcome == Outcome::Ok && self.visit + 1 < MOST_VISITS => {
                self.visit += 1;
                self.step = to;
                self.request(answer.at + script.steps[usize::from(to)].think.span(self.key().word("think")))
            }
            _ => self.answered_any(script, account, answer),
        }
    }

    #[inline(never)]
    fn answered_any(&mut self, script: &Script, mut account: Option<&mut Account>, answer: Answer) -> Next {
        let step = &script.steps[usize::from(self.step)];
        self.clean &= answer.outcome == Outcome::Ok;
        let goes_on = match (answer.outcome, step.on_failure) {
            (Outcome::NotSent | Outcome::InFlight, _) => return Next::End(Ending::GaveUp),
            (Outcome::Ok, _) => {
                if step.every.is_some() {
                    match account.as_deref_mut() {
                        Some(account) => account.succeeded(self.step, self.habit),
                        None => self.habit |= bit(self.step),
                    }
                }
                true
            }
            (_, OnFailure::Continue) => true,
            (_, OnFailure::GiveUp) => return Next::End(Ending::GaveUp),
            (_, OnFailure::Retry) => false,
        };
        if goes_on {
            let target = script.after(self.step, self.key());
            self.visit += 1;
            self.come_to(script, account.as_deref(), target, answer.at, true)
        } else {
            self.retry(script, account.as_deref(), answer)
        }
    }

    /// True as long as every request was answered with success.
    #[inline]
    pub const fn clean(&self) -> bool {
        self.clean
    }

    /// The arrival that it began with.
    #[inline]
    pub const fn arrival(&self) -> Arrival {
        let subject = Subject { population: self.by, journey: self.about, item: self.item };
        Arrival { at: self.arrived, population: self.population, subject, key: self.key }
    }

    /// Index of its population.
    #[inline]
    pub const fn population(&self) -> u16 {
        self.population
    }

    /// The step that its present request is of.
    #[inline]
    pub const fn step(&self) -> u16 {
        self.step
    }

    /// The client's patience with its present request, from the time it is sent.
    #[inline]
    pub fn timeout(&self, script: &Script) -> Span {
        script.timeout(self.step, self.key)
    }

    /// The client's patience with its present request is not shorter than this.
    #[inline]
    pub fn least_timeout(&self, script: &Script) -> Span {
        script.least_timeout(self.step)
    }

    /// The root of the draws of the present visit: another for every request of the journey, retries included. What
    /// must stay the same over retries is drawn from the arrival's key instead.
    #[inline]
    pub const fn key(&self) -> Key {
        self.key.word("visit").with(self.visit as u64)
    }

    /// The journey as words, for a file that is read back by the same run.
    pub fn to_words(&self) -> [u32; 12] {
        let [arrived, key] = [self.arrived.nanos() as u64, self.key.to_number()];
        let high = |number: u64| (number >> 32) as u32;
        let pair = |a: u16, b: u16| u32::from(a) << 16 | u32::from(b);
        [
            high(arrived),
            arrived as u32,
            high(key),
            key as u32,
            high(self.about),
            self.about as u32,
            pair(self.by, self.item),
            pair(self.population, self.step),
            self.visit,
            self.tries,
            self.habit,
            pair(u16::from(self.clean), u16::from(self.note)),
        ]
    }

    /// The journey that [`Self::to_words`] told.
    pub fn from_words(words: [u32; 12]) -> Self {
        let long = |at: usize| u64::from(words[at]) << 32 | u64::from(words[at + 1]);
        let pair = |at: usize| ((words[at] >> 16) as u16, words[at] as u16);
        let ((by, item), (population, step), (clean, note)) = (pair(6), pair(7), pair(11));
        Self {
            arrived: Offset::from_nanos(long(0) as i64),
            key: Key::from_number(long(2)),
            about: long(4),
            by,
            item,
            population,
            step,
            visit: words[8],
            tries: words[9],
            habit: words[10],
            clean: clean != 0,
            note: note as u8,
        }
    }

    fn retry(&mut self, script: &Script, account: Option<&Account>, answer: Answer) -> Next {
        let Some(comeback) = script.comeback(self.tries, self.key(), answer.retry_after) else {
            return Next::End(Ending::GaveUp);
        };
        let at = answer.at + comeback.wait;
        if script.patience(self.key).is_some_and(|patience| at > self.arrived + patience) {
            return Next::End(Ending::GaveUp);
        }
        self.tries = if comeback.paused { 0 } else { self.tries.saturating_add(1) };
        self.visit += 1;
        match comeback.from {
            RetryFrom::Start => self.come_to(script, account, Target::Step(0), at, false),
            // The step was played before: neither its chance nor its turn is drawn again.
            RetryFrom::Step if self.visit < MOST_VISITS => self.request(at),
            RetryFrom::Step => Next::End(Ending::GaveUp),
        }
    }

    /// Goes to a step, or past it to the first that is played; `think` before a request that is not the first of a try.
    fn come_to(
        &mut self,
        script: &Script,
        account: Option<&Account>,
        mut target: Target,
        at: Offset,
        think: bool,
    ) -> Next {
        while let Target::Step(step) = target {
            if self.visit >= MOST_VISITS {
                return Next::End(Ending::GaveUp);
            }
            self.step = step;
            if self.plays(script, account) {
                let law = &script.steps[usize::from(step)].think;
                let pause = if think { law.span(self.key().word("think")) } else { Span::ZERO };
                return self.request(at + pause);
            }
            // A skipped step leads where its success would have led.
            target = script.after(step, self.key());
            self.visit += 1;
        }
        Next::End(Ending::Completed)
    }

    fn plays(&self, script: &Script, account: Option<&Account>) -> bool {
        let step = &script.steps[usize::from(self.step)];
        let due = step.every.is_none_or(|every| match account {
            Some(account) => account.due(self.step, every, self.habit),
            None => self.habit & bit(self.step) == 0,
        });
        due && (step.chance >= 1.0 || self.key().word("chance").unit() < step.chance)
    }

    #[inline]
    const fn request(&self, at: Offset) -> Next {
        Next::Request(Due { step: self.step, at, tries: self.tries, visit: self.visit })
    }
}

const fn bit(step: u16) -> u32 {
    if step < 32 { 1 << step } else { 0 }
}
