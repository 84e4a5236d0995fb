//! Response time in nines: how slow the slowest tenth, hundredth, thousandth was, for all configurations in one plot.

use crate::report::axis::Axis;
use crate::report::canvas::{At, Canvas, Drawn, LABEL, Pen, Place, Stroke};
use crate::report::facts::{Facts, Response, ServerFacts, TimeBound};
use crate::report::figures::Figure;
use crate::report::figures::stack::{LEFT, RIGHT};
use crate::report::labels::Labels;
use crate::report::lettering;
use crate::report::panel::{EndLabel, Panel};
use crate::report::role::{Dash, Role};
use crate::report::say;
use crate::report::windows::{name, samples_for};

const HEIGHT: f64 = 320.0;
const TOP: f64 = 36.0;

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let most = facts.servers.iter().map(|s| s.response.offered()).max().unwrap_or(0);
    if most == 0 {
        return Ok(None);
    }
    // Without any success there is no time to show; the scale is then one that a reader expects.
    let least = facts.servers.iter().filter_map(|s| s.response.fastest()).min().unwrap_or(10_000);
    let largest = facts.servers.iter().filter_map(|s| s.response.ok.max()).max().unwrap_or(1_000_000);
    let bounds = facts.bounds.iter().map(|b| b.micros);
    let x = Axis::nines(most.div_ceil(10));
    let y = Axis::times(least as f64, bounds.fold(largest as f64, f64::max));
    let canvas = Canvas::new(TOP + HEIGHT + 54.0);
    let place = Place { left: LEFT, top: TOP, right: RIGHT, bottom: TOP + HEIGHT };
    let panel = canvas.panel(place, x, y);
    panel.grid()?;
    panel.heading(0.0, "", Role::Ink, "response time (log scale)")?;
    canvas.text(
        (LEFT, place.bottom + 40.0),
        "share of all offered requests that were answered with success within this time",
        Pen::new(Role::Muted, LABEL),
    )?;
    let mut labels = Labels::within(Place { top: TOP - 8.0, ..place });
    let mut ends = Vec::new();
    for bound in merged(&facts.bounds) {
        promise(&canvas, &panel, &mut labels, &bound)?;
    }
    for (index, server) in facts.servers.iter().enumerate() {
        ends.extend(curve(&canvas, &panel, &mut labels, index, server)?);
    }
    panel.end_labels(ends)?;
    Ok(Some(Figure {
        name: "response-time-in-nines",
        title: title(&facts.servers),
        note: "Legitimate populations, all their steps; each nine to the right is a tenth of the requests. A curve ends \
               with a ring where the requests begin that got no success, for they stand above every time, and without \
               one where fewer than ten requests are left. The fastest hundredth is left out."
            .to_owned(),
        drawing: Some(canvas.finish()),
        readout: None,
    }))
}

/// One configuration's curve; its name, unless it was written where the curve breaks off.
fn curve(
    canvas: &Canvas,
    panel: &Panel<'_>,
    labels: &mut Labels,
    index: usize,
    server: &ServerFacts,
) -> Drawn<Option<EndLabel>> {
    let (offered, lost) = (server.response.offered(), server.response.lost.total());
    if offered == 0 {
        return Ok(None);
    }
    let points = points(&server.response);
    let line: Vec<_> = points.iter().map(|(q, us)| (*q, Some(*us))).collect();
    panel.line(&line, Stroke::new(Role::Server(index), 2.2))?;
    let role = Role::ServerText(index);
    if let Some((_, y)) = points.last().filter(|_| lost < 10) {
        return Ok(Some(EndLabel { y: *y, text: server.name.clone(), role }));
    }
    // Where nothing succeeded there is no curve: everything stands above every time.
    let (x, y) = points.last().map_or((panel.place().left, panel.place().top), |(q, us)| panel.at(*q, *us));
    canvas.disc((x, y), 4.0, Role::Server(index), false)?;
    let share = say::share_of(lost, offered);
    let text = format!("{}: {share} got no success", lettering::fit_bold(&server.name, LABEL, 180.0));
    let wanted = [((x + 10.0, y - 14.0), At::Start), ((x - 10.0, y - 14.0), At::End)];
    labels.put(canvas, &wanted, &text, Pen::new(role, LABEL).bold())?;
    Ok(None)
}

/// (quantile, microseconds) along the distribution, from the end of its fastest hundredth as far as ten requests are
/// beyond it; few enough to draw.
fn points(response: &Response) -> Vec<(f64, f64)> {
    let offered = response.offered() as f64;
    let told = 1.0 - 10.0 / offered;
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut below = 0;
    let fastest = response.fastest().unwrap_or(0);
    for cell in response.ok.cells() {
        let q = below as f64 / offered;
        below += cell.count;
        if cell.to < fastest {
            continue;
        }
        let place = |q: f64| -(1.0 - q).log10();
        // A hundred points to the nine are more than the eye sees.
        if points.last().is_none_or(|(last, _)| place(q) - place(*last) > 0.01) && q <= told {
            points.push((q, cell.to as f64));
        }
        let end = below as f64 / offered;
        if below == response.ok.count() && end <= told && points.last().is_none_or(|(last, _)| end > *last) {
            points.push((end, cell.to as f64));
        }
    }
    points
}

/// A promise as a corner that the curve must pass on its lower right.
fn promise(canvas: &Canvas, panel: &Panel<'_>, labels: &mut Labels, bound: &TimeBound) -> Drawn {
    let (x, y) = panel.at(bound.quantile, bound.micros);
    let stroke = Stroke::new(Role::Slo, 1.2).dash(Dash::Dashed);
    canvas.line((panel.place().left, y), (x, y), stroke)?;
    labels.keep_off(Place { left: panel.place().left, right: x, top: y - 2.0, bottom: y + 2.0 });
    canvas.line((x, y - 5.0), (x, y + 5.0), Stroke::new(Role::Slo, 2.0))?;
    let whose = if bound.whose.is_empty() { String::new() } else { format!(" {}", say::list(&bound.whose)) };
    let text = format!("SLO {} < {}{whose}", name(bound.quantile), say::time(bound.micros));
    let wanted = [((x + 9.0, y), At::Start), ((x - 9.0, y - 10.0), At::End), ((x - 9.0, y + 10.0), At::End)];
    labels.put(canvas, &wanted, &text, Pen::new(Role::Slo, LABEL))
}

/// Promises of the same bound become one.
fn merged(bounds: &[TimeBound]) -> Vec<TimeBound> {
    let mut merged: Vec<TimeBound> = Vec::new();
    for bound in bounds {
        match merged.iter_mut().find(|m| m.quantile == bound.quantile && m.micros == bound.micros) {
            Some(same) => same.whose.extend(bound.whose.iter().cloned()),
            None => merged.push(bound.clone()),
        }
    }
    merged
}

fn title(servers: &[ServerFacts]) -> String {
    let one = |(at, server): (usize, &ServerFacts)| {
        let (response, name) = (&server.response, &server.name);
        let of = if at == 0 { " of requests" } else { "" };
        let q = if response.offered() as f64 >= samples_for(0.99) { 0.99 } else { 0.5 };
        match response.quantile(q) {
            Some(us) => {
                format!("{:.0} %{of} succeeded within {} under {name}", q * 100.0, say::time(us as f64))
            }
            None => {
                let share = say::share_of(response.lost.total(), response.offered());
                format!("{share}{of} got no success under {name}")
            }
        }
    };
    let offered = servers.iter().filter(|server| server.response.offered() > 0);
    offered.enumerate().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::facts::Lost;

    fn response(ok: u64, shed: u64) -> Response {
        let mut response = Response { lost: Lost { shed, ..Lost::default() }, ..Response::default() };
        (1..=ok).for_each(|n| response.ok.record(n * 1_000));
        response
    }

    #[test]
    fn a_curve_ends_where_requests_without_a_success_begin() {
        let (q, us) = *points(&response(750, 250)).last().unwrap();
        assert!((q - 0.75).abs() < 1e-9, "{q}");
        assert!((750_000.0..751_000.0).contains(&us), "{us}");
    }

    #[test]
    fn a_curve_stops_where_fewer_than_ten_requests_are_left() {
        let points = points(&response(1_000, 0));
        assert!(points.iter().all(|(q, _)| *q <= 0.99 + 1e-9), "{points:?}");
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
