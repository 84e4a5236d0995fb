//! Ids that grow with time and never repeat, whichever instance gives them.
//!
//! A number drawn from a sequence of the database stands in front, a count behind it. So two instances never give the same one,
//! however their clocks stand, and nothing has to be given back. A draw is used for a short time only: the ids of all instances
//! are in the order of time but for that.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::session::{Line, Server};
use crate::store::StoreError;

/// Bits of an id below its draw. Above them 43 are left: at the most frequent draws they last for ten thousand years.
const COUNTER_BITS: u32 = 20;

/// How long a draw is used.
const FRESH: Duration = Duration::from_millis(50);

/// Gives ids to the desks of one instance.
#[derive(Debug)]
pub(super) struct Ids(Mutex<State>);

#[derive(Debug)]
struct State {
    line: Line,
    next: i64,
    end: i64,
    until: Instant,
}

impl Ids {
    pub(super) fn new(server: &Server) -> Ids {
        Ids(Mutex::new(State { line: server.relaxed_line(), next: 0, end: 0, until: Instant::now() }))
    }

    /// The first of so many ids in a row, which are greater than all that this instance gave before.
    pub(super) async fn take(&self, count: usize) -> Result<i64, StoreError> {
        let mut state = self.0.lock().await;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if state.next.saturating_add(count) > state.end || Instant::now() >= state.until {
            let drawn =
                state.line.run(async |session| session.query("SELECT nextval('draws')", &[]).await).await?;
            let draw: i64 = drawn.first().map_or(0, |row| row.get(0));
            state.next = draw << COUNTER_BITS;
            state.end = (draw + 1) << COUNTER_BITS;
            state.until = Instant::now() + FRESH;
        }
        let first = state.next;
        state.next += count;
        Ok(first)
    }
}
