//! A population's steps, prepared for a run.

use super::expectation;
use crate::rng::Key;
use crate::scenario::{Backoff, Law, OnFailure, Population, Retry, RetryFrom, Target, Timeline};
use crate::units::Span;

/// What the journeys of one population follow: its steps, patience and retries, scenario time divided by the warp.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) steps: Vec<Beat>,
    pub(super) accounts: bool,
    timeout: Law,
    retry: Option<Retry>,
    patience: Option<Law>,
    warp: f64,
}

/// What a journey needs to know of one step.
#[derive(Debug, Clone)]
pub(super) struct Beat {
    pub(super) think: Law,
    timeout: Option<Law>,
    pub(super) chance: f64,
    pub(super) every: Option<u32>,
    pub(super) on_failure: OnFailure,
    pub(super) counted: bool,
    /// Running sums of the normalized weights; at least one entry, the last sum is 1.
    pub(super) next: Vec<(f64, Target)>,
}

impl Script {
    /// Prepares a population for a run on this timeline.
    pub fn new(population: &Population, timeline: &Timeline) -> Self {
        let count = population.steps.len();
        let steps = population.steps.iter().enumerate().map(|(index, step)| Beat {
            think: step.think.clone().unwrap_or_else(|| population.think.clone()),
            timeout: step.timeout.clone(),
            chance: step.chance,
            every: step.every.map(|every| every.max(1)),
            on_failure: step.on_failure,
            counted: step.counted,
            next: running_sums(&step.next, following(index, count)),
        });
        Self {
            steps: steps.collect(),
            accounts: population.accounts.is_some(),
            timeout: population.timeout.clone(),
            retry: population.retry.clone(),
            patience: population.patience.clone(),
            warp: timeline.warp,
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
            Some(law) => law.draw(key.with(u64::from(step))),
            None => self.timeout.draw(key),
        }
    }

    /// The whole journey's patience.
    pub(super) fn patience(&self, journey: Key) -> Option<Span> {
        self.patience.as_ref().map(|law| law.draw(journey.word("patience")))
    }

    /// How a client goes on that has made `tries` retries since its journey began or it last paused.
    pub(super) fn comeback(&self, tries: u32, visit: Key, retry_after: Option<Span>) -> Option<Comeback> {
        let retry = self.retry.as_ref()?;
        let paused = retry.attempts.is_some_and(|most| tries >= most);
        let wait = if paused {
            retry.pause.as_ref()?.draw(visit.word("pause")).scaled(1.0 / self.warp)
        } else {
            backoff(&retry.backoff, tries, visit.word("backoff"))
        };
        let floor = retry_after.filter(|_| retry.honour_retry_after).unwrap_or(Span::ZERO);
        Some(Comeback { wait: wait.max(floor), from: retry.from, paused })
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

fn backoff(backoff: &Backoff, tries: u32, key: Key) -> Span {
    match backoff {
        Backoff::Law(law) => law.draw(key),
        Backoff::FullJitter { base, cap } => {
            // 2^tries is exact, and from 2^63 on every base above zero is beyond any cap.
            let bound = base.scaled(2_f64.powi(tries.min(63) as i32)).min(*cap);
            bound.scaled(key.unit())
        }
    }
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
