//! A panel of a plot: two axes, and lines, areas and bars in their values.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::axis::{Axis, Tick};
use super::canvas::{At, Canvas, DrawError, Drawn, LABEL, Pen, Place, REMARK, Stroke, units};
use super::labels::Labels;
use super::lettering;
use super::role::{Dash, Role};
use super::svg::{Svg, UNITS};

/// Places a value may have in a series; `None` where there is none, which is drawn as a gap.
pub(super) type Point = (f64, Option<f64>);

/// A panel on a sheet. Values outside of its axes may not be drawn.
pub(super) struct Panel<'c> {
    canvas: &'c Canvas,
    area: DrawingArea<Svg, Cartesian2d<Axis, Axis>>,
    place: Place,
    x: Axis,
    y: Axis,
}

/// Where in a panel a remark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Top,
    Bottom,
}

/// A name at the right end of a series.
#[derive(Debug, Clone)]
pub(super) struct EndLabel {
    /// Where its series ends, as a value of the panel's y axis.
    pub(super) y: f64,
    pub(super) text: String,
    pub(super) role: Role,
}

/// Distance in CSS pixels that keeps labels below each other apart.
const LINE: f64 = 15.0;
/// Distance in CSS pixels that keeps labels beside each other apart.
const LABEL_GAP: f64 = 6.0;

impl<'c> Panel<'c> {
    pub(super) fn new(
        canvas: &'c Canvas,
        root: &DrawingArea<Svg, Shift>,
        place: Place,
        x: Axis,
        y: Axis,
    ) -> Self {
        let pixels = (units(place.left)..units(place.right), units(place.bottom)..units(place.top));
        let area = root.apply_coord_spec(Cartesian2d::<Axis, Axis>::new(x.clone(), y.clone(), pixels));
        Self { canvas, area, place, x, y }
    }

    /// Its place on the sheet.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Where a pair of values lies on the sheet.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (px, py) = self.area.map_coordinate(&(self.x.clamp(x), self.y.clamp(y)));
        (f64::from(px) / UNITS, f64::from(py) / UNITS)
    }

    /// Grid lines with the labels of both axes. No box: the lowest line carries the values.
    pub(super) fn grid(&self) -> Drawn {
        let Place { left, right, bottom, .. } = self.place;
        let (from, _) = self.y.ends();
        for tick in &self.y.ticks {
            let (_, y) = self.at(0.0, tick.at);
            if (tick.at - from).abs() > f64::EPSILON * from.abs() {
                self.canvas.line((left, y), (right, y), Stroke::new(Role::Grid, 1.0))?;
            }
            if !tick.label.is_empty() {
                self.canvas.text((left - 8.0, y), &tick.label, Pen::new(Role::Muted, LABEL).end())?;
            }
        }
        self.canvas.line((left, bottom), (right, bottom), Stroke::new(Role::Axis, 1.0))?;
        self.x_ticks()
    }

    /// Marks below the panel, and labels where there is room for them: the last has it always.
    fn x_ticks(&self) -> Drawn {
        let bottom = self.place.bottom;
        let half = |tick: &Tick| lettering::width(&tick.label, LABEL) / 2.0 + LABEL_GAP / 2.0;
        let last = self.x.ticks.last().map_or(f64::INFINITY, |tick| self.at(tick.at, 0.0).0 - half(tick));
        let mut free = f64::NEG_INFINITY;
        for (index, tick) in self.x.ticks.iter().enumerate() {
            let (x, _) = self.at(tick.at, 0.0);
            self.canvas.line((x, bottom), (x, bottom + 4.0), Stroke::new(Role::Axis, 1.0))?;
            let fits = free <= x - half(tick) && x + half(tick) <= last;
            if !tick.label.is_empty() && (fits || index + 1 == self.x.ticks.len()) {
                self.canvas.text((x, bottom + 14.0), &tick.label, Pen::new(Role::Muted, LABEL).middle())?;
                free = x + half(tick);
            }
            if !tick.remark.is_empty() {
                self.canvas.text((x, bottom + 29.0), &tick.remark, Pen::new(Role::Muted, REMARK).middle())?;
            }
        }
        Ok(())
    }

    /// What the y axis counts, so far above its upper end; `heading` stands before it in bold.
    pub(super) fn heading(&self, above: f64, heading: &str, role: Role, unit: &str) -> Drawn {
        let (x, y) = (self.place.left, self.place.top - above - 14.0);
        let pen = Pen::new(role, super::canvas::HEAD).bold();
        let room = self.place.width() - lettering::width(unit, LABEL) - 10.0;
        let heading = &lettering::fit_bold(heading, pen.size, room.max(120.0));
        self.canvas.text((x, y), heading, pen)?;
        let after = if heading.is_empty() { 0.0 } else { lettering::bold_width(heading, pen.size) + 10.0 };
        self.canvas.text((x + after, y), unit, Pen::new(Role::Muted, LABEL))
    }

    /// Texts inside of this panel that keep out of each other's way.
    pub(super) fn labels(&self) -> Labels {
        Labels::within(self.place)
    }

    /// Shades what is not judged between two values of x, with its name at an edge where it fits.
    pub(super) fn band(&self, from: f64, to: f64, name: &str, edge: Edge, labels: &mut Labels) -> Drawn {
        let ((left, _), (right, _)) = (self.at(from, 0.0), self.at(to, 0.0));
        if right - left < 0.5 {
            return Ok(());
        }
        self.canvas.fill(Place { left, right, ..self.place }, Role::Band, 1.0)?;
        if lettering::width(name, REMARK) < right - left - 4.0 {
            let wanted = [(((left + right) / 2.0, self.row(edge)), At::Middle)];
            labels.put(self.canvas, &wanted, name, Pen::new(Role::Muted, REMARK))?;
        }
        Ok(())
    }

    /// Marks an instant on the x axis with a line from bottom to top and a name at an edge.
    pub(super) fn mark(&self, at: f64, name: &str, edge: Edge, labels: &mut Labels) -> Drawn {
        let (x, _) = self.at(at, 0.0);
        let Place { top, bottom, .. } = self.place;
        self.canvas.line((x, bottom), (x, top), Stroke::new(Role::Ink, 1.2).dash(Dash::Dotted))?;
        let y = self.row(edge);
        let wanted = [((x + 5.0, y), At::Start), ((x - 5.0, y), At::End)];
        labels.put(self.canvas, &wanted, name, Pen::new(Role::Ink, REMARK))
    }

    fn row(&self, edge: Edge) -> f64 {
        match edge {
            Edge::Top => self.place.top + 9.0,
            Edge::Bottom => self.place.bottom - 9.0,
        }
    }

    /// Draws a line through the points; it is broken where there is no value, and a value alone is a dot.
    pub(super) fn line(&self, points: &[Point], stroke: Stroke) -> Drawn {
        for run in runs(points) {
            match run.as_slice() {
                [(x, y)] => self.canvas.disc(self.at(*x, *y), stroke.width, stroke.role, true)?,
                _ => self.series(LineSeries::new(run, stroke.style()))?,
            }
        }
        Ok(())
    }

    /// Fills what is between the points and the lower end of the axis.
    pub(super) fn area(&self, points: &[Point], role: Role, opacity: f64) -> Drawn {
        let (baseline, _) = self.y.ends();
        for run in runs(points).into_iter().filter(|run| run.len() > 1) {
            let style = role.colour(Dash::Solid).mix(opacity).filled();
            // plotters closes an area with a border of its own; a transparent one is not drawn.
            self.series(AreaSeries::new(run, baseline, style))?;
        }
        Ok(())
    }

    /// Fills what is between two values at each place; it is broken where there are none.
    pub(super) fn between(&self, points: &[(f64, Option<(f64, f64)>)], role: Role, opacity: f64) -> Drawn {
        for run in points.split(|(_, both)| both.is_none()).filter(|run| run.len() > 1) {
            let both = || run.iter().filter_map(|(x, both)| Some((*x, (*both)?)));
            let lower = both().map(|(x, (low, _))| (x, low));
            let upper = both().rev().map(|(x, (_, high))| (x, high));
            let style = role.colour(Dash::Solid).mix(opacity).filled();
            self.area.draw(&Polygon::new(lower.chain(upper).collect::<Vec<_>>(), style))?;
        }
        Ok(())
    }

    /// A bar from the lower end of the axis, between two values of x, with half a pixel of air on both sides.
    pub(super) fn bar(&self, from: f64, to: f64, height: f64, role: Role) -> Drawn {
        let ((left, top), (right, _)) = (self.at(from, height), self.at(to, height));
        let air = if right - left > 3.0 { 0.5 } else { 0.0 };
        let place = Place { left: left + air, right: right - air, top, bottom: self.place.bottom };
        self.canvas.fill(place, role, 1.0)
    }

    /// A dashed line across the panel at a value of y.
    pub(super) fn rule(&self, y: f64, role: Role) -> Drawn {
        let (_, y) = self.at(0.0, y);
        let stroke = Stroke::new(role, 1.2).dash(Dash::Dashed);
        self.canvas.line((self.place.left, y), (self.place.right, y), stroke)
    }

    /// Names at the right edge, pushed apart where their series end close to each other.
    pub(super) fn end_labels(&self, mut labels: Vec<EndLabel>) -> Drawn {
        labels.sort_by(|a, b| b.y.total_cmp(&a.y));
        let wanted: Vec<f64> = labels.iter().map(|label| self.at(0.0, label.y).1).collect();
        let places = apart(&wanted, LINE, self.place.top, self.place.bottom);
        for (label, y) in labels.iter().zip(places) {
            let text =
                lettering::fit_bold(&label.text, LABEL, super::canvas::WIDTH - self.place.right - 10.0);
            self.canvas.text((self.place.right + 8.0, y), &text, Pen::new(label.role, LABEL).bold())?;
        }
        Ok(())
    }

    fn series<E>(&self, elements: impl Iterator<Item = E>) -> Drawn
    where
        for<'a> &'a E: plotters::element::PointCollection<'a, (f64, f64)>,
        E: plotters::element::Drawable<Svg>,
    {
        elements.into_iter().try_for_each(|element| -> Result<(), DrawError> { self.area.draw(&element) })
    }
}

/// The stretches of points that have values.
fn runs(points: &[Point]) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (x, y) in points {
        match (y, runs.last_mut()) {
            (Some(y), Some(run)) => run.push((*x, *y)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Places at least `gap` apart, in the order of `wanted` (which rises), as near to it as a single sweep down and one
/// up bring them, between `top` and `bottom` where there is room for all.
fn apart(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut places = wanted.to_vec();
    let mut least = top;
    for place in &mut places {
        *place = place.max(least);
        least = *place + gap;
    }
    let mut most = bottom.max(top + gap * (wanted.len() as f64 - 1.0));
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_broken_where_there_is_no_value() {
        let points =
            [(0.0, None), (1.0, Some(1.0)), (2.0, Some(2.0)), (3.0, None), (4.0, Some(4.0)), (5.0, None)];
        assert_eq!(runs(&points), vec![vec![(1.0, 1.0), (2.0, 2.0)], vec![(4.0, 4.0)]]);
        assert!(runs(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn labels_are_kept_apart_in_order_and_inside(mut wanted in prop::collection::vec(0.0..200.0f64, 1..12)) {
            wanted.sort_by(f64::total_cmp);
            let places = apart(&wanted, 15.0, 0.0, 200.0);
            for pair in places.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 15.0 - 1e-9, "{places:?}");
            }
            prop_assert!(places.iter().all(|y| (-1e-9..=200.0 + 1e-9).contains(y)), "{places:?}");
        }
    }
}
