//! What a simulated server has in memory: so many things, each believed for so long, kept by the same policy as the server's.

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

use quick_cache::UnitWeighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};

use crate::scenario::server_model::Memory;

/// The same hashes in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;

/// A memory, by the number of the entry that things belong to.
#[derive(Debug)]
pub(super) struct Remembered {
    since: Cache<u64, i64, UnitWeighter, Hasher>,
    lifetime: i64,
}

impl Remembered {
    /// Nothing is in it.
    pub(super) fn new(memory: &Memory) -> Self {
        let places = memory.places.max(1) as usize;
        let since =
            Cache::with(places, places as u64, UnitWeighter, Hasher::default(), DefaultLifecycle::default());
        let lifetime =
            memory.lifetime.map_or(i64::MAX, |span| i64::try_from(span.nanos()).unwrap_or(i64::MAX));
        Self { since, lifetime }
    }

    /// Whether it is there at `at`.
    pub(super) fn has(&self, entry: u64, at: i64) -> bool {
        self.since.get(&entry).is_some_and(|since| at - since < self.lifetime)
    }

    /// It is there from `at` on.
    pub(super) fn keep(&mut self, entry: u64, at: i64) {
        self.since.insert(entry, at);
    }

    /// Nothing is there any more.
    pub(super) fn forget(&mut self) {
        self.since.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    #[test]
    fn a_thing_is_believed_for_its_lifetime_and_no_more_are_kept_than_there_are_places() {
        let mut memory = Remembered::new(&Memory { places: 64, lifetime: Some(Span::from_nanos(60)) });
        memory.keep(1, 100);
        assert!(memory.has(1, 159) && !memory.has(1, 160) && !memory.has(2, 100));
        (0..10_000).for_each(|entry| memory.keep(entry, 1_000));
        assert!((0..10_000).filter(|entry| memory.has(*entry, 1_000)).count() <= 64);
        memory.forget();
        assert!((0..10_000).all(|entry| !memory.has(entry, 1_000)));
    }
}
