//! When wrong birth dates lock a link: the same in every backend.

use super::model::Lockout;
use crate::moment::Moment;

/// Failures of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) count: u32,
    pub(super) locked_until: Moment,
}

impl Failures {
    pub(super) const NONE: Failures = Failures { count: 0, locked_until: Moment::from_millis(0) };

    /// Unknown links whose failures are remembered, since anybody can make up links; at some 40 bytes each.
    pub(super) const UNKNOWN: u32 = 100_000;

    pub(super) fn locked(self, now: Moment, lockout: Lockout) -> bool {
        self.count >= lockout.dead_after || self.locked_until > now
    }

    pub(super) fn one_more(self, now: Moment, lockout: Lockout) -> Failures {
        let count = self.count.saturating_add(1);
        let locked_until =
            if count >= lockout.lock_after { now.after(lockout.lock_for) } else { self.locked_until };
        Failures { count, locked_until }
    }
}
