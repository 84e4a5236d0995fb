//! The resources of a bundle as they were written, of each only what is read here. They borrow from the body.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::intake::Text;

/// A resource.
#[derive(Debug)]
pub(crate) enum Resource<'a> {
    Patient(Patient<'a>),
    Specimen(Specimen<'a>),
    Observation(Box<Observation<'a>>),
    Report(Box<Report<'a>>),
    /// Of a kind that says nothing about a result, or of none.
    Other,
}

impl<'a> Resource<'a> {
    /// Reads a resource, and the type that it says.
    pub(crate) fn read(text: &'a RawValue) -> serde_json::Result<(Resource<'a>, Head<'a>)> {
        let text = text.get();
        let head: Head<'_> = serde_json::from_str(text)?;
        let resource = match head.kind() {
            "Patient" => Resource::Patient(serde_json::from_str(text)?),
            "Specimen" => Resource::Specimen(serde_json::from_str(text)?),
            "Observation" => Resource::Observation(serde_json::from_str(text)?),
            "DiagnosticReport" => Resource::Report(serde_json::from_str(text)?),
            _ => Resource::Other,
        };
        Ok((resource, head))
    }
}

/// What every resource has.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow, rename = "resourceType")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
}

impl Head<'_> {
    /// `Patient`; empty if it says none.
    pub(crate) fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", |kind| &kind.0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Patient<'a> {
    #[serde(borrow, default)]
    pub(crate) identifier: Vec<Identifier<'a>>,
    #[serde(borrow, default)]
    pub(crate) name: Vec<HumanName<'a>>,
    #[serde(borrow, default)]
    pub(crate) telecom: Vec<ContactPoint<'a>>,
    #[serde(borrow)]
    pub(crate) gender: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) birth_date: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Specimen<'a> {
    #[serde(borrow, default)]
    pub(crate) identifier: Vec<Identifier<'a>>,
    #[serde(borrow)]
    pub(crate) accession_identifier: Option<Identifier<'a>>,
    #[serde(borrow)]
    pub(crate) collection: Option<Collection<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Observation<'a> {
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) code: Option<CodeableConcept<'a>>,
    #[serde(borrow)]
    pub(crate) subject: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) effective_date_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) issued: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value_codeable_concept: Option<CodeableConcept<'a>>,
    #[serde(borrow)]
    pub(crate) device: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) specimen: Option<Reference<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    #[serde(borrow, default)]
    pub(crate) contained: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) identifier: Vec<Identifier<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) subject: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) effective_date_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) issued: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) specimen: Vec<Reference<'a>>,
    #[serde(borrow, default)]
    pub(crate) result: Vec<Reference<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Identifier<'a> {
    #[serde(borrow)]
    pub(crate) system: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HumanName<'a> {
    #[serde(borrow, rename = "use")]
    pub(crate) usage: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) family: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) given: Vec<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ContactPoint<'a> {
    #[serde(borrow)]
    pub(crate) system: Option<Text<'a>>,
    #[serde(borrow, rename = "use")]
    pub(crate) usage: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Collection<'a> {
    #[serde(borrow)]
    pub(crate) collected_date_time: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CodeableConcept<'a> {
    #[serde(borrow, default)]
    pub(crate) coding: Vec<Coding<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Coding<'a> {
    #[serde(borrow)]
    pub(crate) system: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) code: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reference<'a> {
    #[serde(borrow)]
    pub(crate) reference: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) identifier: Option<Identifier<'a>>,
}
