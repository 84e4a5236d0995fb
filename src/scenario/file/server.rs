//! From the text of a server model's file to a sound [`ServerModel`], or to everything that is wrong with it.
//!
//! A model says what the real server cannot be told (simulation only): it begins with a server configuration or with
//! nothing, and says stations and classes of work in the words of plain queueing systems.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Value;

use super::key::{Found, Key, List, Map, Read, Wrong, table};
use super::place::Place;
use super::queueing::{StationTable, WorkForm, priority, station, work};
use super::root::check_config;
use crate::scenario::nearest::nearest;
use crate::scenario::server_model::{ClassModel, Leaving, ServerModel};
use crate::scenario::{Law, Work};
use crate::units::{Rate, Span};

/// A model of a server, for the simulation only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServerModel")]
pub(super) struct ModelTable {
    /// One sentence for people.
    about: Option<Key<String>>,
    /// A server configuration to begin with, relative to the scenario: its stations are "slots" and "issuer".
    config: Option<Key<String>>,
    /// Stations; one of a name that is there already changes only what it says.
    station: Option<List<StationTable>>,
    /// By class of work, as steps of scenarios name them: where it goes and what it is.
    class: Option<Map<ClassTable>>,
    /// Messages that the system sends.
    messages: Option<Key<PaceTable>>,
}

/// A class of work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServerClass")]
pub(super) struct ClassTable {
    /// Its station. Default: the configuration's, or the only one.
    station: Option<Key<String>>,
    /// How long a server is busy with it. Default: the configuration's, or no time.
    work: Option<Key<WorkForm>>,
    /// 0 (default) is served first, where the station has priorities.
    priority: Option<Key<u16>>,
    /// Names of classes of which each request in service needs one, one after the other (a connection, the store): it
    /// keeps its server until its own work and the last of them are done. Default: the configuration's, or none.
    behind: Option<List<String>>,
}

/// How messages are paced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Pace")]
pub(super) struct PaceTable {
    /// Most messages handed over, above 0; the others wait their turn. Default: the configuration's, or no bound.
    rate: Key<Rate>,
}

macro_rules! tables {
    ($($shape:ty),* $(,)?) => {$(
        impl Read for $shape {
            fn read(value: Value) -> Result<Found<Self>, Wrong> {
                table(value)
            }
        }
    )*};
}

tables!(ModelTable, ClassTable, PaceTable);

/// Reads a model. `file` is its name in problems, `read` reads the configuration that it names.
pub(super) fn model(
    file: &str,
    text: &str,
    place: &Place<'_>,
    read: &dyn Fn(&str) -> std::io::Result<String>,
) -> Option<ServerModel> {
    let parsed = match text.parse::<toml::Table>() {
        Ok(parsed) => parsed,
        Err(error) => {
            place.wrong(format!("{file} is not TOML: {}", error.to_string().trim_end()), "");
            return None;
        }
    };
    let table: ModelTable = place.open(Key::deserialize(Value::Table(parsed)).unwrap_or(Key::Missing))?;
    place.take("about", table.about);
    let mut model = match place.take("config", table.config) {
        Some(path) => begin(&path, &place.at("config"), read)?,
        None => ServerModel::default(),
    };
    for (place, table) in place.list("station", table.station) {
        let names: Vec<String> = model.stations.iter().map(|station| station.name.clone()).collect();
        let of = |name: &str| names.iter().position(|other| other == name);
        let known = table.name_if_read().and_then(|name| of(&name));
        let base = known.map(|index| model.stations[index].clone());
        let Some(read) = station(table, &place, base, Leaving::Serve) else { continue };
        if !read.capacity.is_empty() {
            place.at("capacity").wrong("is of plain queueing systems", "write schedule, with times of day");
        }
        match known {
            Some(index) => model.stations[index] = read,
            None => model.stations.push(read),
        }
    }
    if model.stations.is_empty() {
        place.at("station").wrong("there is none", "write config, or at least one [[station]]");
    }
    let mut needs = Vec::new();
    for (name, place, mut table) in place.map("class", table.class) {
        let behind = table.behind.take();
        if let Some(class) = class(&name, table, &place, &model) {
            needs.push((name.clone(), place, behind));
            match model.classes.iter_mut().find(|other| other.name == name) {
                Some(other) => *other = class,
                None => model.classes.push(class),
            }
        }
    }
    for (name, place, behind) in needs {
        behind_it(&name, behind, &place, &mut model);
    }
    if let Some(table) = place.take("messages", table.messages) {
        let place = place.at("messages");
        model.message_rate = place.need("rate", table.rate).map(|rate| rate.per_second());
        if model.message_rate.is_some_and(|rate| rate <= 0.0) {
            place.at("rate").wrong("lets no message out", "write a rate above 0");
        }
    }
    Some(model)
}

fn begin(
    path: &str,
    place: &Place<'_>,
    read: &dyn Fn(&str) -> std::io::Result<String>,
) -> Option<ServerModel> {
    match read(path) {
        Err(error) => {
            place.wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario");
            None
        }
        Ok(text) => {
            check_config(path, &text, place);
            let config = reference_server::config::Config::parse(&text).ok()?;
            Some(ServerModel::from_config(&config))
        }
    }
}

fn class(name: &str, table: ClassTable, place: &Place<'_>, model: &ServerModel) -> Option<ClassModel> {
    let before = model.classes.iter().find(|class| class.name == name);
    let names = || model.stations.iter().map(|station| station.name.as_str());
    let station = match place.take("station", table.station) {
        Some(named) => {
            let index = names().position(|station| station == named);
            if index.is_none() {
                let hint = match nearest(&named, names()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                };
                place
                    .at("station")
                    .wrong(format!("there is no station {named:?}: this class goes nowhere"), hint);
            }
            index? as u16
        }
        None => match (before, model.stations.len()) {
            (Some(before), _) => before.station,
            (None, 1) => 0,
            (None, _) => {
                place.at("station").wrong("is missing: this class goes nowhere", "say which of the stations");
                return None;
            }
        },
    };
    let law = match table.work {
        Some(form) => work(place.need("work", form)?, &place.at("work"))?,
        None => before.map_or(Work::Law(Law::Constant(Span::ZERO)), |class| class.work.clone()),
    };
    let priority_before = before.map_or(0, |class| u16::from(class.priority));
    let priority = priority(place.or("priority", table.priority, priority_before), place);
    let fresh = || ClassModel::new(name, station, law.clone());
    let base = before.cloned().unwrap_or_else(fresh);
    Some(ClassModel { station, work: law, priority, ..base })
}

/// Says what lies behind a class, now that all classes are known.
fn behind_it(name: &str, behind: Option<List<String>>, place: &Place<'_>, model: &mut ServerModel) {
    if behind.is_none() {
        return;
    }
    let mut needed = Vec::new();
    for (place, other) in place.list("behind", behind) {
        match model.class(&other) {
            Some(index) => needed.push(index),
            None => {
                let names = model.classes.iter().map(|class| class.name.as_str());
                let hint = match nearest(&other, names) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("write [class.{other}] with its station and work"),
                };
                place.wrong(format!("there is no class {other:?}"), hint);
            }
        }
    }
    if let Some(class) = model.class(name) {
        let class = &mut model.classes[usize::from(class)];
        // What the configuration's class is spared is of what that needs.
        (class.behind, class.spared) = (needed, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::super::model_of;
    use crate::scenario::server_model::{Discipline, Per};

    const CONFIG: &str = "[slots]\nworkers = 32\nqueue = 319\n[hold]\nlaw = { constant = \"100ms\" }\n";

    fn load(text: &str) -> Result<crate::scenario::ServerModel, String> {
        let read = |path: &str| match path {
            "a.toml" => Ok(CONFIG.to_owned()),
            _ => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no such file")),
        };
        model_of("m", text, &read).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_model_changes_what_it_says_of_a_configuration_and_keeps_the_rest() {
        let text = r#"
            config = "a.toml"
            messages = { rate = "50/s" }
            [[station]]
            name = "slots"
            discipline = "priority"
            longest_wait = "900ms"
            limit = { least = 4, most = 40, target = "500ms" }
            schedule = [{ at = "17:30", servers = 0 }, { at = "20:30", servers = 32 }]
            [[station]]
            name = "labs"
            servers = 4
            bucket = { rate = "10/s", burst = 5, per = "account" }
            [class.lab]
            station = "labs"
            [class.print]
            priority = 3
            work = "50ms"
        "#;
        let model = load(text).unwrap();
        let slots = &model.stations[0];
        assert_eq!((slots.servers, slots.queue, slots.schedule.len()), (Some(32), Some(319), 2));
        assert_eq!(slots.discipline, Discipline::Priority { preemptive: false });
        assert_eq!(slots.limit.map(|limit| (limit.least, limit.most)), Some((4, 40)));
        let labs = model.stations.last().unwrap();
        assert_eq!((labs.name.as_str(), labs.bucket.map(|bucket| bucket.per)), ("labs", Some(Per::Account)));
        let class = |name: &str| &model.classes[usize::from(model.class(name).unwrap())];
        assert_eq!((class("lab").station, class("print").station, class("print").priority), (4, 0, 3));
        assert_eq!(
            (class("form").work.mean().nanos(), class("print").work.mean().nanos()),
            (100_000_000, 50_000_000)
        );
        assert_eq!(model.message_rate, Some(50.0));
    }

    #[test]
    fn the_example_of_the_readme_is_understood() {
        let readme = include_str!("../../../scenarios/README.md");
        let mut blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let example = blocks.find(|block| block.contains("[class.lab]")).unwrap();
        let model =
            load(&example.replace("servers/flat-3m.toml", "a.toml")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((model.stations.len(), model.stations[0].schedule.len()), (6, 2));
        let class = |name: &str| model.class(name).unwrap();
        assert_eq!(model.classes[usize::from(class("print"))].behind, [class("print-query")]);
    }

    #[test]
    fn everything_that_is_wrong_with_a_model_is_named() {
        let text =
            "config = \"a.toml\"\n[[station]]\nname = \"labs\"\nservrs = 4\n[class.lab]\nstation = \"lab\"\n";
        let problems = load(text).unwrap_err();
        assert!(problems.contains("servrs") && problems.contains("goes nowhere"), "{problems}");
        assert!(load("config = \"b.toml\"").unwrap_err().contains("no such file"));
        assert!(load("about = \"x\"").unwrap_err().contains("at least one [[station]]"));
    }
}
