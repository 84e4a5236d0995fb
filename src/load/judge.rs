//! What an answer means: the outcome of its request, and what is kept of it.

use chrono::{DateTime, Utc};

use super::answer::{Answered, Headers};
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
        judged.retry_after = retry_after(&answered.headers);
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

/// Seconds, or a date (RFC 9110, 10.2.3), which is counted from the answer's own date, so that clocks need not agree; from
/// now where it has none.
fn retry_after(headers: &Headers) -> Option<Span> {
    let text = |name: &'static str| headers.get(name).map(str::trim);
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Span::from_secs(seconds.into()));
    }
    let date = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp());
    let now = text("date").and_then(date).unwrap_or_else(|| Utc::now().timestamp());
    Some(Span::from_secs(u64::try_from(date(value)? - now).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let asked = |retry: &str, date: Option<&str>| {
            let date = date.map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
            let headers = Headers::of_lines(format!("Retry-After: {retry}\r\n{date}").into());
            retry_after(&headers)
        };
        let now = Some("Wed, 05 Jan 2022 18:00:00 GMT");
        assert_eq!(asked("7", None), Some(Span::from_secs(7)));
        assert_eq!(asked("Wed, 05 Jan 2022 18:01:30 GMT", now), Some(Span::from_secs(90)));
        assert_eq!(asked("Wed, 05 Jan 2022 17:00:00 GMT", now), Some(Span::ZERO), "in the past");
        assert_eq!(asked("Wed, 05 Jan 2022 18:01:30 GMT", None), Some(Span::ZERO), "from now, long ago");
        assert_eq!(asked("soon", now), None);
    }
}
