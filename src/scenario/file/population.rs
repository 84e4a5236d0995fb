//! A population: its clients' patience, accounts and retries; its arrivals come later, when all names are known.

use std::collections::BTreeMap;

use super::Context;
use super::place::Place;
use super::shape::{ArrivalsTable, BackoffTable, ConnectionForm, PopulationTable, RetryTable, TextOr};
use super::{laws, step};
use crate::scenario::{
    Accounts, Arrivals, Backoff, Connection, Http, Law, Network, Population, Presence, Retry, RetryFrom,
};
use crate::units::{Rate, Span};

/// A population without its arrivals.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) place: Place<'a>,
    pub(super) population: Population,
    pub(super) arrivals: Option<ArrivalsTable>,
    /// The place of each step.
    pub(super) steps: Vec<Place<'a>>,
}

impl Draft<'_> {
    /// Whether its journeys come after a message of the system under test.
    pub(super) fn is_brought_by_message(&self) -> bool {
        use crate::scenario::{After, Cause};
        matches!(&self.population.arrivals, Arrivals::After(After { cause: Cause::Message, .. }))
    }
}

pub(super) fn read<'a>(table: PopulationTable, place: Place<'a>, context: &Context<'_>) -> Draft<'a> {
    let name = place.need("name", table.name).map(|name| name.0).unwrap_or_default();
    place.named(&name);
    let legitimate = place.or("legitimate", table.legitimate, true);
    let arrivals = place.need("arrivals", table.arrivals);
    let accounts = place.take("accounts", table.accounts).and_then(|table| {
        let place = place.at("accounts");
        let (kind, count) = (place.need("kind", table.kind), place.need("count", table.count));
        if count == Some(0) {
            place.at("count").wrong("is 0", "leave accounts out where there are none");
        }
        Some(Accounts { kind: kind?.0, count: count? })
    });
    let connection = connection(place.take_or("connection", table.connection, "new"), &place);
    let network = Network {
        opening: place.or("opening", table.opening, Network::OPENING),
        sources: place.take_or("sources", table.sources, "chosen by the system"),
        http: place.or("http", table.http, super::leaf::Word(Http::One)).0,
        resumption: place.or("resumption", table.resumption, true),
        read_rate: place.take_or("read_rate", table.read_rate, "as fast as they can"),
    };
    if network.opening == 0 {
        place.at("opening").wrong("is 0", "without a connection nothing is sent");
    }
    let lanes = place.take_or("lanes", table.lanes, "chosen by the engine");
    if lanes == Some(0) {
        place
            .at("lanes")
            .wrong("is 0", "without a lane nothing is sent; leave it out to let the engine choose");
    }
    let timeout = place.need("timeout", table.timeout).and_then(|form| laws::law(form, &place.at("timeout")));
    if timeout == Some(Law::Constant(Span::ZERO)) {
        place.at("timeout").wrong("is zero", "nobody would wait for an answer");
    }
    let think = laws::take_or("think", table.think, "0s", &place);
    let retry = place.take_or("retry", table.retry, "none: gives up");
    let retry = retry.and_then(|table| self::retry(table, &place.at("retry")));
    let patience = laws::take_or("patience", table.patience, "endless", &place);
    let (steps, places) = step::read_all(place.list("step", Some(table.step)), accounts.is_some(), context);
    if steps.is_empty() {
        place.at("step").wrong("nothing is done", "write at least one [[population.step]]");
    }
    let population = Population {
        name,
        legitimate,
        // Takes the place of what `arrivals::read` puts there, or notes that it cannot.
        arrivals: Arrivals::Rate { rate: Rate::per_sec(0.0) },
        presence: Presence::default(),
        accounts,
        connection,
        network,
        lanes,
        timeout: timeout.unwrap_or(Law::Constant(Span::ZERO)),
        think: think.unwrap_or(Law::Constant(Span::ZERO)),
        retry,
        patience,
        steps,
    };
    if let Some(step) = population.step_without_end() {
        let hint =
            "give a step of the loop a weighted way out, as in next = [{ weight = 1, step = \"end\" }, …]";
        places[usize::from(step)].at("next").wrong("journeys that come here never end", hint);
    }
    Draft { place, population, arrivals, steps: places }
}

/// Notes populations of the same name.
pub(super) fn check_names(drafts: &[Draft<'_>]) {
    let mut seen = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let name = draft.population.name.as_str();
        if let Some(first) = seen.insert(name, index).filter(|_| !name.is_empty()) {
            let problem = format!("population[{first}] has this name too");
            draft.place.at("name").wrong(problem, "give each population its own name");
        }
    }
}

fn connection(form: Option<ConnectionForm>, place: &Place<'_>) -> Connection {
    match form {
        None => Connection::New,
        Some(TextOr::Text(word)) => word.0,
        Some(TextOr::Table(table)) => {
            let place = place.at("connection");
            let count = place.need("pool", table.pool).unwrap_or(1);
            if count == 0 {
                place.at("pool").wrong("is 0", "without a connection nothing is sent");
            }
            Connection::PoolOf(count)
        }
    }
}

fn retry(table: RetryTable, place: &Place<'_>) -> Option<Retry> {
    let attempts = place.take_or("attempts", table.attempts, "for ever");
    let backoff = place.need("backoff", table.backoff).and_then(|form| {
        let place = place.at("backoff");
        match form {
            TextOr::Text(text) => Some(Backoff::Law(text.0)),
            TextOr::Table(table) => backoff(table, &place),
        }
    });
    let pause = laws::take_or("pause", table.pause, "none: gives up", place);
    if pause.is_some() && attempts.is_none() {
        place
            .at("pause")
            .wrong("never comes: without attempts it is tried for ever", "write attempts = 4, say");
    }
    Some(Retry {
        attempts,
        from: place.or("from", table.from, super::leaf::Word(RetryFrom::Step)).0,
        backoff: backoff?,
        pause,
        honour_retry_after: place.or("honour_retry_after", table.honour_retry_after, false),
    })
}

fn backoff(table: BackoffTable, place: &Place<'_>) -> Option<Backoff> {
    let BackoffTable { full_jitter, exponential, lognormal, triangular } = table;
    let given = [
        ("full_jitter", full_jitter.is_some()),
        ("exponential", exponential.is_some()),
        ("lognormal", lognormal.is_some()),
        ("triangular", triangular.is_some()),
    ];
    if !place.one_of(&given) {
        return None;
    }
    let Some(jitter) = full_jitter else {
        return laws::of_table(exponential, lognormal, triangular, place).map(Backoff::Law);
    };
    let jitter = place.need("full_jitter", jitter)?;
    let place = place.at("full_jitter");
    let (base, cap) = (place.need("base", jitter.base), place.need("cap", jitter.cap));
    let (base, cap) = (base?, cap?);
    if base == Span::ZERO || cap < base {
        place.wrong(
            format!("from {base} to {cap} is no back-off"),
            "write a base above zero and a cap not below it",
        );
    }
    Some(Backoff::FullJitter { base, cap })
}
