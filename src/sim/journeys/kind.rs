//! A population, prepared for a simulation.

use reference_server::accounts;

use super::Play;
use crate::arrivals::Followers;
use crate::journey::{self, Account, Journey, Script};
use crate::scenario::{Arrival, Connection, Http, Outcome, Population, ServerModel, Step};
use crate::sim::beat::Beat;
use crate::sim::clients::Request;
use crate::sim::lanes::Lanes;
use crate::synthetic::AccountId;
use crate::units::Offset;

/// A population, prepared.
pub(super) struct Kind {
    pub(super) script: Script,
    /// What causes bring of it.
    pub(super) followers: Option<Followers>,
    pub(super) steps: Vec<Beat>,
    pub(super) accounts: Vec<Account>,
    /// Its accounts sign in although the issuer is down.
    pub(super) own_entrance: bool,
    pub(super) lanes: Lanes<Journey>,
    /// Connections that all of them share, where there are so many.
    pub(super) connections: Lanes<Journey>,
}

impl Kind {
    /// The present request of a journey, which has waited since `since`.
    #[inline(always)]
    pub(super) fn request(&self, journey: Journey, since: Offset) -> Request<Journey> {
        let beat = &self.steps[usize::from(journey.step())];
        Request {
            class: beat.class,
            key: journey.key().word("server"),
            deadline: (since + journey.least_timeout(&self.script)).nanos(),
            until_start: false,
            entries: beat.entries,
            who: journey,
        }
    }

    /// The number of an account among those of all populations, from 1 on.
    pub(super) fn number(population: u16, account: u32) -> u64 {
        (u64::from(population) + 1) << 32 | u64::from(account)
    }

    /// The account with which a journey is made, if its population has any.
    #[inline]
    pub(super) fn account_of(&self, arrival: &Arrival) -> Option<u32> {
        journey::account_among(self.accounts.len() as u64, arrival.key)
    }

    /// The population of this number.
    pub(super) fn new(index: u16, population: &Population, play: Play<'_>, model: &ServerModel) -> Self {
        let timeline = play.timeline;
        let script = Script::new(population, timeline);
        let accounts = journey::accounts_in(population, timeline).unwrap_or(0) as usize;
        let shared = match (population.connection, population.network.http) {
            (Connection::PoolOf(count), Http::One) => Some(count),
            _ => None,
        };
        let bounded = population.lanes.is_some() || shared.is_some();
        let beat = |(number, step): (u16, &Step)| {
            let beat = Beat::new((index, number), step, play.scenario, model);
            let paced = model.message_rate.is_some() && step.messages > 0;
            let asks = |outcome| script.concerns_the_account(number, outcome);
            let in_order = |outcome| bounded || paced || accounts > 0 && asks(outcome);
            let alone = beat.messages == 0 && beat.brings.is_empty() && !beat.lacks;
            Beat {
                quiet: alone && !bounded && !asks(Outcome::Ok),
                in_order: [in_order(Outcome::Ok), in_order(Outcome::Failed)],
                ..beat
            }
        };
        let steps: Vec<Beat> = (0..).zip(&population.steps).map(beat).collect();
        Self {
            followers: Followers::new(play.scenario, timeline, play.seed, index),
            steps,
            script,
            accounts: vec![Account::default(); accounts],
            own_entrance: population.accounts.as_ref().is_some_and(|accounts| {
                let account = AccountId { kind: &accounts.kind, population: index, index: 0 };
                accounts::Kind::of(&account.id()).is_some_and(accounts::Kind::has_own_entrance)
            }),
            lanes: Lanes::new(population.lanes),
            connections: Lanes::new(shared),
        }
    }
}
