//! What changed of journeys since the last flush.

use std::collections::BTreeMap;

use super::JourneyRow;
use super::rows::Row;

/// Rows at hand. A simulation tells of millions of journeys, most of them of a few intervals.
const AT_HAND: usize = 512;

/// Rows by interval and population: those in use at hand, each in the only place that it may have, the others in a map.
#[derive(Debug)]
pub(super) struct JourneyRows {
    at_hand: Vec<JourneyRow>,
    others: BTreeMap<(i64, u16), JourneyRow>,
}

impl JourneyRows {
    /// Nothing changed so far.
    pub(super) fn new() -> Self {
        Self { at_hand: vec![JourneyRow::default(); AT_HAND], others: BTreeMap::new() }
    }

    /// The row of an interval and a population.
    #[inline]
    pub(super) fn row(&mut self, interval: i64, population: u16) -> &mut JourneyRow {
        let place = (interval as usize).wrapping_mul(11).wrapping_add(usize::from(population)) % AT_HAND;
        let row = &self.at_hand[place];
        if (row.interval, row.population) != (interval, population) {
            self.put_away(place);
            self.at_hand[place] = JourneyRow { interval, population, ..JourneyRow::default() };
        }
        &mut self.at_hand[place]
    }

    /// All rows of which anything changed.
    pub(super) fn take(&mut self) -> BTreeMap<(i64, u16), JourneyRow> {
        (0..AT_HAND).for_each(|place| self.put_away(place));
        std::mem::take(&mut self.others)
    }

    fn put_away(&mut self, place: usize) {
        let row = &mut self.at_hand[place];
        if !row.is_empty() {
            let empty =
                JourneyRow { interval: row.interval, population: row.population, ..JourneyRow::default() };
            let counted = std::mem::replace(row, empty);
            let of = self.others.entry((counted.interval, counted.population));
            of.and_modify(|other| other.add(&counted)).or_insert(counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_share_a_place_lose_nothing() {
        let mut rows = JourneyRows::new();
        let mut plain = BTreeMap::new();
        for n in 0..20_000_i64 {
            let (interval, population) = (n * n % 1_500 - 20, (n % 5) as u16);
            rows.row(interval, population).planned += n as u64;
            *plain.entry((interval, population)).or_insert(0) += n as u64;
        }
        let taken = rows.take();
        assert!(taken.iter().map(|(key, row)| (*key, row.planned)).eq(plain));
        assert!(rows.take().is_empty());
    }
}
