//! Of simulated runs: how many wait at each station, and how busy its servers are, over the day.

use crate::report::axis::Axis;
use crate::report::canvas::{Drawn, Stroke};
use crate::report::facts::{Facts, ServerFacts, StationFacts};
use crate::report::figures::Figure;
use crate::report::figures::stack::{Edge, Stack, clock, clock_words, context, moment, readout};
use crate::report::panel::{EndLabel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::say;

const HEIGHT: f64 = 96.0;
/// Most stations in a panel: more lines are not told apart.
const MOST: usize = 3;

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    if facts.servers.iter().all(|server| server.stations.is_empty()) {
        return Ok(None);
    }
    let shown: Vec<Vec<&StationFacts>> = facts.servers.iter().map(busiest).collect();
    let all = || shown.iter().flatten().flat_map(|station| &station.points);
    let queue = Axis::counts(all().map(|point| point.queue).fold(0.0, f64::max), 4, |most| {
        say::short_count(most.round() as u64)
    });
    let share = Axis::shares(1.0, 4);
    let x = clock(facts, 9);
    let stack = Stack::new(2 * facts.servers.len(), HEIGHT);
    let mut boxes = Vec::new();
    for (index, (server, stations)) in facts.servers.iter().zip(&shown).enumerate() {
        for (lower, axis, unit) in [
            (0, &queue, "requests that wait, mean of each interval"),
            (1, &share, "busy servers of all, mean of each interval"),
        ] {
            let panel = stack.panel(2 * index + lower, &x, axis);
            context(&panel, facts, index, Edge::Top)?;
            panel.grid()?;
            stack.heading(&panel, &server.name, Role::ServerText(index), unit)?;
            let mut ends = Vec::new();
            for (station, dash) in stations.iter().zip([Dash::Solid, Dash::Dashed, Dash::Dotted]) {
                let value = |point: &crate::report::facts::StationPoint| match lower {
                    0 => Some(point.queue),
                    _ => point.utilization.map(|share| share.min(1.0)),
                };
                let points: Vec<Point> =
                    station.points.iter().map(|point| (point.t + point.length / 2.0, value(point))).collect();
                panel.line(&points, Stroke::new(Role::Server(index), 2.0).dash(dash))?;
                if let Some(end) = points.iter().rev().find_map(|(_, y)| *y) {
                    ends.push(EndLabel { y: end, text: station.name.clone(), role: Role::ServerText(index) });
                }
            }
            panel.end_labels(ends)?;
            let texts = stations.first().map_or_else(Vec::new, |first| {
                let at = |number: usize| {
                    let middle = first.points[number].t + first.points[number].length / 2.0;
                    (middle, words(facts, server, stations, number))
                };
                (0..first.points.len()).map(at).collect()
            });
            boxes.push(readout::Panel::new(panel.place(), texts.into_iter()));
        }
    }
    stack.below(&clock_words(facts))?;
    Ok(Some(Figure {
        name: "stations",
        title: title(facts, &shown),
        note: "Means over the intervals of the record, of replication 0: requests that wait in the queue of each station, and \
               its busy servers as a share of all that it has then (of its slots). All intervals and classes are in \
               stations.csv."
            .to_owned(),
        drawing: Some(stack.canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// The stations at which most wait, of these the busiest.
fn busiest(server: &ServerFacts) -> Vec<&StationFacts> {
    let mut stations: Vec<&StationFacts> = server.stations.iter().collect();
    let rank = |station: &&StationFacts| {
        let most = |of: fn(&crate::report::facts::StationPoint) -> f64| {
            station.points.iter().map(of).fold(0.0, f64::max)
        };
        -(most(|point| point.queue) * 1e6 + most(|point| point.utilization.unwrap_or(0.0)))
    };
    stations.sort_by(|one, other| rank(one).total_cmp(&rank(other)));
    stations.truncate(MOST);
    stations
}

fn words(facts: &Facts, server: &ServerFacts, stations: &[&StationFacts], number: usize) -> String {
    let one = |station: &&StationFacts| {
        let point = station.points.get(number)?;
        let busy = point.utilization.map_or(String::new(), |share| format!(", busy {}", say::share(share)));
        Some(format!("{} {} waiting{busy}", station.name, say::digits(point.queue)))
    };
    let parts: Vec<String> = stations.iter().filter_map(one).collect();
    let at = stations.first().and_then(|station| station.points.get(number)).map_or(0.0, |point| point.t);
    format!("{}: {}", moment(facts, &server.name, at), parts.join("; "))
}

fn title(facts: &Facts, shown: &[Vec<&StationFacts>]) -> String {
    let one = |(server, stations): (&ServerFacts, &Vec<&StationFacts>)| {
        let station = stations.first()?;
        let most = station.points.iter().max_by(|one, other| one.queue.total_cmp(&other.queue))?;
        let busy = station.points.iter().filter_map(|point| point.utilization).fold(0.0, f64::max);
        let waited = match most.queue {
            queue if queue < 0.5 => format!("hardly anybody waited at {}", station.name),
            queue => format!("up to {} waited at {}", say::digits(queue), station.name),
        };
        Some(format!("{waited} of {}, busy to {}", server.name, say::share(busy.min(1.0))))
    };
    let parts: Vec<String> = facts.servers.iter().zip(shown).filter_map(one).collect();
    let text = parts.join("; ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
