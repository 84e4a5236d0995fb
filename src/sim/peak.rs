//! The longest queue of a run: how long, when, since when, until when.

/// Follows the length of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peak {
    /// The most that waited.
    pub(super) most: u64,
    /// When that was first so.
    pub(super) at: i64,
    /// Since when anyone had been waiting then.
    pub(super) since: i64,
    /// When nobody waited any more after that; `None`: not before the end.
    pub(super) until: Option<i64>,
    began: i64,
}

impl Peak {
    /// Nobody waits.
    pub(super) const fn new(start: i64) -> Self {
        Self { most: 0, at: start, since: start, until: None, began: start }
    }

    /// Another has joined; now `waiting` wait.
    #[inline]
    pub(super) const fn joined(&mut self, waiting: u64, at: i64) {
        if waiting == 1 {
            self.began = at;
        }
        if waiting > self.most {
            *self = Self { most: waiting, at, since: self.began, until: None, began: self.began };
        }
    }

    /// The last has left the queue.
    #[inline]
    pub(super) const fn emptied(&mut self, at: i64) {
        if self.until.is_none() && self.most > 0 {
            self.until = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_queue_has_a_beginning_and_an_end() {
        let mut peak = Peak::new(0);
        for (waiting, at) in [(1, 5), (2, 6)] {
            peak.joined(waiting, at);
        }
        peak.emptied(9);
        peak.joined(1, 20);
        peak.emptied(21);
        assert_eq!((peak.most, peak.at, peak.since, peak.until), (2, 6, 5, Some(9)));
        for (waiting, at) in [(1, 30), (2, 31), (3, 32)] {
            peak.joined(waiting, at);
        }
        assert_eq!((peak.most, peak.at, peak.since, peak.until), (3, 32, 30, None));
    }
}
