//! Levers of the real server in its simulation: a short run and the simulation of the same scenario, by their counts.
//!
//! What a lever lets through goes by rates and places, not by how fast this machine is; what remains of difference is the
//! instant at which a run or a machine begins something, so counts may differ by a few.

use std::collections::BTreeMap;
use std::path::Path;

use peakday::record::{self, Layout, ServerRecord, Writer};
use peakday::scenario::server_model::ServerModel;
use peakday::scenario::{Outcome, Scenario, Timeline};
use peakday::sim::{self, Choice, Simulation};
use peakday::units::Span;
use reference_server::config::Config;

use crate::load_server::totals;
use crate::scenarios::shipped_scenario;
use crate::server_run::{ServerRun, play};

/// Offered, sent, ok, shed, failed, timed out, not sent, by population and step.
type Totals = BTreeMap<(String, String), [u64; 7]>;

/// Accounts that sign in once and then do something.
fn population(name: &str, kind: &str, rate: &str, more: &str, step: &str) -> String {
    format!(
        "[[population]]\nname = \"{name}\"\narrivals = {{ rate = \"{rate}\" }}\naccounts = {{ kind = \"{kind}\", count = 400 }}\n\
         connection = \"kept\"\nlanes = 300\n{more}\n\
         [[population.step]]\nname = \"sign-in\"\nevery = 1000\npost = \"/oidc/token\"\n\
         headers = {{ content-type = \"application/x-www-form-urlencoded\" }}\n\
         body = \"grant_type=client_credentials&client_id=${{account.id}}&client_secret=${{account.secret}}\"\n\
         keep = {{ token = {{ json = \"/access_token\", by = \"account\" }} }}\n\
         [[population.step]]\n{step}\nheaders = {{ authorization = \"Bearer ${{token}}\" }}\n"
    )
}

fn simulate(scenario: &Scenario, timeline: &Timeline, model: &ServerModel, dir: &Path) -> Totals {
    let layout = Layout::from_scenario(scenario, timeline);
    std::fs::create_dir_all(dir).unwrap();
    let mut writer = Writer::create(dir, &layout, Span::ZERO).unwrap();
    let played = vec![true; scenario.populations.len()];
    let simulation =
        Simulation { scenario, timeline, seed: scenario.seed, played: &played, model, engine: Choice::Auto };
    sim::simulate(&simulation, &mut writer, &mut |_, _| true).unwrap();
    writer.finish(timeline.end() + timeline.drain).unwrap();
    totals(&server(dir.parent().unwrap()))
}

fn server(run: &Path) -> ServerRecord {
    record::open(run).unwrap().servers.remove(0)
}

/// What came of a run of a scenario against a server of this configuration, and of its simulation.
fn both(scenario: &str, config: &str) -> (Totals, Totals) {
    let (real, mut simulated) = played(scenario, config, &[config]);
    (real, simulated.remove(0))
}

/// What came of a run of a scenario against a server of a configuration, and of its simulations with others.
fn played(scenario: &str, config: &str, simulated: &[&str]) -> (Totals, Vec<Totals>) {
    let dir = tempfile::tempdir().unwrap();
    let run = ServerRun { scenario: scenario.to_owned(), servers: vec![("server", config.to_owned())] };
    let played = play(&run, dir.path(), |_| ()).request;
    let real = totals(&server(dir.path()));
    let folder = dir.path().join("server");
    let of = |config: &&str| {
        // The simulation's record goes into the place of the run's.
        std::fs::remove_dir_all(&folder).unwrap();
        let model = ServerModel::from_config(&Config::parse(config).unwrap());
        assert_eq!(model.left_out, Vec::<String>::new());
        simulate(&played.scenario, &played.timeline, &model, &folder)
    };
    (real, simulated.iter().map(of).collect())
}

fn of(totals: &Totals, population: &str, step: &str) -> [u64; 7] {
    totals[&(population.to_owned(), step.to_owned())]
}

/// The same, but for so many.
fn alike(real: [u64; 7], simulated: [u64; 7], but: u64) {
    let apart = real.iter().zip(simulated).any(|(real, simulated)| real.abs_diff(simulated) > but);
    assert!(
        !apart,
        "a run {real:?}, its simulation {simulated:?}: offered, sent, ok, shed, failed, timed out, not sent"
    );
}

const RUN: &str = "about = \"A lever\"\n[run]\nduration = \"6s\"\nrun_in = \"1s\"\n";

#[test]
fn a_waiting_room_lets_as_many_in_as_its_simulation() {
    let retry = "timeout = \"5s\"\nretry = { backoff = \"100ms..200ms\", honour_retry_after = true }";
    let people = population("people", "person", "30/s", retry, "name = \"form\"\nget = \"/pro/entry\"");
    let room = "[waiting_room.professionals]\nrate = \"10/s\"\npoll = \"1s\"\n[slots]\nworkers = 64";
    let (real, simulated) = both(&format!("{RUN}{people}"), room);
    let form = of(&real, "people", "form");
    // Seven seconds, and those of the first one.
    assert!((60..=80).contains(&form[2]) && form[3] > 150, "{form:?}");
    alike(form, of(&simulated, "people", "form"), 12);
}

#[test]
fn intake_accepts_and_refuses_as_many_as_its_simulation() {
    let software = population(
        "software",
        "software",
        "60/s",
        "timeout = \"5s\"",
        "name = \"entry\"\nclass = \"software\"\npost = \"/v1/results\"\nbody = { generator = \"entry\" }\n\
         acknowledges = { json = \"/results/*/receipt\" }",
    );
    // Two are worked on at a time, ten of a second; thirty wait.
    let intake = "[intake]\nworkers = 2\nqueue = 30\n[hold.class]\nsoftware = { constant = \"200ms\" }\n\
                  [slots]\nworkers = 64";
    let (real, simulated) = both(&format!("{RUN}{software}"), intake);
    let entry = of(&real, "software", "entry");
    assert!((90..=115).contains(&entry[2]) && entry[3] > 200, "{entry:?}");
    alike(entry, of(&simulated, "software", "entry"), 5);
}

#[test]
fn a_commit_takes_longer_for_each_entry_of_a_file_as_in_its_simulation() {
    let labs = population(
        "labs",
        "lab",
        "12/s",
        "timeout = \"1s\"",
        "name = \"file\"\nclass = \"lab\"\npost = \"/v1/results\"\nbody = { generator = \"entries\", items = 20 }",
    );
    // Five files of 20 in a second.
    let (real, simulated) =
        both(&format!("{RUN}{labs}"), "[commit]\neach = \"10ms\"\n[slots]\nworkers = 200");
    let file = of(&real, "labs", "file");
    assert!(file[5] > 40, "{file:?}");
    alike(file, of(&simulated, "labs", "file"), file[0] / 10);
}

#[test]
fn a_generator_of_few_lanes_and_connections_waits_and_gives_up_as_in_its_simulation() {
    let people = |name: &str, more: &str| {
        population(name, "person", "30/s", more, "name = \"form\"\nget = \"/pro/entry\"")
            .replace("lanes = 300\n", "")
    };
    let shared = "timeout = \"1s\"\nlanes = 300\n".to_owned();
    let pooled = people("pooled", &shared).replace("\"kept\"", "{ pool = 4 }");
    let laned = people("laned", "timeout = \"5s\"\nlanes = 4\n");
    // Twenty a second go over four connections, or four lanes: what a server computes beside is little of 200 ms.
    let slow = "[hold.class]\nform = { constant = \"200ms\" }\n[slots]\nworkers = 64";
    let (real, simulated) = both(&format!("{RUN}{pooled}{laned}"), slow);
    let (pooled, laned) = (of(&real, "pooled", "form"), of(&real, "laned", "form"));
    assert!(pooled[2] > 80 && pooled[5] > 30 && pooled[6] == 0, "{pooled:?}");
    assert!(laned[2] > 80 && laned[5] == 0 && laned[6] > 30, "{laned:?}");
    // Those who get a connection shortly before their patience ends make it busy for nothing, so that milliseconds of a real
    // server cost some requests. Without the bound all 180 would be answered.
    alike(pooled, of(&simulated, "pooled", "form"), 30);
    alike(laned, of(&simulated, "laned", "form"), 20);
}

#[test]
fn results_in_memory_are_not_read_again_in_a_run_and_its_simulation() {
    let software = population(
        "software",
        "software",
        "8/s",
        "timeout = \"5s\"",
        "name = \"entry\"\nclass = \"software\"\npost = \"/v1/results\"\nbody = { generator = \"entry\" }\nmessages = 1",
    );
    let look = |name: &str| {
        format!(
            "[[population.step]]\nname = \"{name}\"\nclass = \"result\"\nget = \"/p/${{link}}/result\"\n\
             headers = {{ cookie = \"session=${{session}}\" }}\n"
        )
    };
    let looks: String = (0..8).map(|number| look(&format!("look-{number}"))).collect();
    let patients = format!(
        "[[population]]\nname = \"patient\"\narrivals = {{ after = \"message\", share = 1.0, journeys = 1.0 }}\n\
         connection = \"kept\"\nlanes = 300\ntimeout = \"5s\"\n\
         [[population.step]]\nname = \"birth-date\"\npost = \"/p/${{link}}\"\n\
         headers = {{ content-type = \"application/x-www-form-urlencoded\" }}\n\
         body = \"birth_date=${{person.birth_date}}\"\nkeep = {{ session = {{ cookie = \"session\" }} }}\n{looks}\
         [messages]\nreference = \"/ref\"\nkeep = {{ link = {{ regex = '/p/([0-9a-f]{{40}})' }} }}\ndelay = \"20ms\"\n\
         [[incident]]\nkind = \"store-slow\"\nat = \"12:00\"\nread = \"100ms\"\n"
    );
    let run = "about = \"A cache\"\n[run]\nwindow = \"12:00-12:06\"\ntime_warp = 60\nrun_in = \"1s\"\ndrain = \"2s\"\n";
    let scenario = format!("{run}{software}{patients}");
    let slots = "[slots]\nworkers = 64\n";
    let cached = format!("{slots}[cache]\nresults = 1000");
    let (real, mut simulated) = played(&scenario, &cached, &[&cached, slots]);
    let (without, simulated) = (simulated.remove(1), simulated.remove(0));
    let sum = |totals: &Totals, index: usize| {
        let looks = totals.iter().filter(|((_, step), _)| step.starts_with("look"));
        looks.map(|(_, counts)| counts[index]).sum::<u64>()
    };
    let ok = 2;
    let (real, simulated, without) = (sum(&real, ok), sum(&simulated, ok), sum(&without, ok));
    assert!(real > 200 && real.abs_diff(simulated) < real / 6, "a run {real}, its simulation {simulated}");
    // 64 a second are more than two readers read in 100 ms each.
    assert!(without < simulated / 2, "{without} without a cache, {simulated} with one");
}

#[test]
fn on_13_august_2021_labs_notice_nothing_in_the_simulation_either() {
    let mut scenario = shipped_scenario("outage-2021-08-13");
    scenario.run.from = "15:28".parse().unwrap();
    scenario.run.to = "15:34".parse().unwrap();
    let model = ServerModel::from_config(&Config::parse(&scenario.servers[0].config).unwrap());
    let (timeline, played) = (scenario.run.timeline(), vec![true; scenario.populations.len()]);
    let (scenario, model, engine) = (&scenario, &model, Choice::Auto);
    let simulation =
        Simulation { scenario, timeline: &timeline, seed: scenario.seed, played: &played, model, engine };
    let (_, tally) = sim::tally(&simulation).unwrap();
    for (population, tally) in scenario.populations.iter().zip(&tally.populations) {
        let name = &population.name;
        assert_eq!(tally.ended(Outcome::Shed) > 0, name == "newcomer", "{name}");
        assert_eq!(tally.ended(Outcome::Failed), 0, "{name}");
        assert!(tally.ended(Outcome::Ok) > 0, "{name} never came");
    }
}
