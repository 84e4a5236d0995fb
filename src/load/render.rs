//! From a step and what is known of its journey to the bytes of a request.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;

use super::fault::Fault;
use super::guard::Target;
use super::plan::{Plan, Value};
use super::vars::Vars;
use crate::journey::{Due, Journey};
use crate::rng::Key;
use crate::scenario::{Body, Subject, Template};
use crate::synthetic::{self, AccountId, Context};

/// A request as it goes over the wire; it can be sent more than once if it must.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    wire: Bytes,
    /// Where its body begins.
    body: usize,
}

impl Rendered {
    /// A request of these header fields, given as lines `name: value\r\n` with names in lower case; `Host`, unless it is
    /// among them, and, where there is a body or one is usual, `Content-Length` are added.
    ///
    /// # Errors
    /// A blank or a control character in the path, a control character in a header.
    pub(super) fn new(
        method: &str,
        target: &Target,
        path: &str,
        fields: &str,
        body: &[u8],
    ) -> Result<Self, Fault> {
        let sendable = |byte: u8| byte > b' ' && byte != 0x7f;
        let in_field = |byte: u8| byte >= b' ' && byte != 0x7f || byte == b'\t';
        let lines = || fields.split_terminator("\r\n").flat_map(str::bytes);
        if path.is_empty() || !path.bytes().all(sendable) || !lines().all(in_field) {
            return Err(Fault::Unsendable);
        }
        let mut head = String::with_capacity(path.len() + fields.len() + body.len() + 96);
        let authority = &target.authority;
        let wants_length = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
        let _ = write!(head, "{method} {path} HTTP/1.1\r\n");
        // A Host of the scenario's own stands: it is how one asks for another of a server's sites.
        if !fields.split("\r\n").any(|line| line.starts_with("host:")) {
            let _ = write!(head, "host: {authority}\r\n");
        }
        head.push_str(fields);
        if wants_length {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        let mut wire = head.into_bytes();
        let at = wire.len();
        wire.extend_from_slice(body);
        Ok(Self { wire: wire.into(), body: at })
    }

    /// All its bytes.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Whether it asks for the head of an answer only.
    pub(super) fn is_head(&self) -> bool {
        self.wire.starts_with(b"HEAD ")
    }

    /// Method and path.
    pub(super) fn line(&self) -> String {
        let head = self.head();
        let line = head.split("\r\n").next().unwrap_or_default();
        line.strip_suffix(" HTTP/1.1").unwrap_or(line).to_owned()
    }

    /// Its header fields, a line each.
    pub(super) fn fields(&self) -> Vec<String> {
        let head = self.head();
        head.split("\r\n").skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Its body.
    pub(super) fn body(&self) -> &[u8] {
        &self.wire[self.body..]
    }

    fn head(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.wire[..self.body])
    }
}

/// Whose request it is, and what is remembered of the answers before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) journey: &'a Journey,
    pub(super) vars: &'a Vars,
    /// The account's number and what it remembers.
    pub(super) account: Option<(u32, &'a Vars)>,
}

/// Renders the request of a step.
///
/// # Errors
/// A variable has no value, or a value holds a line break.
pub(super) fn render(plan: &Plan, target: &Target, sender: Sender<'_>, due: &Due) -> Result<Rendered, Fault> {
    let arrival = sender.journey.arrival();
    let prepared = &plan.populations[usize::from(arrival.population)].steps[usize::from(due.step)];
    if !prepared.is_fixed {
        return fresh(plan, target, sender, due);
    }
    // A step without variables is the same request every time.
    if let Some(rendered) = prepared.rendered.get() {
        return Ok(rendered.clone());
    }
    let rendered = fresh(plan, target, sender, due)?;
    Ok(prepared.rendered.get_or_init(|| rendered).clone())
}

fn fresh(plan: &Plan, target: &Target, sender: Sender<'_>, due: &Due) -> Result<Rendered, Fault> {
    let arrival = sender.journey.arrival();
    let population = plan.population(arrival.population);
    let step = &population.steps[usize::from(due.step)];
    let prepared = &plan.populations[usize::from(arrival.population)].steps[usize::from(due.step)];
    let kind = population.accounts.as_ref().map_or("", |accounts| &accounts.kind);
    let account = sender.account.map(|(index, _)| AccountId { kind, population: arrival.population, index });
    let context = Context {
        seed: plan.seed,
        subject: arrival.subject,
        key: arrival.key,
        visit: sender.journey.key(),
        step: due.step,
        account,
        date: &plan.scenario.date,
        arrived: plan.timeline.scenario_nanos(arrival.at),
    };
    let text = |template: &Template, out: &mut String| {
        let value = |name: &str, out: &mut String| variable(name, plan, sender, &context, out);
        template.render(out, value).map_err(|name| Fault::NoValue(name.to_owned()))
    };

    let mut path = String::with_capacity(64);
    path.push_str(&target.base);
    text(&step.request.path, &mut path)?;

    let mut fields = String::with_capacity(192);
    for (name, value) in &prepared.headers {
        fields.push_str(name.as_str());
        fields.push_str(": ");
        match value {
            Value::Fixed(value) => fields.push_str(value),
            Value::Template(template) => {
                let begin = fields.len();
                text(template, &mut fields)?;
                if fields[begin..].contains(['\r', '\n']) {
                    return Err(Fault::Unsendable);
                }
            }
        }
        fields.push_str("\r\n");
    }

    let mut body = Vec::new();
    match &step.request.body {
        Body::Empty => {}
        Body::Text(template) => {
            let mut written = String::new();
            text(template, &mut written)?;
            body = written.into_bytes();
        }
        Body::Generated { generator, items } => {
            body.reserve(640 * usize::from(*items).max(1));
            let media = synthetic::generate(generator, *items, &context, &mut body)
                .ok_or_else(|| Fault::NoValue(generator.clone()))?;
            if prepared.headers.iter().all(|(name, _)| name != CONTENT_TYPE) {
                let _ = write!(fields, "content-type: {media}\r\n");
            }
        }
    }
    Rendered::new(prepared.method.as_str(), target, &path, &fields, &body)
}

/// What the journey keeps hides what its account keeps, and that hides what tables say and what is invented.
fn variable(name: &str, plan: &Plan, sender: Sender<'_>, context: &Context<'_>, out: &mut String) -> bool {
    let kept = sender.vars.get(name).or_else(|| sender.account.and_then(|(_, vars)| vars.get(name)));
    match kept.or_else(|| fed(name, plan, sender)) {
        Some(value) => {
            out.push_str(value);
            true
        }
        None => synthetic::value(name, context, out),
    }
}

/// The value of a feeder's row. A journey's number is that of its arrival, or of the entry that brought it.
fn fed<'a>(name: &str, plan: &'a Plan, sender: Sender<'_>) -> Option<&'a str> {
    if plan.scenario.feeders.is_empty() {
        return None;
    }
    let (feeder, column) = name.split_once('.')?;
    let feeder = plan.scenario.feeders.iter().find(|of| of.name == feeder)?;
    let arrival = sender.journey.arrival();
    if feeder.by_account {
        let (account, _) = sender.account?;
        let key = Key::root(plan.seed).word("account").with(u64::from(arrival.population));
        return feeder.value(column, account.into(), key.with(account.into()));
    }
    let number = (arrival.subject.journey & !Subject::EARLIER) + u64::from(arrival.subject.item);
    feeder.value(column, number, arrival.key)
}
