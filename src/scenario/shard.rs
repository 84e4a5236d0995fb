//! One of several generators that play one plan.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which part of a plan a generator plays, `2/4`: the second of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The whole plan: the only one of one.
    pub const WHOLE: Self = Self { number: 1, of: 1 };
    /// The most shards that a plan is divided into.
    pub const MOST: u32 = 1_000;

    /// The shard of this number, from 1, of so many; `None` when there is none such, or there are more than
    /// [`Shard::MOST`].
    pub const fn new(number: u32, of: u32) -> Option<Self> {
        if number >= 1 && number <= of && of <= Self::MOST { Some(Self { number, of }) } else { None }
    }

    /// Its number, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// How many shards there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether it is the only one.
    pub const fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Whether it has what is counted by `ordinal` (from 0): every N-th, from its own number on.
    pub const fn has(self, ordinal: u64) -> bool {
        ordinal % self.of as u64 == self.number as u64 - 1
    }

    /// The share of `count` things counted from 0 that it has.
    pub fn share_of(self, count: u64) -> f64 {
        let own = (count + u64::from(self.of - self.number)) / u64::from(self.of);
        own as f64 / count.max(1) as f64
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// A text is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no shard: write I/N with I from 1 to N and N at most {most}, as in 2/4", most = Shard::MOST)]
pub struct NoShard(String);

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let parts =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        parts.and_then(|(number, of)| Self::new(number, of)).ok_or_else(|| NoShard(text.to_owned()))
    }
}

impl TryFrom<String> for Shard {
    type Error = NoShard;

    fn try_from(text: String) -> Result<Self, NoShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        for text in ["1/1", "2/4", "1000/1000"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "0/4", "5/4", "1/0", "1", "1/1001", "-1/4", "1/4/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_ordinal_belongs_to_exactly_one_shard_and_the_shares_add_up() {
        for of in 1..7 {
            let shards: Vec<Shard> = (1..=of).filter_map(|number| Shard::new(number, of)).collect();
            for count in 1..20 {
                let own = |shard: &Shard| (0..count).filter(|ordinal| shard.has(*ordinal)).count() as u64;
                assert_eq!(shards.iter().map(own).sum::<u64>(), count);
                for shard in &shards {
                    assert!((shard.share_of(count) - own(shard) as f64 / count as f64).abs() < 1e-12);
                }
            }
        }
    }
}
