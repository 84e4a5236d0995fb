//! The feed of statistics: the tests of a day, under pseudonyms, for whoever may count them and nothing more.
//!
//! A row has the fields of [`Row`] and no other. The same person has the same pseudonym on every day, as long as the key
//! is the same; without the key, which is kept apart and can be changed, nobody finds the person again by trying all
//! identity numbers. Where fewer tests of the day than `statistics.smallest_group` have the same sex and age band, a
//! row tells neither.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Operation, Who};
use crate::app::App;
use crate::bearer::Bearer;
use crate::entry::{Outcome, Record, Sex, TestKind};
use crate::moment::Moment;
use crate::receipt;
use crate::refusal::Refusal;
use crate::results::private;
use crate::store::StoredResult;
use crate::token::Scope;

/// Tests on a page.
const PAGE: u32 = 1_000;

/// Days whose groups are remembered.
const DAYS: usize = 8;

/// A test, as statistics need it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    /// Keyed hash of the identity number.
    pseudonym: String,
    kind: TestKind,
    result: Outcome,
    /// `None`: too few are like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    sex: Option<Sex>,
    /// The first year of ten in which the age lies: 0, 10, … 90.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_from: Option<u8>,
}

/// What could tell people apart: sex, and the first year of the age band.
type Group = (Sex, u8);

/// How many tests of a day are in each group.
type Groups = HashMap<Group, u64>;

/// The groups of days that are over.
#[derive(Debug, Default)]
pub(crate) struct Days(Mutex<Vec<(NaiveDate, Arc<Groups>)>>);

impl Days {
    fn get(&self, day: NaiveDate) -> Option<Arc<Groups>> {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.iter().find(|(known, _)| *known == day).map(|(_, groups)| Arc::clone(groups))
    }

    fn keep(&self, day: NaiveDate, groups: &Arc<Groups>) {
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= DAYS {
            days.remove(0);
        }
        days.push((day, Arc::clone(groups)));
    }

    /// After a purge the groups are smaller.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    day: String,
    after: Option<String>,
}

/// `GET /v1/statistics?day=YYYY-MM-DD[&after=…]`: the tests that were received on that day (UTC), a page of them.
pub(crate) async fn day(
    State(app): State<Arc<App>>,
    bearer: Bearer,
    Query(Asked { day, after }): Query<Asked>,
) -> Result<Response, Refusal> {
    let client = bearer.allowed(Scope::Statistics)?;
    let date = Some(&day).filter(|day| day.len() == 10).and_then(|day| day.parse::<NaiveDate>().ok());
    let date = date.ok_or_else(|| Refusal::problem("day", "is not a day", "write YYYY-MM-DD"))?;
    let after = match after.as_deref() {
        None => None,
        Some(text) => Some(receipt::id_of(text).ok_or_else(|| {
            Refusal::problem(
                "after",
                "is not a place in the feed",
                "write what `next` of the page before says",
            )
        })?),
    };
    let _turn = app.statistics_turn.try_acquire().map_err(|_| Refusal::Busy(app.config.slots.retry_after))?;
    let groups = match app.statistics.get(date) {
        Some(groups) => groups,
        None => count(&app, date).await?,
    };
    let (results, more) = page(&app, date, after).await?;
    let mut rows = Vec::with_capacity(results.len());
    for result in &results {
        rows.push(row(&app, &record(result)?, date, &groups));
    }
    let next = results.last().filter(|_| more).map(|result| receipt::id_text(result.id));
    app.access.about(
        Who::Account(&client.client),
        Operation::Statistics,
        json!({ "day": day, "tests": rows.len() }),
    );
    let page = json!({ "day": day, "key": app.keys.statistics.id(), "tests": rows, "next": next });
    Ok(private(Json(page).into_response()))
}

/// The tests of a day behind this one, and whether there may be more.
async fn page(app: &App, date: NaiveDate, after: Option<i64>) -> Result<(Vec<StoredResult>, bool), Refusal> {
    let results = app.store.received(start(date), start(next(date)), after, PAGE).await?;
    let more = results.len() == PAGE as usize;
    Ok((results, more))
}

/// Counts the groups of a day, page by page, and remembers them when the day is over.
async fn count(app: &App, date: NaiveDate) -> Result<Arc<Groups>, Refusal> {
    let (mut groups, mut after) = (Groups::new(), None);
    loop {
        let (results, more) = page(app, date, after).await?;
        for result in &results {
            if let Some(group) = group(&record(result)?, date) {
                *groups.entry(group).or_default() += 1;
            }
        }
        after = results.last().map(|result| result.id);
        if !more {
            break;
        }
    }
    let groups = Arc::new(groups);
    if start(next(date)) <= Moment::now() {
        app.statistics.keep(date, &groups);
    }
    Ok(groups)
}

fn row(app: &App, record: &Record, date: NaiveDate, groups: &Groups) -> Row {
    let smallest = app.config.statistics.smallest_group;
    let group = group(record, date).filter(|group| groups.get(group).is_some_and(|count| *count >= smallest));
    Row {
        pseudonym: app.keys.statistics.pseudonym(&record.patient.identifier),
        kind: record.test.kind,
        result: record.test.result,
        sex: group.map(|(sex, _)| sex),
        age_from: group.map(|(_, age)| age),
    }
}

fn group(record: &Record, date: NaiveDate) -> Option<Group> {
    let birth: NaiveDate = record.patient.birth_date.parse().ok()?;
    let had_birthday = (date.month(), date.day()) >= (birth.month(), birth.day());
    let age = date.year() - birth.year() - i32::from(!had_birthday);
    let band = u8::try_from(age.clamp(0, 99) / 10 * 10).ok()?;
    Some((record.patient.sex, band))
}

fn record(result: &StoredResult) -> Result<Record, Refusal> {
    serde_json::from_slice(&result.body).map_err(|_| Refusal::Broken)
}

fn start(date: NaiveDate) -> Moment {
    Moment::from_millis(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
}

fn next(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}
