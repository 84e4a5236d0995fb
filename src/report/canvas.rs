//! A sheet to draw on, in CSS pixels: text, lines, boxes, and panels with two axes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::drawing::Drawing;
use super::panel::Panel;
use super::role::{Dash, Role};
use super::svg::{NoRole, Sheet, Svg, UNITS};

/// Why a plot could not be drawn; only a mistake in the plot can be the cause.
pub type DrawError = DrawingAreaErrorKind<NoRole>;

/// The result of drawing something.
pub(super) type Drawn<T = ()> = Result<T, DrawError>;

/// Font sizes in CSS pixels.
pub(super) const LABEL: f64 = 12.0;
/// Of headings inside a plot.
pub(super) const HEAD: f64 = 13.0;
/// Of the second line below an axis.
pub(super) const REMARK: f64 = 11.0;

/// Width of every figure in CSS pixels.
pub(super) const WIDTH: f64 = 960.0;

/// A sheet of a given size.
pub(super) struct Canvas {
    root: DrawingArea<Svg, Shift>,
    sheet: Sheet,
    width: f64,
    height: f64,
}

/// A box in CSS pixels, from the upper left corner of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// On which side of a text its place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The text begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// How a text is written; it is centred upon its height.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) role: Role,
    pub(super) size: f64,
    pub(super) at: At,
    pub(super) bold: bool,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) role: Role,
    pub(super) width: f64,
    pub(super) dash: Dash,
}

impl Pen {
    /// Written in a role at a size, beginning at its place.
    pub(super) fn new(role: Role, size: f64) -> Self {
        Self { role, size, at: At::Start, bold: false }
    }

    /// The same, centred at its place.
    pub(super) fn middle(self) -> Self {
        Self { at: At::Middle, ..self }
    }

    /// The same, ending at its place.
    pub(super) fn end(self) -> Self {
        Self { at: At::End, ..self }
    }

    /// The same, bold.
    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

impl Stroke {
    /// An unbroken line, or the dash that belongs to the role.
    pub(super) fn new(role: Role, width: f64) -> Self {
        Self { role, width, dash: role.dash() }
    }

    /// The same with another dash.
    pub(super) fn dash(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    pub(super) fn style(self) -> ShapeStyle {
        self.role.colour(self.dash).stroke_width(units(self.width) as u32)
    }
}

impl Canvas {
    /// An empty sheet of [`WIDTH`].
    pub(super) fn new(height: f64) -> Self {
        let sheet = Sheet::default();
        let root = Svg::new((units(WIDTH) as u32, units(height) as u32), &sheet).into_drawing_area();
        Self { root, sheet, width: WIDTH, height }
    }

    /// Writes a line of text.
    pub(super) fn text(&self, (x, y): (f64, f64), text: &str, pen: Pen) -> Drawn {
        let h = match pen.at {
            At::Start => HPos::Left,
            At::Middle => HPos::Center,
            At::End => HPos::Right,
        };
        let font = FontDesc::new(
            FontFamily::SansSerif,
            pen.size * UNITS,
            if pen.bold { FontStyle::Bold } else { FontStyle::Normal },
        );
        let colour = pen.role.colour(Dash::Solid);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, VPos::Center));
        self.root.draw(&Text::new(text.to_owned(), (units(x), units(y)), style))
    }

    /// Draws a straight line.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), stroke: Stroke) -> Drawn {
        let ends = vec![(units(from.0), units(from.1)), (units(to.0), units(to.1))];
        self.root.draw(&PathElement::new(ends, stroke.style()))
    }

    /// Fills a box.
    pub(super) fn fill(&self, place: Place, role: Role, opacity: f64) -> Drawn {
        let style = role.colour(Dash::Solid).mix(opacity).filled();
        let corners = [(units(place.left), units(place.top)), (units(place.right), units(place.bottom))];
        self.root.draw(&Rectangle::new(corners, style))
    }

    /// Draws a disc, or a ring.
    pub(super) fn disc(&self, (x, y): (f64, f64), radius: f64, role: Role, filled: bool) -> Drawn {
        let style = role.colour(Dash::Solid).stroke_width(units(1.6) as u32);
        let style = if filled { style.filled() } else { style };
        self.root.draw(&Circle::new((units(x), units(y)), units(radius), style))
    }

    /// A panel with two axes at a place.
    pub(super) fn panel(&self, place: Place, x: Axis, y: Axis) -> Panel<'_> {
        Panel::new(self, &self.root, place, x, y)
    }

    /// What was drawn.
    pub(super) fn finish(self) -> Drawing {
        drop(self.root);
        Drawing::new(self.width, self.height, self.sheet.take())
    }
}

impl Place {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }
}

/// CSS pixels in plotters' units.
pub(super) fn units(px: f64) -> i32 {
    (px * UNITS).round() as i32
}
