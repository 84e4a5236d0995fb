//! The page and the plots of a report, looked at as a browser would: nothing cut, nothing over another, nothing fetched.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use regex::Regex;
use tempfile::TempDir;

use peakday::scenario::Expect;

use crate::fake_run::{self, EVENING, Server, Size};

// The same widths that the plots are laid out with; they are upper estimates of what a browser needs.
#[path = "../../src/report/lettering.rs"]
#[expect(dead_code, reason = "the tests need the widths only")]
mod lettering;

const SMALL: Size = Size { scale: 0.25, servers: EVENING, seconds: 40, killed_at: None };

/// Five configurations, among them one that serves nobody and one with a long name; few requests.
const ODD: Size = Size {
    scale: 0.08,
    servers: &[
        Server { name: "a-configuration-with-quite-a-long-name", slots: 33.0, expect: Expect::Fail },
        Server { name: "nobody", slots: 0.0, expect: Expect::Fail },
        Server { name: "x2", slots: 66.0, expect: Expect::Hold },
        Server { name: "x4", slots: 132.0, expect: Expect::Hold },
        Server { name: "x8", slots: 264.0, expect: Expect::Hold },
    ],
    seconds: 12,
    killed_at: None,
};

/// The report of [`SMALL`], made once.
fn small() -> &'static peakday::report::Written {
    static SMALL_REPORT: OnceLock<(TempDir, peakday::report::Written)> = OnceLock::new();
    &SMALL_REPORT.get_or_init(|| reported(SMALL)).1
}

fn reported(size: Size) -> (TempDir, peakday::report::Written) {
    let dir = tempfile::tempdir().expect("a folder");
    fake_run::write(dir.path(), size);
    let written = peakday::report::write(dir.path()).expect("a report");
    (dir, written)
}

fn plots(files: &[PathBuf]) -> Vec<(String, String)> {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let svg = files.iter().filter(|path| path.extension().is_some_and(|ext| ext == "svg"));
    svg.map(|path| (name(path), fs::read_to_string(path).expect("a plot"))).collect()
}

#[derive(Debug, Clone)]
struct Label {
    text: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}

fn labels(svg: &str) -> Vec<Label> {
    let element = Regex::new(r"<text ([^>]*)>([^<]*)</text>").expect("a pattern");
    let attribute = |attributes: &str, name: &str| -> Option<String> {
        let pattern = Regex::new(&format!(r#"(?:^| ){name}="([^"]*)""#)).expect("a pattern");
        pattern.captures(attributes).map(|found| found[1].to_owned())
    };
    let number =
        |attributes: &str, name: &str| attribute(attributes, name).and_then(|n| n.parse::<f64>().ok());
    element
        .captures_iter(svg)
        .map(|found| {
            let (attributes, text) = (&found[1], unescape(&found[2]));
            let (x, y) = (number(attributes, "x").expect("x"), number(attributes, "y").expect("y"));
            let size = number(attributes, "font-size").expect("a size");
            let bold = attribute(attributes, "font-weight").is_some();
            let width = if bold { lettering::bold_width(&text, size) } else { lettering::width(&text, size) };
            let left = match attribute(attributes, "text-anchor").as_deref() {
                Some("middle") => x - width / 2.0,
                Some("end") => x - width,
                _ => x,
            };
            // Capitals and figures: from the baseline to 0.72 of the size.
            Label { text, left, right: left + width, top: y - 0.72 * size, bottom: y }
        })
        .collect()
}

/// left, top, right, bottom
fn view(svg: &str) -> [f64; 4] {
    let found = Regex::new(r#"viewBox="([^"]*)""#).expect("a pattern").captures(svg).expect("a viewBox");
    let parts: Vec<f64> = found[1].split(' ').map(|n| n.parse().expect("a number")).collect();
    [parts[0], parts[1], parts[0] + parts[2], parts[1] + parts[3]]
}

#[test]
fn no_label_is_cut_and_none_lies_over_another() {
    let (_dir, odd) = reported(ODD);
    for written in [small(), &odd] {
        let plots = plots(&written.files);
        assert_eq!(plots.len(), 7, "{:?}", plots.iter().map(|(name, _)| name).collect::<Vec<_>>());
        plots.iter().for_each(|(name, svg)| readable(name, svg));
    }
}

fn readable(name: &str, svg: &str) {
    {
        let labels = labels(svg);
        assert!(labels.len() > 5, "{name} has {} labels", labels.len());
        let [left, top, right, bottom] = view(svg);
        for label in &labels {
            let inside =
                label.left >= left && label.right <= right && label.top >= top && label.bottom <= bottom;
            assert!(inside, "{name}: {:?} at {label:?} is cut by {left} {top} {right} {bottom}", label.text);
        }
        for (at, one) in labels.iter().enumerate() {
            for other in &labels[at + 1..] {
                let apart = one.right <= other.left
                    || other.right <= one.left
                    || one.bottom <= other.top
                    || other.bottom <= one.top;
                assert!(apart, "{name}: {:?} {one:?} lies over {:?} {other:?}", one.text, other.text);
            }
        }
    }
}

#[test]
fn every_coloured_mark_has_a_class_that_the_theme_knows() {
    let written = small();
    let class = Regex::new(r#"class="([^"]*)""#).expect("a pattern");
    let mark = Regex::new(r"<(path|rect|circle|text|line) [^>]*>").expect("a pattern");
    for (name, svg) in plots(&written.files) {
        assert!(!svg.contains("style=\""), "{name} has a style that no theme can change");
        for found in mark.find_iter(&svg) {
            let classes =
                class.captures(found.as_str()).unwrap_or_else(|| panic!("{name}: {}", found.as_str()));
            let role = classes[1].split(' ').next_back().expect("a class").to_owned();
            let known = svg.contains(&format!(".{role}{{color:var(--{role})}}"));
            assert!(known, "{name}: {role} is no role");
        }
    }
}

#[test]
fn the_page_loads_nothing_and_says_all_without_a_script() {
    let written = small();
    let page = fs::read_to_string(&written.page).expect("a page");
    for loads in ["://", " src=", "<link", "<img", "<iframe", "@import", "url(", "<object", "<embed"] {
        assert!(!page.contains(loads), "the page has {loads:?}");
    }
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";
    assert!(page.contains(policy) && !page.contains("unsafe-inline"));
    let scripts = Regex::new(r"(?s)<script[^>]*>.*?</script>").expect("a pattern");
    let silent = scripts.replace_all(&page, "");
    assert_eq!(silent.matches("<svg ").count(), 7);
    assert!(silent.matches("<table>").count() >= 6);
    assert!(silent.contains("What was played") && silent.contains("How to play it again"));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn what_a_server_answered_stays_text() {
    let written = small();
    let page = fs::read_to_string(&written.page).expect("a page");
    assert!(page.contains("queue &lt;full&gt; &amp; closed"), "the example of a refusal is shown");
    assert!(!page.contains("queue <full>"));
    let junit = fs::read_to_string(written.page.with_file_name("junit.xml")).expect("junit.xml");
    for (name, xml) in plots(&written.files).into_iter().chain([("junit.xml".to_owned(), junit)]) {
        balanced(&name, &xml);
    }
}

/// Every element is closed in the order of opening, and `&` stands only in references.
fn balanced(name: &str, xml: &str) {
    let tag = Regex::new(r#"<(/?)([a-zA-Z:-]+)((?:\s+[a-zA-Z:-]+=(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>"#)
        .expect("a pattern");
    let mut open: Vec<String> = Vec::new();
    let mut seen = 0;
    for found in tag.captures_iter(xml) {
        seen += 1;
        match (&found[1], &found[4]) {
            ("/", _) => assert_eq!(open.pop().as_deref(), Some(&found[2]), "{name}"),
            (_, "/") => {}
            _ => open.push(found[2].to_owned()),
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} stay open");
    let prolog = usize::from(xml.starts_with("<?xml"));
    assert_eq!(xml.matches('<').count(), seen + prolog, "{name}: a '<' that begins no element");
    let loose = Regex::new(r"&(?:[^#alqg]|a[^m]|l[^t]|g[^t]|q[^u])").expect("a pattern");
    assert!(!loose.is_match(xml), "{name}: a loose '&'");
}

#[test]
fn a_run_that_was_killed_still_has_a_report_that_says_so() {
    let (_dir, written) = reported(Size { killed_at: Some(22.5), ..SMALL });
    let page = fs::read_to_string(&written.page).expect("a page");
    assert!(page.contains("The record of x4 was cut off"), "the page says it first");
    assert_eq!(page.matches("<svg ").count(), 7, "and shows what there is");
    let invalid = &written.summary.servers[1];
    assert_eq!(invalid.validity.state, peakday::stats::ValidityState::Invalid);
    assert!(peakday::report::verdict(&written.summary).contains("x4 was not measured"));
}

#[test]
fn the_table_fits_a_terminal_and_is_plain() {
    let written = small();
    let table = peakday::report::table(&written.summary);
    assert_eq!(table.lines().count(), 3, "{table}");
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert!(!line.contains('\u{1b}'));
    }
    let names: BTreeSet<&str> = table.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, BTreeSet::from(["flat-3m", "x4"]));
    assert!(peakday::report::painted_table(&written.summary).contains('\u{1b}'));
}

#[test]
fn a_report_is_drawn_again_over_an_earlier_one() {
    let (dir, written) = reported(SMALL);
    let before: Vec<Vec<u8>> = written.files.iter().map(|path| fs::read(path).expect("a file")).collect();
    let again = peakday::report::write(dir.path()).expect("a second report");
    let after: Vec<Vec<u8>> = again.files.iter().map(|path| fs::read(path).expect("a file")).collect();
    assert_eq!(again.files, written.files);
    assert!(before == after, "the same record makes the same bytes");
    let left = fs::read_dir(dir.path()).expect("the folder");
    let half =
        left.filter(|entry| entry.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "part")));
    assert_eq!(half.count(), 0);
}
