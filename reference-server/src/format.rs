//! The formats in which results are handed in, told by the media type.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;
use crate::{fhir, hl7, intake};

/// A format of `POST /v1/results`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One entry or `{"entries": […]}`.
    Json,
    /// HL7 v2.5.1, one message or a batch.
    Hl7,
    /// A FHIR R4 Bundle.
    Fhir,
}

impl Format {
    const ALL: [Format; 3] = [Format::Json, Format::Hl7, Format::Fhir];

    /// Of a request.
    ///
    /// # Errors
    /// When its media type is none of those.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Format, Refusal> {
        let given =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        let found = Format::ALL.into_iter().find(|format| essence.eq_ignore_ascii_case(format.media_type()));
        found.ok_or(Refusal::MediaType("application/json, application/hl7-v2 or application/fhir+json"))
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Hl7 => hl7::MEDIA_TYPE,
            Format::Fhir => fhir::MEDIA_TYPE,
        }
    }

    /// Whether a body is a batch: the class of a request must be known before it is served.
    pub(crate) fn is_batch(self, body: &[u8]) -> bool {
        match self {
            Format::Json => intake::is_batch(body),
            Format::Hl7 => hl7::is_batch(body),
            Format::Fhir => fhir::is_batch(body),
        }
    }
    /// A refusal in the words of this format, where it has any.
    pub(crate) fn refuse(self, refusal: Refusal) -> Response {
        match self {
            Format::Json | Format::Hl7 => refusal.into_response(),
            Format::Fhir => fhir::refuse(refusal),
        }
    }
}
