//! Many lengths of one kind: as they came while they are few, counted when they are many.

use super::pack::index;

/// So many are sorted as fast as the counters of all lengths are walked over; and that few of dozens of kinds stay in the
/// cache.
const MANY: usize = 512;

/// Lengths in microseconds, to the precision of an HdrHistogram.
#[derive(Debug, Default, Clone)]
pub(super) struct Values {
    few: Vec<u64>,
    /// By the number of their counter; empty as long as there were few.
    counts: Vec<u64>,
}

impl Values {
    /// Adds a length.
    #[inline]
    pub(super) fn push(&mut self, micros: u64) {
        self.few.push(micros);
        if self.few.len() == MANY {
            self.count();
        }
    }

    /// Adds a length so many times.
    pub(super) fn push_many(&mut self, micros: u64, count: u64) {
        if count < MANY as u64 {
            (0..count).for_each(|_| self.push(micros));
        } else {
            *self.counter(micros) += count;
        }
    }

    /// Adds all lengths of another.
    pub(super) fn add(&mut self, other: &Self) {
        other.few.iter().for_each(|micros| self.push(*micros));
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(to, from)| *to += from);
    }

    /// How many.
    pub(super) fn len(&self) -> u64 {
        self.few.len() as u64 + self.counts.iter().sum::<u64>()
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.few.is_empty() && self.counts.is_empty()
    }

    /// Forgets all and keeps the room for the next.
    pub(super) fn clear(&mut self) {
        self.few.clear();
        self.counts.clear();
    }

    /// The counters that are not zero, in order: number and count.
    pub(super) fn counters(&mut self) -> Vec<(u64, u64)> {
        if self.counts.is_empty() {
            self.few.sort_unstable();
            let same = self.few.chunk_by(|a, b| index(*a) == index(*b));
            return same.map(|values| (index(values[0]), values.len() as u64)).collect();
        }
        self.count();
        (0..).zip(&self.counts).filter(|(_, count)| **count > 0).map(|(at, count)| (at, *count)).collect()
    }

    fn count(&mut self) {
        let few = std::mem::take(&mut self.few);
        few.iter().for_each(|micros| *self.counter(*micros) += 1);
        // Its room is used again.
        self.few = few;
        self.few.clear();
    }

    fn counter(&mut self, micros: u64) -> &mut u64 {
        let at = index(micros) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        &mut self.counts[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_counted_alike() {
        let lengths: Vec<u64> = (0..3 * MANY as u64).map(|n| n * n % 1_000_003).collect();
        let (mut all, mut parts, mut sorted) = (Values::default(), Values::default(), lengths.clone());
        lengths.iter().for_each(|micros| all.push(*micros));
        for part in lengths.chunks(MANY - 1) {
            let mut few = Values::default();
            part.iter().for_each(|micros| few.push_many(*micros, 1));
            assert!(few.counts.is_empty() && !few.is_empty());
            parts.add(&few);
        }
        sorted.sort_unstable();
        let exact = sorted.chunk_by(|a, b| index(*a) == index(*b));
        let exact: Vec<_> = exact.map(|values| (index(values[0]), values.len() as u64)).collect();
        assert_eq!(all.counters(), exact);
        assert_eq!(parts.counters(), exact);
        assert_eq!((all.len(), parts.len()), (lengths.len() as u64, lengths.len() as u64));
        all.push_many(0, 1_000_000);
        assert_eq!(all.counters()[0], (0, exact[0].1 + 1_000_000));
    }
}
