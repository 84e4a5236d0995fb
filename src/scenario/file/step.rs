//! The steps of a population.

use super::Context;
use super::key::Key;
use super::place::Place;
use super::shape::{
    BodyForm, BodyTable, ExtractTable, KeepTable, KeptBy, NextTable, StepTable, SuccessTable, TextOr,
};
use super::{laws, leaf, references};
use crate::scenario::nearest::nearest;
use crate::scenario::{Body, Extract, Keep, Law, OnFailure, Request, Step, Success, Target, Template};
use crate::units::Span;

pub(super) fn read_all<'a>(
    tables: Vec<(Place<'a>, StepTable)>,
    accounts: bool,
    context: &Context<'_>,
) -> (Vec<Step>, Vec<Place<'a>>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut places: Vec<Place<'a>> = Vec::new();
    let mut later: Vec<Vec<(Place<'a>, NextTable)>> = Vec::new();
    for (place, mut table) in tables {
        let name = place.need("name", std::mem::replace(&mut table.name, Key::Missing));
        let name = name.map(|name| name.0).unwrap_or_default();
        if name == "end" {
            place.at("name").wrong("\"end\" is the end of a journey", "give the step another name");
        } else if !name.is_empty() && steps.iter().any(|step| step.name == name) {
            place.at("name").wrong(format!("there are two steps {name:?}"), "give each step its own name");
        }
        place.named(&name);
        later.push(place.list("next", table.next.take()));
        steps.push(step(table, name, accounts, &place, context));
        places.push(place);
    }
    let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
    for (step, next) in steps.iter_mut().zip(later) {
        step.next = next.into_iter().filter_map(|(place, table)| target(table, &place, &names)).collect();
    }
    (steps, places)
}

fn step(table: StepTable, name: String, accounts: bool, place: &Place<'_>, context: &Context<'_>) -> Step {
    let StepTable { get, post, put, patch, delete, head, headers, body, .. } = table;
    let methods =
        [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete), ("head", head)];
    let request = Request {
        headers: self::headers(place, headers),
        body: self::body(body, place, context),
        ..request(methods, place)
    };

    let class = place.take_or("class", table.class, &name).map_or_else(|| name.clone(), |class| class.0);
    let chance = place.or("chance", table.chance, 1.0);
    if !(chance > 0.0 && chance <= 1.0) {
        place.at("chance").wrong(
            format!("{chance} is no chance of a step that is there"),
            "write a number above 0 and up to 1",
        );
    }
    let every = place.take("every", table.every);
    match every {
        Some(0) => place.at("every").wrong("is 0", "write 1 or more"),
        Some(_) if !accounts => place.at("every").wrong(
            "counts the journeys of an account, and this population has none",
            "give it accounts = { kind = \"…\", count = … }",
        ),
        _ => {}
    }
    let timeout = laws::take_or("timeout", table.timeout, "the population's", place);
    if timeout == Some(Law::Constant(Span::ZERO)) {
        place.at("timeout").wrong("is zero", "nobody would wait for an answer");
    }
    let slo = place.take("slo", table.slo);
    if slo == Some(Span::ZERO) {
        place.at("slo").wrong("is zero", "no answer is that fast");
    }
    let keep = place.map("keep", table.keep);
    Step {
        name,
        class,
        request,
        keep: keep
            .into_iter()
            .filter_map(|(name, place, table)| self::keep(name, table, accounts, &place))
            .collect(),
        success: success(place.take_or("success", table.success, "200-299"), &place.at("success")),
        think: laws::take_or("think", table.think, "the population's", place),
        timeout,
        chance,
        every,
        next: Vec::new(),
        on_failure: place.or("on_failure", table.on_failure, leaf::Word(OnFailure::Retry)).0,
        slo,
        counted: place.or("counted", table.counted, true),
        messages: place.or("messages", table.messages, 0),
        acknowledges: place
            .take("acknowledges", table.acknowledges)
            .and_then(|table| extract(table, &place.at("acknowledges"))),
    }
}

/// Method and path.
fn request(methods: [(&str, Option<Key<Template>>); 6], place: &Place<'_>) -> Request {
    let given: Vec<(&str, bool)> = methods.iter().map(|(method, path)| (*method, path.is_some())).collect();
    let mut request =
        Request { method: String::new(), path: Template::default(), headers: Vec::new(), body: Body::Empty };
    if !place.one_of(&given) {
        return request;
    }
    for (method, path) in methods {
        let Some(path) = place.take(method, path) else { continue };
        let text = path.to_string();
        if !text.starts_with('/') || text.contains(char::is_whitespace) {
            place.at(method).wrong(
                format!("{text:?} is no path"),
                "write a path below the base URL that starts with \"/\" and has no blanks",
            );
        }
        request.method = method.to_ascii_uppercase();
        request.path = path;
    }
    request
}

fn headers(place: &Place<'_>, headers: Option<super::key::Map<Template>>) -> Vec<(String, Template)> {
    let headers = place.map("headers", headers);
    let token = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    headers
        .into_iter()
        .map(|(name, place, value)| {
            if !token(&name) {
                place.wrong(format!("{name:?} is no header name"), "write letters, digits and \"-\"");
            }
            if value.to_string().contains(char::is_control) {
                place.wrong("a header cannot hold control characters", "write it on one line");
            }
            (name.to_ascii_lowercase(), value)
        })
        .collect()
}

fn body(form: Option<Key<BodyForm>>, place: &Place<'_>, context: &Context<'_>) -> Body {
    let Some(form) = place.take("body", form) else { return Body::Empty };
    let place = place.at("body");
    match form {
        TextOr::Text(text) => Body::Text(text),
        TextOr::Table(BodyTable { generator, items, file }) => {
            if !place.one_of(&[("generator", generator.is_some()), ("file", file.is_some())]) {
                return Body::Empty;
            }
            if file.is_some() && items.is_some() {
                place.at("items").wrong("goes only with \"generator\"", "leave it out");
            }
            match file {
                Some(file) => place
                    .need("file", file)
                    .and_then(|path| read_body(&path, &place, context))
                    .map_or(Body::Empty, Body::Text),
                None => {
                    let items = place.or("items", items, 1);
                    if !(1..=1000).contains(&items) {
                        place.at("items").wrong(format!("{items} is out of range"), "write 1 to 1000");
                    }
                    let generator = place.take("generator", generator).unwrap_or_default();
                    references::check_generator(&generator, &place.at("generator"), context);
                    Body::Generated { generator, items }
                }
            }
        }
    }
}

fn read_body(path: &str, place: &Place<'_>, context: &Context<'_>) -> Option<Template> {
    let place = place.at("file");
    match (context.read)(path) {
        Err(error) => {
            place.wrong(format!("cannot read {path:?}: {error}"), "paths are relative to the scenario");
            None
        }
        Ok(text) => match Template::parse(&text) {
            Ok(template) => Some(template),
            Err(error) => {
                place.wrong(
                    format!("{path}: {error}"),
                    "write ${name}, and $${ where a \"${\" itself is meant",
                );
                None
            }
        },
    }
}

fn success(table: Option<SuccessTable>, place: &Place<'_>) -> Success {
    let usual = leaf::StatusRanges(vec![(200, 299)]);
    match table {
        None => Success { status: usual.0, contains: None },
        Some(table) => Success {
            status: place.or("status", table.status, usual).0,
            contains: place.take("contains", table.contains),
        },
    }
}

fn keep(name: String, table: KeepTable, accounts: bool, place: &Place<'_>) -> Option<Keep> {
    let KeepTable { json, header, cookie, regex, by } = table;
    if Template::parse(&format!("${{{name}}}")).is_err() {
        place.wrong(format!("{name:?} is no variable name"), "write letters, digits, \"_\" and \"-\"");
    }
    let by = place.or("by", by, leaf::Word(KeptBy::Journey)).0;
    if by == KeptBy::Account && !accounts {
        let hint = "give it accounts = { kind = \"…\", count = … }, or write by = \"journey\"";
        place.at("by").wrong("this population has no accounts", hint);
    }
    let from = extract(ExtractTable { json, header, cookie, regex }, place)?;
    Some(Keep { name, from, by_account: by == KeptBy::Account })
}

pub(super) fn extract(table: ExtractTable, place: &Place<'_>) -> Option<Extract> {
    let given = [
        ("json", table.json.is_some()),
        ("header", table.header.is_some()),
        ("cookie", table.cookie.is_some()),
        ("regex", table.regex.is_some()),
    ];
    if !place.one_of(&given) {
        return None;
    }
    if let Some(pointer) = place.take("json", table.json) {
        check_pointer(&pointer, &place.at("json"));
        return Some(Extract::Json(pointer));
    }
    if let Some(name) = place.take("header", table.header) {
        return Some(Extract::Header(name.to_ascii_lowercase()));
    }
    if let Some(name) = place.take("cookie", table.cookie) {
        return Some(Extract::Cookie(name));
    }
    match regex::Regex::new(&place.take("regex", table.regex)?) {
        Ok(regex) => Some(Extract::Regex(regex)),
        Err(error) => {
            place.at("regex").wrong(error.to_string(), "write a regular expression of the Rust crate regex");
            None
        }
    }
}

/// Notes a text that is no JSON pointer: empty, or starting with "/".
pub(super) fn check_pointer(pointer: &str, place: &Place<'_>) {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        place.wrong(format!("{pointer:?} is no JSON pointer"), format!("write \"/{pointer}\""));
    }
}

fn target(table: NextTable, place: &Place<'_>, names: &[String]) -> Option<(f64, Target)> {
    let weight = place.or("weight", table.weight, 1.0);
    if weight <= 0.0 {
        place.at("weight").wrong(format!("{weight} is not above 0"), "leave out a way that nobody goes");
    }
    let name = place.need("step", table.step)?;
    if name == "end" {
        return Some((weight, Target::End));
    }
    match names.iter().position(|known| *known == name) {
        Some(index) => Some((weight, Target::Step(u16::try_from(index).ok()?))),
        None => {
            let known = || names.iter().map(String::as_str).chain(["end"]);
            let hint = match nearest(&name, known()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
            };
            place.at("step").wrong(format!("there is no step {name:?} in this population"), hint);
            None
        }
    }
}
