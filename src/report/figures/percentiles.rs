//! Response time over the run: the median and a high quantile of each configuration, window by window.

use crate::report::axis::Axis;
use crate::report::canvas::{Canvas, Drawn, LABEL, Pen, Place, Stroke};
use crate::report::facts::{Facts, Moment, Response, ServerFacts};
use crate::report::figures::Figure;
use crate::report::figures::stack::{
    Edge, Stack, clock, clock_words, context, moment, moments_judged, readout,
};
use crate::report::panel::{EndLabel, Panel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::say;
use crate::report::windows;

const HEIGHT: f64 = 170.0;
/// Height of a row above a panel in which the windows are marked whose quantile is among requests without a success.
pub(super) const ROW: f64 = 14.0;
const BAR: f64 = 5.0;

/// One window: where it lies, and its requests.
struct Window {
    from: f64,
    to: f64,
    response: Response,
}

impl Window {
    fn middle(&self) -> f64 {
        (self.from + self.to) / 2.0
    }

    /// What is read out at this window.
    fn words(&self, facts: &Facts, server: &str, quantiles: &[f64]) -> String {
        let one = |q: &f64| match told(&self.response, *q) {
            Some(us) => format!("{} {}", windows::name(*q), say::time(us)),
            None if beyond(&self.response, *q) => format!("{} none", windows::name(*q)),
            None => format!("{} not told", windows::name(*q)),
        };
        let quantiles: Vec<String> = quantiles.iter().map(one).collect();
        let (n, lost) = (self.response.offered(), self.response.lost.total());
        format!(
            "{}: {}; {} of {} without a success",
            moment(facts, server, self.middle()),
            quantiles.join(", "),
            say::count(lost),
            say::plural(n, "request", "requests")
        )
    }
}

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let counts: Vec<Vec<u64>> = facts
        .servers
        .iter()
        .map(|server| moments_judged(facts, &server.moments).iter().map(|m| m.response.offered()).collect())
        .collect();
    let Some((high, multiple)) = windows::choose(&counts) else { return Ok(None) };
    let servers: Vec<Vec<Window>> =
        facts.servers.iter().map(|server| join(facts, &server.moments, multiple)).collect();
    let quantiles: &[f64] = if high > 0.5 { &[0.5, high] } else { &[0.5] };
    let values = || {
        let windows = servers.iter().flatten();
        windows.flat_map(|w| quantiles.iter().filter_map(|q| told(&w.response, *q)))
    };
    let bounds = facts.bounds.iter().map(|bound| bound.micros);
    let least = values().fold(f64::INFINITY, f64::min);
    // Where no quantile has a value there are only the bars above the panels to see.
    let least = if least.is_finite() { least } else { 10_000.0 };
    let y = Axis::times(least, values().chain(bounds).fold(least, f64::max));
    let x = clock(facts, 9);
    // A row for each quantile that is somewhere among the requests without a success, the highest next to the panel.
    let above = |q: f64| servers.iter().flatten().any(|w| beyond(&w.response, q));
    let rows: Vec<f64> = quantiles.iter().rev().copied().filter(|q| above(*q)).collect();
    let stack = Stack::new(servers.len(), HEIGHT).room(ROW * rows.len() as f64);
    let mut boxes = Vec::new();
    for (index, windows) in servers.iter().enumerate() {
        let panel = stack.panel(index, &x, &y);
        context(&panel, facts, index, Edge::Bottom)?;
        panel.grid()?;
        stack.heading(
            &panel,
            &facts.servers[index].name,
            Role::ServerText(index),
            "response time (log scale)",
        )?;
        let mut ends = promises(&panel, facts)?;
        for (q, dash) in quantiles.iter().zip([Dash::Solid, Dash::Dashed]) {
            ends.extend(line(&panel, index, windows, *q, dash)?);
        }
        for (row, q) in rows.iter().enumerate() {
            let spans = windows.iter().filter(|w| beyond(&w.response, *q)).map(|w| (w.from, w.to)).collect();
            marks(&stack.canvas, &panel, index, spans, *q, row)?;
        }
        panel.end_labels(ends)?;
        let name = &facts.servers[index].name;
        let texts = windows.iter().map(|w| (w.middle(), w.words(facts, name, quantiles)));
        boxes.push(readout::Panel::new(panel.place(), texts));
    }
    stack.below(&clock_words(facts))?;
    Ok(Some(Figure {
        name: "percentiles-over-time",
        title: title(facts, &servers, high),
        note: format!(
            "Legitimate populations, by the time of ending (the drain left out), in windows of {}: long enough for the {} requests that {} \
             needs. Quantiles are over all offered requests; \u{201c}none\u{201d} and the bars above a panel mark the \
             windows in which the quantile is a request without a success. A gap: too few requests ended.",
            say::time(multiple as f64 * facts.moment * 1e6),
            say::count(windows::samples_for(high) as u64),
            windows::name(high),
        ),
        drawing: Some(stack.canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// One quantile as a line.
fn line(panel: &Panel<'_>, server: usize, windows: &[Window], q: f64, dash: Dash) -> Drawn<Option<EndLabel>> {
    let points: Vec<Point> = windows.iter().map(|w| (w.middle(), told(&w.response, q))).collect();
    panel.line(&points, Stroke::new(Role::Server(server), 2.0).dash(dash))?;
    let last = points.iter().rev().find_map(|(_, y)| *y);
    Ok(last.map(|y| EndLabel { y, text: windows::name(q), role: Role::ServerText(server) }))
}

/// Bars above the panel over the windows in which a quantile is among requests without a success.
pub(super) fn marks(
    canvas: &Canvas,
    panel: &Panel<'_>,
    server: usize,
    spans: Vec<(f64, f64)>,
    q: f64,
    row: usize,
) -> Drawn {
    let Place { top, right, .. } = panel.place();
    let y = top - ROW * (row as f64 + 0.5);
    if !spans.is_empty() {
        let text = format!("{}: none", windows::name(q));
        canvas.text((right + 8.0, y), &text, Pen::new(Role::ServerText(server), LABEL).bold())?;
    }
    for (from, to) in spans {
        let ((left, _), (right, _)) = (panel.at(from, 0.0), panel.at(to, 0.0));
        let bar = Place { left: left + 0.5, right: right - 0.5, top: y - BAR / 2.0, bottom: y + BAR / 2.0 };
        canvas.fill(bar, Role::Server(server), 1.0)?;
    }
    Ok(())
}

/// The promises as lines across, one for each different bound.
pub(super) fn promises(panel: &Panel<'_>, facts: &Facts) -> Drawn<Vec<EndLabel>> {
    let mut micros: Vec<f64> = facts.bounds.iter().map(|bound| bound.micros).collect();
    micros.sort_by(f64::total_cmp);
    micros.dedup();
    for bound in &micros {
        panel.rule(*bound, Role::Slo)?;
    }
    let label = |y: f64| EndLabel { y, text: format!("SLO {}", say::time(y)), role: Role::Slo };
    Ok(micros.into_iter().map(label).collect())
}

/// The moments of the measured part in windows. Those of the drain are left out: only the slowest are left there.
fn join(facts: &Facts, moments: &[Moment], multiple: usize) -> Vec<Window> {
    let window = |moments: &[Moment]| {
        let mut response = Response::default();
        moments.iter().for_each(|moment| response.add(&moment.response));
        let from = moments.first().map_or(0.0, |m| m.t);
        Window { from, to: from + moments.len() as f64 * facts.moment, response }
    };
    moments_judged(facts, moments).chunks(multiple).map(window).collect()
}

fn enough(response: &Response, q: f64) -> bool {
    windows::enough(response.offered(), q)
}

/// The quantile is known to be among the requests without a success.
fn beyond(response: &Response, q: f64) -> bool {
    enough(response, q) && response.quantile(q).is_none()
}

fn told(response: &Response, q: f64) -> Option<f64> {
    enough(response, q).then(|| response.quantile(q)).flatten().map(|us| us as f64)
}

fn title(facts: &Facts, servers: &[Vec<Window>], high: f64) -> String {
    let one = |(server, windows): (&ServerFacts, &Vec<Window>)| {
        let judged: Vec<&Window> = windows.iter().filter(|w| enough(&w.response, high)).collect();
        let without = judged.iter().filter(|w| beyond(&w.response, high)).count();
        let worst = judged.iter().filter_map(|w| told(&w.response, high)).fold(0.0, f64::max);
        let what = match (judged.len(), without) {
            (0, _) => "too few requests to tell".to_owned(),
            (_, 0) => format!("at most {}", say::time(worst)),
            (all, without) if without == all => "no value at any time".to_owned(),
            (all, without) => format!("no value in {without} of {all} windows"),
        };
        format!("{what} under {}", server.name)
    };
    let parts: Vec<String> = facts.servers.iter().zip(servers).map(one).collect();
    format!("{} over the run: {}", windows::name(high), parts.join("; "))
}
