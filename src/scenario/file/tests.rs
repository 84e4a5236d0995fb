//! Wrong scenarios and what is said about them.

use std::io;

use super::*;
use crate::scenario::{Arrivals, Body, Cause};

const SMALL: &str = r#"
about = "two requests"
[run]
duration = "10s"
[[population]]
name = "visitor"
arrivals = { rate = "5/s" }
timeout = "2s"
  [[population.step]]
  name = "home"
  get = "/"
  [[population.step]]
  name = "page"
  get = "/page"
"#;

fn read(path: &str) -> io::Result<String> {
    match path {
        "curves/flat.csv" => {
            Ok("time,weight\n".to_owned() + &(0..24).map(|h| format!("{h:02}:00,1\n")).collect::<String>())
        }
        "curves/short.csv" => Ok("time,weight\n00:00,1\n".to_owned()),
        "servers/ok.toml" => Ok("[slots]\nworkers = 4\n".to_owned()),
        "servers/wrong.toml" => Ok("[slots]\nworker = 4\n".to_owned()),
        "bodies/x.json" => Ok("{\"name\":\"${person.family_name}\"}".to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    }
}

fn try_load(text: &str) -> Result<Scenario, Problems> {
    let context = Context {
        read: &read,
        values: &["account.id", "person.family_name", "random"],
        generators: &["entry", "entries"],
    };
    load(text, "t", &context)
}

/// The small scenario with one text replaced by another.
fn with(old: &str, new: &str) -> String {
    assert!(SMALL.contains(old), "{old:?} is not in the small scenario");
    SMALL.replacen(old, new, 1)
}

fn problems(text: &str) -> Vec<String> {
    match try_load(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_small_scenario_is_sound_and_has_its_defaults() {
    let scenario = try_load(SMALL).unwrap();
    assert_eq!((scenario.seed, scenario.run.time_warp, scenario.run.scale), (1, 1.0, 1.0));
    assert_eq!(scenario.run.timeline().measured(), crate::units::Span::from_secs(10));
    let [visitor] = scenario.populations.as_slice() else { panic!("one population") };
    assert!(visitor.legitimate && visitor.retry.is_none() && visitor.accounts.is_none());
    assert_eq!(visitor.steps[1].class, "page");
    assert_eq!(visitor.steps[0].success.status, [(200, 299)]);
}
