//! What went wrong with a request, in one word that stays the same from run to run.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;

/// Why a request was no success.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// An answer of another status than the step's success.
    Status(u16),
    /// The body lacks the text that the step's success asks for.
    Lacks,
    /// The answer lacks something that the step keeps.
    Keep(String),
    /// The answer acknowledges nothing, though the step's success does.
    NoReceipt,
    /// A variable of the request has no value, so nothing could be sent.
    NoValue(String),
    /// What was rendered is no request: a line break in a header or path.
    Unsendable,
    /// The client's patience ended.
    TimedOut,
    /// Nobody listens at the target.
    Refused,
    /// The connection was closed before the end of the answer.
    Closed,
    /// What came is no HTTP answer.
    NotHttp,
    /// This process has no file descriptor left: the generator's fault.
    NoDescriptor,
    /// This machine has no local port left: the generator's fault.
    NoPort,
    /// Any other error of the network.
    Io(String),
}

impl Fault {
    /// The fault behind an error of opening a connection, or of reading or writing on an open one.
    pub(super) fn of_dial(error: &io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::CONNREFUSED) => Self::Refused,
            Some(Errno::MFILE | Errno::NFILE) => Self::NoDescriptor,
            Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Self::NoPort,
            Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => Self::Closed,
            _ => Self::Io(error.to_string()),
        }
    }

    /// True when it was this machine that could not, and not the system under test.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::NoDescriptor | Self::NoPort | Self::NoValue(_) | Self::Unsendable)
    }

    /// The word for it in events.
    pub(super) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Status(status) => return format!("status {status}").into(),
            Self::Keep(name) => return format!("answer without {name}").into(),
            Self::NoValue(name) => return format!("no value for ${{{name}}}").into(),
            Self::Io(error) => return error.clone().into(),
            Self::Lacks => "answer lacks the text of a success",
            Self::NoReceipt => "answer without a receipt",
            Self::Unsendable => "line break in a header or path",
            Self::TimedOut => "timed out",
            Self::Refused => "connection refused",
            Self::Closed => "connection closed before the end of the answer",
            Self::NotHttp => "not an HTTP answer",
            Self::NoDescriptor => "no file descriptor left here",
            Self::NoPort => "no local port left here",
        })
    }
}
