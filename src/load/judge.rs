//! What an answer means: the outcome of its request, and what is kept of it.

use super::answer::Answered;
use super::extract::Text;
use super::fault::Fault;
use crate::scenario::{Outcome, Step};
use crate::units::Span;

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    /// Why it is no success.
    pub(super) fault: Option<Fault>,
    /// Values of the step's `keep`, in its order.
    pub(super) kept: Vec<String>,
    /// Receipts of what the answer acknowledges.
    pub(super) receipts: Vec<String>,
    /// How long the server asks to stay away.
    pub(super) retry_after: Option<Span>,
}

impl Judged {
    /// The judgement on a request without an answer.
    pub(super) fn without_answer(fault: Fault) -> Self {
        let outcome = if fault == Fault::TimedOut { Outcome::TimedOut } else { Outcome::Failed };
        Self { outcome, fault: Some(fault), kept: Vec::new(), receipts: Vec::new(), retry_after: None }
    }
}

/// Judges an answer.
///
/// A success that lacks what the step keeps or acknowledges is none: the journey could not go on with it.
pub(super) fn judge(step: &Step, answered: &Answered) -> Judged {
    let text = Text::answer(&answered.headers, &answered.body);
    let mut judged = Judged {
        outcome: Outcome::Ok,
        fault: None,
        kept: Vec::new(),
        receipts: Vec::new(),
        retry_after: None,
    };
    judged.fault = fault(step, answered, &text, &mut judged).err();
    if judged.fault.is_some() {
        let shed =
            judged.fault == Some(Fault::Status(answered.status)) && matches!(answered.status, 429 | 503);
        judged.outcome = if shed { Outcome::Shed } else { Outcome::Failed };
        judged.retry_after = retry_after(answered);
    }
    judged
}

fn fault(step: &Step, answered: &Answered, text: &Text<'_>, judged: &mut Judged) -> Result<(), Fault> {
    let status = answered.status;
    if !step.success.status.iter().any(|(from, to)| (*from..=*to).contains(&status)) {
        return Err(Fault::Status(status));
    }
    if let Some(needle) = &step.success.contains
        && !contains(&answered.body, needle.as_bytes())
    {
        return Err(Fault::Lacks);
    }
    for keep in &step.keep {
        let value = text.first(&keep.from).ok_or_else(|| Fault::Keep(keep.name.clone()))?;
        judged.kept.push(value);
    }
    if let Some(place) = &step.acknowledges {
        judged.receipts = text.all(place);
        if judged.receipts.is_empty() {
            return Err(Fault::NoReceipt);
        }
    }
    Ok(())
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || body.windows(needle.len()).any(|window| window == needle)
}

/// Seconds, as servers that shed load write it; a date (the other form of RFC 9110, 10.2.3) is not looked at.
fn retry_after(answered: &Answered) -> Option<Span> {
    let seconds: u32 = answered.headers.get("retry-after")?.parse().ok()?;
    Some(Span::from_secs(seconds.into()))
}
