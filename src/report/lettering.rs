//! How wide a text will be, without asking a font: Helvetica's advance widths, with room for wider faces.

/// Advance widths of Helvetica for U+0020 to U+007E in thousandths of the size (Adobe's metrics for the core fonts).
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, //
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, //
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, //
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, //
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, //
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Readers see the text in the sans-serif face of their system; DejaVu is up to 13 % wider than Helvetica.
const ROOM: f64 = 1.13;

/// Ascent and descent of a line of text, as parts of its size.
pub(super) const ASCENT: f64 = 0.76;
/// See [`ASCENT`].
pub(super) const DESCENT: f64 = 0.24;

/// An upper estimate of the width of `text` at a font size, in the unit of the size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let thousandths: u32 = text.chars().map(|c| u32::from(advance(c))).sum();
    f64::from(thousandths) / 1_000.0 * size * ROOM
}

/// The same for bold letters.
pub(super) fn bold_width(text: &str, size: f64) -> f64 {
    width(text, size) * 1.12
}

/// A bold text cut to a width, with an ellipsis where something is missing.
pub(super) fn fit_bold(text: &str, size: f64, limit: f64) -> String {
    if bold_width(text, size) <= limit {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && bold_width(&short, size) + bold_width("\u{2026}", size) > limit {
        short.pop();
    }
    format!("{short}\u{2026}")
}

fn advance(c: char) -> u16 {
    match c {
        ' '..='~' => HELVETICA[c as usize - ' ' as usize],
        '\u{a0}' | '·' => 278,
        '\u{202f}' | '\u{2009}' => 200,
        'µ' | '–' => 556,
        '≥' | '≤' | '×' => 584,
        _ => 1_000,
    }
}

/// Breaks a text into lines that are, by a measure of width, no wider than `limit`, at blanks; a single word may stand out.
pub(super) fn wrap(text: &str, limit: f64, measure: impl Fn(&str) -> f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure(line) + measure(" ") + measure(word) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_letters_are_narrow() {
        assert!(width("illicit", 12.0) < width("WWWW", 12.0) * 0.6);
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_says_so() {
        let cut = fit_bold("a-configuration-with-a-long-name", 12.0, 100.0);
        assert!(cut.ends_with('\u{2026}') && bold_width(&cut, 12.0) <= 100.0, "{cut}");
        assert_eq!(fit_bold("x4", 12.0, 100.0), "x4");
    }

    #[test]
    fn wrapped_lines_hold_all_words_and_keep_the_limit() {
        let text = "flat-3m served 38 % of the pharmacists' journeys cleanly and x4 all of them";
        let lines = wrap(text, 180.0, |text| width(text, 13.0));
        assert!(lines.len() > 2);
        assert_eq!(lines.join(" "), text);
        assert!(lines.iter().all(|line| width(line, 13.0) <= 180.0), "{lines:?}");
    }
}
