//! What each population asked of each configuration and what it got, over time: small panels on the same scale.

use crate::report::axis::Axis;
use crate::report::canvas::{Canvas, Drawn, HEAD, LABEL, Pen, Place, Stroke, WIDTH};
use crate::report::facts::{Facts, Flow, Second, ServerFacts, join};
use crate::report::figures::Figure;
use crate::report::figures::stack::{Edge, LEFT, clock, clock_words, context, moment, readout};
use crate::report::lettering;
use crate::report::panel::{Panel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::say;
use crate::report::windows;

/// Panels beside each other; further configurations go below.
const COLUMNS: usize = 3;
const HEIGHT: f64 = 92.0;
const HEAD_ROOM: f64 = 30.0;
const GAP: f64 = 14.0;
/// Room for the key, and above each block for the names of its configurations.
const KEY: f64 = 30.0;
const NAMES: f64 = 36.0;
const FOOT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 34.0;
const BETWEEN: f64 = 22.0;

/// Requests in a window, so that chance alone moves a rate by a tenth; fewer where there would be too few windows.
const SAMPLES: f64 = 100.0;
const FEWEST: usize = 8;

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let Some(first) = facts.servers.first().filter(|s| s.flows.iter().any(|f| !f.seconds.is_empty())) else {
        return Ok(None);
    };
    let blocks: Vec<Vec<usize>> =
        (0..facts.servers.len()).collect::<Vec<_>>().chunks(COLUMNS).map(<[usize]>::to_vec).collect();
    let rows = first.flows.len();
    let block_height = rows as f64 * (HEAD_ROOM + HEIGHT + GAP) + NAMES + FOOT;
    let canvas = Canvas::new(KEY + blocks.len() as f64 * block_height);
    key(&canvas)?;
    let rates: Vec<Vec<Vec<Second>>> = (0..rows).map(|row| joined(facts, row)).collect();
    let mut boxes = Vec::new();
    for (number, servers) in blocks.iter().enumerate() {
        let top = KEY + NAMES + number as f64 * block_height;
        let columns = servers.len().max(facts.servers.len().min(COLUMNS));
        let width = (RIGHT - LEFT - BETWEEN * (columns - 1) as f64) / columns as f64;
        let x = clock(facts, (width / 62.0) as usize);
        for (column, server) in servers.iter().enumerate() {
            let left = LEFT + column as f64 * (width + BETWEEN);
            let name = &facts.servers[*server].name;
            canvas.text(
                (left, top - 18.0),
                &lettering::fit_bold(name, HEAD, width),
                Pen::new(Role::ServerText(*server), HEAD).bold(),
            )?;
            for (row, rates) in rates.iter().enumerate() {
                let panel_top = top + row as f64 * (HEAD_ROOM + HEIGHT + GAP) + HEAD_ROOM;
                let place = Place { left, right: left + width, top: panel_top, bottom: panel_top + HEIGHT };
                let y = scale(rates);
                let last = row + 1 == rows;
                let panel = canvas.panel(
                    place,
                    if last { x.clone() } else { x.clone().unlabelled() },
                    if column == 0 { y } else { y.unlabelled() },
                );
                context(&panel, facts, *server, Edge::Top)?;
                let whose = format!("{}, {name}", first.flows[row].population);
                let windows = &rates[*server];
                let texts = windows.iter().map(|w| (w.middle(), words(facts, &whose, w)));
                boxes.push(readout::Panel::new(place, texts));
                if column == 0 {
                    panel.heading(0.0, &first.flows[row].population, Role::Ink, "requests/s")?;
                }
                draw(&panel, *server, &rates[*server], settled(&facts.servers[*server]))?;
            }
        }
        let words = clock_words(facts);
        canvas.text((LEFT, top + block_height - NAMES - 12.0), &words, Pen::new(Role::Muted, LABEL))?;
    }
    Ok(Some(Figure {
        name: "offered-and-served",
        title: title(facts),
        note: "Offered: due in that time, retries included. Sent: taken up by the generator. Completed: answered, \
               whatever the answer. Goodput: succeeded within the step's SLO; known of the measured part only. Each \
               population has its own scale, the same for all configurations."
            .to_owned(),
        drawing: Some(canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// Goodput is of requests that were due in the measured part, so it is too low until most of its first ones ended: nine
/// tenths of the successes take no longer than this, in seconds.
fn settled(server: &ServerFacts) -> f64 {
    let ok = &server.response.ok;
    ok.at_rank(ok.count() * 9 / 10).map_or(0.0, |micros| micros as f64 / 1e6)
}

fn draw(panel: &Panel<'_>, server: usize, windows: &[Second], settled: f64) -> Drawn {
    let series = |value: fn(&Second) -> Option<u64>| course(windows, |w| value(w).map(|n| w.rate(n)));
    panel.area(&series(|w| Some(w.offered)), Role::Offered, 1.0)?;
    panel.grid()?;
    panel.line(&series(|w| Some(w.sent)), Stroke::new(Role::Ink, 1.0).dash(Dash::Dotted))?;
    panel.line(&series(|w| Some(w.completed)), Stroke::new(Role::Server(server), 1.2).dash(Dash::Dashed))?;
    let good = course(windows, |w| w.good.filter(|_| w.middle() >= settled).map(|n| w.rate(n)));
    panel.line(&good, Stroke::new(Role::Server(server), 2.2))
}

/// A value at the middle of each window, and held to the outer edges of the first and the last.
fn course(windows: &[Second], value: impl Fn(&Second) -> Option<f64>) -> Vec<Point> {
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else { return Vec::new() };
    let middles = windows.iter().map(|w| (w.middle(), value(w)));
    let begin = std::iter::once((first.t, value(first)));
    begin.chain(middles).chain([(last.t + last.length, value(last))]).collect()
}

/// The intervals of one population under every configuration, joined to windows of one length.
fn joined(facts: &Facts, row: usize) -> Vec<Vec<Second>> {
    let flows: Vec<&Flow> = facts.servers.iter().map(|server| &server.flows[row]).collect();
    let longest = flows.iter().map(|flow| flow.seconds.len()).max().unwrap_or(0);
    let typical = |flow: &&Flow| {
        let counts: Vec<u64> = flow.seconds.iter().map(|s| s.offered).collect();
        windows::multiple_for(&counts, SAMPLES, FEWEST)
            .unwrap_or_else(|| windows::largest(counts.len(), FEWEST))
    };
    let multiple = flows.iter().map(typical).max().unwrap_or(1).max(windows::at_most(longest, 500));
    let end = facts.timeline.end().secs_f64();
    flows.iter().map(|flow| join(&flow.seconds, multiple, end)).collect()
}

fn scale(servers: &[Vec<Second>]) -> Axis {
    let most = |w: &Second| w.rate(w.offered.max(w.sent).max(w.completed).max(w.good.unwrap_or(0)));
    let highest = servers.iter().flatten().map(most);
    Axis::counts(highest.fold(0.0, f64::max), 2, say::digits)
}

/// What the lines mean; their colour is the configuration's.
fn key(canvas: &Canvas) -> Drawn {
    let mut x = LEFT;
    let y = 16.0;
    canvas.fill(Place { left: x, right: x + 26.0, top: y - 6.0, bottom: y + 6.0 }, Role::Offered, 1.0)?;
    let strokes = [
        ("offered", None),
        ("sent", Some(Stroke::new(Role::Ink, 1.0).dash(Dash::Dotted))),
        ("completed", Some(Stroke::new(Role::Muted, 1.2).dash(Dash::Dashed))),
        ("goodput", Some(Stroke::new(Role::Muted, 2.2))),
    ];
    for (name, stroke) in strokes {
        if let Some(stroke) = stroke {
            canvas.line((x, y), (x + 26.0, y), stroke)?;
        }
        canvas.text((x + 33.0, y), name, Pen::new(Role::Muted, LABEL))?;
        x += 33.0 + lettering::width(name, LABEL) + 24.0;
    }
    Ok(())
}

/// What is read out at a window.
fn words(facts: &Facts, whose: &str, window: &Second) -> String {
    let rate = |name: &str, count: u64| format!("{name} {}", say::rate(window.rate(count)));
    let mut rates =
        vec![rate("offered", window.offered), rate("sent", window.sent), rate("completed", window.completed)];
    rates.extend(window.good.map(|good| rate("goodput", good)));
    format!("{}: {}", moment(facts, whose, window.middle()), rates.join(", "))
}

fn title(facts: &Facts) -> String {
    let end = facts.timeline.end().secs_f64();
    let share = |server: &ServerFacts| {
        let seconds = || server.flows.iter().filter(|f| f.legitimate).flat_map(|f| &f.seconds);
        let good: u64 = seconds().filter_map(|s| s.good).sum();
        let offered: u64 = seconds().filter(|s| (0.0..end).contains(&s.t)).map(|s| s.offered).sum();
        say::share_of(good.min(offered), offered)
    };
    let parts: Vec<String> = facts.servers.iter().map(|s| format!("{} under {}", share(s), s.name)).collect();
    format!("Of what was asked, goodput was {}", say::list(&parts))
}
