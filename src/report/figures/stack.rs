//! Panels below each other, one for each server configuration, on the same axes, so that they can be compared.

use crate::report::axis::Axis;
use crate::report::canvas::{Canvas, Drawn, LABEL, Pen, Place, WIDTH};
use crate::report::facts::{Facts, Moment};
pub(super) use crate::report::panel::Edge;
use crate::report::panel::Panel;
use crate::report::readout::{self, Readout};
use crate::report::role::Role;
use crate::units::Offset;

/// Left edge of the panels: room for the labels of the y axis.
pub(super) const LEFT: f64 = 66.0;
/// Right edge: room for the names at the ends of the lines.
pub(super) const RIGHT: f64 = WIDTH - 130.0;

const HEAD: f64 = 32.0;
const GAP: f64 = 14.0;
const FOOT: f64 = 58.0;

/// A sheet with equal panels below each other.
pub(super) struct Stack {
    pub(super) canvas: Canvas,
    panels: usize,
    height: f64,
    head: f64,
    right: f64,
}

impl Stack {
    /// `panels` panels, each `height` CSS pixels high.
    pub(super) fn new(panels: usize, height: f64) -> Self {
        Self::sized(panels, height, HEAD, RIGHT)
    }

    /// The same with another right edge.
    pub(super) fn right(self, right: f64) -> Self {
        Self::sized(self.panels, self.height, self.head, right)
    }

    /// The same with more room between the heading of a panel and the panel.
    pub(super) fn room(self, room: f64) -> Self {
        Self::sized(self.panels, self.height, HEAD + room, self.right)
    }

    fn sized(panels: usize, height: f64, head: f64, right: f64) -> Self {
        let total = panels as f64 * (head + height + GAP) - GAP + FOOT;
        Self { canvas: Canvas::new(total), panels, height, head, right }
    }

    /// The panel at a place from the top; only the lowest has words below its x axis.
    pub(super) fn panel(&self, at: usize, x: &Axis, y: &Axis) -> Panel<'_> {
        let top = self.head + at as f64 * (self.head + self.height + GAP);
        let place = Place { left: LEFT, right: self.right, top, bottom: top + self.height };
        let last = at + 1 == self.panels;
        self.canvas.panel(place, if last { x.clone() } else { x.clone().unlabelled() }, y.clone())
    }

    /// The name of a panel and the unit of its y axis, above the room over it.
    pub(super) fn heading(&self, panel: &Panel<'_>, name: &str, role: Role, unit: &str) -> Drawn {
        panel.heading(self.head - HEAD, name, role, unit)
    }

    /// Says below the lowest panel what the x axis is.
    pub(super) fn below(&self, text: &str) -> Drawn {
        let top = self.panels as f64 * (self.head + self.height + GAP) - GAP;
        self.canvas.text((LEFT, top + 46.0), text, Pen::new(Role::Muted, LABEL))
    }
}

/// The x axis of all series over time.
pub(super) fn clock(facts: &Facts, labels: usize) -> Axis {
    Axis::clock(&facts.timeline, facts.wall(), labels)
}

/// The moments that begin in the measured part.
pub(super) fn moments_judged<'a>(facts: &Facts, moments: &'a [Moment]) -> &'a [Moment] {
    let end = facts.timeline.end().secs_f64();
    &moments[..moments.partition_point(|moment| moment.t < end - 1e-9)]
}

/// A readout for panels over time.
pub(super) fn readout(facts: &Facts, boxes: Vec<readout::Panel>) -> Option<Readout> {
    let wall = facts.wall();
    Some(Readout { from: wall.start, to: wall.end, boxes })
}

/// The head of a line that is read out: whose it is, and when.
pub(super) fn moment(facts: &Facts, whose: &str, at: f64) -> String {
    let time = facts.timeline.scenario_time(Offset::from_secs_f64(at));
    format!("{whose}, {time} ({})", crate::report::say::seconds(at))
}

/// What [`clock`] shows.
pub(super) fn clock_words(facts: &Facts) -> String {
    let warp = facts.timeline.warp;
    if (warp - 1.0).abs() < 1e-9 {
        "time of day, and seconds of the run below it".to_owned()
    } else {
        format!(
            "time of day in the scenario, and seconds of the run below it (1 s played = {} s of the day)",
            crate::report::say::digits(warp)
        )
    }
}

/// Shades run-in and drain, which are not judged, and marks what happened to a configuration; names stand at the edge
/// where no line is drawn.
pub(super) fn context(panel: &Panel<'_>, facts: &Facts, server: usize, edge: Edge) -> Drawn {
    let wall = facts.wall();
    let mut labels = panel.labels();
    panel.band(wall.start, 0.0, "run-in", edge, &mut labels)?;
    panel.band(facts.timeline.end().secs_f64(), wall.end, "drain", edge, &mut labels)?;
    let happenings = facts.servers[server].happenings.iter();
    for (at, name) in happenings.filter(|(at, _)| (wall.start..=wall.end).contains(at)) {
        panel.mark(*at, name, edge, &mut labels)?;
    }
    Ok(())
}
