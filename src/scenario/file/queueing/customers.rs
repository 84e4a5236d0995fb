//! Customers: how they come, where they go, how long they wait, whether they come back.

use super::super::leaf::Word;
use super::super::place::Place;
use super::shape::{BatchLaw, ComebackTable, ComingTable, CustomersTable, LegTable, Until};
use super::work::{profile, work};
use crate::scenario::nearest::nearest;
use crate::scenario::queueing::{Batch, Comeback, Coming, Customers, Leg, Patience};
use crate::scenario::server_model::{ClassModel, ServerModel};
use crate::scenario::{Law, Work};
use crate::units::Span;

/// Reads a kind of customers and adds the classes of their steps to the model.
pub(super) fn read(table: CustomersTable, place: &Place<'_>, model: &mut ServerModel) -> Option<Customers> {
    let name = place.need("name", table.name)?.0;
    place.named(&name);
    let arrivals =
        place.need("arrivals", table.arrivals).and_then(|arrivals| coming(arrivals, &place.at("arrivals")));
    let size = place.or("batch", table.batch, 1.0);
    let batch = match place.or("batch_law", table.batch_law, Word(BatchLaw::Fixed)).0 {
        BatchLaw::Geometric => Batch::Geometric(size),
        BatchLaw::Fixed => Batch::Fixed(size as u32),
    };
    if size < 1.0 || (matches!(batch, Batch::Fixed(_)) && size.fract() != 0.0) {
        let hint = "write how many come together: a whole number, or with batch_law = \"geometric\" a mean";
        place.at("batch").wrong(format!("{size} do not come together"), hint);
    }
    let patience_until = place.or("patience_until", table.patience_until, Word(Until::Service)).0;
    let patience = place
        .take("patience", table.patience)
        .and_then(|form| work(form, &place.at("patience")))
        .map(|law| Patience { law, until_service: patience_until == Until::Service });
    let retry = place.take("retry", table.retry).and_then(|table| comeback(table, &place.at("retry")));
    let given = [("work", table.work.is_some()), ("step", table.step.is_some())];
    let route = if !place.one_of(&given) {
        None
    } else if table.step.is_some() {
        if table.station.is_some() || table.priority.is_some() {
            place.wrong("has steps, and a station or priority of its own", "write them in each step");
        }
        route(place.list("step", table.step), &name, model)
    } else {
        let station = station(place.take("station", table.station), place, model);
        let priority = priority(place.or("priority", table.priority, 0), place);
        let law = table.work.and_then(|form| place.need("work", form));
        let law = law.and_then(|form| work(form, &place.at("work")));
        let class = add_class(model, name.clone(), station?, law?, priority);
        Some(vec![Leg { class, next: Vec::new() }])
    };
    if let Some(route) = &route
        && !matches!(arrivals, Some(Coming::Closed { .. }))
        && !leads_out(route)
    {
        place
            .at("step")
            .wrong("no way leads out: customers would go round for ever", "name \"end\" in a next");
    }
    Some(Customers {
        name,
        arrivals: arrivals?,
        batch,
        initial: place.or("initial", table.initial, 0),
        route: route?,
        patience,
        retry,
    })
}

fn route(steps: Vec<(Place<'_>, LegTable)>, name: &str, model: &mut ServerModel) -> Option<Vec<Leg>> {
    let mut names = Vec::new();
    let mut ways = Vec::new();
    for (place, step) in steps {
        let leg = place.need("name", step.name).map(|name| name.0);
        if let Some(leg) = &leg {
            place.named(leg);
            if names.contains(leg) {
                place.at("name").wrong(format!("two steps are named {leg:?}"), "give each its own name");
            }
        }
        let station = station(place.take("station", step.station), &place, model);
        let priority = priority(place.or("priority", step.priority, 0), &place);
        let law = place.need("work", step.work).and_then(|form| work(form, &place.at("work")));
        let (leg, station, law) = (leg?, station?, law?);
        let class = add_class(model, format!("{name}.{leg}"), station, law, priority);
        ways.push((class, place.map("next", step.next)));
        names.push(leg);
    }
    let legs: Vec<Leg> = ways
        .into_iter()
        .map(|(class, next)| {
            let next = next.into_iter().filter_map(|(to, place, weight)| way(&to, weight, &place, &names));
            Leg { class, next: next.collect() }
        })
        .collect();
    (!legs.is_empty()).then_some(legs)
}

fn way(to: &str, weight: f64, place: &Place<'_>, names: &[String]) -> Option<(f64, Option<u16>)> {
    if weight < 0.0 {
        place.wrong(format!("{weight} is below 0"), "write a weight");
    }
    if to == "end" {
        return Some((weight, None));
    }
    let index = names.iter().position(|name| name == to);
    if index.is_none() {
        let hint = match nearest(to, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "write the name of a step of these customers, or \"end\"".to_owned(),
        };
        place.wrong("there is no such step", hint);
    }
    index.map(|index| (weight, Some(index as u16)))
}

/// Whether customers who follow this route can leave.
fn leads_out(route: &[Leg]) -> bool {
    let mut reached = vec![false; route.len()];
    let mut todo = vec![0];
    while let Some(leg) = todo.pop() {
        if std::mem::replace(&mut reached[leg], true) {
            continue;
        }
        let next = &route[leg].next;
        let ways = next.iter().filter(|(weight, _)| *weight > 0.0);
        if next.is_empty() && leg + 1 == route.len() || ways.clone().any(|(_, to)| to.is_none()) {
            return true;
        }
        if next.is_empty() {
            todo.push(leg + 1);
        }
        todo.extend(ways.filter_map(|(_, to)| to.map(usize::from)));
    }
    false
}

fn add_class(model: &mut ServerModel, name: String, station: u16, work: Work, priority: u8) -> u16 {
    model.classes.push(ClassModel { priority, ..ClassModel::new(name, station, work) });
    model.classes.len() as u16 - 1
}

fn station(named: Option<String>, place: &Place<'_>, model: &ServerModel) -> Option<u16> {
    let names = || model.stations.iter().map(|station| station.name.as_str());
    match named {
        None if model.stations.len() == 1 => Some(0),
        None => {
            place.at("station").wrong("is missing", "say which of the stations");
            None
        }
        Some(name) => {
            let index = names().position(|station| station == name);
            if index.is_none() {
                let hint = match nearest(&name, names()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                };
                place.at("station").wrong(format!("there is no station {name:?}"), hint);
            }
            index.map(|index| index as u16)
        }
    }
}

pub(in super::super) fn priority(priority: u16, place: &Place<'_>) -> u8 {
    u8::try_from(priority).unwrap_or_else(|_| {
        place.at("priority").wrong(format!("{priority} is above 255"), "0 is served first");
        u8::MAX
    })
}

fn coming(table: ComingTable, place: &Place<'_>) -> Option<Coming> {
    let ComingTable { poisson, even, renewal, closed } = table;
    let given = [
        ("poisson", poisson.is_some()),
        ("even", even.is_some()),
        ("renewal", renewal.is_some()),
        ("closed", closed.is_some()),
    ];
    if !place.one_of(&given) {
        return None;
    }
    if let Some(form) = poisson {
        return profile(place.need("poisson", form)?, &place.at("poisson")).map(Coming::Poisson);
    }
    if let Some(form) = even {
        return profile(place.need("even", form)?, &place.at("even")).map(Coming::Even);
    }
    if let Some(form) = renewal {
        let law = work(place.need("renewal", form)?, &place.at("renewal"))?;
        if law.mean() == Span::ZERO {
            place.at("renewal").wrong("is zero: all would come at once", "write a longer time");
        }
        return Some(Coming::Renewal(law));
    }
    let table = place.need("closed", closed?)?;
    let place = place.at("closed");
    let (count, think) = (place.need("count", table.count), place.need("think", table.think));
    let think = think.and_then(|form| work(form, &place.at("think")));
    Some(Coming::Closed { count: count?, think: think? })
}

fn comeback(table: ComebackTable, place: &Place<'_>) -> Option<Comeback> {
    let after = place.need("after", table.after).and_then(|form| work(form, &place.at("after")));
    let persistence = place.or("persistence", table.persistence, 1.0);
    if !(0.0..=1.0).contains(&persistence) {
        place.at("persistence").wrong(format!("{persistence} is no chance"), "write a number from 0 to 1");
    }
    let attempts = place.take("attempts", table.attempts);
    let after = after?;
    if after == Work::Law(Law::Constant(Span::ZERO)) && attempts.is_none() {
        place.at("after").wrong("is zero, without end", "write a time, or a number of attempts");
    }
    Some(Comeback { after, persistence, attempts })
}
