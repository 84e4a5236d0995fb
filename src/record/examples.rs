//! Which errors are worth an example: the first few of each kind, and not more kinds than a person reads.

use std::collections::HashMap;

const OF_A_KIND: u32 = 3;
const KINDS: usize = 200;

/// How many examples of each kind were kept.
#[derive(Debug, Default)]
pub(super) struct Examples(HashMap<(u16, u16, String), u32>);

impl Examples {
    /// Whether one more is to be kept; it is then counted as kept.
    pub(super) fn wants(&mut self, population: u16, step: u16, error: &str) -> bool {
        let kind = (population, step, error.to_owned());
        if self.0.len() >= KINDS && !self.0.contains_key(&kind) {
            return false;
        }
        let kept = self.0.entry(kind).or_default();
        *kept = kept.saturating_add(1);
        *kept <= OF_A_KIND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_of_a_kind_are_kept() {
        let mut examples = Examples::default();
        let kept: Vec<bool> = (0..5).map(|_| examples.wants(0, 0, "status 500")).collect();
        assert_eq!(kept, [true, true, true, false, false]);
        assert!(examples.wants(0, 1, "status 500"));
    }

    #[test]
    fn a_server_that_invents_kinds_of_errors_fills_neither_memory_nor_disk() {
        let mut examples = Examples::default();
        let kept = (0..10_000).filter(|i| examples.wants(0, 0, &format!("status {i}"))).count();
        assert_eq!((kept, examples.0.len()), (KINDS, KINDS));
    }
}
