//! Loads earlier results in bulk before the server listens: no messages, no slots.
//!
//! One JSON object a line: `{ "sender": "client id", "link": "40 hexadecimal digits", "entry": { … } }`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::accounts::Kind;
use crate::app::App;
use crate::intake;
use crate::link::Link;
use crate::moment::Moment;
use crate::results::new_result;
use crate::store::{NewResult, StoreError};

/// Results in one transaction.
const GROUP: usize = 1_000;

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PreloadError {
    /// The file cannot be read.
    #[error("cannot read the results to preload from {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not a result.
    #[error("{}:{line}: {problem}; a line is {{\"sender\", \"link\", \"entry\"}} as JSON", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error("cannot preload: {0}")]
    Store(#[from] StoreError),
}

/// Loads a file and returns how many results were new. Every line is checked before the first one is stored.
pub(crate) async fn load(app: &App, path: &Path) -> Result<usize, PreloadError> {
    for result in results(app, path)? {
        result?;
    }
    let (mut group, mut fresh) = (Vec::with_capacity(GROUP), 0);
    for result in results(app, path)? {
        group.push(result?);
        if group.len() == GROUP {
            fresh += store(app, &mut group).await?;
        }
    }
    Ok(fresh + store(app, &mut group).await?)
}

/// The results of a file, line by line.
fn results<'a>(
    app: &'a App,
    path: &'a Path,
) -> Result<impl Iterator<Item = Result<NewResult, PreloadError>> + 'a, PreloadError> {
    let failed = move |source| PreloadError::File { path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let now = Moment::now();
    let lines =
        (1..).zip(file.lines()).filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()));
    Ok(lines.map(move |(number, line)| {
        read(app, &line.map_err(failed)?, now).map_err(|problem| PreloadError::Line {
            path: path.to_owned(),
            line: number,
            problem,
        })
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    sender: String,
    link: String,
    #[serde(borrow)]
    entry: &'a RawValue,
}

fn read(app: &App, line: &str, now: Moment) -> Result<NewResult, String> {
    let Line { sender, link, entry } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    Kind::of(&sender).ok_or("the sender is not a synthetic account")?;
    let link = Link::parse(&link).ok_or("the link is not 40 lower-case hexadecimal digits")?;
    let listed = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let mut intake = intake::read(entry.get().as_bytes(), 1, now).map_err(listed)?;
    let entry = match intake.entries.pop() {
        Some(Ok(entry)) => entry,
        Some(Err(rejected)) => return Err(listed(rejected.problems)),
        None => return Err("the entry is empty".to_owned()),
    };
    new_result(app, sender.into(), &entry, &link, None, now)
        .ok_or_else(|| "the entry cannot be written".to_owned())
}

async fn store(app: &App, group: &mut Vec<NewResult>) -> Result<usize, StoreError> {
    if group.is_empty() {
        return Ok(0);
    }
    let saved = app.store.save_results(std::mem::take(group)).await?;
    Ok(saved.iter().filter(|saved| saved.fresh).count())
}
