//! What is understood of a queueing system's file, and what is said of a wrong one.

use super::*;
use crate::scenario::queueing::{Batch, Coming, Profile};
use crate::scenario::{Law, Work};

const TANDEM: &str = r#"
about = "Two desks and a way back"
seed = 3
[run]
run_in = "10s"
duration = "100s"
replications = 4
[observe]
at = ["1s", "5s"]
cycle = "20s"
[[station]]
name = "front"
servers = 2
queue = 5
abandoned = "serve"
bucket = { rate = "10/s", burst = 3 }
capacity = [{ at = "50s", servers = 1 }]
[[station]]
name = "back"
servers = 4
discipline = "preemptive-priority"
instances = 3
dispatch = "power-of-two"
[[customers]]
name = "guest"
arrivals = { poisson = { sinusoid = { base = "2/s", amplitude = "1/s", period = "20s" } } }
batch = 2.5
batch_law = "geometric"
initial = 3
patience = { exponential = { mean = "1s" } }
patience_until = "answer"
retry = { after = "1s..2s", persistence = 0.5 }
  [[customers.step]]
  name = "ask"
  station = "front"
  work = { hyperexponential = { mean = "100ms", scv = 4 } }
  next = { wait = 3, end = 1 }
  [[customers.step]]
  name = "wait"
  station = "back"
  priority = 2
  work = { empirical = ["100ms", "300ms"] }
  next = { ask = 1, end = 9 }
[[customers]]
name = "regular"
arrivals = { closed = { count = 7, think = "3s" } }
station = "back"
work = { quantiles = [{ share = 0, value = "1ms" }, { share = 1, value = "3ms" }] }
"#;

#[test]
fn every_table_of_a_queueing_system_is_understood() {
    assert!(is_queueing(TANDEM));
    let system = load(TANDEM, "tandem").unwrap();
    assert_eq!((system.seed, system.replications, system.observe.len()), (3, 4, 2));
    let [front, back] = system.model.stations.as_slice() else { panic!("two stations") };
    assert_eq!((front.servers, front.queue, front.abandoned), (Some(2), Some(5), Leaving::Serve));
    assert_eq!(front.capacity, [(50_000_000_000, 1)]);
    assert_eq!(front.bucket, Some(Bucket { per_second: 10.0, burst: 3, per: Per::Station }));
    assert_eq!((back.discipline, back.instances), (Discipline::Priority { preemptive: true }, 3));
    assert_eq!(back.dispatch, Dispatch::PowerOf(2));
    let classes: Vec<_> =
        system.model.classes.iter().map(|c| (c.name.as_str(), c.station, c.priority)).collect();
    assert_eq!(classes, [("guest.ask", 0, 0), ("guest.wait", 1, 2), ("regular", 1, 0)]);
    let guest = &system.customers[0];
    assert_eq!((guest.batch, guest.initial), (Batch::Geometric(2.5), 3));
    assert_eq!(guest.route[0].next, [(1.0, None), (3.0, Some(1))]);
    assert!(!guest.patience.as_ref().unwrap().until_service);
    assert_eq!(guest.retry.as_ref().unwrap().persistence, 0.5);
    let Coming::Poisson(Profile::Sinusoid { base, amplitude, .. }) = guest.arrivals else {
        panic!("{guest:?}")
    };
    assert_eq!((base, amplitude), (2.0, 1.0));
    let think = Work::Law(Law::Constant(Span::from_secs(3)));
    assert_eq!(system.customers[1].arrivals, Coming::Closed { count: 7, think });
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = r#"
about = "wrong"
[run]
duration = "0s"
[[station]]
name = "desk"
discipline = "fair"
[[station]]
name = "other"
servers = 1
[[customers]]
name = "a"
arrivals = { poisson = "1/s", even = "1/s" }
station = "desc"
work = "1s"
[[customers]]
name = "b"
arrivals = { poisson = "1/s" }
batch = 1.5
  [[customers.step]]
  name = "x"
  station = "desk"
  work = { erlang = { stages = 0, mean = "1s" } }
  next = { y = 1 }
  [[customers.step]]
  name = "loop"
  station = "desk"
  work = "1s"
  next = { loop = 1 }
"#;
    let problems = load(text, "wrong").unwrap_err().to_string();
    for part in [
        "run.duration: is zero",
        "station[0].discipline",
        "\"poisson\", \"even\" exclude one another",
        "there is no station \"desc\"",
        "did you mean \"desk\"?",
        "1.5 do not come together",
        "customers[1].step[0].work.erlang.stages",
        "customers[1].step[0].next.y",
    ] {
        assert!(problems.contains(part), "{part:?} is not in\n{problems}");
    }
    assert!(!is_queueing("about = \"a day\""));
}

#[test]
fn a_route_that_no_way_leads_out_of_is_refused() {
    let text = r#"
about = "round and round"
[run]
duration = "1s"
[[station]]
name = "desk"
servers = 1
[[customers]]
name = "a"
arrivals = { poisson = "1/s" }
  [[customers.step]]
  name = "loop"
  work = "1s"
  next = { loop = 1 }
"#;
    let problems = load(text, "round").unwrap_err().to_string();
    assert!(problems.contains("no way leads out"), "{problems}");
    assert!(
        load(&text.replace("poisson = \"1/s\"", "closed = { count = 1, think = \"1s\" }"), "closed").is_ok()
    );
}

#[test]
fn every_example_of_the_readme_is_understood_and_every_key_is_in_one() {
    let readme = include_str!("../../../../scenarios/README.md");
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Models of servers say stations in the same words, and some that plain systems do not have.
    let stations: Vec<&str> = blocks.filter(|block| block.contains("[[station]]")).collect();
    let examples: Vec<&&str> = stations.iter().filter(|block| block.contains("[[customers]]")).collect();
    assert!(examples.len() >= 4);
    for example in &examples {
        load(example, "readme").unwrap_or_else(|problems| panic!("{problems}\n{example}"));
    }
    let schema = schema();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.filter_map(|table| table["properties"].as_object()).flat_map(|keys| keys.keys()) {
        let written = [
            format!("{key} = "),
            format!("[{key}]"),
            format!("[[{key}]]"),
            format!(".{key}]]"),
            format!("{key} ="),
        ];
        let there = written.iter().any(|form| stations.iter().any(|example| example.contains(form.as_str())));
        assert!(
            there || ["share", "means", "median", "sigma"].contains(&key.as_str()),
            "no example says {key}"
        );
    }
}
