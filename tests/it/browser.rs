//! The report in a real browser: nothing cut, nothing wider than the window, nothing fetched, in both themes.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fake_run::{self, EVENING, Size};

/// Looks at the page when it has loaded and leaves what it saw in the document, which the browser then prints.
const LOOK: &str = r"<script>addEventListener('load', () => {
  const texts = [...document.querySelectorAll('svg text')].filter(text => text.getBoundingClientRect().width > 0);
  const cut = texts.filter(text => {
    const frame = text.ownerSVGElement.getBoundingClientRect(), box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
      || box.bottom > frame.bottom + 1;
  });
  const page = document.documentElement;
  page.dataset.seen = JSON.stringify({
    texts: texts.length,
    cut: cut.map(text => text.textContent),
    overflow: page.scrollWidth - page.clientWidth,
    fetched: performance.getEntriesByType('resource').map(entry => entry.name),
    background: getComputedStyle(document.body).backgroundColor,
  });
});</script></body>";

/// What the browser saw of a page in a window of this width.
fn look(page: &str, width: u32, dark: bool) -> Value {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("page.html");
    // The page lets only its own script run; the one that looks must be let in beside it.
    let (before, rest) = page.split_once("script-src ").expect("a policy for scripts");
    let (_, after) = rest.split_once(';').expect("more of the policy");
    let page = format!("{before}script-src 'unsafe-inline';{after}");
    let theme = if dark { "<html data-theme=\"dark\"" } else { "<html data-theme=\"light\"" };
    fs::write(&file, page.replace("</body>", LOOK).replacen("<html", theme, 1)).expect("the page");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([
            format!("--user-data-dir={}", dir.path().join("profile").display()),
            format!("--window-size={width},1000"),
            "--dump-dom".to_owned(),
            format!("file://{}", file.display()),
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("chromium is needed (tests/run.sh installs it)");
    let dom = String::from_utf8_lossy(&output.stdout);
    let seen =
        dom.split_once("data-seen=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(seen, _)| seen);
    let seen = seen.unwrap_or_else(|| panic!("the page did not load: {dom:.300}"));
    serde_json::from_str(&seen.replace("&quot;", "\"").replace("&amp;", "&")).expect("JSON")
}

#[test]
fn the_page_is_whole_in_a_real_browser() {
    let dir = tempfile::tempdir().expect("a folder");
    fake_run::write(dir.path(), Size { scale: 0.25, servers: EVENING, seconds: 40, killed_at: None });
    let written = peakday::report::write(dir.path()).expect("a report");
    let page = fs::read_to_string(written.page).expect("the page");
    let mut backgrounds = Vec::new();
    for (width, dark) in [(1200, false), (1200, true), (800, false)] {
        let seen = look(&page, width, dark);
        assert!(seen["texts"].as_u64().unwrap() > 50, "{seen}");
        assert_eq!(seen["cut"], serde_json::json!([]), "cut at {width} pixels");
        assert_eq!(seen["fetched"], serde_json::json!([]), "fetched from a network");
        assert!(seen["overflow"].as_i64().unwrap() <= 0, "wider than {width} pixels by {}", seen["overflow"]);
        backgrounds.push(seen["background"].clone());
    }
    assert_ne!(backgrounds[0], backgrounds[1], "light and dark look the same");
}
