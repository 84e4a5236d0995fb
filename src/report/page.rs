//! `index.html`: one file with everything in it, which loads nothing and says all without a script.

use std::fmt::Write as _;

use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::figures::Figure;
use super::svg::escape;
use super::table::Table;
use super::{Report, provenance, queues, role, tables, words};
use crate::stats::{ServerSummary, ValidityState, Verdict};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// The page of a run.
pub(super) fn html(report: &Report) -> String {
    let style = format!("{}{STYLE}", role::css());
    // Hashes instead of 'unsafe-inline': nothing that a scenario or a server wrote can become a style or a script.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        source_hash(&style),
        source_hash(SCRIPT)
    );
    let summary = &report.summary;
    let title = format!("{}: {}", summary.scenario, words::first_line(summary));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         {head}<main>\n{figures}{tables}</main>\n{foot}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title = escape(&title),
        head = head(report),
        figures = report.figures.iter().map(figure).collect::<String>(),
        tables = sections(report),
        foot = foot(report),
    )
}

fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
}

fn head(report: &Report) -> String {
    let summary = &report.summary;
    let (class, word) = match summary.verdict {
        Verdict::Pass => ("good", "\u{2713} as expected"),
        Verdict::Fail => ("bad", "\u{2717} not as expected"),
        Verdict::Undecided => ("undecided", "? undecided"),
    };
    let mut html = format!(
        "<header>\n<button class=\"theme\" type=\"button\" hidden>light or dark</button>\n\
         <p class=\"kicker\">Peakday report: {}</p>\n<h1>{}</h1>\n<p><span class=\"badge {class}\">{word}</span></p>\n",
        escape(&summary.scenario),
        escape(&words::first_line(summary)),
    );
    for warning in report.warnings() {
        let _ = writeln!(html, "<p class=\"warning\"><strong>{}</strong></p>", escape(&warning));
    }
    html.push_str("<ul>\n");
    for server in &summary.servers {
        let _ = writeln!(html, "<li>{}.</li>", escape(&words::outcome(server)));
    }
    html.push_str("</ul>\n");
    html += &tables::overview(summary).html();
    let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(OVERVIEW_NOTE));
    html.push_str("<h2>What was played</h2>\n");
    html += &definitions(&provenance::played(report));
    if let Some(words) = words::warp(summary.time_warp) {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&words));
    }
    html.push_str("<h2>May the numbers be believed?</h2>\n<div class=\"boxes\">\n");
    html.extend(summary.servers.iter().map(validity));
    html.push_str("</div>\n<nav aria-label=\"Contents\">");
    for figure in &report.figures {
        let _ = write!(
            html,
            "<a href=\"#{name}\">{label}</a>",
            name = figure.name,
            label = figure.name.replace('-', " ")
        );
    }
    html.push_str(
        "<a href=\"#promises\">promises</a><a href=\"#again\">how to play it again</a></nav>\n</header>\n",
    );
    html
}

fn validity(server: &ServerSummary) -> String {
    let class = match server.validity.state {
        ValidityState::Valid => "good",
        ValidityState::Degraded => "undecided",
        ValidityState::Invalid => "bad",
    };
    let reasons: String = server
        .validity
        .reasons
        .iter()
        .map(|reason| {
            format!("<li><code>{}</code> {}</li>\n", escape(&reason.code), escape(&words::reason(reason)))
        })
        .collect();
    let list = if reasons.is_empty() { String::new() } else { format!("<ul>\n{reasons}</ul>\n") };
    format!(
        "<div class=\"box {class}\"><strong>{name}: {state}.</strong> {belief}\n{list}</div>\n",
        name = escape(&server.name),
        state = words::validity(&server.validity),
        belief = words::belief(&server.validity),
    )
}

fn figure(figure: &Figure) -> String {
    let title = escape(&figure.title);
    let plot = match (&figure.drawing, &figure.readout) {
        (None, _) => String::new(),
        (Some(drawing), None) => format!("<div class=\"plot\">{}</div>\n", drawing.inline(&figure.title)),
        (Some(drawing), Some(readout)) => format!(
            "<p class=\"readout\" aria-live=\"polite\"></p>\n<div class=\"plot\">{}</div>\n\
             <script type=\"application/json\">{}</script>\n",
            drawing.inline(&figure.title),
            readout.json()
        ),
    };
    format!(
        "<figure id=\"{name}\">\n<h2>{title}</h2>\n{plot}<figcaption>{note}</figcaption>\n</figure>\n",
        name = figure.name,
        note = escape(&figure.note),
    )
}

fn sections(report: &Report) -> String {
    let summary = &report.summary;
    let mut html =
        section("promises", "What was promised, and what was seen", &tables::promises(summary), "");
    html += &section("journeys", "Journeys by population", &tables::journeys(summary), JOURNEYS_NOTE);
    for server in &summary.servers {
        let title = format!("Requests by step: {}", server.name);
        html += &section(&format!("steps-{}", server.name), &title, &tables::steps(server), STEPS_NOTE);
    }
    let queues = queues::table(summary, &report.run.header.layout.timeline);
    if !queues.is_empty() {
        html += &section("queues", "Queues inside the servers", &queues, queues::NOTE);
    }
    let happenings = tables::happenings(&report.run);
    if !happenings.is_empty() {
        html += &section("happened", "What happened", &happenings, "");
    }
    let errors = tables::errors(&report.run);
    if !errors.is_empty() {
        html += &section("errors", "Errors: where each kind was seen, and its first example", &errors, "");
    }
    html += &section("audit", "Audit and resources", &tables::audit_and_resources(summary), AUDIT_NOTE);
    html += "<h2 id=\"again\">How to play it again</h2>\n";
    html += &definitions(&provenance::again(report));
    html
}

/// What the columns of the overview are.
pub(super) const OVERVIEW_NOTE: &str = "Clean journeys: completed, with nothing in them refused, timed out or failed. p50 \
    and p99: response time of the legitimate populations over all offered requests; \u{201c}none\u{201d}: it is a \
    request without a success.";
/// What the columns of the journeys' table are.
pub(super) const JOURNEYS_NOTE: &str = "Journeys that arrived in the measured part, early enough to end in it. Judged: \
    without the unfinished ones in which nothing had failed yet. Goodput: share of the offered requests that succeeded \
    within their step's SLO.";
/// What the columns of the steps' tables are.
pub(super) const STEPS_NOTE: &str = "p50 to p99.9: response time (done − intended) over all offered requests; \
    \u{201c}none\u{201d}: it is a request without a success; a dash: too few requests to tell. Service: done − sent. \
    Lag: sent − intended.";
/// What the audit's columns are.
pub(super) const AUDIT_NOTE: &str = "Every acknowledged thing is asked for again after the run. CPU is of the whole run, \
    run-in and drain included.";

fn section(id: &str, title: &str, table: &Table, note: &str) -> String {
    let note =
        if note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>\n", escape(note)) };
    format!("<h2 id=\"{}\">{}</h2>\n{}{note}", escape(id), escape(title), table.html())
}

fn definitions(pairs: &[(&'static str, String)]) -> String {
    let items = pairs.iter().map(|(term, what)| format!("<dt>{term}</dt><dd>{}</dd>\n", escape(what)));
    format!("<dl>\n{}</dl>\n", items.collect::<String>())
}

fn foot(report: &Report) -> String {
    format!(
        "<footer><p>Written by peakday {} from the record beside this file; every number is in summary.json, every plot \
         in a file of its own. This page loads nothing from the network.</p></footer>\n",
        escape(&report.summary.tool_version)
    )
}
