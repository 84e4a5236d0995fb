//! A blocked Bloom filter: says for certain that a fingerprint is not in a set, or that it may be.

use crate::store::Fingerprint;

/// Bits of a block: one cache line, so that a question costs one miss.
const BLOCK: usize = 512;

/// Bits set for one fingerprint. Seven positions of nine bits fit into one 64-bit half of it.
const PROBES: u32 = 7;

/// Bits for one fingerprint; with seven probes in blocks some 1 % of the questions answer "may be" wrongly.
const BITS_EACH: usize = 10;

/// A filter for a set of bounded size.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<[u64; BLOCK / 64]>,
}

impl Filter {
    /// A filter for about `expected` fingerprints; more of them only make it say "may be" more often.
    pub(super) fn new(expected: usize) -> Filter {
        Filter { blocks: vec![[0; BLOCK / 64]; (expected * BITS_EACH).div_ceil(BLOCK).max(1)] }
    }

    pub(super) fn insert(&mut self, fingerprint: Fingerprint) {
        let (block, mut bits) = self.place(fingerprint);
        for _ in 0..PROBES {
            let bit = (bits & 511) as usize;
            self.blocks[block][bit / 64] |= 1 << (bit % 64);
            bits >>= 9;
        }
    }

    pub(super) fn may_contain(&self, fingerprint: Fingerprint) -> bool {
        let (block, mut bits) = self.place(fingerprint);
        for _ in 0..PROBES {
            let bit = (bits & 511) as usize;
            if self.blocks[block][bit / 64] & (1 << (bit % 64)) == 0 {
                return false;
            }
            bits >>= 9;
        }
        true
    }

    /// The block and the bits of a fingerprint, which is a hash already: its halves are independent.
    fn place(&self, Fingerprint(bytes): Fingerprint) -> (usize, u64) {
        let half =
            |at: usize| bytes[at..at + 8].iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        // The high half times the number of blocks, over 2^64: uniform without a division.
        let block = (u128::from(half(0)) * self.blocks.len() as u128) >> 64;
        (usize::try_from(block).unwrap_or(0), half(8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        Fingerprint::reference("sender", &number.to_string())
    }

    #[test]
    fn what_was_inserted_is_always_found_and_the_rest_seldom() {
        let mut filter = Filter::new(20_000);
        (0..20_000).for_each(|number| filter.insert(fingerprint(number)));
        assert!((0..20_000).all(|number| filter.may_contain(fingerprint(number))));
        let wrong = (20_000..120_000).filter(|&number| filter.may_contain(fingerprint(number))).count();
        assert!(wrong < 2_500, "{wrong} of 100,000");
    }

    #[test]
    fn an_empty_filter_contains_nothing() {
        assert!(!Filter::new(0).may_contain(fingerprint(1)));
    }
}
