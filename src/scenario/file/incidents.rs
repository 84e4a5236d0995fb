//! The incidents of the day: what each is made of, and what cannot happen together.

#[cfg(test)]
mod tests;

use super::place::Place;
use super::population::Draft;
use super::shape::{IncidentTable, Occurrence};
use crate::scenario::nearest::nearest;
use crate::scenario::{Incident, IncidentKind, Presence, ServerEntry, ServerModel};
use crate::units::{Span, TimeOfDay};

/// The incidents in the order of the day; populations that start and stop are told so.
pub(super) fn read(
    tables: Vec<(Place<'_>, IncidentTable)>,
    drafts: &mut [Draft<'_>],
    servers: &[ServerEntry],
    target: bool,
) -> Vec<Incident> {
    let mut incidents: Vec<(Place<'_>, Incident)> = tables
        .into_iter()
        .filter_map(|(place, table)| {
            let incident = incident(table, &place, drafts)?;
            Some((place, incident))
        })
        .collect();
    incidents.sort_by_key(|(_, incident)| incident.at);
    check_overlaps(&incidents);
    for (place, incident) in &incidents {
        check_server(place, incident, servers, target);
    }
    switch(&incidents, drafts);
    incidents.into_iter().map(|(_, incident)| incident).collect()
}

fn incident(table: IncidentTable, place: &Place<'_>, drafts: &[Draft<'_>]) -> Option<Incident> {
    let IncidentTable { kind, at, until, lasts, population, back_after, delay, commit, read, instances } =
        table;
    let kind = place.need("kind", kind).map(|word| word.0);
    let at = place.need("at", at);
    let (kind, at) = (kind?, at?);
    place.named(kind.word());
    let foreign = |key: &str, given: bool| {
        if given {
            place.at(key).wrong(format!("does not go with {:?}", kind.word()), "leave it out");
        }
    };
    let of_population = matches!(kind, Occurrence::PopulationStarts | Occurrence::PopulationStops);
    foreign("population", population.is_some() && !of_population);
    foreign("back_after", back_after.is_some() && kind != Occurrence::ServerKilled);
    foreign("delay", delay.is_some() && kind != Occurrence::IssuerSlow);
    foreign("commit", commit.is_some() && kind != Occurrence::StoreSlow);
    foreign("read", read.is_some() && kind != Occurrence::StoreSlow);
    foreign("instances", instances.is_some() && kind != Occurrence::InstanceLeaves);
    foreign("until", until.is_some() && kind == Occurrence::ServerKilled);
    foreign("lasts", lasts.is_some() && kind == Occurrence::ServerKilled);

    let needed = |key: &str, missing: bool, hint: &str| {
        if missing {
            place.at(key).wrong("is missing", hint);
        }
    };
    let positive = |key: &str, span: Option<Span>| {
        if span == Some(Span::ZERO) {
            place.at(key).wrong("is zero, which changes nothing", "write a time above zero");
        }
        span
    };
    let what = match kind {
        Occurrence::PopulationStarts | Occurrence::PopulationStops => {
            needed("population", population.is_none(), "say which one, by its name");
            let name = place.take("population", population).map(|name| name.0);
            name.and_then(|name| {
                let population = find(&name, &place.at("population"), drafts)?;
                Some(if kind == Occurrence::PopulationStarts {
                    IncidentKind::PopulationStarts { population, name }
                } else {
                    IncidentKind::PopulationStops { population, name }
                })
            })
        }
        Occurrence::ServerKilled => {
            needed("back_after", back_after.is_none(), "write after how long it is started again: \"5s\"");
            place.take("back_after", back_after).map(|back_after| IncidentKind::ServerKilled { back_after })
        }
        Occurrence::IssuerDown => Some(IncidentKind::IssuerDown),
        Occurrence::IssuerSlow => {
            needed("delay", delay.is_none(), "write how much longer a sign-in takes: \"2s\"");
            positive("delay", place.take("delay", delay)).map(|delay| IncidentKind::IssuerSlow { delay })
        }
        Occurrence::StoreSlow => {
            if commit.is_none() && read.is_none() {
                place.wrong("does not say what is slow", "write commit = \"50ms\", or read, or both");
            }
            let commit = positive("commit", place.take("commit", commit)).unwrap_or_default();
            let read = positive("read", place.take("read", read)).unwrap_or_default();
            Some(IncidentKind::StoreSlow { commit, read })
        }
        Occurrence::InstanceLeaves => {
            let instances = place.or("instances", instances, 1);
            if instances == 0 {
                place.at("instances").wrong("is 0: nothing leaves", "write how many leave");
            }
            Some(IncidentKind::InstanceLeaves { instances })
        }
    };
    let until = end(at, place.take("until", until), place.take("lasts", lasts), place);
    Some(Incident { at, until, kind: what? })
}

fn end(at: TimeOfDay, until: Option<TimeOfDay>, lasts: Option<Span>, place: &Place<'_>) -> Option<TimeOfDay> {
    if until.is_some() && lasts.is_some() {
        place.at("lasts").wrong("excludes \"until\"", "write one of the two");
    }
    if let Some(until) = until {
        if until <= at {
            let problem = format!("{until} is not after {at}");
            place.at("until").wrong(problem, "write a later time of the same day");
        }
        return Some(until);
    }
    let lasts = lasts?;
    let end = TimeOfDay::from_nanos(at.nanos() + lasts.nanos()).filter(|end| *end > at);
    if end.is_none() {
        let hint = "write a length of scenario time; leave it out where it does not end in this day";
        place.at("lasts").wrong(format!("{lasts} from {at} is nothing, or reaches past 24:00"), hint);
    }
    end
}

fn find(name: &str, place: &Place<'_>, drafts: &[Draft<'_>]) -> Option<u16> {
    let index = (0..).zip(drafts).find(|(_, draft)| draft.population.name == name).map(|(index, _)| index);
    if index.is_none() {
        let names = drafts.iter().map(|draft| draft.population.name.as_str());
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        place.wrong(format!("there is no population {name:?}"), hint);
    }
    index
}

/// Two incidents of one kind at the same time would each end the other's.
fn check_overlaps(incidents: &[(Place<'_>, Incident)]) {
    for (number, (place, incident)) in incidents.iter().enumerate() {
        let lasting = |other: &Incident| {
            incident.is_of_server()
                && other.kind.word() == incident.kind.word()
                && !matches!(other.kind, IncidentKind::ServerKilled { .. })
                && other.until.is_none_or(|until| until > incident.at)
        };
        if let Some((_, other)) = incidents[..number].iter().find(|(_, other)| lasting(other)) {
            let problem = format!("begins while that of {} lasts", other.at);
            place.at("at").wrong(problem, "let one end before the next of its kind begins");
        }
    }
}

/// Notes what cannot happen to these servers.
fn check_server(place: &Place<'_>, incident: &Incident, servers: &[ServerEntry], target: bool) {
    if !incident.is_of_server() {
        return;
    }
    if target {
        let problem = "happens to a server that is not started from here (target)";
        place.at("kind").wrong(problem, "leave target out and name a [[server]], or leave this incident out");
    } else if servers.is_empty() {
        let problem = "happens to a server, and the scenario has none";
        place.at("kind").wrong(problem, "write a [[server]], or leave this incident out");
    }
    if let IncidentKind::InstanceLeaves { instances: leaving } = incident.kind {
        for server in servers {
            let Ok(config) = reference_server::config::Config::parse(&server.config) else { continue };
            let instances = ServerModel::from_config(&config).stations[0].instances;
            if leaving >= instances {
                let problem = format!("server {:?} has {instances} and {leaving} leave", server.name);
                let hint = "one has to stay: leave this incident out, or name servers of more instances";
                place.at("instances").wrong(problem, hint);
            }
        }
    }
}

/// Tells every population when it comes and goes.
fn switch(incidents: &[(Place<'_>, Incident)], drafts: &mut [Draft<'_>]) {
    for (index, draft) in (0..).zip(drafts) {
        let mut times = Vec::new();
        for (_, incident) in incidents {
            let starts = match incident.kind {
                IncidentKind::PopulationStarts { population, .. } if population == index => true,
                IncidentKind::PopulationStops { population, .. } if population == index => false,
                _ => continue,
            };
            times.push((incident.at, starts));
            times.extend(incident.until.map(|until| (until, !starts)));
        }
        match Presence::switched(times) {
            Ok(presence) => draft.population.presence = presence,
            Err(time) => draft.place.wrong(
                format!("starts or stops at {time} though it did already"),
                "let its incidents take turns",
            ),
        }
    }
}
