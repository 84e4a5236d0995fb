//! How many are present at given instants: transients, and phases of a cycle.

/// Counts of requests present at instants, by class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observation {
    instants: Vec<i64>,
    /// By class, then instant.
    counts: Vec<Vec<u32>>,
}

impl Observation {
    /// Will look at these instants; they are put into order.
    pub(super) fn new(mut instants: Vec<i64>, classes: usize) -> Self {
        instants.sort_unstable();
        let counts = vec![vec![0; instants.len()]; classes];
        Self { instants, counts }
    }

    /// A request was present from `at` on and no longer at `left`.
    #[inline]
    pub(super) fn present(&mut self, class: u16, at: i64, left: i64) {
        let first = self.instants.partition_point(|instant| *instant < at);
        let counts = &mut self.counts[usize::from(class)];
        for (instant, count) in self.instants.iter().zip(counts).skip(first) {
            if *instant >= left {
                break;
            }
            *count += 1;
        }
    }

    /// The numbers of one class at the instants, in order.
    pub(super) fn counts(&self, class: u16) -> &[u32] {
        &self.counts[usize::from(class)]
    }

    /// The instants, in order.
    pub(super) fn instants(&self) -> &[i64] {
        &self.instants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_at_an_instant_is_gone_and_who_comes_is_there() {
        let mut seen = Observation::new(vec![20, 10, 30], 2);
        seen.present(1, 10, 20);
        seen.present(1, 15, 31);
        assert_eq!(seen.instants(), [10, 20, 30]);
        assert_eq!(seen.counts(1), [1, 1, 1]);
        assert_eq!(seen.counts(0), [0, 0, 0]);
    }
}
