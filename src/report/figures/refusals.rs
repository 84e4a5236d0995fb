//! What went wrong, when: refusals, time-outs, failures and requests that were not sent, second by second.

use crate::report::axis::Axis;
use crate::report::canvas::{Drawn, LABEL, Pen, Stroke};
use crate::report::facts::{Facts, Second, ServerFacts, join};
use crate::report::figures::Figure;
use crate::report::figures::stack::{Edge, Stack, clock, clock_words, context, moment, readout};
use crate::report::panel::{EndLabel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::say;
use crate::report::windows;

const HEIGHT: f64 = 120.0;

/// Name, what was done to the request, stroke and count of each kind.
type Kind = (&'static str, &'static str, Stroke, fn(&Second) -> u64);

fn kinds() -> [Kind; 4] {
    [
        ("shed", "was refused", Stroke::new(Role::Shed, 2.2), |s| s.shed),
        ("timed out", "timed out", Stroke::new(Role::Failed, 1.6).dash(Dash::Dashed), |s| s.timed_out),
        ("failed", "failed", Stroke::new(Role::Failed, 2.0).dash(Dash::Dotted), |s| s.failed),
        ("not sent", "was left unsent", Stroke::new(Role::TimedOut, 1.2), |s| s.not_sent),
    ]
}

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let end = facts.timeline.end().secs_f64();
    let servers: Vec<Vec<Second>> = facts.servers.iter().map(|server| joined(server, end)).collect();
    if servers.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let total = |count: fn(&Second) -> u64| servers.iter().flatten().map(count).sum::<u64>();
    let (present, absent): (Vec<Kind>, Vec<Kind>) =
        kinds().into_iter().partition(|(.., count)| total(*count) > 0);
    let absent: Vec<&str> = absent.iter().map(|(_, done, ..)| *done).collect();
    if present.is_empty() {
        return Ok(Some(Figure {
            name: "refusals-and-time-outs",
            title: "No request was refused, timed out, failed or left unsent".to_owned(),
            note: "In no configuration, run-in and drain included.".to_owned(),
            drawing: None,
            readout: None,
        }));
    }
    let most = |w: &Second| kinds().map(|(_, _, _, count)| w.rate(count(w))).into_iter().fold(0.0, f64::max);
    let highest = servers.iter().flatten().map(most);
    let y = Axis::counts(highest.fold(0.0, f64::max), 3, say::digits);
    let x = clock(facts, 9);
    let stack = Stack::new(servers.len(), HEIGHT);
    let mut boxes = Vec::new();
    for (index, windows) in servers.iter().enumerate() {
        let panel = stack.panel(index, &x, &y);
        context(&panel, facts, index, Edge::Top)?;
        panel.grid()?;
        stack.heading(&panel, &facts.servers[index].name, Role::ServerText(index), "requests/s")?;
        let mut ends = Vec::new();
        for (name, _, stroke, count) in &present {
            if windows.iter().all(|w| count(w) == 0) {
                continue;
            }
            let points: Vec<Point> = windows.iter().map(|w| (w.middle(), Some(w.rate(count(w))))).collect();
            panel.line(&points, *stroke)?;
            // Nothing new is asked in the drain: a name stands where its line was before.
            let last = windows.iter().rev().find(|w| w.t < end).map_or(0.0, |w| w.rate(count(w)));
            let text = format!("{name} {}", say::short_count(windows.iter().map(count).sum()));
            ends.push(EndLabel { y: last, text, role: Role::Ink });
        }
        if ends.is_empty() {
            let middle = (panel.place().left + panel.place().right) / 2.0;
            let at = (middle, panel.place().bottom - 14.0);
            stack.canvas.text(at, "none at all", Pen::new(Role::Muted, LABEL).middle())?;
        }
        panel.end_labels(ends)?;
        let name = &facts.servers[index].name;
        let texts = windows.iter().map(|w| (w.middle(), words(facts, name, w)));
        boxes.push(readout::Panel::new(panel.place(), texts));
    }
    stack.below(&clock_words(facts))?;
    let missing = match absent.as_slice() {
        [] => String::new(),
        kinds => format!(" No request {}.", kinds.join(" or ")),
    };
    Ok(Some(Figure {
        name: "refusals-and-time-outs",
        title: facts.servers.iter().map(message).collect::<Vec<_>>().join("; "),
        note: format!(
            "All populations, in the second in which it happened, run-in and drain included. Shed: refused by the server (429, 503). Timed out: the \
             client's patience ended. Failed: any other end without success. Not sent: still waiting in the generator \
             at the end.{missing}"
        ),
        drawing: Some(stack.canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// All populations of a configuration together, in few enough windows to draw.
fn joined(server: &ServerFacts, end: f64) -> Vec<Second> {
    let mut all: Vec<Second> = Vec::new();
    for flow in &server.flows {
        for (at, second) in flow.seconds.iter().enumerate() {
            match all.get_mut(at) {
                Some(sum) => sum.add(second),
                None => all.push(*second),
            }
        }
    }
    join(&all, windows::at_most(all.len(), 600), end)
}

/// What is read out at a window.
fn words(facts: &Facts, server: &str, window: &Second) -> String {
    let rates =
        kinds().map(|(name, _, _, count)| format!("{name} {}", say::rate(window.rate(count(window)))));
    format!("{}: {}", moment(facts, server, window.middle()), rates.join(", "))
}

fn message(server: &ServerFacts) -> String {
    let sum =
        |count: fn(&Second) -> u64| server.flows.iter().flat_map(|f| &f.seconds).map(count).sum::<u64>();
    let (shed, timed_out, failed, not_sent) =
        (sum(|s| s.shed), sum(|s| s.timed_out), sum(|s| s.failed), sum(|s| s.not_sent));
    // The first number says of what.
    let kinds = [("refused ", shed, ""), ("let ", timed_out, " time out"), ("failed ", failed, "")];
    let mut parts: Vec<String> = Vec::new();
    for (verb, n, rest) in kinds.into_iter().filter(|(_, n, _)| *n > 0) {
        let what = if parts.is_empty() { say::plural(n, "request", "requests") } else { say::count(n) };
        parts.push(format!("{verb}{what}{rest}"));
    }
    let mut text = match parts.is_empty() {
        true => format!("{} refused none and let none time out", server.name),
        false => format!("{} {}", server.name, say::list(&parts)),
    };
    if not_sent > 0 {
        text.push_str(&format!(", and {} were never sent", say::count(not_sent)));
    }
    text
}
