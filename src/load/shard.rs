//! What of the one plan belongs to which shard.
//!
//! A shard takes every N-th account of a population and every N-th arrival of one without accounts, counted within
//! the population. An account's journeys are in one place, because its token, its open connection and its habits are:
//! in several, it would sign in once in each. A population with fewer accounts than there are shards is divided by its
//! arrivals all the same, or some shards would have nothing to do; each of its accounts signs in at most N times then.
//!
//! What an entry brings belongs where the entry does, whoever comes and whenever: its message carries the reference,
//! and the reference alone says the shard.

use super::plan::Plan;
use crate::arrivals;
use crate::journey::{account_of, accounts_in};
use crate::scenario::{Arrival, Population, Shard, Subject, Timeline};

impl Plan {
    /// This plan for one of several generators.
    pub(super) fn of_shard(mut self, shard: Shard) -> Self {
        // The most requests under way at once are a bound of the population, wherever it is played.
        for population in &mut self.populations {
            population.lanes = population.lanes.div_ceil(shard.of() as usize);
        }
        Self { shard, ..self }
    }

    /// Whether this generator plays a journey: nobody left its population out, and it belongs to its shard.
    pub(super) fn plays(&self, arrival: &Arrival) -> bool {
        self.populations[usize::from(arrival.population)].played
            && (self.shard.is_whole() || self.home(arrival.subject, self.shard.of()) == self.shard.number())
    }

    /// The number, from 1, of the one of `of` shards to which an entry belongs, and all whom it brings.
    pub(super) fn home(&self, entry: Subject, of: u32) -> u32 {
        let Some(population) = self.scenario.populations.get(usize::from(entry.population)) else { return 1 };
        let ordinal = match by_account(population, &self.timeline, of) {
            Some(_) => {
                account_of(population, &self.timeline, arrivals::key_of(self.seed, entry)).map(u64::from)
            }
            None => None,
        };
        let ordinal = ordinal.unwrap_or(entry.journey & !Subject::EARLIER);
        (ordinal % u64::from(of)) as u32 + 1
    }
}

/// The share of a population's planned journeys that a shard is expected to get.
pub(super) fn expected_share(population: &Population, timeline: &Timeline, shard: Shard) -> f64 {
    match by_account(population, timeline, shard.of()) {
        Some(accounts) => shard.share_of(accounts),
        None => 1.0 / f64::from(shard.of()),
    }
}

/// How many accounts a population that is divided by its accounts has.
fn by_account(population: &Population, timeline: &Timeline, of: u32) -> Option<u64> {
    accounts_in(population, timeline).filter(|accounts| *accounts >= u64::from(of))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::*;
    use crate::rng::Key;
    use crate::scenario::{Accounts, Arrivals, example};

    const SEED: u64 = 11;

    /// Form entry by these accounts, visitors without accounts, and readers whom messages bring.
    fn plan(accounts: Option<u32>) -> Plan {
        let mut form = example::population("form", vec![example::step("save")]);
        form.accounts = accounts.map(|count| Accounts { count, kind: "person".to_owned() });
        form.arrivals = Arrivals::Curve { curve: example::evening(), per_day: 400_000.0 };
        let visitors = example::population("visitor", vec![example::step("home")]);
        let timeline = example::timeline("18:00", "18:01", 1.0);
        Plan::new(Arc::new(example::scenario(vec![form, visitors])), timeline, SEED, &[], 1).unwrap()
    }

    fn arrivals_of(plan: &Plan) -> Vec<Arrival> {
        arrivals::planned(&plan.scenario, &plan.timeline, SEED)
            .filter(|arrival| plan.plays(arrival))
            .collect()
    }

    #[test]
    fn four_shards_have_the_first_arrivals_of_the_one_plan_each_once_to_the_nanosecond() {
        for accounts in [None, Some(1), Some(3), Some(4), Some(500)] {
            let whole = arrivals_of(&plan(accounts));
            assert!(whole.len() > 200, "{}", whole.len());
            let mut merged = Vec::new();
            for number in 1..=4 {
                let own = arrivals_of(&plan(accounts).of_shard(Shard::new(number, 4).unwrap()));
                assert!(!own.is_empty(), "shard {number} of {accounts:?} accounts");
                merged.extend(own);
            }
            merged.sort_by_key(|arrival| (arrival.at, arrival.population, arrival.subject.journey));
            let mut sorted = whole.clone();
            sorted.sort_by_key(|arrival| (arrival.at, arrival.population, arrival.subject.journey));
            assert_eq!(merged, sorted, "{accounts:?} accounts");
        }
    }

    #[test]
    fn an_account_is_played_by_one_shard_where_there_are_enough_of_them() {
        let plan = plan(Some(20));
        let mut shards: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for arrival in arrivals_of(&plan).iter().filter(|arrival| arrival.population == 0) {
            let account = account_of(plan.population(0), &plan.timeline, arrival.key).unwrap();
            shards.entry(account).or_default().insert(plan.home(arrival.subject, 4));
        }
        assert!(shards.len() == 20 && shards.values().all(|shards| shards.len() == 1), "{shards:?}");
    }

    #[test]
    fn whom_an_entry_brings_belongs_to_the_shard_of_the_entry() {
        let plan = plan(Some(500));
        let shards: Vec<Plan> =
            (1..=4).map(|number| self::plan(Some(500)).of_shard(Shard::new(number, 4).unwrap())).collect();
        for entry in arrivals_of(&plan) {
            // Whoever follows carries the subject of the entry: another population, another item, its own key.
            let subject = Subject { item: 7, ..entry.subject };
            let follower = Arrival { subject, population: 1, at: plan.timeline.end(), key: Key::root(5) };
            for shard in &shards {
                assert_eq!(shard.plays(&follower), shard.plays(&entry));
            }
        }
    }

    #[test]
    fn the_shares_that_shards_expect_are_those_of_their_accounts() {
        let plan = plan(Some(6));
        let share =
            |number| expected_share(plan.population(0), &plan.timeline, Shard::new(number, 4).unwrap());
        let shares: Vec<f64> = (1..=4).map(share).collect();
        assert_eq!(shares, [2.0 / 6.0, 2.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0]);
    }
}
