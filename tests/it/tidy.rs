//! The house rules that a machine can keep: layers, doors, file sizes, first lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of `src/` in layers, lowest first. A module imports only from strictly lower layers.
const LAYERS: &[&[&str]] = &[
    &["units", "rng"],
    &["scenario"],
    &["arrivals", "journey", "synthetic", "record"],
    &["stats"],
    &["load", "sim"],
    &["calibrate", "size", "gate"],
    &["report"],
    &["cli"],
    &["main", "lib"],
];

/// Packages that come in through one door: (package, places under the repository's root).
const DOORS: &[(&str, &[&str])] = &[
    ("goose", &["src/load"]),
    ("plotters", &["src/report"]),
    ("resvg", &["src/report/raster"]),
    ("hdrhistogram", &["src/record/histogram"]),
    ("clap", &["src/cli", "src/main", "reference-server/src/cli", "reference-server/src/main"]),
    ("rand_distr", &["reference-server/src/config/law"]),
    ("rusqlite", &["reference-server/src/store"]),
    ("tokio_postgres", &["reference-server/src/store"]),
    ("coset", &["reference-server/src/dcc"]),
    ("ciborium", &["reference-server/src/dcc"]),
    ("base45", &["reference-server/src/dcc"]),
    ("flate2", &["reference-server/src/dcc"]),
    ("rcgen", &["reference-server/src/dcc", "reference-server/src/tls"]),
    ("rustls", &["src/load/tls", "reference-server/src/tls", "reference-server/src/serve"]),
    ("tokio_rustls", &["src/load/tls", "reference-server/src/connections", "reference-server/src/serve"]),
    ("rustls_platform_verifier", &["src/load/tls"]),
    ("x509_cert", &["reference-server/src/dcc"]),
    ("qrcodegen", &["reference-server/src/certificate/code"]),
    ("png", &["reference-server/src/certificate/picture"]),
    ("maud", &["reference-server/src/pages"]),
    ("pdf_writer", &["reference-server/src/certificate/document"]),
];

/// Modules that know no wall clock, no async runtime and no network.
const PURE: &[&str] =
    &["units", "rng", "scenario", "arrivals", "journey", "synthetic", "record", "stats", "sim"];
const IMPURE: &[&str] =
    &["tokio::", "std::net", "Instant::now", "SystemTime", "hyper::", "axum::", "std::thread::sleep"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust sources below the given folders: path relative to the root, and text without line comments.
fn sources(folders: &[&str]) -> BTreeMap<String, String> {
    fn walk(dir: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("a readable source"));
            }
        }
    }
    let mut found = BTreeMap::new();
    for folder in folders {
        walk(&root().join(folder), &mut found);
    }
    found
}

fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The top module of a file of `src/`: `src/load/pacer.rs` belongs to `load`.
fn module(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split(['/', '.']).next()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn a_module_imports_only_from_lower_layers() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["src"]) {
        let own = module(&path).expect("a module");
        let own_layer =
            layer(own).unwrap_or_else(|| panic!("{path}: module `{own}` has no layer: add it to LAYERS"));
        let text = code(&text);
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            // `use crate::{a::X, b::Y}` does not occur: rustfmt leaves it, so the test refuses it.
            if rest.starts_with('{') {
                wrong.push(format!(
                    "{path}: write one `use crate::module` a line, so that the layers can be read"
                ));
                continue;
            }
            let used =
                rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
            if let Some(used_layer) = layer(used)
                && used != own
                && used_layer >= own_layer
            {
                wrong.push(format!("{path} imports `{used}`, which is not below `{own}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn narrow_packages_come_in_through_one_door() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["src", "reference-server/src"]) {
        let text = code(&text);
        for (package, doors) in DOORS {
            let used = text.match_indices(&format!("{package}::")).any(|(at, _)| {
                !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
            });
            if used && !doors.iter().any(|door| path.starts_with(door)) {
                wrong.push(format!("{path} uses {package}, whose door is {doors:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_modules_know_no_clock_no_runtime_and_no_network() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&["src"]) {
        if PURE.contains(&module(&path).expect("a module")) {
            let text = code(&text);
            wrong.extend(
                IMPURE.iter().filter(|word| text.contains(*word)).map(|word| format!("{path} uses {word}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reference_server_knows_nothing_of_the_toolkit() {
    for (path, text) in sources(&["reference-server"]) {
        assert!(!code(&text).contains("peakday::"), "{path} uses the toolkit");
    }
}

#[test]
fn every_file_says_its_one_idea_and_is_short() {
    let mut wrong = Vec::new();
    let mut sizes = Vec::new();
    for (path, text) in
        sources(&["src", "reference-server/src", "tests", "reference-server/tests", "benches"])
    {
        let lines = text.lines().count();
        sizes.push(lines);
        if lines > 500 {
            wrong.push(format!("{path} has {lines} lines, more than 500"));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{path} does not begin with a line `//! ` that says its idea"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(median <= 200, "the median file has {median} lines; the house aims at 120");
}

#[test]
fn no_test_is_ignored_and_none_waits_for_a_panic() {
    for (path, text) in sources(&["src", "reference-server", "tests"]) {
        for word in [concat!("#[", "ignore"), concat!("#[", "should_panic")] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}
