//! Certificates and their forms from keys alone: what the server does for a request, without a server around it.

use std::path::Path;

use super::{Form, code, document, picture};
use crate::dcc;
use crate::entry::Record;
use crate::keys::{KeyError, Keys};
use crate::moment::Moment;

/// Keys that sign certificates.
#[derive(Debug)]
pub struct Maker(Keys);

impl Maker {
    /// Reads the keys in a data folder; makes those that are missing.
    ///
    /// # Errors
    /// When a key cannot be used.
    pub fn open(folder: &Path) -> Result<Maker, KeyError> {
        Keys::open(folder).map(Maker)
    }

    /// The text of a new certificate of a sender's result; `None`: the result certifies nothing.
    pub fn text(&self, id: i64, sender: &str, record: &Record, now: Moment) -> Option<String> {
        let payload = dcc::payload(record, sender, dcc::uvci(&self.0.secret, id))?;
        dcc::seal(&self.0.document, &self.0.signer, &payload, now)
    }

    /// A form of a certificate that was issued; `None`: its text is too long for any code.
    pub fn form(&self, form: Form, id: i64, record: &Record, text: &str) -> Option<Vec<u8>> {
        render(&self.0, form, id, record, text)
    }
}

/// The same with keys that a server has.
pub(super) fn render(keys: &Keys, form: Form, id: i64, record: &Record, text: &str) -> Option<Vec<u8>> {
    match form {
        Form::Text => Some(format!("{text}\n").into_bytes()),
        Form::Picture => picture::png(&code::code(text)?),
        Form::Document => document::pdf(record, &dcc::uvci(&keys.secret, id), &code::code(text)?),
    }
}
