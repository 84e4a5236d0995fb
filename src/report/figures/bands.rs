//! Of simulated runs of several replications: response times over the day with what is not known of them.

use crate::report::axis::Axis;
use crate::report::canvas::{Drawn, Stroke};
use crate::report::facts::{Band, Facts, ServerFacts};
use crate::report::figures::Figure;
use crate::report::figures::percentiles::{ROW, marks, promises};
use crate::report::figures::stack::{Edge, Stack, clock, clock_words, context, moment, readout};
use crate::report::panel::{EndLabel, Point};
use crate::report::readout;
use crate::report::role::{Dash, Role};
use crate::report::{say, windows};
use crate::stats::Mean;
use crate::units::Span;

const HEIGHT: f64 = 190.0;
/// What is drawn, in the order of [`Band::quantiles`].
pub(in crate::report) const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// The highest one that the title is about.
const TITLE: usize = 2;

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    if facts.servers.iter().all(|server| server.bands.is_empty()) {
        return Ok(None);
    }
    let means = || facts.servers.iter().flat_map(|server| &server.bands).flat_map(|band| band.quantiles);
    let values = || means().flatten().flat_map(|of| [of.mean, high(of)]);
    let least = means().flatten().map(|of| of.mean).fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 10_000.0 };
    let bounds = facts.bounds.iter().map(|bound| bound.micros);
    let y = Axis::times(least, values().chain(bounds).fold(least, f64::max));
    let x = clock(facts, 9);
    let none = |which: usize| facts.servers.iter().flat_map(|server| &server.bands).any(|b| beyond(b, which));
    let rows: Vec<usize> = (0..QUANTILES.len()).rev().filter(|which| none(*which)).collect();
    let stack = Stack::new(facts.servers.len(), HEIGHT).room(ROW * rows.len() as f64);
    let mut boxes = Vec::new();
    for (index, server) in facts.servers.iter().enumerate() {
        let panel = stack.panel(index, &x, &y);
        context(&panel, facts, index, Edge::Bottom)?;
        panel.grid()?;
        let unit = format!("response time (log scale), means of {} replications", server.replications);
        stack.heading(&panel, &server.name, Role::ServerText(index), &unit)?;
        let mut ends = promises(&panel, facts)?;
        let (floor, _) = y.ends();
        for (which, q) in QUANTILES.iter().enumerate() {
            let between = |band: &Band| {
                let [low, high] = band.quantiles[which]?.ci95?;
                Some((low.max(floor), high.max(floor)))
            };
            let spread: Vec<_> = server.bands.iter().map(|band| (band.middle(), between(band))).collect();
            panel.between(&spread, Role::Server(index), 0.25)?;
            let mean = |band: &Band| band.quantiles[which].map(|of| of.mean.max(floor));
            let points: Vec<Point> = server.bands.iter().map(|band| (band.middle(), mean(band))).collect();
            let dash = [Dash::Solid, Dash::Dotted, Dash::Dashed, Dash::Solid][which];
            let width = [2.2, 1.6, 1.8, 1.0][which];
            panel.line(&points, Stroke::new(Role::Server(index), width).dash(dash))?;
            // A line that ends before has its name beside the bars above the panel.
            let last = points.last().and_then(|(_, y)| *y);
            let role = Role::ServerText(index);
            ends.extend(last.map(|y| EndLabel { y, text: windows::name(*q), role }));
        }
        for (row, which) in rows.iter().enumerate() {
            let spans = server.bands.iter().filter(|band| beyond(band, *which));
            let spans = spans.map(|band| (band.t, band.t + band.length)).collect();
            marks(&stack.canvas, &panel, index, spans, QUANTILES[*which], row)?;
        }
        panel.end_labels(ends)?;
        let texts = server.bands.iter().map(|band| (band.middle(), words(facts, &server.name, band)));
        boxes.push(readout::Panel::new(panel.place(), texts));
    }
    stack.below(&clock_words(facts))?;
    Ok(Some(Figure {
        name: "percentiles-over-time",
        title: title(facts),
        note: format!(
            "Legitimate populations, by the time of ending, every {} of the day. Lines: means over the replications; shaded: their \
             95 % intervals, from the spread between replications alone. Quantiles are over all offered requests; \
             \u{201c}none\u{201d} and the bars above a panel mark where the quantile is, in at least one replication, a request without a success.",
            facts.servers.iter().flat_map(|server| server.bands.first()).next().map_or(
                String::new(),
                |band| Span::from_nanos((band.length * facts.timeline.warp * 1e9).round() as u64).to_string()
            )
        ),
        drawing: Some(stack.canvas.finish()),
        readout: readout(facts, boxes),
    }))
}

/// Somebody ended there, and the quantile is not known in all replications.
fn beyond(band: &Band, which: usize) -> bool {
    band.errors.is_some_and(|errors| errors.mean > 0.0) && band.quantiles[which].is_none()
}

fn high(of: Mean) -> f64 {
    of.ci95.map_or(of.mean, |[_, high]| high)
}

fn words(facts: &Facts, server: &str, band: &Band) -> String {
    let one = |(q, of): (&f64, &Option<Mean>)| match of {
        Some(of) => {
            let half = of
                .ci95
                .map_or(String::new(), |[low, high]| format!(" \u{b1} {}", say::time((high - low) / 2.0)));
            format!("{} {}{half}", windows::name(*q), say::time(of.mean))
        }
        None => format!("{} none", windows::name(*q)),
    };
    let parts: Vec<String> = QUANTILES.iter().zip(&band.quantiles).map(one).collect();
    let errors = band
        .errors
        .map_or(String::new(), |errors| format!("; {} without a success", say::share(errors.mean)));
    format!("{}: {}{errors}", moment(facts, server, band.middle()), parts.join(", "))
}

fn title(facts: &Facts) -> String {
    let name = windows::name(QUANTILES[TITLE]);
    let one = |server: &ServerFacts| {
        let without = server.bands.iter().filter(|band| beyond(band, TITLE)).count();
        let known = server.bands.iter().filter_map(|band| band.quantiles[TITLE]);
        let worst = known.fold(None, |worst: Option<Mean>, of| match worst {
            Some(worst) if worst.mean >= of.mean => Some(worst),
            _ => Some(of),
        });
        let what = match (worst, without) {
            (Some(of), 0) => match of.ci95 {
                Some([low, high]) => {
                    format!("at most {} \u{b1} {}", say::time(of.mean), say::time((high - low) / 2.0))
                }
                None => format!("at most {}", say::time(of.mean)),
            },
            (_, 0) => "too few requests to tell".to_owned(),
            (None, _) => "no value at any time".to_owned(),
            (Some(_), without) => format!(
                "no value in {without} of {} intervals",
                server.bands.iter().filter(|band| band.errors.is_some()).count()
            ),
        };
        format!("{what} under {}", server.name)
    };
    let parts: Vec<String> = facts.servers.iter().map(one).collect();
    format!("{name} over the day: {}", parts.join("; "))
}
