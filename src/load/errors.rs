//! The errors of a run: how many of the generator's own making, and what the first of each kind looked like.

use std::collections::HashMap;

use super::answer::Answered;
use super::excerpt::excerpt;
use super::fault::Fault;
use super::recorder::Example;
use super::render::Rendered;
use crate::record::{Sample, mask};

/// Examples of one kind for which the record has a use.
const OF_A_KIND: u32 = 3;
/// Kinds that are told apart; an error text of the network may hold anything.
const KINDS: usize = 500;
/// Characters of an answer's body in an example.
const BODY: usize = 300;

/// Counts errors, so that only the first of a kind cost the time to describe them.
#[derive(Debug, Default)]
pub(super) struct Errors {
    seen: HashMap<(u16, u16, Fault), u32>,
    /// Requests that failed for a want of this machine or of the scenario, by kind.
    ours: HashMap<Fault, u64>,
}

impl Errors {
    /// Counts an error; true when it is worth an example.
    pub(super) fn wants(&mut self, population: u16, step: u16, fault: &Fault) -> bool {
        if fault.is_ours() && (self.ours.len() < KINDS || self.ours.contains_key(fault)) {
            *self.ours.entry(fault.clone()).or_default() += 1;
        }
        let kind = (population, step, fault.clone());
        if self.seen.len() >= KINDS && !self.seen.contains_key(&kind) {
            return false;
        }
        let seen = self.seen.entry(kind).or_default();
        *seen = seen.saturating_add(1);
        *seen <= OF_A_KIND
    }

    /// Requests that failed for a want of this machine or of the scenario: kind and count, most frequent first.
    pub(super) fn ours(&self) -> Vec<(String, u64)> {
        let mut ours: Vec<_> = self.ours.iter().map(|(fault, n)| (fault.name().into_owned(), *n)).collect();
        ours.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        ours
    }
}

/// What was seen of an error, in a line.
pub(super) fn describe(
    sample: &Sample,
    fault: &Fault,
    request: Option<&Rendered>,
    answered: Option<&Answered>,
) -> Example {
    let request =
        request.map_or_else(|| "the request could not be made".to_owned(), |request| mask(&request.line()));
    let after = sample.done.since(sample.sent).secs_f64();
    let answer = answered.map_or_else(String::new, |answered| {
        let body = excerpt(&answered.body, BODY);
        format!(": answered {}{}{body}", answered.status, if body.is_empty() { "" } else { " " })
    });
    Example {
        at: sample.done,
        population: sample.population,
        step: sample.step,
        error: fault.name().into_owned(),
        detail: format!("{request}, {after:.3} s after it was sent{answer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_are_wanted_and_our_own_faults_are_all_counted() {
        let mut errors = Errors::default();
        let wanted: Vec<bool> = (0..5).map(|_| errors.wants(0, 1, &Fault::NoPort)).collect();
        assert_eq!(wanted, [true, true, true, false, false]);
        assert!(errors.wants(0, 2, &Fault::NoPort));
        assert!(errors.wants(0, 1, &Fault::Status(500)));
        assert_eq!(errors.ours(), [("no local port left here".to_owned(), 6)]);
    }

    #[test]
    fn kinds_that_never_repeat_do_not_fill_memory() {
        let mut errors = Errors::default();
        let wanted = (0..2 * KINDS).filter(|i| errors.wants(0, 0, &Fault::Io(i.to_string()))).count();
        assert_eq!((wanted, errors.seen.len()), (KINDS, KINDS));
    }
}
