//! Wrong scenarios and what is said about them.

mod workload;

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

/// Each wrong text and the one thing that is said about it.
#[test]
fn every_wrong_value_is_named_with_its_place_and_a_hint() {
    let rate = r#"arrivals = { rate = "5/s" }"#;
    let page = r#"get = "/page""#;
    let cases = [
        // Keys.
        (
            r#"timeout = "2s""#,
            r#"time_out = "2s""#,
            r#"population[0].time_out (visitor): there is no such key; did you mean "timeout"?"#,
        ),
        ("[run]", "[rum]\n[run]", r#"rum: there is no such key; did you mean "run"?"#),
        (
            page,
            "get = \"/page\"\ncolour = 1",
            "population[0].step[1].colour (visitor, page): there is no such key; known here: name, get",
        ),
        (r#"about = "two requests""#, "", "about: is missing"),
        (r#"name = "visitor""#, "", "population[0].name: is missing"),
        (r#"name = "page""#, "", "population[0].step[1].name (visitor): is missing"),
        // Values of another kind, missing units.
        (r#"timeout = "2s""#, "timeout = 2", "population[0].timeout (visitor): 2 has no unit"),
        (
            r#"timeout = "2s""#,
            r#"timeout = "2""#,
            r#"population[0].timeout (visitor): "2" has no unit; write a number and a unit"#,
        ),
        (r#"timeout = "2s""#, r#"timeout = "3s..2s""#, "ends before it begins"),
        (r#"timeout = "2s""#, r#"timeout = "0s""#, "nobody would wait"),
        (
            rate,
            r#"arrivals = { rate = "5" }"#,
            r#"population[0].arrivals.rate (visitor): "5" is not a rate: it has no period"#,
        ),
        (rate, "arrivals = { rate = 5 }", "5 has no unit"),
        (
            rate,
            r#"arrivals = "5/s""#,
            r#"population[0].arrivals (visitor): "5/s" is a text; write a table with curve"#,
        ),
        (r#"duration = "10s""#, "duration = true", "run.duration: true is true or false"),
        (
            r#"duration = "10s""#,
            "duration = \"10s\"\ntime_warp = \"fast\"",
            r#"run.time_warp: "fast" is a text; write a number"#,
        ),
        (r#"duration = "10s""#, "duration = \"10s\"\ntime_warp = inf", "run.time_warp: inf is no number"),
        (r#"about = "two requests""#, "about = 3\n", "about: 3 is a number; write a text"),
        (r#"about = "two requests""#, "about = \"x\"\nseed = -1", "seed: -1 is out of range"),
        (r#"about = "two requests""#, "about = \"x\"\nseed = 1.5", "seed: 1.5 is no whole number"),
        (r#"about = "two requests""#, "about = \"x\"\ndate = \"2022-02-30\"", "is no date"),
        (
            r#"name = "visitor""#,
            r#"name = "Visitor""#,
            r#""Visitor" is no name; names are of a-z, 0-9 and "-""#,
        ),
        (
            r#"timeout = "2s""#,
            "timeout = \"2s\"\nconnection = \"keep\"",
            r#"population[0].connection (visitor): "keep" is not among the words for this; write "new" or "kept" or "pool""#,
        ),
        // Impossible values.
        (
            r#"duration = "10s""#,
            r#"window = "20:00-18:00""#,
            "run.window: \"20:00-18:00\" ends before it begins",
        ),
        (r#"duration = "10s""#, "", "run.window: is missing"),
        (
            r#"duration = "10s""#,
            r#"duration = "25h""#,
            "run.duration: 1day1h of wall time is nothing, or reaches past 24:00",
        ),
        (r#"duration = "10s""#, "duration = \"10s\"\ntime_warp = 0.5", "run.time_warp: 0.5 is below 1"),
        (
            r#"duration = "10s""#,
            "duration = \"10s\"\nsettle = \"10s\"",
            "run.settle: 10s leaves no journey to judge",
        ),
        (r#"duration = "10s""#, "duration = \"10s\"\nscale = 0", "run.scale: 0 leaves nothing to do"),
        (rate, r#"arrivals = { rate = "0/s" }"#, "brings nobody"),
        (
            rate,
            r#"arrivals = { rate = "5/s", batch = 2 }"#,
            r#"population[0].arrivals.batch (visitor): goes only with "curve""#,
        ),
        (
            rate,
            r#"arrivals = { rate = "5/s", after = "message" }"#,
            r#""rate", "after" exclude one another; write exactly one of "curve", "rate", "after""#,
        ),
        (rate, "arrivals = { }", "does not say what it is"),
        (
            rate,
            r#"arrivals = { curve = "day", volume = "1M/day" }"#,
            r#"population[0].arrivals.curve (visitor): there is no curve "day""#,
        ),
        (
            page,
            "get = \"/page\"\nchance = 1.5",
            "population[0].step[1].chance (visitor, page): 1.5 is no chance",
        ),
        (page, "get = \"/page\"\npost = \"/page\"", r#""get", "post" exclude one another"#),
        (page, "", "does not say what it is"),
        (page, r#"get = "page""#, r#"population[0].step[1].get (visitor, page): "page" is no path"#),
        (page, "get = \"/page\"\nsuccess = { status = \"2xx\" }", "are no status codes"),
        (page, "get = \"/page\"\nevery = 10", "this population has none"),
        (page, "get = \"/page\"\nbody = { generator = \"entries\", items = 0 }", "0 is out of range"),
        (
            page,
            "get = \"/page\"\nkeep = { x = { json = \"a\" } }",
            r#"population[0].step[1].keep.x.json (visitor, page): "a" is no JSON pointer; write "/a""#,
        ),
        (page, "get = \"/page\"\nkeep = { x = { regex = \"(\" } }", "keep.x.regex"),
        (
            page,
            "get = \"/page\"\nkeep = { x = { cookie = \"a\", by = \"account\" } }",
            "keep.x.by (visitor, page): this population has no accounts",
        ),
        (
            page,
            "get = \"/page\"\nthink = { lognormal = { mean = \"1s\" } }",
            "think.lognormal (visitor, page): does not say one lognormal law",
        ),
        (
            page,
            "get = \"/page\"\nthink = { lognormal = { mean = \"1s\", cv = 0 } }",
            "cv (visitor, page): 0 is not above 0",
        ),
        (
            page,
            "get = \"/page\"\nthink = { triangular = { from = \"1s\", mode = \"5s\", to = \"3s\" } }",
            "are not in order",
        ),
        (
            page,
            "get = \"/page\"\nthink = { gamma = { mean = \"1s\" } }",
            r#"think.gamma (visitor, page): there is no such key; known here: exponential"#,
        ),
        (
            r#"timeout = "2s""#,
            "timeout = \"2s\"\nretry = { }",
            "population[0].retry.backoff (visitor): is missing",
        ),
        (
            r#"timeout = "2s""#,
            "timeout = \"2s\"\nretry = { backoff = { full_jitter = { base = \"2s\", cap = \"1s\" } } }",
            "from 2s to 1s is no back-off",
        ),
        (
            r#"timeout = "2s""#,
            "timeout = \"2s\"\nretry = { backoff = \"1s\", pause = \"1h\" }",
            "retry.pause (visitor): never comes",
        ),
        // References.
        (
            page,
            "get = \"/page\"\nnext = [{ step = \"hone\" }]",
            r#"population[0].step[1].next[0].step (visitor, page): there is no step "hone" in this population; did you mean "home"?"#,
        ),
        (
            page,
            "get = \"/page\"\nnext = [{ step = \"page\" }]",
            "step[1].next (visitor, page): journeys that come here never end",
        ),
        (
            page,
            "get = \"/${token}\"",
            "population[0].step[1].get (visitor, page): ${token} is unknown; known are account.id",
        ),
        (page, "get = \"/${person.famly_name}\"", "did you mean ${person.family_name}?"),
        (page, "get = \"/${account.id}\"", "this population has no accounts"),
        (
            page,
            "get = \"/${x}\"\nkeep = { x = { json = \"/x\" } }",
            "is kept only by step \"page\", which comes later",
        ),
        (page, "get = \"/${x\"", "is not closed"),
        (
            page,
            "get = \"/page\"\nheaders = { a = \"${b}\" }",
            "population[0].step[1].headers.a (visitor, page): ${b} is unknown",
        ),
        (
            page,
            "get = \"/page\"\nheaders = { \"a b\" = \"c\" }",
            r#"headers."a b" (visitor, page): "a b" is no header name"#,
        ),
        (
            page,
            "post = \"/page\"\nbody = { generator = \"entri\" }",
            r#"body.generator (visitor, page): there is no generator "entri"; did you mean "entry"?"#,
        ),
        (
            page,
            "post = \"/page\"\nbody = { file = \"none.json\" }",
            "cannot read \"none.json\": no such file; paths are relative to the scenario",
        ),
        (
            rate,
            r#"arrivals = { after = "visitor.home" }"#,
            "arrivals.after (visitor): never happens; it waits for a population that itself never comes",
        ),
        (
            rate,
            r#"arrivals = { after = "visitors.home" }"#,
            r#"there is no population "visitors"; did you mean "visitor"?"#,
        ),
        (
            rate,
            r#"arrivals = { after = "visitor.hom" }"#,
            r#""visitor" has no step "hom"; did you mean "home"?"#,
        ),
        (rate, r#"arrivals = { after = "something" }"#, r#"write "message", or "population.step""#),
        (r#"name = "page""#, r#"name = "home""#, r#"there are two steps "home""#),
        (r#"name = "page""#, r#"name = "end""#, r#""end" is the end of a journey"#),
        (
            r#"about = "two requests""#,
            "about = \"x\"\nslos = [\"clean{population=visitr} >= 99%\"]",
            r#"slos[0]: unknown population "visitr"; did you mean "visitor"?"#,
        ),
        (
            r#"about = "two requests""#,
            "about = \"x\"\nslos = [\"claen >= 99%\"]",
            r#"slos[0]: unknown metric "claen"; did you mean "clean"?"#,
        ),
        (
            r#"about = "two requests""#,
            "about = \"x\"\nslos = [\"p99(response_time{step=pages}) < 1s\"]",
            r#"unknown step "pages"; did you mean "page"?"#,
        ),
        (
            r#"about = "two requests""#,
            "about = \"x\"\nslos = [\"clean{legitimate=false} >= 99%\"]",
            "no population is selected",
        ),
        (
            r#"about = "two requests""#,
            "about = \"x\"\nslos = [\"lost_acknowledged == 0\"]",
            "nothing finds out lost_acknowledged",
        ),
        (r#"about = "two requests""#, "about = \"x\"\nslos = 3", "slos: 3 is a number; write a list"),
        (r#"about = "two requests""#, "about = \"x\"\ntarget = \"127.0.0.1\"", "is no base URL"),
        (
            "[run]",
            "[[server]]\nname = \"a\"\nconfig = \"servers/none.toml\"\n[run]",
            r#"server[0].config (a): cannot read "servers/none.toml""#,
        ),
        (
            "[run]",
            "[[server]]\nname = \"a\"\nconfig = \"servers/wrong.toml\"\n[run]",
            "server[0].config (a): servers/wrong.toml, slots.worker",
        ),
        (
            "[run]",
            "[audit]\npath = \"/x\"\nstate = \"/s\"\nstored = \"y\"\n[run]",
            "audit.path: \"/x\" asks for no receipt",
        ),
        ("[run]", "[curves]\nday.hours = { 25 = 1 }\n[run]", r#"curves.day.hours.25: "25" is no hour"#),
        (
            "[run]",
            "[curves]\nday.file = \"curves/short.csv\"\n[run]",
            "curves.day.file: curves/short.csv: it has 1 rows",
        ),
        ("[run]", "[curves]\nday = { }\n[run]", "curves.day: is not one curve"),
        ("[run]", "[run", "this is not TOML"),
    ];
    for (old, new, expected) in cases {
        let found = problems(&with(old, new));
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{new}\n  expected {expected}\n  found {found:#?}"
        );
    }
}

#[test]
fn one_wrong_value_makes_one_problem() {
    for (old, new) in [
        (r#"timeout = "2s""#, "timeout = 2"),
        (r#"arrivals = { rate = "5/s" }"#, r#"arrivals = { rate = "5" }"#),
        (r#"duration = "10s""#, "duration = 10"),
        (r#"get = "/page""#, r#"get = "page""#),
        (r#"name = "visitor""#, "name = 1"),
    ] {
        assert_eq!(problems(&with(old, new)).len(), 1, "{new}: {:#?}", problems(&with(old, new)));
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = SMALL
        .replace(r#"timeout = "2s""#, "timeout = 2\nthnik = \"1s\"")
        .replace(r#"duration = "10s""#, "duration = 10\nrun_in = \"3\"")
        .replace(r#"get = "/page""#, "get = \"/${link}\"\nchance = -1");
    let found = problems(&text);
    for expected in ["timeout", "thnik", "run.duration", "run.run_in", "${link}", "chance"] {
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected} in {found:#?}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
    let shown = try_load(&text).unwrap_err().to_string();
    assert!(shown.starts_with("6 problems in scenario \"t\":\n  "), "{shown}");
}

#[test]
fn what_hangs_together_is_put_together() {
    let text = r#"
        about = "x"
        [unit]
        name = "test"
        volume = "1M/day"
        [run]
        window = "10:00-11:00"
        time_warp = 60
        duration = "30s"
        [curves]
        day.file = "curves/flat.csv"
        [[population]]
        name = "sender"
        arrivals = { curve = "day", shares = { a = 0.5, b = 0.5 }, batch = 10 }
        timeout = { lognormal = { median = "10s", sigma = 0.5 } }
          [[population.step]]
          name = "send"
          post = "/send"
          body = { file = "bodies/x.json" }
          messages = 1
        [[population]]
        name = "reader"
        arrivals = { after = "message", share = 0.5, delay = [{ weight = 2, time = "1min..2min" }] }
        timeout = "2s"
          [[population.step]]
          name = "read"
          get = "/r/${link}"
        [[population]]
        name = "caller"
        arrivals = { after = "sender.send" }
        timeout = "2s"
          [[population.step]]
          name = "call"
          get = "/"
        [messages]
        reference = "/ref"
        keep = { link = { regex = "/r/(.*)" } }
    "#;
    let scenario = try_load(text).unwrap();
    let [sender, reader, caller] = scenario.populations.as_slice() else { panic!("three populations") };
    let Arrivals::Curve { per_day, .. } = &sender.arrivals else { panic!("a curve") };
    assert_eq!(*per_day, 25_000.0);
    assert!(
        matches!(&sender.steps[0].request.body, Body::Text(text) if text.variables().eq(["person.family_name"]))
    );
    let Arrivals::After(after) = &reader.arrivals else { panic!("after") };
    assert_eq!((&after.cause, after.share, after.journeys), (&Cause::Message, 0.5, 1.0));
    let Arrivals::After(after) = &caller.arrivals else { panic!("after") };
    assert_eq!(after.cause, Cause::Step { population: 0, step: 0 });
    assert_eq!(scenario.run.to, "10:30".parse().unwrap());
}

#[test]
fn every_value_says_where_it_came_from() {
    let context = Context { read: &read, values: &[], generators: &[] };
    let (_, settings) = load_with_settings(SMALL, "t", &context).unwrap();
    let origin = |path: &str| {
        let setting =
            settings.iter().find(|setting| setting.path == path).unwrap_or_else(|| panic!("{path}"));
        (setting.value.as_str(), setting.origin)
    };
    assert_eq!(origin("run.duration"), ("10s", crate::scenario::Origin::File));
    assert_eq!(origin("run.time_warp"), ("1", crate::scenario::Origin::Default));
    assert_eq!(origin("population[0].step[1].get"), ("/page", crate::scenario::Origin::File));
    assert_eq!(origin("population[0].think"), ("0s", crate::scenario::Origin::Default));
    let mut paths: Vec<&str> = settings.iter().map(|setting| setting.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), settings.len(), "a value is told twice");
}

#[test]
fn flags_stand_above_the_file_and_are_named_in_problems() {
    let over = |path, value: toml::Value| Override {
        path,
        value,
        origin: crate::scenario::Origin::Flag,
        source: format!("--{}", path.trim_start_matches("run.").replace('_', "-")),
    };
    let load = |overrides: &[Override]| {
        let context = Context { read: &read, values: &[], generators: &[] };
        load_over(SMALL, "t", &context, overrides)
    };
    let (scenario, settings) = load(&[over("seed", 7.into()), over("run.duration", "2s".into())]).unwrap();
    assert_eq!((scenario.seed, scenario.run.timeline().measured()), (7, crate::units::Span::from_secs(2)));
    let seed = settings.iter().find(|setting| setting.path == "seed").unwrap();
    assert_eq!((seed.value.as_str(), seed.origin), ("7", crate::scenario::Origin::Flag));

    let problems = load(&[over("run.time_warp", 0.into()), over("run.duration", "2".into())]).unwrap_err();
    let problems: Vec<String> = problems.list.iter().map(ToString::to_string).collect();
    assert!(problems[0].starts_with("run.time_warp (--time-warp): 0 is below 1"), "{problems:?}");
    assert!(problems[1].starts_with("run.duration (--duration): \"2\" has no unit"), "{problems:?}");
}
