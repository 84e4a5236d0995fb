//! Curves of the day, from shares of hours or from a CSV file.

use std::collections::BTreeMap;

use super::Context;
use super::place::Place;
use super::shape::CurveTable;
use crate::scenario::Curve;
use crate::units::TimeOfDay;

const ROWS: &str =
    "write the columns time,weight and one row for each hour (00:00, 01:00, …) or each minute of the day";

/// The curves by name; one that is wrong is `None`, so that its users are not told that it is unknown.
pub(super) fn read(
    tables: Vec<(String, Place<'_>, CurveTable)>,
    context: &Context<'_>,
) -> BTreeMap<String, Option<Curve>> {
    tables.into_iter().map(|(name, place, table)| (name, curve(table, &place, context))).collect()
}

fn curve(table: CurveTable, place: &Place<'_>, context: &Context<'_>) -> Option<Curve> {
    match (table.hours, table.file) {
        (Some(hours), None) => {
            let mut shares = [0.0; 24];
            for (hour, place, share) in place.map("hours", Some(hours)) {
                match hour.parse::<usize>().ok().and_then(|hour| shares.get_mut(hour)) {
                    Some(slot) => *slot = share,
                    None => place.wrong(format!("{hour:?} is no hour"), "write hours from 0 to 23"),
                }
                if share < 0.0 {
                    place.wrong(format!("{share} is negative"), "write a share of 0 or more");
                }
            }
            if shares.iter().all(|share| *share == 0.0) {
                place.at("hours").wrong("a day without volume", "give at least one hour a share above 0");
            }
            Curve::from_hours(&shares)
        }
        (None, Some(file)) => {
            let path = place.need("file", file)?;
            let place = place.at("file");
            let rows = match (context.read)(&path) {
                Ok(text) => rows(&text),
                Err(error) => {
                    place.wrong(
                        format!("cannot read {path:?}: {error}"),
                        "paths are relative to the scenario",
                    );
                    return None;
                }
            };
            match rows.and_then(|rows| from_rows(&rows)) {
                Ok(curve) => Some(curve),
                Err(problem) => {
                    place.wrong(format!("{path}: {problem}"), ROWS);
                    None
                }
            }
        }
        _ => {
            place.wrong(
                "is not one curve",
                "write either hours = { 8 = 1.0, 9 = 4.0, … } or file = \"curves/x.csv\"",
            );
            None
        }
    }
}

fn rows(text: &str) -> Result<Vec<(TimeOfDay, f64)>, String> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?;
    if header != vec!["time", "weight"] {
        return Err(format!("the columns are {}", header.iter().collect::<Vec<_>>().join(",")));
    }
    reader
        .deserialize()
        .map(|row: Result<(TimeOfDay, f64), csv::Error>| row.map_err(|error| error.to_string()))
        .collect()
}

fn from_rows(rows: &[(TimeOfDay, f64)]) -> Result<Curve, String> {
    let step = match rows.len() {
        24 => 3_600_000_000_000,
        1_440 => 60_000_000_000,
        other => return Err(format!("it has {other} rows")),
    };
    if let Some((time, _)) =
        rows.iter().zip(0_u64..).find_map(|(row, index)| (row.0.nanos() != index * step).then_some(row))
    {
        return Err(format!("the row of {time} is not in its place"));
    }
    let weights: Vec<f64> = rows.iter().map(|row| row.1).collect();
    let curve = match <&[f64; 24]>::try_from(weights.as_slice()) {
        Ok(hours) => Curve::from_hours(hours),
        Err(_) => Curve::from_minutes(&weights),
    };
    curve.ok_or_else(|| "a weight is negative or no number, or all are 0".to_owned())
}
