//! Takes in what came as `application/fhir+json` and says what became of each entry.

use std::cell::OnceCell;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{bundle, entry, outcome};
use crate::app::App;
use crate::entry::Entry;
use crate::intake::Rejected;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::refusal::Refusal;
use crate::store::Saved;
use crate::token::Identity;
use crate::{receipt, results};

/// Media type of FHIR in JSON.
pub(crate) const MEDIA_TYPE: &str = "application/fhir+json";

/// Stores the results of a bundle: 201 when at least one is stored, else 400.
pub(crate) async fn answer(app: &App, sender: &Identity, key: Option<&str>, body: Bytes) -> Response {
    match store(app, sender, key, &body).await {
        Ok(bundle) => respond(StatusCode::CREATED, &bundle),
        Err(refusal) => outcome::refuse(refusal),
    }
}

async fn store(app: &App, sender: &Identity, key: Option<&str>, body: &[u8]) -> Result<Value, Refusal> {
    let now = Moment::now();
    let Read { transaction, mut fates, entries, made_of } =
        read(body, app.config.limits.batch, now).map_err(Refusal::Problems)?;
    let saved = results::save(app, sender, key, entries, now).await?;
    if saved.iter().all(Result::is_err) {
        let problems = saved.into_iter().filter_map(Result::err).flat_map(|rejected| rejected.problems);
        return Err(Refusal::Problems(problems.collect()));
    }
    for (became, made_of) in saved.iter().zip(made_of) {
        for (number, entry) in made_of.into_iter().enumerate() {
            fates[entry].add(became, number == 0);
        }
    }
    let entries: Vec<_> = fates.iter().map(|fate| json!({ "response": fate.response(app) })).collect();
    let kind = if transaction { "transaction-response" } else { "batch-response" };
    Ok(json!({ "resourceType": "Bundle", "type": kind, "entry": entries }))
}

/// A bundle that can be stored, or, of a batch, parts of it.
#[derive(Debug)]
pub(crate) struct Read {
    transaction: bool,
    fates: Vec<Fate>,
    pub(crate) entries: Vec<Result<Entry, Rejected>>,
    /// Of each result the entries that it is made of, its own first.
    made_of: Vec<Vec<usize>>,
}

/// Reads a bundle of at most `most` results.
///
/// # Errors
/// When it as a whole is not what it should be, or a transaction of which something is wrong.
pub(crate) fn read(body: &[u8], most: usize, now: Moment) -> Result<Read, Vec<Problem>> {
    let mended = OnceCell::new();
    let bundle = bundle::read(body, &mended, most)?;
    let (mut entries, mut made_of) = (Vec::new(), Vec::new());
    for (index, report) in bundle.reports() {
        let outcome = entry::read(&bundle, index, report, now);
        entries.push(outcome.entry);
        made_of.push(outcome.made_of);
    }
    let mut fates: Vec<_> = bundle.items.iter().map(|item| Fate::of(&item.problems)).collect();
    if bundle.transaction {
        // All or nothing: one bad result, or one bad entry that belongs to none, and nothing is stored.
        for entry in made_of.iter().flatten() {
            fates[*entry] = Fate::Unused;
        }
        let of_results = entries.iter().filter_map(|entry| entry.as_ref().err()).flat_map(|it| &it.problems);
        let of_others = fates.iter().filter_map(|fate| match fate {
            Fate::Refused(problems) => Some(problems),
            _ => None,
        });
        let problems: Vec<_> = of_results.chain(of_others.flatten()).cloned().collect();
        if !problems.is_empty() {
            return Err(problems);
        }
    }
    Ok(Read { transaction: bundle.transaction, fates, entries, made_of })
}

/// What became of an entry of the bundle.
#[derive(Debug)]
enum Fate {
    /// No result says anything about it.
    Unused,
    /// It is in no result that is stored. What is wrong, in the entry of the result itself.
    Refused(Vec<Problem>),
    /// It is part of a result that is stored, now or before; in the entry of the result itself the result's id.
    Stored { fresh: bool, id: Option<i64> },
}

impl Fate {
    fn of(problems: &[Problem]) -> Fate {
        if problems.is_empty() { Fate::Unused } else { Fate::Refused(problems.to_vec()) }
    }

    /// Takes note of a result that the entry is part of; `own`: it is the result's own.
    fn add(&mut self, became: &Result<Saved, Rejected>, own: bool) {
        match became {
            Ok(saved) => *self = Fate::Stored { fresh: saved.fresh, id: own.then_some(saved.id) },
            Err(rejected) if own => *self = Fate::Refused(rejected.problems.clone()),
            Err(_) if matches!(self, Fate::Unused) => *self = Fate::Refused(Vec::new()),
            Err(_) => {}
        }
    }

    fn response(&self, app: &App) -> Value {
        match self {
            Fate::Unused => {
                let note = "nothing of it is kept: no result of this bundle refers to it";
                json!({ "status": "200 OK", "outcome": outcome::note(note) })
            }
            Fate::Refused(problems) if problems.is_empty() => json!({ "status": "400 Bad Request" }),
            Fate::Refused(problems) => {
                json!({ "status": "400 Bad Request", "outcome": outcome::outcome(problems) })
            }
            Fate::Stored { fresh, id } => {
                let mut response = json!({ "status": if *fresh { "201 Created" } else { "200 OK" } });
                if let Some(id) = id {
                    response["location"] = json!(receipt::receipt(&app.keys.secret, *id));
                }
                response
            }
        }
    }
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
}
