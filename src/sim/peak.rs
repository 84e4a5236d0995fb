//! The longest queue of a run: how long, when, since when, until when.

/// Follows the length of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peak {
    /// The most that waited.
    pub(super) most: u64,
    /// When that was first so.
    pub(super) at: i64,
    /// When so many waited for the last time before nobody did: from then on the queue drained.
    pub(super) last: i64,
    /// Since when anyone had been waiting then.
    pub(super) since: i64,
    /// When nobody waited any more after that; `None`: not before the end.
    pub(super) until: Option<i64>,
    began: i64,
}

impl Peak {
    /// Nobody waits.
    pub(super) const fn new(start: i64) -> Self {
        Self { most: 0, at: start, last: start, since: start, until: None, began: start }
    }

    /// Another has joined; now `waiting` wait.
    #[inline]
    pub(super) const fn joined(&mut self, waiting: u64, at: i64) {
        if waiting == 1 {
            self.began = at;
        }
        if waiting > self.most {
            *self = Self { most: waiting, at, last: at, since: self.began, until: None, began: self.began };
        } else if waiting == self.most && self.until.is_none() {
            self.last = at;
        }
    }

    /// From now on somebody waits, if so.
    #[inline]
    pub(super) const fn begins(&mut self, is_so: bool, at: i64) {
        self.began = if is_so { at } else { self.began };
    }

    /// One of so many waits no more.
    #[inline]
    pub(super) const fn left(&mut self, waited: u64, at: i64) {
        if waited == self.most && self.until.is_none() {
            self.last = at;
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
        peak.left(2, 7);
        peak.joined(2, 8);
        peak.left(2, 8);
        peak.left(1, 9);
        peak.emptied(9);
        peak.joined(1, 20);
        peak.emptied(21);
        assert_eq!((peak.most, peak.at, peak.last, peak.since, peak.until), (2, 6, 8, 5, Some(9)));
        for (waiting, at) in [(1, 22), (2, 23)] {
            peak.joined(waiting, at);
        }
        assert_eq!((peak.last, peak.until), (8, Some(9)), "another queue, no longer than that one");
        peak.left(2, 24);
        peak.left(1, 24);
        peak.emptied(24);
        for (waiting, at) in [(1, 30), (2, 31), (3, 32)] {
            peak.joined(waiting, at);
        }
        assert_eq!((peak.most, peak.at, peak.since, peak.until), (3, 32, 30, None));
    }
}
