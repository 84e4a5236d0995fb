//! Feeders: tables in CSV files whose rows go into templates.

use super::Context;
use super::leaf::Word;
use super::place::Place;
use super::shape::{FedBy, FeederTable};
use crate::scenario::{Feeder, FeederOrder};

/// First parts of the names of values that templates know by themselves.
const TAKEN: [&str; 2] = ["person", "account"];

pub(super) fn read(tables: Vec<(Place<'_>, FeederTable)>, context: &Context<'_>) -> Vec<Feeder> {
    let mut feeders: Vec<Feeder> = Vec::new();
    for (place, table) in tables {
        let name = place.need("name", table.name).map(|name| name.0).unwrap_or_default();
        place.named(&name);
        if TAKEN.contains(&name.as_str()) {
            place.at("name").wrong(format!("${{{name}.…}} are invented values"), "choose another name");
        } else if feeders.iter().any(|other| other.name == name) {
            place.at("name").wrong(format!("there are two feeders {name:?}"), "give each its own name");
        }
        let order = place.or("order", table.order, Word(FeederOrder::Sequential)).0;
        let by = place.or("by", table.by, Word(FedBy::Journey)).0;
        let Some(path) = place.need("file", table.file) else { continue };
        let place = place.at("file");
        let text = match (context.read)(&path) {
            Ok(text) => text,
            Err(error) => {
                place.wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario");
                continue;
            }
        };
        match rows(&text) {
            Ok((columns, rows)) => {
                feeders.push(Feeder { name, columns, rows, order, by_account: by == FedBy::Account });
            }
            Err(problem) => place.wrong(
                format!("{path}: {problem}"),
                "write a line with the names of the columns, and below it as many values in each line",
            ),
        }
    }
    feeders
}

fn rows(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>), String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?;
    let columns: Vec<String> = header.iter().map(str::to_owned).collect();
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    for (index, column) in columns.iter().enumerate() {
        if !is_name(column) {
            return Err(format!("{column:?} is no name of a column (letters, digits, \"_\", \"-\")"));
        }
        if columns[..index].contains(column) {
            return Err(format!("there are two columns {column:?}"));
        }
    }
    let rows = reader
        .records()
        .map(|record| Ok(record.map_err(|error| error.to_string())?.iter().map(str::to_owned).collect()))
        .collect::<Result<Vec<Vec<String>>, String>>()?;
    if rows.is_empty() { Err("it has no rows".to_owned()) } else { Ok((columns, rows)) }
}
