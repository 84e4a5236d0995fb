//! The distribution of response times of each configuration, with what got no success beside it on the same scale.

use crate::report::axis::Axis;
use crate::report::canvas::{Drawn, LABEL, Pen, Place};
use crate::report::facts::{Facts, Lost, Response, ServerFacts};
use crate::report::figures::Figure;
use crate::report::figures::stack::Stack;
use crate::report::role::Role;
use crate::report::say;

const HEIGHT: f64 = 150.0;
/// Bars to a decade; every third is at 1, 2, 5 nearly.
const BARS: f64 = 12.0;
/// Right edge of the times, and width of a column for what got no success.
const TIMES_RIGHT: f64 = 570.0;
const COLUMN: f64 = 66.0;

/// Name, role and count of a column.
type Kind = (&'static str, Role, fn(&Lost) -> u64);

/// What a request without a success was, in the order of the columns.
const KINDS: [Kind; 5] = [
    ("shed", Role::Shed, |l| l.shed),
    ("timed out", Role::TimedOut, |l| l.timed_out),
    ("failed", Role::Failed, |l| l.failed),
    ("not sent", Role::NotSent, |l| l.not_sent),
    ("in flight", Role::Open, |l| l.in_flight),
];

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    if facts.servers.iter().all(|server| server.response.offered() == 0) {
        return Ok(None);
    }
    // Without any success only the columns at the right have something to show.
    let least = facts.servers.iter().filter_map(|s| s.response.fastest()).min().unwrap_or(10_000);
    let most = facts.servers.iter().filter_map(|s| s.response.ok.max()).max().unwrap_or(1_000_000);
    let x = Axis::times(least as f64, most as f64);
    let bars: Vec<Vec<Bar>> = facts.servers.iter().map(|server| bars(&server.response, &x)).collect();
    let losses = facts
        .servers
        .iter()
        .flat_map(|s| KINDS.map(|(_, _, count)| share(count(&s.response.lost), &s.response)));
    let highest = bars.iter().flatten().map(|bar| bar.share).chain(losses).fold(0.0, f64::max);
    let y = Axis::shares(highest, 3);
    let stack = Stack::new(facts.servers.len(), HEIGHT).right(TIMES_RIGHT);
    for (index, (server, bars)) in facts.servers.iter().zip(&bars).enumerate() {
        let panel = stack.panel(index, &x, &y);
        panel.grid()?;
        stack.heading(&panel, &server.name, Role::ServerText(index), "share of offered requests")?;
        for bar in bars.iter().filter(|bar| bar.share > 0.0) {
            panel.bar(bar.from, bar.to, bar.share, Role::Server(index))?;
        }
        let words = index + 1 == facts.servers.len();
        lost(&stack, panel.place(), &y, &server.response, words)?;
    }
    stack.below("response time of successes (log scale)")?;
    Ok(Some(Figure {
        name: "response-time-histogram",
        title: title(&facts.servers),
        note: "Legitimate populations. Bars: successes by response time (the first holds what was faster still); grey columns: what got none. Together they are \
               all offered requests, and all panels have the same scale."
            .to_owned(),
        drawing: Some(stack.canvas.finish()),
        readout: None,
    }))
}

#[derive(Debug, Clone, PartialEq)]
struct Bar {
    from: f64,
    to: f64,
    share: f64,
}

/// The successes of each twelfth of a decade, as shares of all offered requests.
fn bars(response: &Response, x: &Axis) -> Vec<Bar> {
    let (from, to) = x.ends();
    let first = (from.log10() * BARS).floor();
    let count = ((to.log10() * BARS).ceil() - first) as usize;
    let edge = |at: usize| 10f64.powf((first + at as f64) / BARS);
    let mut bars: Vec<Bar> =
        (0..count).map(|at| Bar { from: x.clamp(edge(at)), to: x.clamp(edge(at + 1)), share: 0.0 }).collect();
    for cell in response.ok.cells() {
        let middle = (cell.from + cell.to) as f64 / 2.0;
        let at = (middle.max(from).log10() * BARS - first).floor().max(0.0) as usize;
        bars[at.min(count - 1)].share += share(cell.count, response);
    }
    bars
}

/// Columns at the right for the requests without a success.
fn lost(stack: &Stack, place: Place, y: &Axis, response: &Response, words: bool) -> Drawn {
    let left = place.right + 40.0;
    let columns = stack.canvas.panel(
        Place { left, right: left + COLUMN * KINDS.len() as f64, ..place },
        Axis::bare(0.0, KINDS.len() as f64),
        y.clone().unlabelled(),
    );
    columns.grid()?;
    for (at, (name, role, count)) in KINDS.into_iter().enumerate() {
        let height = share(count(&response.lost), response);
        let middle = left + COLUMN * (at as f64 + 0.5);
        if height > 0.0 {
            columns.bar(at as f64 + 0.2, at as f64 + 0.8, height, role)?;
        }
        let (_, top) = columns.at(0.0, height);
        let text = say::share_of(count(&response.lost), response.offered());
        stack.canvas.text((middle, top - 8.0), &text, Pen::new(Role::Muted, LABEL).middle())?;
        if words {
            stack.canvas.text((middle, place.bottom + 14.0), name, Pen::new(Role::Muted, LABEL).middle())?;
        }
    }
    if words {
        let at = (left, place.bottom + 46.0);
        stack.canvas.text(at, "no success, whatever the time", Pen::new(Role::Muted, LABEL))?;
    }
    Ok(())
}

fn share(count: u64, response: &Response) -> f64 {
    if response.offered() == 0 { 0.0 } else { count as f64 / response.offered() as f64 }
}

fn title(servers: &[ServerFacts]) -> String {
    let (served, none): (Vec<&ServerFacts>, Vec<&ServerFacts>) = servers
        .iter()
        .filter(|server| server.response.offered() > 0)
        .partition(|server| server.response.ok.count() > 0);
    let within = |server: &&ServerFacts| {
        let ok = &server.response.ok;
        let median = ok.at_rank(ok.count().div_ceil(2))?;
        Some(format!("within {} under {}", say::time(median as f64), server.name))
    };
    let within: Vec<String> = served.iter().filter_map(within).collect();
    let none: Vec<&str> = none.iter().map(|server| server.name.as_str()).collect();
    match (within.as_slice(), none.as_slice()) {
        ([], none) => format!("No request succeeded under {}", say::list(none)),
        (within, []) => format!("Half of the successes came {}", say::list(within)),
        (within, none) => {
            format!("Half of the successes came {}; none came under {}", say::list(within), say::list(none))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_columns_are_all_offered_requests() {
        let mut response =
            Response { lost: Lost { shed: 30, failed: 10, ..Lost::default() }, ..Response::default() };
        (1..=60_u64).for_each(|n| response.ok.record(n * n * 500));
        let bars = bars(&response, &Axis::times(500.0, 1_800_000.0));
        let all: f64 = bars.iter().map(|bar| bar.share).sum::<f64>()
            + KINDS.map(|(_, _, count)| share(count(&response.lost), &response)).iter().sum::<f64>();
        assert!((all - 1.0).abs() < 1e-9, "{all}");
        assert!(bars.windows(2).all(|pair| pair[0].to == pair[1].from), "no gaps between bars");
    }
}
