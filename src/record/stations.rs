//! The queues inside a simulated server: `stations.csv`, interval by interval, and `stations.json`, the figures of the
//! whole measured part.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Layout;
use super::lines::named;
use crate::units::Offset;

const ROWS: &str = "stations.csv";
const FIGURES: &str = "stations.json";
const ESTIMATES: &str = "estimates.json";
const JUDGED: &str = "windows.json";

/// One station and class in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct StationRow {
    /// Beginning of the interval.
    pub at: Offset,
    /// Name of the station.
    pub station: String,
    /// Name of the class; empty for all together.
    pub class: String,
    /// Requests that came.
    pub arrivals: u64,
    /// Requests whose service ended.
    pub served: u64,
    /// Requests that were turned away.
    pub blocked: u64,
    /// Requests whose client left before they were served.
    pub abandoned: u64,
    /// Of those turned away, by a limit on their rate or number.
    pub limited: u64,
    /// Of those turned away, by a waiting room, which told them to ask again.
    pub room: u64,
    /// Of those turned away, when their turn came too late.
    pub late: u64,
    /// Of those turned away, as the server or what it needs was down.
    pub down: u64,
    /// Server time that was spent on requests whose client had gone, in seconds, of those that left in it.
    pub wasted: f64,
    /// busy_mean / servers, of the interval's beginning; `None` where there are as many servers as requests, or none.
    pub utilization: Option<f64>,
    /// Mean number waiting.
    pub queue_mean: f64,
    /// Mean number in service.
    pub busy_mean: f64,
}

/// Writes both files into the folder of a server configuration, which is there.
///
/// # Errors
/// When a file cannot be written; the message names it.
pub fn write_stations(
    dir: &Path,
    layout: &Layout,
    rows: impl IntoIterator<Item = StationRow>,
    figures: &impl Serialize,
) -> io::Result<()> {
    let path = dir.join(ROWS);
    let written = (|| {
        let mut out = BufWriter::new(File::create(&path)?);
        writeln!(
            out,
            "t,scenario_time,station,class,arrivals,served,blocked,abandoned,queue_mean,busy_mean,present_mean,\
             full,limited,late,down,wasted_s,utilization,room"
        )?;
        for row in rows {
            let StationRow { at, station, class, arrivals, served, blocked, abandoned, .. } = &row;
            let time = layout.timeline.scenario_time(*at);
            let [queue, busy] = [row.queue_mean, row.busy_mean];
            let full = blocked.saturating_sub(row.limited + row.room + row.late + row.down);
            let utilization = row.utilization.map_or(String::new(), |share| format!("{share:.4}"));
            writeln!(
                out,
                "{},{time},{station},{class},{arrivals},{served},{blocked},{abandoned},{queue:.4},{busy:.4},{:.4},{full},{},{},{},{:.3},{utilization},{}",
                at.secs_f64(),
                queue + busy,
                row.limited,
                row.late,
                row.down,
                row.wasted,
                row.room
            )?;
        }
        out.flush()
    })();
    written.map_err(|error| named(&path, error))?;
    let path = dir.join(FIGURES);
    let text = serde_json::to_string_pretty(figures)?;
    fs::write(&path, text).map_err(|error| named(&path, error))
}

/// Reads the rows; none of a server that was not simulated.
pub(super) fn read_rows(dir: &Path) -> io::Result<Vec<StationRow>> {
    let path = dir.join(ROWS);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut reader = csv::Reader::from_path(&path).map_err(|error| named(&path, io::Error::other(error)))?;
    let mut rows = Vec::new();
    for line in reader.deserialize::<Line>() {
        let line = line.map_err(|error| named(&path, io::Error::other(error)))?;
        rows.push(StationRow {
            at: Offset::from_secs_f64(line.t),
            station: line.station,
            class: line.class,
            arrivals: line.arrivals,
            served: line.served,
            blocked: line.blocked,
            abandoned: line.abandoned,
            limited: line.limited,
            room: line.room,
            late: line.late,
            down: line.down,
            wasted: line.wasted_s,
            utilization: line.utilization,
            queue_mean: line.queue_mean,
            busy_mean: line.busy_mean,
        });
    }
    Ok(rows)
}

/// A line of the file; columns that an earlier version did not write are as of nothing.
#[derive(Debug, serde::Deserialize)]
struct Line {
    t: f64,
    station: String,
    class: String,
    arrivals: u64,
    served: u64,
    blocked: u64,
    abandoned: u64,
    queue_mean: f64,
    busy_mean: f64,
    #[serde(default)]
    limited: u64,
    #[serde(default)]
    room: u64,
    #[serde(default)]
    late: u64,
    #[serde(default)]
    down: u64,
    #[serde(default)]
    wasted_s: f64,
    #[serde(default)]
    utilization: Option<f64>,
}

/// Writes what several replications come to together, into the folder of a server configuration, which is there.
///
/// # Errors
/// When the file cannot be written; the message names it.
pub fn write_estimates(dir: &Path, estimates: &impl Serialize) -> io::Result<()> {
    let path = dir.join(ESTIMATES);
    let text = serde_json::to_string(estimates)?;
    fs::write(&path, text).map_err(|error| named(&path, error))
}

/// Writes the promises that were judged while a simulation went on, into the folder of a server configuration, which is
/// there.
///
/// # Errors
/// When the file cannot be written; the message names it.
pub fn write_judged(dir: &Path, results: &impl Serialize) -> io::Result<()> {
    let path = dir.join(JUDGED);
    let text = serde_json::to_string_pretty(results)?;
    fs::write(&path, text).map_err(|error| named(&path, error))
}

/// Reads those promises; `None` where there are none.
pub(super) fn read_judged<T: DeserializeOwned>(dir: &Path) -> io::Result<Option<T>> {
    read(&dir.join(JUDGED))
}

/// Reads the figures of a simulated server; `None` of one that was not simulated.
pub(super) fn read_figures<T: DeserializeOwned>(dir: &Path) -> io::Result<Option<T>> {
    read(&dir.join(FIGURES))
}

/// Reads what several replications come to; `None` where there was one.
pub(super) fn read_estimates<T: DeserializeOwned>(dir: &Path) -> io::Result<Option<T>> {
    read(&dir.join(ESTIMATES))
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(path, error)),
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| named(path, io::Error::other(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;

    #[test]
    fn figures_are_read_as_they_were_written_and_rows_have_their_columns() {
        let dir = tempfile::tempdir().unwrap();
        let timeline = example::timeline("12:00", "13:00", 60.0);
        let layout = Layout::from_scenario(&example::scenario(Vec::new()), &timeline);
        let row = StationRow {
            at: Offset::from_secs_f64(5.0),
            station: "slots".to_owned(),
            class: String::new(),
            arrivals: 4,
            served: 3,
            blocked: 1,
            abandoned: 0,
            limited: 1,
            room: 0,
            late: 0,
            down: 0,
            wasted: 0.25,
            utilization: Some(0.125),
            queue_mean: 0.5,
            busy_mean: 1.25,
        };
        assert_eq!(read_figures::<Vec<u32>>(dir.path()).unwrap(), None);
        write_stations(dir.path(), &layout, [row.clone()], &[7_u32]).unwrap();
        assert_eq!(read_rows(dir.path()).unwrap(), [row]);
        assert_eq!(read_figures(dir.path()).unwrap(), Some(vec![7_u32]));
        let text = fs::read_to_string(dir.path().join(ROWS)).unwrap();
        assert!(
            text.ends_with("\n5,12:05:00,slots,,4,3,1,0,0.5000,1.2500,1.7500,0,1,0,0,0.250,0.1250,0\n"),
            "{text}"
        );
    }
}
