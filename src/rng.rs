//! Seeded, keyed random draws: every draw is a pure function of the seed and of what it is for.
//!
//! A stream of a shared generator would tie every draw to all draws before it, so that one more retry changes the
//! whole day. Here a draw is a hash of a path of labels (seed, population, journey, step, attempt, purpose), so both
//! engines draw the same values in any order, on any number of threads, and two server configurations are compared
//! on the same journeys (common random numbers).
//!
//! The mixer is the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
//! OOPSLA 2014), applied to the running key plus the label times the golden-ratio constant.

use std::convert::Infallible;

use rand::TryRng;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline(always)]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A place in the tree of draws: the seed and the labels that lead to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(u64);

impl Key {
    /// The root of all draws of a run with this seed.
    #[inline(always)]
    pub const fn root(seed: u64) -> Self {
        Self(mix(seed ^ GOLDEN))
    }

    /// The key as a number, for what keeps it as such.
    pub const fn to_number(self) -> u64 {
        self.0
    }

    /// The key that [`Self::to_number`] told.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The key below this one under a number.
    #[inline(always)]
    #[must_use]
    pub const fn with(self, label: u64) -> Self {
        Self(mix(self.0 ^ mix(label.wrapping_add(GOLDEN))))
    }

    /// The key below this one under a word. Evaluated at compile time where the word is a constant.
    #[inline(always)]
    #[must_use]
    pub const fn word(self, label: &str) -> Self {
        let bytes = label.as_bytes();
        // FNV-1a folds the word into 64 bits; `with` mixes them.
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01B3);
            i += 1;
        }
        self.with(hash)
    }

    /// 64 uniform bits.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        mix(self.0.wrapping_add(GOLDEN))
    }

    /// A uniform number in [0, 1), a multiple of 2^-53.
    #[inline(always)]
    pub const fn unit(self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A uniform whole number below `bound` (0 when `bound` is 0). The bias is below `bound` / 2^64.
    #[inline(always)]
    pub const fn below(self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// A generator for laws that take more than one uniform draw.
    #[inline(always)]
    pub const fn rng(self) -> KeyRng {
        KeyRng { state: self.0 }
    }
}

/// SplitMix64 started at a [`Key`].
#[derive(Debug, Clone)]
pub struct KeyRng {
    state: u64,
}

impl KeyRng {
    #[inline]
    const fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }
}

impl TryRng for KeyRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.step() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.step())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            chunk.copy_from_slice(&self.step().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn a_draw_depends_on_every_label_and_their_order() {
        let root = Key::root(1);
        let draws = [
            root.bits(),
            Key::root(2).bits(),
            root.with(0).bits(),
            root.with(1).bits(),
            root.with(0).with(1).bits(),
            root.with(1).with(0).bits(),
            root.word("think").bits(),
            root.word("retry").bits(),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[..i].iter().all(|b| a != b), "draw {i} repeats");
        }
    }

    #[test]
    fn uniform_draws_of_neighbouring_keys_fill_the_unit_interval_evenly() {
        // Chi-squared over 100 cells, 99 degrees of freedom: the 1 - 1e-6 quantile is 180.
        let n = 100_000_u64;
        let mut cells = [0_u32; 100];
        for i in 0..n {
            cells[(Key::root(7).with(i).unit() * 100.0) as usize] += 1;
        }
        let expected = n as f64 / 100.0;
        let chi2: f64 = cells.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
        assert!(chi2 < 180.0, "chi-squared {chi2}");
    }

    #[test]
    fn a_generator_gives_the_same_stream_again() {
        let draw = || -> Vec<u64> { Key::root(3).rng().random_iter().take(4).collect() };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn whole_numbers_stay_below_their_bound() {
        assert!((0..1000).all(|i| Key::root(i).below(7) < 7));
        assert_eq!(Key::root(1).below(0), 0);
    }
}
