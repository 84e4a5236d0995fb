//! Every scenario that is shipped can be read, and is of the shape that the schema says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use peakday::scenario::Scenario;
use peakday::scenario::file::{self, Context};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Name and text of every shipped scenario.
fn shipped() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(folder())
        .expect("the folder scenarios/")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a readable scenario"))
        })
        .collect();
    found.sort();
    found
}

fn load(name: &str, text: &str) -> Scenario {
    let read = |path: &str| -> io::Result<String> { fs::read_to_string(folder().join(path)) };
    let context = Context {
        read: &read,
        values: &peakday::synthetic::VALUES,
        generators: &peakday::synthetic::GENERATORS,
    };
    file::load(text, name, &context).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_scenario_is_sound() {
    for (name, text) in shipped() {
        let scenario = load(&name, &text);
        assert_eq!(scenario.name, name);
        assert!(!scenario.slos.is_empty(), "{name} promises nothing");
        assert!(!scenario.servers.is_empty() || scenario.target.is_some(), "{name} has nothing to load");
    }
}
