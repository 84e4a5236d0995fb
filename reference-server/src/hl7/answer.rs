//! Takes in what came as `application/hl7-v2` and answers each message of it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::ack::{self, Outcome};
use super::envelope::{self, Envelope};
use super::{entry, split};
use crate::app::App;
use crate::entry::Entry;
use crate::intake::Rejected;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::refusal::Refusal;
use crate::token::Identity;
use crate::{hex, receipt, results};

/// Media type of HL7 v2 over HTTP.
pub(crate) const MEDIA_TYPE: &str = "application/hl7-v2";

/// Reads a body of at most `most` messages: each as an entry, or what is wrong with it.
///
/// # Errors
/// When the body as a whole is not what it should be.
pub(crate) fn read(body: &[u8], most: usize, now: Moment) -> Result<Read<'_>, Vec<Problem>> {
    let envelope = envelope::read(body, most)?;
    let entries = envelope.messages.iter().map(|message| entry::read(message, now)).collect();
    Ok(Read { envelope, entries })
}

/// A body that could be read.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) envelope: Envelope<'a>,
    /// Of each message, in their order.
    pub(crate) entries: Vec<Result<Entry, Rejected>>,
}

/// Stores the good messages and acknowledges every one: 201 when at least one is stored, else 400.
pub(crate) async fn answer(
    app: &App,
    sender: &Identity,
    key: Option<&str>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let now = Moment::now();
    let writer = Writer::new(now)?;
    let Read { envelope, entries } = match read(&body, app.config.limits.batch, now) {
        Ok(read) => read,
        Err(problems) => {
            let first = split::segments(&body).next().unwrap_or_default();
            return Ok(respond(StatusCode::BAD_REQUEST, writer.refusal(first, &problems)));
        }
    };
    let saved = results::save(app, sender, key, entries, now).await?;
    let mut text = String::new();
    if envelope.file {
        text.push_str(&format!("FHS|^~\\&|||||{}\r", writer.at));
    }
    let mut batches = envelope.batches.iter().enumerate().peekable();
    let mut open = None;
    let close =
        |text: &mut String, first: usize, end: usize| text.push_str(&format!("BTS|{}\r", end - first));
    for (index, (message, became)) in envelope.messages.iter().zip(&saved).enumerate() {
        while let Some((number, (id, first))) = batches.next_if(|(_, (_, first))| *first <= index) {
            if let Some(first) = open.replace(*first) {
                close(&mut text, first, index);
            }
            let (id, at) = (split::Separators::USUAL.escape(id), &writer.at);
            text.push_str(&format!("BHS|^~\\&|||||{at}||||{}-{number}|{id}\r", writer.id));
        }
        let msh = split::segments(message).next().unwrap_or_default();
        let msh = String::from_utf8_lossy(msh);
        let receipt = became.as_ref().map(|saved| receipt::receipt(&app.keys.secret, saved.id));
        let outcome = match &receipt {
            Ok(receipt) => Outcome::Stored(receipt),
            Err(rejected) => Outcome::Refused(&rejected.problems),
        };
        ack::write(&mut text, &msh, &outcome, &format!("{}-{index}", writer.id), &writer.at);
    }
    if let Some(first) = open {
        close(&mut text, first, saved.len());
    }
    if envelope.file {
        text.push_str(&format!("FTS|{}\r", envelope.batches.len()));
    }
    let stored = saved.iter().any(Result::is_ok);
    Ok(respond(if stored { StatusCode::CREATED } else { StatusCode::BAD_REQUEST }, text))
}

fn respond(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

/// What the segments of one answer share.
struct Writer {
    /// When it was written, as HL7 has it.
    at: String,
    /// Its own control id; that of each message has a number after it.
    id: String,
}

impl Writer {
    fn new(now: Moment) -> Result<Writer, Refusal> {
        let at = DateTime::<Utc>::from_timestamp_millis(now.millis()).unwrap_or_default();
        let mut id = [0; 8];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| Refusal::Broken)?;
        Ok(Writer { at: at.format("%Y%m%d%H%M%S+0000").to_string(), id: hex::encode(&id) })
    }

    /// The answer to a body that is wrong as a whole: rejected, for its header or for want of one.
    fn refusal(&self, first: &[u8], problems: &[Problem]) -> String {
        let first = String::from_utf8_lossy(first);
        let msh = if first.starts_with("MSH") { &*first } else { "" };
        let mut text = String::new();
        ack::write(&mut text, msh, &Outcome::Broken(problems), &self.id, &self.at);
        text
    }
}
