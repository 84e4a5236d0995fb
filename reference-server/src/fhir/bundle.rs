//! A bundle: its type, its entries, and what their references mean.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::resource::{Reference, Resource};
use super::shape;
use crate::intake::Text;
use crate::problem::Problem;

/// Whether a body is a batch, told without parsing it: it has more than one report.
pub(crate) fn is_batch(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let is_type = |at: usize| {
        let before = text[..at].trim_ascii_end().strip_suffix(':').unwrap_or_default();
        before.trim_ascii_end().ends_with("\"resourceType\"")
    };
    text.match_indices("\"DiagnosticReport\"").filter(|(at, _)| is_type(*at)).nth(1).is_some()
}

/// Reads a bundle of at most `most` results. `mended` is where its text goes when values of a wrong type had to be taken
/// out of it.
///
/// # Errors
/// When it as a whole is not what it should be.
pub(crate) fn read<'a>(
    body: &'a [u8],
    mended: &'a OnceCell<String>,
    most: usize,
) -> Result<Bundle<'a>, Vec<Problem>> {
    let not_json =
        |error: &dyn Display| vec![problem("", &format!("is not JSON: {error}"), "send a Bundle in UTF-8")];
    let text = std::str::from_utf8(body).map_err(|error| not_json(&error))?;
    // The usual case. What is not read at once is read again, slowly, to say what is wrong.
    let (raw, wrong) = match RawBundle::read(text) {
        Ok(raw) => (raw, Vec::new()),
        Err(_) => {
            let (text, wrong) = shape::mend(text).map_err(|error| not_json(&error))?;
            let raw = RawBundle::read(mended.get_or_init(|| text)).map_err(|error| not_json(&error))?;
            (raw, wrong)
        }
    };
    let mut problems = Vec::new();
    let mut bundle = Bundle::new(raw, &mut problems);
    for wrong in wrong {
        match entry_of(&wrong.path).and_then(|index| bundle.items.get_mut(index)) {
            Some(item) => item.problems.push(wrong),
            None => problems.push(wrong),
        }
    }
    let reports = bundle.reports().count();
    if reports == 0 {
        let hint = "send a DiagnosticReport, with the Patient and the Observation that it refers to";
        problems.push(problem("Bundle.entry", "has no result", hint));
    }
    if reports > most {
        let hint = format!("send at most {most} in one bundle");
        problems.push(problem("Bundle.entry", &format!("has {reports} results"), &hint));
    }
    if problems.is_empty() { Ok(bundle) } else { Err(problems) }
}

/// The index in a path that begins with `Bundle.entry[…]`.
fn entry_of(path: &str) -> Option<usize> {
    path.strip_prefix("Bundle.entry[")?.split_once(']')?.0.parse().ok()
}

/// A bundle whose entries have been read.
#[derive(Debug)]
pub(crate) struct Bundle<'a> {
    /// Whether it is stored as a whole or not at all.
    pub(crate) transaction: bool,
    pub(crate) items: Vec<Item<'a>>,
    /// The entry of each `fullUrl`, and of each `Type/id`.
    names: HashMap<String, usize>,
}

/// An entry of a bundle.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) resource: Resource<'a>,
    /// The contained resources of a report, and their ids.
    contained: Vec<(Resource<'a>, Option<Text<'a>>)>,
    /// The condition under which it is to be made.
    pub(crate) condition: Option<Text<'a>>,
    /// What is wrong with the entry by itself.
    pub(crate) problems: Vec<Problem>,
}

/// A resource that a reference means.
#[derive(Debug, Clone)]
pub(crate) struct Found<'b, 'a> {
    pub(crate) resource: &'b Resource<'a>,
    /// The entry that it is, or is contained in.
    pub(crate) entry: usize,
    /// Its path.
    pub(crate) path: String,
}

impl<'a> Bundle<'a> {
    fn new(raw: RawBundle<'a>, problems: &mut Vec<Problem>) -> Bundle<'a> {
        if raw.bundle.resource_type.as_ref().is_none_or(|kind| kind.0 != "Bundle") {
            problems.push(problem("Bundle.resourceType", "is not Bundle", "results come in a Bundle"));
        }
        let kind = raw.bundle.kind.as_ref().map_or("", |kind| &kind.0);
        if !matches!(kind, "transaction" | "batch") {
            let hint = "transaction: all results or none; batch: each by itself";
            problems.push(problem("Bundle.type", "is not a type that is taken here", hint));
        }
        let mut bundle =
            Bundle { transaction: kind == "transaction", items: Vec::new(), names: HashMap::new() };
        for (index, (entry, resource)) in raw.bundle.entry.into_iter().zip(raw.resources).enumerate() {
            let path = format!("Bundle.entry[{index}]");
            let mut item = Item {
                resource: Resource::Other,
                contained: Vec::new(),
                condition: None,
                problems: Vec::new(),
            };
            let mut kind = String::new();
            match resource {
                None => item.problems.push(problem(&format!("{path}.resource"), "is missing", "")),
                Some((resource, contained, id, said)) => {
                    if said.is_empty() {
                        item.problems.push(problem(
                            &format!("{path}.resource.resourceType"),
                            "is missing",
                            "",
                        ));
                    }
                    (item.resource, item.contained, kind) = (resource, contained, said);
                    if let Some(id) = id {
                        bundle.names.entry(format!("{kind}/{}", id.0)).or_insert(index);
                    }
                }
            }
            item.request(entry.request, &kind, &path);
            if let Some(url) = entry.full_url
                && bundle.names.insert(url.0.to_string(), index).is_some()
            {
                item.problems.push(problem(
                    &format!("{path}.fullUrl"),
                    "is there more than once",
                    "each entry has a name of its own",
                ));
            }
            bundle.items.push(item);
        }
        bundle
    }

    /// The reports, and the entries in which they are.
    pub(crate) fn reports(&self) -> impl Iterator<Item = (usize, &super::resource::Report<'a>)> {
        self.items.iter().enumerate().filter_map(|(index, item)| match &item.resource {
            Resource::Report(report) => Some((index, &**report)),
            _ => None,
        })
    }

    /// What a reference of the report in entry `from` means.
    pub(crate) fn find(&self, from: usize, reference: &Reference<'_>) -> Option<Found<'_, 'a>> {
        let name = &*reference.reference.as_ref()?.0;
        if let Some(id) = name.strip_prefix('#') {
            let contained = &self.items.get(from)?.contained;
            let is_it =
                |(_, own): &(Resource<'_>, Option<Text<'_>>)| own.as_ref().is_some_and(|own| own.0 == id);
            let at = contained.iter().position(is_it)?;
            let path = format!("Bundle.entry[{from}].resource.contained[{at}]");
            return Some(Found { resource: &contained[at].0, entry: from, path });
        }
        let entry = *self.names.get(name)?;
        let resource = &self.items.get(entry)?.resource;
        Some(Found { resource, entry, path: format!("Bundle.entry[{entry}].resource") })
    }
}

impl<'a> Item<'a> {
    /// Checks what is asked for: every resource is to be made.
    fn request(&mut self, request: Option<RawRequest<'a>>, kind: &str, path: &str) {
        let Some(request) = request else {
            let hint = "each entry says what is asked for: {\"method\": \"POST\", \"url\": …}";
            return self.problems.push(problem(&format!("{path}.request"), "is missing", hint));
        };
        let is =
            |text: &Option<Text<'_>>, expected: &str| text.as_ref().is_some_and(|text| text.0 == expected);
        if !is(&request.method, "POST") {
            let what = "is not a method that is taken here";
            self.problems.push(problem(&format!("{path}.request.method"), what, "write POST"));
        }
        if !kind.is_empty() && !is(&request.url, kind) {
            let hint = format!("write {kind}");
            self.problems.push(problem(&format!("{path}.request.url"), "is not the resource's type", &hint));
        }
        self.condition = request.if_none_exist;
    }
}

/// A bundle as it was written, with its resources.
struct RawBundle<'a> {
    bundle: Raw<'a>,
    resources: Vec<Option<RawResource<'a>>>,
}

/// A resource, what it contains, its id and its type.
type RawResource<'a> = (Resource<'a>, Vec<(Resource<'a>, Option<Text<'a>>)>, Option<Text<'a>>, String);

impl<'a> RawBundle<'a> {
    fn read(text: &'a str) -> serde_json::Result<RawBundle<'a>> {
        let bundle: Raw<'_> = serde_json::from_str(text)?;
        let read = |entry: &RawEntry<'a>| -> serde_json::Result<Option<RawResource<'a>>> {
            let Some(text) = entry.resource else { return Ok(None) };
            let (resource, head) = Resource::read(text)?;
            let mut contained = Vec::new();
            if let Resource::Report(report) = &resource {
                for text in &report.contained {
                    let (resource, head) = Resource::read(text)?;
                    contained.push((resource, head.id));
                }
            }
            let kind = head.kind().to_owned();
            Ok(Some((resource, contained, head.id, kind)))
        };
        let resources = bundle.entry.iter().map(read).collect::<Result<_, _>>()?;
        Ok(RawBundle { bundle, resources })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(borrow)]
    resource_type: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    entry: Vec<RawEntry<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry<'a> {
    #[serde(borrow)]
    full_url: Option<Text<'a>>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<RawRequest<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest<'a> {
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    if_none_exist: Option<Text<'a>>,
}

/// One thing wrong, at a path of FHIR.
pub(crate) fn problem(path: &str, problem: &str, hint: &str) -> Problem {
    Problem { path: path.to_owned(), problem: problem.to_owned(), hint: hint.to_owned() }
}
