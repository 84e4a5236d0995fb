//! The top of the file: text to tables, the run, the unit, servers, audit, messages.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::key::Key;
use super::leaf::{Date, Word};
use super::place::Place;
use super::shape::{AuditTable, MessagesTable, ScenarioTable, ServerTable, UnitTable};
use super::step::{check_pointer, extract};
use super::{Context, Override, arrivals, curves, extends, feeders, incidents, population, references, run};
use crate::scenario::{Audit, Expect, Keep, Messages, Scenario, ServerEntry, Unit};
use crate::units::{Rate, Span};

pub(super) fn read(
    text: &str,
    name: &str,
    context: &Context<'_>,
    overrides: &[Override],
    place: &Place<'_>,
) -> Option<Scenario> {
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            place.wrong(format!("this is not TOML: {}", error.to_string().trim_end()), "");
            return None;
        }
    };
    let table = over(extends::over_base(table, context.read, place)?, overrides);
    let table: ScenarioTable =
        place.open(Key::deserialize(toml::Value::Table(table)).unwrap_or(Key::Missing))?;

    // It is in the table already.
    let _ = place.take("extends", table.extends);
    let about = place.need("about", table.about).unwrap_or_default();
    let date = place.or("date", table.date, Date("2022-01-05".to_owned())).0;
    let seed = place.or("seed", table.seed, 1);
    let target = place.take("target", table.target);
    if let Some(target) = &target {
        check_target(target, &place.at("target"));
    }
    let unit = place.take("unit", table.unit).and_then(|table| unit(table, &place.at("unit")));
    let run = place.need("run", table.run).and_then(|table| run::read(table, &place.at("run")));
    let curves = curves::read(place.map("curves", table.curves), context);
    let mut drafts: Vec<population::Draft<'_>> = place
        .list("population", Some(table.population))
        .into_iter()
        .map(|(place, table)| population::read(table, place, context))
        .collect();
    population::check_names(&drafts);
    if drafts.is_empty() {
        place.at("population").wrong("nobody comes", "write at least one [[population]]");
    }
    arrivals::read(&mut drafts, &curves, unit.as_ref().map(|unit| unit.volume));

    let feeders = feeders::read(place.list("feeder", table.feeder), context);
    let ca = place.take("ca", table.ca).and_then(|path| ca(&path, &place.at("ca"), context));
    let servers = servers(place.list("server", table.server), context);
    let listed = place.list("incident", table.incident);
    let incidents = incidents::read(listed, &mut drafts, &servers, target.is_some());
    let audit = place.take("audit", table.audit).and_then(|table| audit(table, &place.at("audit")));
    let messages = place
        .take("messages", table.messages)
        .and_then(|table| messages(table, &place.at("messages"), context));
    let slos = references::slos(place.list("slos", table.slos), &drafts, audit.is_some());
    let aborts = references::aborts(place.list("abort", table.abort), &drafts);
    references::check(&drafts, messages.as_ref(), &feeders, context);
    if messages.is_none() && drafts.iter().any(population::Draft::is_brought_by_message) {
        place
            .at("messages")
            .wrong("is missing", "a population comes after \"message\": say how messages are read");
    }

    Some(Scenario {
        name: name.to_owned(),
        about,
        date,
        seed,
        unit,
        run: run?,
        populations: drafts.into_iter().map(|draft| draft.population).collect(),
        servers,
        target,
        feeders,
        ca,
        slos,
        audit,
        messages,
        incidents,
        aborts,
    })
}

/// The file with what the environment and the flags say in its place.
fn over(mut table: toml::Table, overrides: &[Override]) -> toml::Table {
    for Override { path, value, .. } in overrides {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut place = &mut table;
        for step in above.split('.').filter(|step| !step.is_empty()) {
            let below = place.entry(step).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match below {
                toml::Value::Table(below) => place = below,
                // Something else stands where a table belongs: that is told, and nothing can be put into it.
                _ => return table,
            }
        }
        place.insert(key.to_owned(), value.clone());
    }
    table
}

fn check_target(target: &str, place: &Place<'_>) {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace))
    {
        place.wrong(format!("{target:?} is no base URL"), "write one as in \"http://127.0.0.1:8080\"");
    }
}

fn ca(path: &str, place: &Place<'_>, context: &Context<'_>) -> Option<String> {
    match (context.read)(path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Some(text),
        Ok(_) => {
            place.wrong(format!("{path}: there is no certificate in it"), "write the name of a PEM file");
            None
        }
        Err(error) => {
            place.wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario");
            None
        }
    }
}

fn unit(table: UnitTable, place: &Place<'_>) -> Option<Unit> {
    let volume = place.need("volume", table.volume);
    if volume.is_some_and(|volume: Rate| volume.per_day() == 0.0) {
        place.at("volume").wrong("is 0", "write how many there are in a day, as in \"1.85M/day\"");
    }
    Some(Unit { name: place.need("name", table.name)?, volume: volume? })
}

fn servers(tables: Vec<(Place<'_>, ServerTable)>, context: &Context<'_>) -> Vec<ServerEntry> {
    let mut seen = BTreeSet::new();
    let mut servers = Vec::new();
    for (place, table) in tables {
        let name = place.need("name", table.name).map(|name| name.0).unwrap_or_default();
        if !seen.insert(name.clone()) {
            place.at("name").wrong(format!("there are two servers {name:?}"), "give each its own name");
        }
        place.named(&name);
        let expect = place.or("expect", table.expect, Word(Expect::Hold)).0;
        if !place.one_of(&[("config", table.config.is_some()), ("model", table.model.is_some())]) {
            continue;
        }
        let of_config = place.take("config", table.config).map(|path| (path, "config"));
        let Some((path, key)) = of_config.or_else(|| Some((place.take("model", table.model)?, "model")))
        else {
            continue;
        };
        let place = place.at(key);
        match (context.read)(&path) {
            Err(error) => {
                place.wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario");
            }
            Ok(config) if key == "config" => {
                check_config(&path, &config, &place);
                servers.push(ServerEntry { name, expect, config, model: None });
            }
            Ok(config) => {
                let model = super::server::model(&path, &config, &place, context.read);
                servers.extend(model.map(|model| ServerEntry { name, expect, config, model: Some(model) }));
            }
        }
    }
    servers
}

/// Notes what the reference server would refuse in its configuration.
pub(super) fn check_config(path: &str, config: &str, place: &Place<'_>) {
    if let Err(errors) = reference_server::config::Config::parse(config) {
        for error in errors.0 {
            let at = if error.path.is_empty() { path.to_owned() } else { format!("{path}, {}", error.path) };
            place.wrong(format!("{at}: {}", error.problem), error.hint);
        }
    }
}

fn audit(table: AuditTable, place: &Place<'_>) -> Option<Audit> {
    let path = place.need("path", table.path);
    if let Some(path) = &path {
        let place = place.at("path");
        if !path.to_string().starts_with('/') {
            place.wrong(format!("\"{path}\" does not start with \"/\""), "write a path below the base URL");
        }
        if !path.variables().any(|name| name == "receipt") {
            place.wrong(format!("\"{path}\" asks for no receipt"), "write ${receipt} where it belongs");
        }
        for name in path.variables().filter(|name| *name != "receipt") {
            place.wrong(format!("${{{name}}} is unknown here"), "the audit knows only ${receipt}");
        }
    }
    let state = place.need("state", table.state);
    let copies = place.take("copies", table.copies);
    for (key, pointer) in [("state", &state), ("copies", &copies)] {
        if let Some(pointer) = pointer {
            check_pointer(pointer, &place.at(key));
        }
    }
    Some(Audit { path: path?, state: state?, stored: place.need("stored", table.stored)?, copies })
}

fn messages(table: MessagesTable, place: &Place<'_>, context: &Context<'_>) -> Option<Messages> {
    let reference = place.need("reference", table.reference);
    if let Some(pointer) = &reference {
        check_pointer(pointer, &place.at("reference"));
    }
    let keep = place
        .map("keep", table.keep)
        .into_iter()
        .filter_map(|(name, place, table)| {
            Some(Keep { name, from: extract(table, &place)?, by_account: false })
        })
        .collect();
    let delay = place.or("delay", table.delay, Span::ZERO);
    let preload = place.take("preload", table.preload);
    if let Some(generator) = &preload {
        references::check_generator(generator, &place.at("preload"), context);
    }
    Some(Messages { reference: reference?, keep, delay, preload })
}
