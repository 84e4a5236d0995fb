//! `report.md`: the report for a pull request or a terminal, with the plots as links.

use std::fmt::Write as _;

use super::page::{AUDIT_NOTE, JOURNEYS_NOTE, OVERVIEW_NOTE, STEPS_NOTE};
use super::table::Table;
use super::{Report, provenance, queues, tables, words};

/// The report as Markdown.
pub(super) fn markdown(report: &Report) -> String {
    let summary = &report.summary;
    let mut text = format!("# {}: {}\n\n", summary.scenario, words::first_line(summary));
    for warning in report.warnings() {
        let _ = writeln!(text, "> **{}**\n", safe(&warning));
    }
    for server in &summary.servers {
        let _ = writeln!(text, "- {}.", safe(&words::outcome(server)));
    }
    text.push('\n');
    text += &tables::overview(summary).markdown();
    let _ = writeln!(text, "\n{OVERVIEW_NOTE}");
    text += "\n## What was played\n\n";
    text += &list(&provenance::played(report));
    if let Some(words) = words::warp(summary.time_warp) {
        let _ = writeln!(text, "\n{words}");
    }
    text += "\n## May the numbers be believed?\n\n";
    for server in &summary.servers {
        let state = words::validity(&server.validity);
        let _ = writeln!(text, "- **{}: {state}.** {}", server.name, words::belief(&server.validity));
        for reason in &server.validity.reasons {
            let _ = writeln!(text, "  - `{}` {}", reason.code, safe(&words::reason(reason)));
        }
    }
    for figure in &report.figures {
        let _ = writeln!(text, "\n## {}\n", safe(&figure.title));
        if figure.drawing.is_some() {
            let _ = writeln!(text, "![{}]({}.svg)\n", safe(&figure.title), figure.name);
        }
        let _ = writeln!(text, "{}", figure.note);
    }
    section(&mut text, "What was promised, and what was seen", &tables::promises(summary), "");
    section(&mut text, "Journeys by population", &tables::journeys(summary), JOURNEYS_NOTE);
    for server in &summary.servers {
        section(&mut text, &format!("Requests by step: {}", server.name), &tables::steps(server), STEPS_NOTE);
    }
    let queues = queues::table(summary, &report.run.header.layout.timeline);
    section(&mut text, "Queues inside the servers", &queues, queues::NOTE);
    section(&mut text, "What happened", &tables::happenings(&report.run), "");
    section(
        &mut text,
        "Errors: where each kind was seen, and its first example",
        &tables::errors(&report.run),
        "",
    );
    section(&mut text, "Audit and resources", &tables::audit_and_resources(summary), AUDIT_NOTE);
    text += "\n## How to play it again\n\n";
    text += &list(&provenance::again(report));
    text
}

fn section(text: &mut String, title: &str, table: &Table, note: &str) {
    if !table.is_empty() {
        let _ = writeln!(text, "\n## {title}\n\n{}", table.markdown().trim_end());
        if !note.is_empty() {
            let _ = writeln!(text, "\n{note}");
        }
    }
}

fn list(pairs: &[(&'static str, String)]) -> String {
    pairs.iter().map(|(term, what)| format!("- {term}: {}\n", safe(what))).collect()
}

/// A text of others as it may stand in Markdown: no markup and no line ends come out of it.
fn safe(text: &str) -> String {
    text.replace('<', "&lt;")
        .replace(['\n', '\r'], " ")
        .replace('[', "\\[")
        .replace('*', "\\*")
        .replace('`', "'")
}
