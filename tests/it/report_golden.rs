//! The report of an invented run, byte for byte: `UPDATE_GOLDEN=1` accepts what it is now.

use std::fs;
use std::path::Path;

use crate::fake_run::{self, EVENING, Size};

fn check(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of golden files");
        fs::write(&path, now).expect("a golden file");
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let differs = golden.lines().zip(now.lines()).find(|(was, is)| was != is);
    assert!(
        golden == now,
        "{name} is not as it was; the first difference: {differs:?}. Look at it, then run again with UPDATE_GOLDEN=1"
    );
}

#[test]
fn the_words_and_tables_of_a_report_are_as_they_were() {
    let dir = tempfile::tempdir().expect("a folder");
    fake_run::write(dir.path(), Size { scale: 0.25, servers: EVENING, seconds: 40, killed_at: None });
    let written = peakday::report::write(dir.path()).expect("a report");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("a file of the report");
    check("report.md", &read("report.md"));
    check("junit.xml", &read("junit.xml"));
    let terminal = format!(
        "{}\n{}",
        peakday::report::table(&written.summary),
        peakday::report::verdict(&written.summary)
    );
    check("terminal.txt", &terminal);
}

#[test]
fn where_unwanted_clients_came_a_report_begins_with_what_they_left_to_the_others() {
    let dir = tempfile::tempdir().expect("a folder");
    fake_run::write(dir.path(), Size { scale: 0.1, servers: EVENING, seconds: 20, killed_at: None });
    let mut summary = peakday::report::write(dir.path()).expect("a report").summary;
    assert!(!peakday::report::table(&summary).contains("Goodput of the legitimate"));
    for server in &mut summary.servers {
        server.populations[1].legitimate = false;
        server.legitimate.goodput_share = Some(if server.name == "x4" { 1.0 } else { 0.431 });
    }
    let table = peakday::report::table(&summary);
    assert!(
        table.starts_with("Goodput of the legitimate: 43 % with flat-3m and 100 % with x4.\n\nserver "),
        "{table}"
    );
}
