//! In which generations of the tables a fingerprint may be: the filters of all of them, and summaries, so that the answer
//! that it is in none, which almost every insert gets, takes as long for a hundred generations as for ten.

use super::filter::Filter;
use crate::store::Fingerprint;

/// Generations of the first summary; each further one has twice as many, up to the most.
const FEWEST: usize = 4;
const MOST: usize = 64;

/// The filters of the generations that have arrived in the tables, and of one that is on its way.
#[derive(Debug)]
pub(super) struct Filters {
    /// Fingerprints of a generation.
    size: usize,
    arrived: Vec<Filter>,
    coming: Option<Filter>,
    summaries: Vec<Summary>,
}

/// One filter for some generations together.
#[derive(Debug)]
struct Summary {
    filter: Filter,
    first: usize,
    room: usize,
}

impl Filters {
    pub(super) fn new(size: usize) -> Filters {
        Filters { size, arrived: Vec::new(), coming: None, summaries: Vec::new() }
    }

    /// Generations that have arrived.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.arrived.len()
    }

    /// Another generation is on its way.
    pub(super) fn begin(&mut self) {
        let next = self.arrived.len();
        self.coming = Some(Filter::new(self.size));
        let last = self.summaries.last().map_or((0, 0), |last| (last.first + last.room, last.room));
        if next >= last.0 {
            let room = (last.1 * 2).clamp(FEWEST, MOST);
            let filter = Filter::new(room * self.size);
            self.summaries.push(Summary { filter, first: next, room });
        }
    }

    /// Adds to the one that is on its way. What is rolled back is only asked for in vain.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint) {
        if let (Some(coming), Some(summary)) = (&mut self.coming, self.summaries.last_mut()) {
            coming.insert(fingerprint);
            summary.filter.insert(fingerprint);
        }
    }

    /// It has arrived.
    pub(super) fn end(&mut self) {
        self.arrived.extend(self.coming.take());
    }

    /// Those that have arrived and may have this fingerprint, the latest first.
    pub(super) fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = usize> {
        let summaries =
            self.summaries.iter().rev().filter(move |summary| summary.filter.may_contain(fingerprint));
        let generations = summaries.flat_map(|summary| {
            let end = self.arrived.len().min(summary.first + summary.room);
            (summary.first..end).rev()
        });
        generations.filter(move |place| self.arrived[*place].may_contain(fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(generation: usize, number: usize) -> Fingerprint {
        Fingerprint::reference("sender", &format!("{generation}/{number}"))
    }

    #[test]
    fn a_fingerprint_is_found_in_its_generation_and_seldom_elsewhere() {
        const GENERATIONS: usize = 100;
        const SIZE: usize = 200;
        let mut filters = Filters::new(SIZE);
        for generation in 0..GENERATIONS {
            filters.begin();
            (0..SIZE).for_each(|number| filters.insert(fingerprint(generation, number)));
            assert_eq!(
                filters.candidates(fingerprint(generation, 0)).find(|found| *found == generation),
                None
            );
            filters.end();
        }
        assert_eq!((filters.len(), filters.summaries.len()), (GENERATIONS, 5));
        let mut wrong = 0;
        for generation in 0..GENERATIONS {
            for number in 0..SIZE {
                let found: Vec<usize> = filters.candidates(fingerprint(generation, number)).collect();
                assert!(found.contains(&generation) && found.is_sorted_by(|later, earlier| later > earlier));
                wrong += found.len() - 1;
            }
        }
        let elsewhere: usize =
            (0..20_000).map(|number| filters.candidates(fingerprint(GENERATIONS, number)).count()).sum();
        // Of 64 generations together 1 % is wrong each, of which the own filter of one lets 1 % pass.
        assert!(elsewhere < 2_000, "{elsewhere}");
        assert!(wrong < GENERATIONS * SIZE, "{wrong}");
    }
}
