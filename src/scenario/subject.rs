//! What a journey is about: the reference that a sender gives to an entry.

use std::fmt;
use std::str::FromStr;

/// The reference of one item of one journey, written `00002-000000000001a4-007`.
///
/// A sender puts it on its entry and the system's message brings it back, so the patient's journey finds the same
/// invented person (birth date, name) by drawing from the same key; nothing has to be remembered in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Index of the population that made the entry, in the order of the scenario.
    pub population: u16,
    /// Number of the journey within its population; [`Subject::EARLIER`] is set for those before the run.
    pub journey: u64,
    /// Number of the item within the journey: 0 but for batches.
    pub item: u16,
}

impl Subject {
    /// The bit of `journey` that marks entries of earlier in the day, which the server has before the run starts.
    pub const EARLIER: u64 = 1 << 48;
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05}-{:014x}-{:03}", self.population, self.journey, self.item)
    }
}

/// The text is no reference that this tool gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a reference that this tool gave")]
pub struct ForeignReference(String);

impl FromStr for Subject {
    type Err = ForeignReference;

    fn from_str(text: &str) -> Result<Self, ForeignReference> {
        let parse = || -> Option<Self> {
            let mut parts = text.split('-');
            let subject = Self {
                population: parts.next()?.parse().ok()?,
                journey: u64::from_str_radix(parts.next()?, 16).ok()?,
                item: parts.next()?.parse().ok()?,
            };
            // Exactly the printed form: the same entry never has two references.
            (subject.to_string() == text).then_some(subject)
        };
        parse().ok_or_else(|| ForeignReference(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reference_comes_back_as_it_was_given(population: u16, journey in 0..1_u64 << 56, item in 0..1000_u16) {
            let subject = Subject { population, journey, item };
            prop_assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
    }

    #[test]
    fn a_foreign_reference_is_refused() {
        for text in ["", "1-2-3", "00002-000000000001A4-007", "00002-000000000001a4-007-1", "x"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
