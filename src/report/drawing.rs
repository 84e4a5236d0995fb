//! A finished picture: inside the page, where the page's style sheet colours it, or as a file of its own.

use super::canvas::{HEAD, LABEL};
use super::lettering::{bold_width, width, wrap};
use super::role;
use super::svg::escape;

/// The fonts of all text; nothing is embedded, nothing is fetched.
pub(super) const FONTS: &str = r#"system-ui,"Segoe UI",Helvetica,Arial,sans-serif"#;

const MARGIN: f64 = 16.0;
const TITLE_LINE: f64 = 21.0;
const NOTE_LINE: f64 = 16.0;

/// A picture of a given size, in CSS pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64, body: String) -> Self {
        Self { width, height, body }
    }

    /// As part of a page; `title` is what a reader hears who sees no picture.
    pub(super) fn inline(&self, title: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            self.width,
            self.height,
            escape(title),
            self.body
        )
    }

    /// As a file of its own, with its title above and its note below; it follows the theme of who looks at it.
    pub(super) fn standalone(&self, title: &str, note: &str) -> String {
        self.file(title, note, &role::css())
    }

    /// The same in the colours of the light theme, without anything that a simple reader of SVG does not know.
    pub(super) fn plain(&self, title: &str, note: &str) -> String {
        self.file(title, note, ".k{fill:none}")
    }

    fn file(&self, title: &str, note: &str, css: &str) -> String {
        let titles = wrap(title, self.width - 2.0 * MARGIN, |text| bold_width(text, HEAD + 2.0));
        let notes = wrap(note, self.width - 2.0 * MARGIN, |text| width(text, LABEL));
        let head = MARGIN + titles.len() as f64 * TITLE_LINE;
        let foot = MARGIN + notes.len() as f64 * NOTE_LINE;
        let lines = |lines: &[String], size: f64, step: f64, top: f64, rest: &str| -> String {
            let line = |(at, line): (usize, &String)| {
                let y = top + at as f64 * step;
                format!(
                    "<text x=\"{MARGIN}\" y=\"{y}\" font-size=\"{size}\" {rest}>{}</text>\n",
                    escape(line)
                )
            };
            lines.iter().enumerate().map(line).collect()
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 {top} {w} {h}\" width=\"{w}\" height=\"{h}\" \
             font-family='{FONTS}'>\n<title>{title}</title>\n\
             <style>{css}text{{font-variant-numeric:tabular-nums}}</style>\n\
             <rect x=\"0\" y=\"{top}\" width=\"{w}\" height=\"{h}\" class=\"f surface\" fill=\"#ffffff\"/>\n\
             {heads}{body}{foots}</svg>\n",
            top = -head,
            w = self.width,
            h = self.height + head + foot,
            title = escape(title),
            heads = lines(
                &titles,
                HEAD + 2.0,
                TITLE_LINE,
                -head + MARGIN + 8.0,
                "font-weight=\"600\" class=\"ink\" fill=\"#1f2328\""
            ),
            body = self.body,
            foots = lines(&notes, LABEL, NOTE_LINE, self.height + 10.0, "class=\"muted\" fill=\"#59636e\""),
        )
    }
}
