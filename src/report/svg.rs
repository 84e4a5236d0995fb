//! A plotters backend that writes SVG which follows the page's theme: classes for roles, colours only as a fallback.
//!
//! plotters' own SVG backend writes fixed colours, whole pixels and no classes. This one has ten units to the CSS pixel,
//! so that plotters' integers are tenths; it writes relative paths and `class="k s1" stroke="#0072b2"`: a style sheet
//! overrides the attribute, and a viewer without one (an image converter, a code forge) still shows the light theme.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::lettering;
use super::role::{Dash, meaning};

/// plotters' units in a CSS pixel.
pub(super) const UNITS: f64 = 10.0;

/// A colour reached the backend that is no role, which only a mistake in a plot can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plot uses the colour {0:?}, which has no role: name one of report/role.rs instead")]
pub struct NoRole((u8, u8, u8));

/// The elements drawn so far, shared between the backend (which plotters owns) and its maker.
pub(super) type Sheet = Rc<RefCell<String>>;

/// The backend. Sizes are in plotters' units, [`UNITS`] to the CSS pixel.
#[derive(Debug)]
pub(super) struct Svg {
    size: (u32, u32),
    sheet: Sheet,
}

type Drawn = Result<(), DrawingErrorKind<NoRole>>;

impl Svg {
    pub(super) fn new(size: (u32, u32), sheet: &Sheet) -> Self {
        Self { size, sheet: Rc::clone(sheet) }
    }

    fn role(colour: BackendColor) -> Result<(&'static str, &'static str, Dash), DrawingErrorKind<NoRole>> {
        meaning(colour).ok_or(DrawingErrorKind::DrawingError(NoRole(colour.rgb)))
    }

    /// ` class="f s1" fill="#0072b2"`, with the opacity where there is one.
    fn fill(colour: BackendColor) -> Result<String, DrawingErrorKind<NoRole>> {
        let (class, light, _) = Self::role(colour)?;
        Ok(format!(r#" class="f {class}" fill="{light}"{}"#, opacity(colour)))
    }

    /// ` class="k s1" stroke="#0072b2" stroke-width="1.5"`, with dash and opacity.
    fn stroke<S: BackendStyle>(style: &S) -> Result<String, DrawingErrorKind<NoRole>> {
        let (class, light, dash) = Self::role(style.color())?;
        let width = f64::from(style.stroke_width()) / UNITS;
        let dash = match dash {
            Dash::Solid => String::new(),
            Dash::Dashed => r#" stroke-dasharray="6 4""#.to_owned(),
            Dash::Dotted => format!(r#" stroke-dasharray="0.1 {}" stroke-linecap="round""#, width * 2.5),
        };
        Ok(format!(
            r#" class="k {class}" stroke="{light}" stroke-width="{width}"{dash}{}"#,
            opacity(style.color())
        ))
    }

    fn put(&self, element: std::fmt::Arguments<'_>) -> Drawn {
        let mut sheet = self.sheet.borrow_mut();
        writeln!(sheet, "{element}").expect("writing to a String does not fail");
        Ok(())
    }
}

impl DrawingBackend for Svg {
    type ErrorType = NoRole;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        a: BackendCoord,
        b: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (x, y) = (a.0.min(b.0), a.1.min(b.1));
        let (width, height) = ((a.0 - b.0).abs(), (a.1 - b.1).abs());
        let paint = if fill { Self::fill(style.color())? } else { Self::stroke(style)? };
        self.put(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}"{paint}/>"#,
            px(x),
            px(y),
            px(width),
            px(height)
        ))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let paint = Self::stroke(style)?;
        self.put(format_args!(r#"<path d="{}"{paint} stroke-linejoin="round"/>"#, relative(path)))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        at: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let paint = if fill { Self::fill(style.color())? } else { Self::stroke(style)? };
        let r = f64::from(radius) / UNITS;
        self.put(format_args!(r#"<circle cx="{}" cy="{}" r="{r}"{paint}/>"#, px(at.0), px(at.1)))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let paint = Self::fill(style.color())?;
        self.put(format_args!(r#"<path d="{}z"{paint}/>"#, relative(corners)))
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        let (class, light, _) = Self::role(style.color())?;
        let size = style.size() / UNITS;
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => r#" text-anchor="middle""#,
            HPos::Right => r#" text-anchor="end""#,
        };
        // From the wanted edge to the baseline: capitals are 0.72 of the size, their middle is at 0.36.
        let drop = match style.anchor().v_pos {
            VPos::Top => size * lettering::ASCENT,
            VPos::Center => size * 0.36,
            VPos::Bottom => -size * lettering::DESCENT,
        };
        debug_assert!(
            matches!(style.transform(), FontTransform::None),
            "labels are read without turning the head"
        );
        let weight = if matches!(style.style(), FontStyle::Bold) { r#" font-weight="600""# } else { "" };
        self.put(format_args!(
            r#"<text x="{}" y="{}" font-size="{size}" class="{class}" fill="{light}"{anchor}{weight}>{}</text>"#,
            px(at.0),
            tenth(f64::from(at.1) / UNITS + drop),
            escape(text)
        ))
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<NoRole>> {
        Ok((lettering::width(text, style.size()).ceil() as u32, style.size().ceil() as u32))
    }
}

/// A path in relative coordinates: half the length of an absolute one.
fn relative(path: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut d = String::new();
    let mut last: Option<BackendCoord> = None;
    for (x, y) in path {
        match last {
            None => write!(d, "M{} {}", px(x), px(y)),
            Some((u, v)) => write!(d, "l{} {}", px(x - u), px(y - v)),
        }
        .expect("writing to a String does not fail");
        last = Some((x, y));
    }
    d
}

fn opacity(colour: BackendColor) -> String {
    if colour.alpha < 1.0 {
        format!(r#" opacity="{}""#, tenth(colour.alpha * 10.0) / 10.0)
    } else {
        String::new()
    }
}

fn px(units: i32) -> f64 {
    tenth(f64::from(units) / UNITS)
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A text as it may stand in XML and HTML, attributes included.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not allowed in XML 1.0, whatever a server's error message holds.
            c if c.is_control() && !matches!(c, '\t' | '\n') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::role::Role;
    use plotters::prelude::*;

    fn sheet(draw: impl FnOnce(&DrawingArea<Svg, plotters::coord::Shift>)) -> String {
        let sheet = Sheet::default();
        draw(&Svg::new((1_000, 500), &sheet).into_drawing_area());
        sheet.take()
    }

    #[test]
    fn a_line_carries_class_and_fallback_in_tenths_of_a_pixel() {
        let text = sheet(|area| {
            let color = Role::Server(0).colour(Dash::Dashed).to_rgba();
            let style = ShapeStyle { color, filled: false, stroke_width: 15 };
            area.draw(&PathElement::new(vec![(10, 15), (20, 12)], style)).unwrap();
        });
        assert_eq!(
            text,
            "<path d=\"M1 1.5l1 -0.3\" class=\"k s1\" stroke=\"#0072b2\" stroke-width=\"1.5\" \
             stroke-dasharray=\"6 4\" stroke-linejoin=\"round\"/>\n"
        );
    }

    #[test]
    fn a_colour_without_a_role_is_refused() {
        let sheet = Sheet::default();
        let area = Svg::new((100, 100), &sheet).into_drawing_area();
        let error = area.draw(&PathElement::new(vec![(0, 0), (1, 1)], BLACK)).unwrap_err();
        assert!(error.to_string().contains("no role"), "{error}");
    }

    #[test]
    fn text_cannot_break_out_of_its_element() {
        assert_eq!(escape("<b a='1'>\u{7}"), "&lt;b a=&#39;1&#39;&gt;\u{fffd}");
    }
}
