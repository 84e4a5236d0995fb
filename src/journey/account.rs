//! What an account carries from one journey to the next.

use crate::rng::Key;
use crate::scenario::{Population, Subject, Timeline};

/// The habits of one account: how many journeys it has begun, and in which of them the steps that are played only
/// every so many journeys (sign-in) last succeeded.
///
/// Changed only when a journey begins and when such a step succeeds, so that both engines agree about it. Tens of thousands
/// of accounts are touched at random: what is asked of one lies in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    journeys: u32,
    /// The step that succeeded first, which is nearly always the only one, and the number of the journey in which it last
    /// did, from 1; 0 before.
    step: u16,
    success: u32,
    /// The same of further steps.
    further: Option<Box<Further>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Further(Vec<(u16, u32)>);

impl Account {
    /// Journeys begun so far.
    pub const fn journeys(&self) -> u32 {
        self.journeys
    }

    /// Counts a journey; its number, from 1.
    pub(super) const fn begin(&mut self) -> u32 {
        self.journeys = self.journeys.saturating_add(1);
        self.journeys
    }

    /// Whether a step that is played every `every` journeys is due in the journey of this number.
    pub(super) fn due(&self, step: u16, every: u32, journey: u32) -> bool {
        let last = if self.success > 0 && self.step == step {
            Some(self.success)
        } else {
            let mut further = self.further.iter().flat_map(|further| &further.0);
            further.find(|(of, _)| *of == step).map(|(_, last)| *last)
        };
        // An account may be in several journeys at once: a later one may have signed in for this one.
        last.is_none_or(|last| journey.saturating_sub(last) >= every)
    }

    /// Notes a success of such a step.
    pub(super) fn succeeded(&mut self, step: u16, journey: u32) {
        if self.success == 0 || self.step == step {
            (self.step, self.success) = (step, journey.max(self.success));
            return;
        }
        let further = &mut self.further.get_or_insert_default().0;
        match further.iter_mut().find(|(of, _)| *of == step) {
            Some((_, last)) => *last = journey.max(*last),
            None => further.push((step, journey)),
        }
    }
}

/// The account with which a journey is made, by its key: a number below the population's accounts divided by the warp
/// (at least one account is left); `None` for a population without accounts.
pub fn account_of(population: &Population, timeline: &Timeline, key: Key) -> Option<u32> {
    account_among(accounts_in(population, timeline)?, key)
}

/// The account with which a journey is made, by its key, where there are so many; `None` of none.
#[inline]
pub fn account_among(accounts: u64, key: Key) -> Option<u32> {
    (accounts > 0).then(|| key.word("account").below(accounts) as u32)
}

/// The number by which a client's own address is chosen: its account's, else one drawn for whom the journey is about, so
/// that a patient who comes again comes from where he came before.
pub fn client_of(seed: u64, population: u16, account: Option<u32>, subject: Subject) -> u64 {
    account.map_or_else(
        || {
            let key = Key::root(seed).word("source").with(u64::from(subject.population));
            key.with(subject.journey).with(u64::from(subject.item)).bits()
        },
        |account| u64::from(account) + (u64::from(population) << 16),
    )
}

/// How many accounts a population has in this run, at least 1; `None` for one without accounts.
pub fn accounts_in(population: &Population, timeline: &Timeline) -> Option<u64> {
    let accounts = population.accounts.as_ref()?;
    Some((f64::from(accounts.count) / timeline.warp).round().max(1.0) as u64)
}
