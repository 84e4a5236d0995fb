//! What an engine asks of those who come: the same of journeys of a scenario and of customers of a plain queueing system.

use super::calendar::{Calendar, Ranked};
use crate::rng::Key;
use crate::scenario::Outcome;
use crate::scenario::server_model::{Per, PlaceOf};

/// Never: a patience without end, a thing that does not come.
pub(super) const NEVER: i64 = i64::MAX;

/// A request, at the instant at which it reaches the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<W> {
    /// Index of its class of work.
    pub(super) class: u16,
    /// The root of the draws that are the server's: work, dispatch.
    pub(super) key: Key,
    /// The client's patience does not end before this instant; [`NEVER`] without. [`Clients::deadline`] tells when it does.
    pub(super) deadline: i64,
    /// The client's patience is with waiting only: it ends when service begins.
    pub(super) until_start: bool,
    /// Entries in it, as often as it counts in a group.
    pub(super) entries: u16,
    /// Who asks.
    pub(super) who: W,
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    /// When.
    pub(super) at: i64,
    /// When its request was made.
    pub(super) sent: i64,
    /// What became of its request: ok, shed, timed out, or in flight at the end of the run.
    pub(super) outcome: Outcome,
    /// How long the server asks it to stay away, in nanoseconds.
    pub(super) retry_after: u64,
}

/// Those who come. All instants are nanoseconds since the beginning of the measured part.
pub(super) trait Clients {
    /// A client under way: small, copied into the calendar. Its rank orders what happens at the same instant.
    type Who: Ranked + std::fmt::Debug;

    /// When the next planned client comes; [`NEVER`] when none does.
    fn planned_at(&self) -> i64;

    /// The next planned client comes: its first request, if it makes one now.
    fn arrive(&mut self, later: &mut Calendar<Self::Who>) -> Option<Request<Self::Who>>;

    /// What was entered in the calendar is due: the request that is made now, if any.
    fn due(&mut self, who: Self::Who, at: i64, later: &mut Calendar<Self::Who>)
    -> Option<Request<Self::Who>>;

    /// A client is told; what it does next goes into the calendar.
    fn answered(&mut self, who: Self::Who, reply: Reply, later: &mut Calendar<Self::Who>);

    /// The instant at which the client's patience with a request that came at `at` ends: most requests are answered so soon
    /// that it need not be drawn.
    fn deadline(&self, request: &Request<Self::Who>, _at: i64) -> i64 {
        request.deadline
    }

    /// Whether such an answer to this client changes what others do before it reaches the client, or they what the client
    /// does, so that it must be told in the order of time.
    fn told_in_order(&self, who: &Self::Who, outcome: Outcome) -> bool;

    /// Whose token buckets of this kind are: a number from 1 on, the same for all who share one; 0 for who has none.
    fn sender(&self, _who: &Self::Who, _per: Per) -> u64 {
        0
    }

    /// Whether those who are under way may make a request of theirs after the end: what is in the calendar is due then, too.
    fn goes_on(&self) -> bool {
        false
    }

    /// What a client hands in is accepted: whatever it is told, the work goes on, in the name of `who`.
    fn accepted(&mut self, _who: &mut Self::Who) {}

    /// The work on what was accepted has come to where its messages go.
    fn settled(&mut self, _who: Self::Who, _at: i64, _later: &mut Calendar<Self::Who>) {}

    /// Whether this client is let in although its class of requests is refused.
    fn has_own_entrance(&self, _who: &Self::Who) -> bool {
        false
    }

    /// Whose place in a waiting room is meant: a number from 1 on, the same for all who share one; 0 for who does not wait.
    fn place(&self, _who: &Self::Who, _of: PlaceOf) -> u64 {
        0
    }
}

/// When an engine stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Horizon {
    /// No request is made from here on, but by those whom [`Clients::goes_on`] is about.
    pub(super) end: i64,
    /// Replies are awaited until here; not before `end`.
    pub(super) drained: i64,
}

/// Sees the simulation go by: simulated time in nanoseconds and requests so far. Answers whether to go on.
pub(super) type Watch<'a> = &'a mut dyn FnMut(i64, u64) -> bool;

/// How many requests pass between two looks of the [`Watch`].
pub(super) const WATCH_EVERY: u64 = 1 << 17;
