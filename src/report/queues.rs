//! What happened at the stations of simulated servers: a table.

use super::say;
use super::table::{Cell, Table};
use crate::scenario::Timeline;
use crate::stats::{Station, Summary};
use crate::units::Offset;

/// How to read [`table`].
pub(super) const NOTE: &str = "Of the measured part, all classes of a station together. Counts are of the replication on \
     record, the longest queue and its times are means over all. Refused: no waiting place; limit: by a limit on rate or number; \
     waiting room: told to ask again; late: waited too long when the turn came; down: nobody there. Left: the client lost patience \
     and gave its place back. Wasted: server time spent on requests whose client had gone. Drained: from the last instant at which \
     that many waited until nobody did (a full queue stays full for as long as too many come, which is no draining).";

/// One row for each station that anybody came to; empty of a run that was not simulated.
pub(super) fn table(summary: &Summary, timeline: &Timeline) -> Table {
    let columns = [
        "server",
        "station",
        "#came",
        "#served",
        "#refused",
        "#left",
        "#busy",
        "#wasted",
        "#longest queue",
        "#drained",
    ];
    let mut table = Table::new(&columns);
    for server in &summary.servers {
        for station in &server.stations {
            let several = |other: &Station| other.name == station.name && other.class.is_empty();
            let part = !station.class.is_empty() && server.stations.iter().any(several);
            if part || station.arrivals == 0 {
                continue;
            }
            let busy = station.utilization.map_or("–".to_owned(), say::share);
            let wasted = if station.wasted_s > 0.0 { wasted(station) } else { "none".to_owned() };
            table.row(vec![
                Cell::from(server.name.as_str()),
                Cell::from(station.name.as_str()),
                say::count(station.arrivals).into(),
                say::count(station.served).into(),
                refused(station).into(),
                say::count(station.abandoned).into(),
                busy.into(),
                wasted.into(),
                longest(station, timeline).into(),
                drained(station).into(),
            ]);
        }
    }
    table
}

fn refused(station: &Station) -> String {
    let refused = &station.refused;
    let causes = [
        (refused.full, "no place"),
        (refused.limited, "limit"),
        (refused.room, "waiting room"),
        (refused.late, "late"),
        (refused.down, "down"),
    ];
    let parts: Vec<String> = causes
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, cause)| format!("{} {cause}", say::count(n)))
        .collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(", ") }
}

fn wasted(station: &Station) -> String {
    let time = say::time(station.wasted_s * 1e6);
    // Of those served, in the measured part: what a server was busy for.
    match station.served {
        0 => time,
        served => format!("{time} ({} of those served)", say::share(station.gone as f64 / served as f64)),
    }
}

fn longest(station: &Station, timeline: &Timeline) -> String {
    let queue = &station.longest_queue;
    match queue.at_s {
        Some(at) if queue.most > 0.0 => {
            let time = timeline.scenario_time(Offset::from_secs_f64(at));
            format!("{} at {time}", say::count(queue.most.round() as u64))
        }
        _ => "none".to_owned(),
    }
}

/// How long it took until nobody waited, since as many did as ever.
fn drained(station: &Station) -> String {
    let queue = &station.longest_queue;
    match (queue.last_s.or(queue.at_s), queue.until_s) {
        (Some(at), Some(until)) => format!("in {}", say::time((until - at) * 1e6)),
        (Some(_), None) => "not before the end".to_owned(),
        (None, _) => "–".to_owned(),
    }
}
