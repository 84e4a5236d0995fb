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
            "t,scenario_time,station,class,arrivals,served,blocked,abandoned,queue_mean,busy_mean,present_mean"
        )?;
        for row in rows {
            let StationRow { at, station, class, arrivals, served, blocked, abandoned, .. } = &row;
            let time = layout.timeline.scenario_time(*at);
            let [queue, busy] = [row.queue_mean, row.busy_mean];
            writeln!(
                out,
                "{},{time},{station},{class},{arrivals},{served},{blocked},{abandoned},{queue:.4},{busy:.4},{:.4}",
                at.secs_f64(),
                queue + busy
            )?;
        }
        out.flush()
    })();
    written.map_err(|error| named(&path, error))?;
    let path = dir.join(FIGURES);
    let text = serde_json::to_string_pretty(figures)?;
    fs::write(&path, text).map_err(|error| named(&path, error))
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
            queue_mean: 0.5,
            busy_mean: 1.25,
        };
        assert_eq!(read_figures::<Vec<u32>>(dir.path()).unwrap(), None);
        write_stations(dir.path(), &layout, [row], &[7_u32]).unwrap();
        assert_eq!(read_figures(dir.path()).unwrap(), Some(vec![7_u32]));
        let text = fs::read_to_string(dir.path().join(ROWS)).unwrap();
        assert!(text.ends_with("\n5,12:05:00,slots,,4,3,1,0,0.5000,1.2500,1.7500\n"), "{text}");
    }
}
