//! A table as data, and its three forms: HTML, Markdown and aligned text.

use std::fmt::Write as _;

use super::svg::escape;

/// A table. Every row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    name: String,
    /// Numbers stand at the right, so that their digits can be compared.
    number: bool,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

/// What a cell says beside its text; never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Open,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Cell {
    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl Table {
    /// A table without rows; a name that begins with `#` is of a column of numbers.
    pub(super) fn new(columns: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_prefix('#') {
            Some(name) => Column { name: name.to_owned(), number: true },
            None => Column { name: (*name).to_owned(), number: false },
        };
        Self { columns: columns.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As HTML, in a box of its own that scrolls on a narrow screen.
    pub(super) fn html(&self) -> String {
        let class = |column: &Column| if column.number { " class=\"n\"" } else { "" };
        let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
        for column in &self.columns {
            let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(column), escape(&column.name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (cell, column) in row.iter().zip(&self.columns) {
                let text = escape(&cell.text);
                let text = match cell.tone.class() {
                    Some(tone) => format!("<span class=\"{tone}\">{text}</span>"),
                    None => text,
                };
                let _ = write!(html, "<td{}>{text}</td>", class(column));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        html
    }

    /// As a table of GitHub's Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let safe = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;");
        let mut text = line(self.columns.iter().map(|c| safe(&c.name)).collect());
        text +=
            &line(self.columns.iter().map(|c| if c.number { "---:" } else { "---" }.to_owned()).collect());
        for row in &self.rows {
            text += &line(row.iter().map(|cell| safe(&cell.text)).collect());
        }
        text
    }

    /// As aligned text; `colour` paints the cells with a tone in a terminal's colours.
    pub(super) fn text(&self, colour: bool) -> String {
        let wide = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].text.chars().count());
            cells.chain([self.columns[at].name.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(wide).collect();
        let pad = |text: &str, at: usize, paint: Option<&str>| {
            let blanks = " ".repeat(widths[at] - text.chars().count());
            let text = paint.map_or(text.to_owned(), |paint| format!("\u{1b}[{paint}m{text}\u{1b}[0m"));
            if self.columns[at].number { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
        };
        let mut lines = Vec::new();
        let head = self.columns.iter().enumerate().map(|(at, c)| pad(&c.name, at, colour.then_some("1")));
        lines.push(head.collect::<Vec<_>>().join("  "));
        for row in &self.rows {
            let paint = |cell: &Cell| cell.tone.ansi().filter(|_| colour);
            let cells = row.iter().enumerate().map(|(at, cell)| pad(&cell.text, at, paint(cell)));
            lines.push(cells.collect::<Vec<_>>().join("  "));
        }
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

impl Tone {
    fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("good"),
            Self::Bad => Some("bad"),
            Self::Open => Some("undecided"),
        }
    }

    fn ansi(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Open => Some("33"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["server", "#requests"]);
        table.row(vec!["flat".into(), "1,200".into()]);
        table.row(vec![Cell::toned("a|b<c", Tone::Bad), "7".into()]);
        table
    }

    #[test]
    fn numbers_stand_at_the_right_and_words_at_the_left() {
        assert_eq!(table().text(false), "server  requests\nflat       1,200\na|b<c          7\n");
    }

    #[test]
    fn colour_changes_no_width() {
        let coloured = table().text(true);
        assert!(coloured.contains("\u{1b}[1;31ma|b<c\u{1b}[0m "));
        let mut plain = coloured.clone();
        for code in ["\u{1b}[1;31m", "\u{1b}[1m", "\u{1b}[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, table().text(false));
    }

    #[test]
    fn a_cell_cannot_break_the_table_it_is_in() {
        assert!(table().markdown().ends_with("| a\\|b&lt;c | 7 |\n"));
        assert!(table().html().contains("<span class=\"bad\">a|b&lt;c</span>"));
    }
}
