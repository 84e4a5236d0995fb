//! Send lag over the run: whether the generator kept up, the wait for the pacer and for a free lane apart.

use crate::record::Histogram;
use crate::report::axis::Axis;
use crate::report::canvas::{Drawn, Stroke};
use crate::report::facts::{Facts, Moment, ServerFacts};
use crate::report::figures::Figure;
use crate::report::figures::stack::{
    Edge, Stack, clock, clock_words, context, moment, moments_judged, readout,
};
use crate::report::panel::{EndLabel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::say;
use crate::report::windows;

const HEIGHT: f64 = 110.0;

/// Name, stroke and distribution of each line.
type Line = (&'static str, Stroke, fn(&Moment) -> &Histogram);

fn lines(server: usize) -> [Line; 3] {
    [
        ("lane", Stroke::new(Role::Server(server), 1.4).dash(Dash::Dotted), |m| &m.lane),
        ("pacer", Stroke::new(Role::Server(server), 1.4).dash(Dash::Dashed), |m| &m.pacer),
        ("both", Stroke::new(Role::Server(server), 2.2), |m| &m.lag),
    ]
}

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let counts: Vec<Vec<u64>> = facts
        .servers
        .iter()
        .map(|server| moments_judged(facts, &server.moments).iter().map(|m| m.lag.count()).collect())
        .collect();
    let Some((q, multiple)) = windows::choose(&counts) else { return Ok(None) };
    let servers: Vec<[Vec<Point>; 3]> =
        facts.servers.iter().map(|server| series(facts, server, q, multiple)).collect();
    let values = || servers.iter().flatten().flatten().filter_map(|(_, y)| *y);
    if values().next().is_none() {
        return Ok(None);
    }
    let highest = values().chain(facts.lag_limit).fold(0.0, f64::max);
    // Below ten microseconds no wait matters, and a log scale would show nothing but noise.
    let y = Axis::times(values().fold(f64::INFINITY, f64::min).max(10.0), highest);
    let x = clock(facts, 9);
    let stack = Stack::new(servers.len(), HEIGHT);
    let mut boxes = Vec::new();
    for (index, points) in servers.iter().enumerate() {
        let panel = stack.panel(index, &x, &y);
        context(&panel, facts, index, Edge::Bottom)?;
        panel.grid()?;
        stack.heading(
            &panel,
            &facts.servers[index].name,
            Role::ServerText(index),
            &format!("{} of the send lag (log scale)", windows::name(q)),
        )?;
        let mut ends = Vec::new();
        if let Some(limit) = facts.lag_limit {
            panel.rule(limit, Role::Slo)?;
            ends.push(EndLabel { y: limit, text: format!("limit {}", say::time(limit)), role: Role::Slo });
        }
        for ((name, stroke, _), points) in lines(index).into_iter().zip(points) {
            let drawn: Vec<Point> = points.iter().map(|(t, us)| (*t, us.map(|us| y.clamp(us)))).collect();
            panel.line(&drawn, stroke)?;
            if let Some(end) = drawn.iter().rev().find_map(|(_, us)| *us) {
                ends.push(EndLabel { y: end, text: name.to_owned(), role: Role::ServerText(index) });
            }
        }
        panel.end_labels(ends)?;
        let name = &facts.servers[index].name;
        let texts =
            (0..points[0].len()).map(|window| (points[0][window].0, words(facts, name, q, points, window)));
        boxes.push(readout::Panel::new(panel.place(), texts));
    }
    stack.below(&clock_words(facts))?;
    let fewer = format!("windows of {}", say::time(multiple as f64 * facts.moment * 1e6));
    Ok(Some(Figure {
        name: "send-lag",
        title: title(facts, q),
        note: format!(
            "Send lag is sent − intended: the wait for the pacer and the wait for a free lane, all populations, {fewer}, \
             by the time of ending, the drain left out; below 10 µs drawn at 10 µs. It is in every response time. \
             Limit: a tenth of the tightest latency SLO of any population; above it the numbers are degraded."
        ),
        drawing: Some(stack.canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// The points of each of [`lines`].
fn series(facts: &Facts, server: &ServerFacts, q: f64, multiple: usize) -> [Vec<Point>; 3] {
    lines(0).map(|(_, _, of)| {
        moments_judged(facts, &server.moments)
            .chunks(multiple)
            .map(|moments| {
                let mut all = Histogram::new();
                moments.iter().for_each(|moment| all.add(of(moment)));
                let rank = (q * all.count() as f64).ceil() as u64;
                let from = moments.first().map_or(0.0, |m| m.t);
                let middle = from + moments.len() as f64 * facts.moment / 2.0;
                let enough = windows::enough(all.count(), q);
                (middle, all.at_rank(rank).filter(|_| enough).map(|us| us as f64))
            })
            .collect()
    })
}

/// What is read out at a window.
fn words(facts: &Facts, server: &str, q: f64, points: &[Vec<Point>; 3], window: usize) -> String {
    let one = |((name, ..), points): (Line, &Vec<Point>)| match points[window].1 {
        Some(us) => format!("{name} {}", say::time(us)),
        None => format!("{name} not told"),
    };
    let parts: Vec<String> = lines(0).into_iter().zip(points).map(one).collect();
    format!("{}: {} of {}", moment(facts, server, points[0][window].0), windows::name(q), parts.join(", "))
}

fn title(facts: &Facts, q: f64) -> String {
    let one = |server: &ServerFacts| {
        let mut all = Histogram::new();
        server.moments.iter().for_each(|moment| all.add(&moment.lag));
        let us = all.at_rank((q * all.count() as f64).ceil() as u64)? as f64;
        Some(format!("{} (under {})", say::time(us), server.name))
    };
    let times: Vec<String> = facts.servers.iter().filter_map(one).collect();
    format!("{:.0} % of requests were sent within {} of their time", q * 100.0, say::list(&times))
}
