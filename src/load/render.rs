//! From a step and what is known of its journey to the bytes of a request.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};

use super::fault::Fault;
use super::guard::Target;
use super::plan::{Plan, Value};
use super::vars::Vars;
use crate::journey::{Due, Journey};
use crate::scenario::{Body, Template};
use crate::synthetic::{self, AccountId, Context};

/// A request that can be sent, more than once if it must.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Rendered {
    /// As the HTTP library takes it.
    pub(super) fn into_request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
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
        let value = |name: &str, out: &mut String| variable(name, sender, &context, out);
        template.render(out, value).map_err(|name| Fault::NoValue(name.to_owned()))
    };

    let mut buffer = String::with_capacity(128);
    buffer.push_str(&target.base);
    text(&step.request.path, &mut buffer)?;
    let uri = Uri::try_from(buffer.as_str()).map_err(|_| Fault::Unsendable)?;

    let mut headers = HeaderMap::with_capacity(prepared.headers.len() + 2);
    headers.insert(HOST, HeaderValue::try_from(&target.authority).map_err(|_| Fault::Unsendable)?);
    for (name, value) in &prepared.headers {
        let value = match value {
            Value::Fixed(value) => value.clone(),
            Value::Template(template) => {
                buffer.clear();
                text(template, &mut buffer)?;
                HeaderValue::try_from(buffer.as_str()).map_err(|_| Fault::Unsendable)?
            }
        };
        headers.append(name, value);
    }

    let body = match &step.request.body {
        Body::Empty => Bytes::new(),
        Body::Text(template) => {
            let mut body = String::new();
            text(template, &mut body)?;
            body.into()
        }
        Body::Generated { generator, items } => {
            let mut body = Vec::with_capacity(640 * usize::from(*items).max(1));
            let media = synthetic::generate(generator, *items, &context, &mut body)
                .ok_or_else(|| Fault::NoValue(generator.clone()))?;
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media));
            body.into()
        }
    };
    Ok(Rendered { method: prepared.method.clone(), uri, headers, body })
}

/// What the journey keeps hides what its account keeps, and that hides what is invented.
fn variable(name: &str, sender: Sender<'_>, context: &Context<'_>, out: &mut String) -> bool {
    let kept = sender.vars.get(name).or_else(|| sender.account.and_then(|(_, vars)| vars.get(name)));
    match kept {
        Some(value) => {
            out.push_str(value);
            true
        }
        None => synthetic::value(name, context, out),
    }
}
