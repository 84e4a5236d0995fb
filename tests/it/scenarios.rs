//! Every scenario that is shipped can be read, is of the shape that the schema says, and is sized as it says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use peakday::journey::Script;
use peakday::scenario::slo::Slo;
use peakday::scenario::{Arrivals, Cause};
use reference_server::class::Class;
use reference_server::config::Config;
use serde_json::Value;

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

/// A shipped scenario by name.
pub(crate) fn shipped_scenario(name: &str) -> Scenario {
    let text = fs::read_to_string(folder().join(format!("{name}.toml"))).expect("a shipped scenario");
    load(name, &text)
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

/// What is wrong with a value, by the part of JSON Schema that the scenario's schema uses; any other part is a panic.
fn refused(schema: &Value, root: &Value, value: &Value, at: &str) -> Option<String> {
    let object = schema.as_object().expect("a schema is an object");
    object.iter().find_map(|(keyword, rule)| match (keyword.as_str(), value) {
        ("$schema" | "$defs" | "title" | "description" | "examples" | "format", _) => None,
        ("$ref", _) => {
            let target = rule.as_str().and_then(|path| root.pointer(path.trim_start_matches('#')));
            refused(target.expect("a definition"), root, value, at)
        }
        ("anyOf", _) => {
            let tried: Vec<String> =
                rule.as_array()?.iter().map_while(|schema| refused(schema, root, value, at)).collect();
            (tried.len() == rule.as_array()?.len()).then(|| tried.join(" and "))
        }
        ("enum", _) => (!rule.as_array()?.contains(value)).then(|| format!("{at}: {value} is not in {rule}")),
        ("type", _) => {
            let is = match rule.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("the type {other}"),
            };
            (!is).then(|| format!("{at}: {value} is no {rule}"))
        }
        ("pattern", Value::String(text)) => {
            let pattern = regex::Regex::new(rule.as_str()?).expect("a regular expression");
            (!pattern.is_match(text)).then(|| format!("{at}: {text:?} is not of the form {rule}"))
        }
        ("minimum", Value::Number(number)) => {
            (number.as_f64() < rule.as_f64()).then(|| format!("{at}: {number}"))
        }
        ("maximum", Value::Number(number)) => {
            (number.as_f64() > rule.as_f64()).then(|| format!("{at}: {number}"))
        }
        ("minProperties", Value::Object(map)) => {
            ((map.len() as u64) < rule.as_u64()?).then(|| format!("{at}: empty"))
        }
        ("maxProperties", Value::Object(map)) => {
            ((map.len() as u64) > rule.as_u64()?).then(|| format!("{at}: too many"))
        }
        ("required", Value::Object(map)) => rule
            .as_array()?
            .iter()
            .find(|key| !map.contains_key(key.as_str().unwrap_or_default()))
            .map(|key| format!("{at}: {key} is missing")),
        ("properties", Value::Object(map)) => {
            map.iter().find_map(|(key, value)| refused(rule.get(key)?, root, value, &format!("{at}.{key}")))
        }
        ("additionalProperties", Value::Object(map)) => map
            .iter()
            .filter(|(key, _)| object.get("properties").is_none_or(|known| known.get(key).is_none()))
            .find_map(|(key, value)| match rule {
                Value::Bool(false) => Some(format!("{at}.{key} is unknown")),
                rule => refused(rule, root, value, &format!("{at}.{key}")),
            }),
        ("items", Value::Array(items)) => {
            items.iter().enumerate().find_map(|(i, item)| refused(rule, root, item, &format!("{at}[{i}]")))
        }
        (
            "pattern"
            | "minimum"
            | "maximum"
            | "minProperties"
            | "maxProperties"
            | "required"
            | "properties"
            | "additionalProperties"
            | "items",
            _,
        ) => None,
        (other, _) => panic!("the schema says {other}, which this test does not know"),
    })
}

fn refused_by_schema(text: &str) -> Option<String> {
    let schema = file::schema();
    let table: toml::Table = text.parse().expect("TOML");
    refused(&schema, &schema, &serde_json::to_value(table).expect("JSON"), "")
}

#[test]
fn every_shipped_scenario_is_of_the_shape_that_the_schema_says() {
    let read = |path: &str| fs::read_to_string(folder().join(path));
    for (name, text) in shipped() {
        assert_eq!(refused_by_schema(&file::whole(&text, &read)), None, "{name}");
    }
}

#[test]
fn the_schema_refuses_unknown_and_missing_keys_and_missing_units() {
    let text = fs::read_to_string(folder().join("any-http.toml")).expect("a readable scenario");
    for (old, new, expected) in [
        ("timeout = \"5s\"", "time_out = \"5s\"", "population[0]"),
        ("timeout = \"5s\"", "", "population[0]: \"timeout\" is missing"),
        ("timeout = \"5s\"", "timeout = 5", "population[0].timeout: 5 is no"),
        ("timeout = \"5s\"", "timeout = \"5\"", "population[0].timeout: \"5\" is not of the form"),
        ("rate = \"10/s\"", "rate = 10", "population[0].arrivals.rate: 10 is no"),
        ("from = \"step\"", "from = \"middle\"", "population[0].retry.from: \"middle\" is not in"),
        ("cap = \"2s\"", "", "full_jitter: \"cap\" is missing"),
    ] {
        assert!(text.contains(old), "{old}");
        let refused = refused_by_schema(&text.replacen(old, new, 1)).unwrap_or_default();
        assert!(refused.contains(expected), "{new}: {refused}");
    }
}

/// First tries of counted requests per unit of the day, from the shares, batches and chances of the scenario.
fn requests_per_unit(scenario: &Scenario) -> f64 {
    let volume = scenario.unit.as_ref().expect("a unit").volume.per_day();
    let scripts: Vec<Script> =
        scenario.populations.iter().map(|p| Script::new(p, &scenario.run.timeline())).collect();
    let journeys = |index: usize| match &scenario.populations[index].arrivals {
        Arrivals::Curve { per_day, .. } => per_day / volume,
        _ => 0.0,
    };
    let messages: f64 = (0..scripts.len())
        .map(|p| {
            let plays = scripts[p].plays();
            let steps = plays.iter().zip(&scenario.populations[p].steps);
            journeys(p) * steps.map(|(plays, step)| plays * f64::from(step.messages)).sum::<f64>()
        })
        .sum();
    (0..scripts.len())
        .map(|p| match &scenario.populations[p].arrivals {
            Arrivals::After(after) => {
                assert_eq!(after.cause, Cause::Message, "the evening's only cause");
                messages * after.share * after.journeys * scripts[p].requests_per_journey()
            }
            _ => journeys(p) * scripts[p].requests_per_journey(),
        })
        .sum()
}

#[test]
fn the_servers_of_the_evening_are_sized_as_their_files_say() {
    let scenario = shipped_scenario("evening-2022-01-05");
    let per_test = requests_per_unit(&scenario);
    let config = |name: &str| {
        let entry = scenario.servers.iter().find(|entry| entry.name == name).expect("a server");
        (Config::parse(&entry.config).expect("a sound configuration"), &entry.config)
    };
    let (flat, written) = config("flat-3m");
    assert!(
        written.contains(&format!("requests per test = {per_test:.4}")),
        "{per_test:.4} requests per test"
    );

    let hold = flat.hold_law(Class::Form).expect("a hold law").mean().as_secs_f64();
    let rate = 3e6 * per_test / 86_400.0 / 0.8;
    assert_eq!(flat.slots.workers, (rate * hold).ceil() as usize, "{rate} requests/s hold {hold} s each");
    let one_second = |config: &Config| (config.slots.workers as f64 / hold).round() as usize;
    assert_eq!(flat.slots.queue, one_second(&flat));

    let (x4, _) = config("x4");
    assert_eq!((x4.slots.workers, x4.slots.queue), (4 * flat.slots.workers, one_second(&x4)));
    assert_eq!(
        Config { slots: flat.slots.clone(), about: flat.about.clone(), ..x4 },
        flat,
        "they differ in slots only"
    );
}

#[test]
fn the_unwanted_come_only_in_scenarios_that_judge_what_they_do_to_the_others() {
    for (name, text) in shipped() {
        let scenario = load(&name, &text);
        let unwanted: Vec<_> = scenario.populations.iter().filter(|of| !of.legitimate).collect();
        if unwanted.is_empty() || name == "smoke" {
            continue;
        }
        let promised = |text: &str| scenario.slos.iter().any(|slo| slo.text.starts_with(text));
        assert!(promised("goodput{legitimate=true}") && promised("clean{legitimate=true}"), "{name}");
        assert!(scenario.servers.len() >= 3, "{name} compares too few configurations");
        for population in unwanted {
            let bounded = match &population.arrivals {
                Arrivals::Curve { curve, .. } => curve.share_before("18:50".parse().expect("a time")) == 0.0,
                Arrivals::After(after) => after.share <= 0.05,
                Arrivals::Rate { .. } => false,
            };
            assert!(bounded, "{name}: {} is bounded neither in time nor in share", population.name);
        }
    }
}

#[test]
fn a_rate_in_a_stretch_of_the_day_is_that_rate_there_and_nothing_elsewhere() {
    let robots = shipped_scenario("robots");
    let robot = robots.populations.iter().find(|of| of.name == "robot").expect("a population");
    let at = |from: &str, to: &str| {
        let timeline = robots.run.timeline();
        let offset = |text: &str| {
            let time: peakday::units::TimeOfDay = text.parse().expect("a time");
            timeline.offset_at(i64::try_from(time.nanos()).expect("within a day"))
        };
        peakday::arrivals::expected(robot, &timeline, offset(from), offset(to))
    };
    // 117/s for 25 minutes, of which a minute takes a second.
    assert!((at("18:55", "19:20") - 117.0 * 25.0).abs() < 1e-6);
    assert!((at("19:00", "19:01") - 117.0).abs() < 1e-6);
    assert_eq!((at("18:50", "18:55"), at("19:20", "20:05")), (0.0, 0.0));
}

#[test]
fn the_server_for_the_busiest_minute_of_twelve_million_is_sized_as_its_file_says() {
    let scenario = shipped_scenario("target-12m");
    let config = |name: &str| {
        let entry = scenario.servers.iter().find(|entry| entry.name == name).expect("a server");
        Config::parse(&entry.config).expect("a sound configuration")
    };
    let (peak, x4) = (config("peak-12m"), config("x4"));
    let hold = peak.hold_law(Class::Form).expect("a hold law").mean().as_secs_f64();
    assert_eq!(peak.slots.workers, (3_305.3 / 0.8 * hold).ceil() as usize);
    assert_eq!(peak.slots.queue, (peak.slots.workers as f64 / hold).round() as usize);
    assert_eq!(peak.hold, x4.hold);
    for (name, software) in [("target-12m", 0.35), ("target-12m-software", 0.80)] {
        let scenario = shipped_scenario(name);
        let per_day = |name: &str| {
            let of = scenario.populations.iter().find(|of| of.name == name).expect("a population");
            let Arrivals::Curve { per_day, .. } = of.arrivals else { panic!("{name} follows no curve") };
            per_day
        };
        let by_software = per_day("software") + per_day("software-eager");
        let share = by_software / (by_software + per_day("pharmacist"));
        assert!((share - software).abs() < 1e-9, "{name}: {share}");
        assert!((by_software + per_day("pharmacist") - 0.70 * 12e6).abs() < 1.0, "{name}");
    }
}

#[test]
fn the_readme_names_every_key_and_its_examples_hold() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("scenarios/README.md");
    let schema = file::schema();
    let tables = schema["$defs"].as_object().expect("definitions").values().chain([&schema]);
    let keys =
        tables.filter_map(|table| table["properties"].as_object()).flat_map(|properties| properties.keys());
    for key in keys {
        let written = [
            format!("`{key}`"),
            format!("{key} = "),
            format!("[{key}]"),
            format!("[{key}."),
            format!(".{key}]"),
        ];
        assert!(written.iter().any(|form| readme.contains(form.as_str())), "README.md does not name {key}");
    }
    let blocks = || readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let smallest = blocks().find(|block| block.contains("[run]") && block.contains("[[population]]"));
    load("readme", smallest.expect("the smallest scenario"));
    let slos = blocks().find(|block| block.starts_with("slos")).expect("the promises");
    for line in slos.lines().filter(|line| line.starts_with("  \"")) {
        line.trim()
            .trim_end_matches(',')
            .trim_matches('"')
            .parse::<Slo>()
            .unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}
