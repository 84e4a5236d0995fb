//! The top of the file: text to tables, the run, the unit, servers, audit, messages.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::key::Key;
use super::place::Place;
use super::shape::{AuditTable, MessagesTable, RunTable, ScenarioTable, ServerTable, UnitTable};
use super::step::{check_pointer, extract};
use super::{Context, arrivals, curves, population, references};
use crate::scenario::{Audit, Expect, Keep, Messages, RunPlan, Scenario, ServerEntry, Unit};
use crate::units::{Rate, Span, TimeOfDay};

pub(super) fn read(text: &str, name: &str, context: &Context<'_>, place: &Place<'_>) -> Option<Scenario> {
    let table = match text.parse::<toml::Table>() {
        Ok(table) => toml::Value::Table(table),
        Err(error) => {
            place.wrong(format!("this is not TOML: {}", error.to_string().trim_end()), "");
            return None;
        }
    };
    let table: ScenarioTable = place.open(Key::deserialize(table).unwrap_or(Key::Missing))?;

    let about = place.need("about", table.about).unwrap_or_default();
    let date = place.take("date", table.date);
    let seed = place.or("seed", table.seed, 1);
    let target = place.take("target", table.target);
    if let Some(target) = &target {
        check_target(target, &place.at("target"));
    }
    let unit = place.take("unit", table.unit).and_then(|table| unit(table, &place.at("unit")));
    let run = place.need("run", table.run).and_then(|table| run(table, &place.at("run")));
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

    let servers = servers(place.list("server", table.server), context);
    let audit = place.take("audit", table.audit).and_then(|table| audit(table, &place.at("audit")));
    let messages = place
        .take("messages", table.messages)
        .and_then(|table| messages(table, &place.at("messages"), context));
    let slos = references::slos(place.list("slos", table.slos), &drafts, audit.is_some());
    references::check(&drafts, messages.as_ref(), context);
    if messages.is_none() && drafts.iter().any(population::Draft::is_brought_by_message) {
        place
            .at("messages")
            .wrong("is missing", "a population comes after \"message\": say how messages are read");
    }

    Some(Scenario {
        name: name.to_owned(),
        about,
        date: date.map_or_else(|| "2022-01-05".to_owned(), |date| date.0),
        seed,
        unit,
        run: run?,
        populations: drafts.into_iter().map(|draft| draft.population).collect(),
        servers,
        target,
        slos,
        audit,
        messages,
    })
}

fn check_target(target: &str, place: &Place<'_>) {
    let rest = target.strip_prefix("http://");
    if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace))
    {
        place.wrong(format!("{target:?} is no base URL"), "write one as in \"http://127.0.0.1:8080\"");
    }
}

fn unit(table: UnitTable, place: &Place<'_>) -> Option<Unit> {
    let volume = place.need("volume", table.volume);
    if volume.is_some_and(|volume: Rate| volume.per_day() == 0.0) {
        place.at("volume").wrong("is 0", "write how many there are in a day, as in \"1.85M/day\"");
    }
    Some(Unit { name: place.need("name", table.name)?, volume: volume? })
}

fn run(table: RunTable, place: &Place<'_>) -> Option<RunPlan> {
    let time_warp = place.or("time_warp", table.time_warp, 1.0);
    if time_warp < 1.0 {
        place
            .at("time_warp")
            .wrong(format!("{time_warp} is below 1"), "scenario time runs as fast as wall time, or faster");
    }
    let scale = place.or("scale", table.scale, 1.0);
    if scale <= 0.0 {
        place.at("scale").wrong(format!("{scale} leaves nothing to do"), "write a number above 0");
    }
    let window = place.take("window", table.window);
    let duration = place.take("duration", table.duration);
    let plan = RunPlan {
        from: window.map_or(TimeOfDay::MIDNIGHT, |window| window.0),
        to: window.map_or(TimeOfDay::END, |window| window.1),
        time_warp: time_warp.max(1.0),
        scale,
        run_in: place.or("run_in", table.run_in, Span::ZERO),
        drain: place.or("drain", table.drain, Span::from_secs(5)),
        settle: place.or("settle", table.settle, Span::ZERO),
    };
    let plan = match duration {
        None if window.is_none() => {
            place
                .at("window")
                .wrong("is missing", "say what is played: window = \"18:50-20:05\" or duration = \"30s\"");
            return None;
        }
        None => plan,
        Some(duration) => match plan.lasting(duration) {
            Some(cut) => cut,
            None => {
                let longest = plan.timeline().measured();
                place.at("duration").wrong(
                    format!("{duration} of wall time is nothing, or more than the window has"),
                    format!("at time_warp {time_warp} there are {longest}"),
                );
                return None;
            }
        },
    };
    let measured = plan.timeline().measured();
    if plan.settle >= measured {
        let problem =
            format!("{} leaves no journey to judge: the measured part lasts {measured}", plan.settle);
        place.at("settle").wrong(problem, "make it shorter, or the window longer");
    }
    Some(plan)
}

fn servers(tables: Vec<(Place<'_>, ServerTable)>, context: &Context<'_>) -> Vec<ServerEntry> {
    let mut seen = BTreeSet::new();
    let mut servers = Vec::new();
    for (place, table) in tables {
        let name = place.need("name", table.name).map(|name| name.0).unwrap_or_default();
        if !seen.insert(name.clone()) {
            place.at("name").wrong(format!("there are two servers {name:?}"), "give each its own name");
        }
        let place = place.named(&name);
        let expect =
            table.expect.map_or(Some(Expect::Hold), |key| place.need("expect", key).map(|word| word.0));
        let Some(path) = place.need("config", table.config) else { continue };
        match (context.read)(&path) {
            Err(error) => place
                .at("config")
                .wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario"),
            Ok(config) => {
                check_config(&path, &config, &place.at("config"));
                servers.push(ServerEntry { name, expect: expect.unwrap_or(Expect::Hold), config });
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
