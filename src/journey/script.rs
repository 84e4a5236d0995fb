//! A population's steps, prepared for a run.

use super::expectation;
use crate::rng::Key;
use crate::scenario::{Backoff, OnFailure, Outcome, Population, Retry, RetryFrom, Table, Target, Timeline};
use crate::units::Span;

/// What the journeys of one population follow: its steps, patience and retries, scenario time divided by the warp.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) steps: Vec<Beat>,
    pub(super) accounts: bool,
    timeout: Table,
    again: Option<Again>,
    patience: Option<Table>,
}

/// How a client tries again, prepared.
#[derive(Debug, Clone)]
struct Again {
    attempts: u32,
    from: RetryFrom,
    backoff: Wait,
    /// After the last attempt, in scenario time, and the speed of it.
    pause: Option<(Table, f64)>,
    honours: bool,
}

/// The wait before a retry, prepared.
#[derive(Debug, Clone)]
enum Wait {
    Law(Table),
    /// Uniform below a base that doubles with every retry, up to a cap.
    FullJitter(Span, Span),
}

/// What a journey needs to know of one step.
#[derive(Debug, Clone)]
pub(super) struct Beat {
    pub(super) think: Table,
    timeout: Option<Table>,
    least_timeout: Span,
    pub(super) chance: f64,
    pub(super) every: Option<u32>,
    pub(super) on_failure: OnFailure,
    pub(super) counted: bool,
    /// Running sums of the normalized weights; at least one entry, the last sum is 1.
    pub(super) next: Vec<(f64, Target)>,
    /// Whether a success changes what the account knows, or what follows may ask it.
    concerns_account: bool,
    /// The step that is always played after a success of this one, which changes nothing else.
    pub(super) simply: Option<u16>,
}

impl Script {
    /// Prepares a population for a run on this timeline.
    pub fn new(population: &Population, timeline: &Timeline) -> Self {
        let count = population.steps.len();
        let think = Table::of(&population.think);
        let timeout = Table::of(&population.timeout);
        let steps = population.steps.iter().enumerate().map(|(index, step)| Beat {
            think: step.think.as_ref().map_or_else(|| think.clone(), Table::of),
            timeout: step.timeout.as_ref().map(Table::of),
            least_timeout: step
                .timeout
                .as_ref()
                .map_or_else(|| timeout.least(), |law| Table::of(law).least()),
            chance: step.chance,
            every: step.every.map(|every| every.max(1)),
            on_failure: step.on_failure,
            counted: step.counted,
            next: running_sums(&step.next, following(index, count)),
            concerns_account: false,
            simply: None,
        });
        let mut steps: Vec<Beat> = steps.collect();
        for step in 0..count {
            steps[step].concerns_account = steps[step].every.is_some() || asks_the_account(&steps, step);
            steps[step].simply = simply(&steps, step);
        }
        Self {
            steps,
            accounts: population.accounts.is_some(),
            timeout,
            again: population.retry.as_ref().map(|retry| Again::new(retry, timeline.warp)),
            patience: population.patience.as_ref().map(Table::of),
        }
    }

    /// Expected requests of one journey that meets no failure, steps that are not `counted` left out: what sizing
    /// multiplies with the day's journeys. Infinite if the steps have a loop without a way out.
    pub fn requests_per_journey(&self) -> f64 {
        let plays = self.plays();
        let counted = plays.iter().zip(&self.steps).filter(|(_, step)| step.counted);
        // The sum of no floats is -0, which would be printed.
        counted.map(|(plays, _)| plays).fold(0.0, |sum, plays| sum + plays)
    }

    /// Expected requests of every step in one journey that meets no failure; a step that is played every so many
    /// journeys of an account counts with its mean over them.
    pub fn plays(&self) -> Vec<f64> {
        expectation::plays(self)
    }

    /// Whether an answer to a step may change what another journey of the same account does, or be changed by one: an engine
    /// must give such answers in order of time.
    pub fn concerns_the_account(&self, step: u16, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Ok => self.steps[usize::from(step)].concerns_account,
            // It may begin anew.
            _ => self.steps.iter().any(|step| step.every.is_some()),
        }
    }

    /// Where a journey goes after a step, by a draw of the visit where there is a choice.
    pub(super) fn after(&self, step: u16, visit: Key) -> Target {
        let next = &self.steps[usize::from(step)].next;
        if let [(_, only)] = next.as_slice() {
            return *only;
        }
        let draw = visit.word("next").unit();
        next.iter().find(|(sum, _)| draw < *sum).or(next.last()).map_or(Target::End, |(_, target)| *target)
    }

    /// The client's patience with a request of a step: drawn once a journey, and once for a step with a law of its own.
    pub(super) fn timeout(&self, step: u16, journey: Key) -> Span {
        let key = journey.word("timeout");
        match &self.steps[usize::from(step)].timeout {
            Some(law) => law.span(key.with(u64::from(step))),
            None => self.timeout.span(key),
        }
    }

    /// The shortest that [`Self::timeout`] may be.
    #[inline]
    pub(super) fn least_timeout(&self, step: u16) -> Span {
        self.steps[usize::from(step)].least_timeout
    }

    /// The whole journey's patience.
    pub(super) fn patience(&self, journey: Key) -> Option<Span> {
        self.patience.as_ref().map(|law| law.span(journey.word("patience")))
    }

    /// How a client goes on that has made `tries` retries since its journey began or it last paused.
    pub(super) fn comeback(&self, tries: u32, visit: Key, retry_after: Option<Span>) -> Option<Comeback> {
        let again = self.again.as_ref()?;
        let paused = tries >= again.attempts;
        let wait = if paused {
            let (law, warp) = again.pause.as_ref()?;
            law.span(visit.word("pause")).scaled(1.0 / warp)
        } else {
            again.backoff.draw(tries, visit.word("backoff"))
        };
        let floor = retry_after.filter(|_| again.honours).unwrap_or(Span::ZERO);
        Some(Comeback { wait: wait.max(floor), from: again.from, paused })
    }
}

impl Again {
    fn new(retry: &Retry, warp: f64) -> Self {
        Self {
            // So many retries without a pause are more than a journey may make.
            attempts: retry.attempts.unwrap_or(u32::MAX),
            from: retry.from,
            backoff: match &retry.backoff {
                Backoff::Law(law) => Wait::Law(Table::of(law)),
                Backoff::FullJitter { base, cap } => Wait::FullJitter(*base, *cap),
            },
            pause: retry.pause.as_ref().map(|law| (Table::of(law), warp)),
            honours: retry.honour_retry_after,
        }
    }
}

/// A retry to come.
pub(super) struct Comeback {
    /// Time from the answer to the retry.
    pub(super) wait: Span,
    /// Where it goes on.
    pub(super) from: RetryFrom,
    /// Whether the client paused, so that its attempts start anew.
    pub(super) paused: bool,
}

impl Wait {
    fn draw(&self, tries: u32, key: Key) -> Span {
        match self {
            Self::Law(law) => law.span(key),
            Self::FullJitter(base, cap) => {
                // 2^tries is exact, and from 2^63 on every base above zero is beyond any cap.
                let bound = base.scaled(2_f64.powi(tries.min(63) as i32)).min(*cap);
                bound.scaled(key.unit())
            }
        }
    }
}

/// The step that always follows, without a draw or an account to ask.
fn simply(steps: &[Beat], from: usize) -> Option<u16> {
    let [(_, Target::Step(to))] = *steps[from].next.as_slice() else { return None };
    let next = &steps[usize::from(to)];
    (steps[from].every.is_none() && next.every.is_none() && next.chance >= 1.0).then_some(to)
}

/// Whether a journey that goes on from a step may come to one that is played only every so many journeys, before it makes
/// another request.
fn asks_the_account(steps: &[Beat], from: usize) -> bool {
    let (mut seen, mut open) = (vec![false; steps.len()], vec![from]);
    while let Some(step) = open.pop() {
        for (_, target) in &steps[step].next {
            let Target::Step(to) = target else { continue };
            let to = usize::from(*to);
            if steps[to].every.is_some() {
                return true;
            }
            if steps[to].chance < 1.0 && !std::mem::replace(&mut seen[to], true) {
                open.push(to);
            }
        }
    }
    false
}

fn following(index: usize, count: usize) -> Target {
    if index + 1 < count { Target::Step(index as u16 + 1) } else { Target::End }
}

fn running_sums(next: &[(f64, Target)], otherwise: Target) -> Vec<(f64, Target)> {
    let total: f64 = next.iter().map(|(weight, _)| weight).sum();
    if total <= 0.0 {
        return vec![(1.0, otherwise)];
    }
    let mut sum = 0.0;
    let positive = next.iter().filter(|(weight, _)| *weight > 0.0);
    let mut sums: Vec<_> = positive
        .map(|(weight, target)| {
            sum += weight / total;
            (sum, *target)
        })
        .collect();
    if let Some(last) = sums.last_mut() {
        last.0 = 1.0;
    }
    sums
}
