//! The envelope of a batch (FHS, BHS … BTS, FTS): finds the messages, and finds out when one is missing.

use super::entry::problem;
use super::split::{Segment, Separators};
use crate::problem::Problem;

/// What was handed in: its messages, and what the answer has to look like.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    /// Each from its MSH to the next one's.
    pub(crate) messages: Vec<&'a [u8]>,
    /// Whether it has an FHS.
    pub(crate) file: bool,
    /// The control id of each batch (BHS-11) and the index of its first message.
    pub(crate) batches: Vec<(String, usize)>,
}

/// Finds the messages of a body, at most `most`.
///
/// # Errors
/// When the body as a whole is not what it should be. A batch without its end, or with another number of messages than
/// it says, was broken off on the way: nobody can say whether its last message is whole, so it has to come again.
pub(crate) fn read(body: &[u8], most: usize) -> Result<Envelope<'_>, Vec<Problem>> {
    let mut envelope = Envelope::default();
    let mut problems = Vec::new();
    let (mut begun, mut separators) = (None, Separators::USUAL);
    let (mut open_batch, mut open_file) = (false, false);
    let mut at = 0;
    let mut strays = 0_u32;
    for piece in body.split(|byte| matches!(byte, b'\r' | b'\n' | 0x0b | 0x1c)) {
        let start = at;
        at += piece.len() + 1;
        let name = piece.get(..3).unwrap_or(piece);
        if matches!(name, b"MSH" | b"FHS" | b"BHS" | b"BTS" | b"FTS")
            && let Some(begun) = begun.take()
        {
            envelope.messages.push(&body[begun..start]);
        }
        let text = || String::from_utf8_lossy(piece);
        match name {
            b"MSH" => begun = Some(start),
            b"FHS" => (envelope.file, open_file) = (true, true),
            b"BHS" => {
                let head = text();
                separators = Separators::of(&head).unwrap_or(Separators::USUAL);
                let id = Segment::read(&head, separators)
                    .and_then(|head| Some(head.field(11).text()?.into_owned()));
                envelope.batches.push((id.unwrap_or_default(), envelope.messages.len()));
                if open_batch {
                    problems.push(problem("BTS", "is missing", "each batch ends with BTS"));
                }
                open_batch = true;
            }
            b"BTS" => {
                let first = envelope.batches.last().map_or(0, |(_, first)| *first);
                let found = envelope.messages.len() - first;
                let tail = text();
                let said = Segment::read(&tail, separators).and_then(|tail| tail.field(1).text());
                if said.as_deref().is_some_and(|said| said.parse() != Ok(found)) {
                    let what = format!("the batch has {found} messages, not as many as it says");
                    problems.push(problem("BTS-1", &what, "send the whole batch again"));
                }
                if !open_batch {
                    problems.push(problem("BHS", "is missing", "each batch begins with BHS"));
                }
                open_batch = false;
            }
            b"FTS" => open_file = false,
            _ if piece.is_empty() || begun.is_some() => {}
            _ => strays += 1,
        }
    }
    if let Some(begun) = begun {
        envelope.messages.push(&body[begun..]);
    }
    if strays > 0 {
        problems.push(problem(
            "MSH",
            &format!("{strays} lines belong to no message"),
            "a message begins with MSH",
        ));
    }
    for (open, name) in [(open_batch, "BTS"), (open_file, "FTS")] {
        if open {
            problems.push(problem(
                name,
                "is missing: the batch was broken off",
                "send the whole batch again",
            ));
        }
    }
    let count = envelope.messages.len();
    if count == 0 {
        problems.push(problem("MSH", "there is no message", "send ORU^R01, alone or between BHS and BTS"));
    }
    if count > most {
        problems.push(problem(
            "BHS",
            &format!("has {count} messages"),
            &format!("send at most {most} in one batch"),
        ));
    }
    if problems.is_empty() { Ok(envelope) } else { Err(problems) }
}
