//! The generator's own limit: a population has so many requests under way at once, and the rest wait their turn.

use std::collections::VecDeque;

/// The lanes of one population.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    free: Option<u32>,
    waiting: VecDeque<T>,
}

impl<T> Lanes<T> {
    /// So many lanes; `None`: as many as are needed.
    pub(super) const fn new(count: Option<u32>) -> Self {
        Self { free: count, waiting: VecDeque::new() }
    }

    /// Whether there is a bound.
    pub(super) const fn are_bounded(&self) -> bool {
        self.free.is_some()
    }

    /// Takes a lane for a request; if none is free the request waits, and `false` is told.
    pub(super) fn take(&mut self, request: T) -> bool {
        match &mut self.free {
            None => true,
            Some(0) => {
                self.waiting.push_back(request);
                false
            }
            Some(free) => {
                *free -= 1;
                true
            }
        }
    }

    /// A lane's request has ended: the request that takes the lane over, if one waits.
    pub(super) fn give_back(&mut self) -> Option<T> {
        let free = self.free.as_mut()?;
        let next = self.waiting.pop_front();
        *free += u32::from(next.is_none());
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_goes_to_who_has_waited_longest() {
        let mut lanes = Lanes::new(Some(1));
        assert!(lanes.take(1));
        assert!(!lanes.take(2) && !lanes.take(3));
        assert_eq!([lanes.give_back(), lanes.give_back(), lanes.give_back()], [Some(2), Some(3), None]);
        assert!(lanes.take(4));
        assert!(Lanes::new(None).take(()));
    }
}
