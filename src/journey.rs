//! What a client does next: one state machine that both engines drive, so that they play the same people.
//!
//! An engine calls [`Journey::begin`] when an arrival is due, sends the request it is told of, and calls
//! [`Journey::answered`] with what became of it, until the journey ends. Everything else (think time, patience,
//! retries, which step follows) is decided here, from the outcomes, the journey's own keyed draws and its account's
//! counters; there is no clock, no network and no allocation.
//!
//! Which request is due when (CONTRACT.md, Accounting): the first at the arrival, the next at the answer and the think
//! time, a retry at the end of its back-off.

mod account;
mod expectation;
mod script;
mod state;
#[cfg(test)]
mod tests;

pub use account::{Account, account_among, account_of, accounts_in, client_of};
pub use script::Script;
pub use state::{Answer, Due, Ending, Journey, MOST_VISITS, Next};
