//! What a test was and what came out of it, the same in every format.

use super::calendar::Day;
use super::{Context, Person};
use crate::rng::Key;
use crate::scenario::Subject;

/// Share of tests that are positive: 19.7 % in the seven days to 5 January 2022 (Our World in Data after Santé publique
/// France). All others are negative; indeterminate results, rare in life, are not made.
pub const POSITIVE_SHARE: f64 = 0.197;

/// Antigen tests by their number in the list of the European Commission's Joint Research Centre.
pub const DEVICES: [u16; 3] = [1232, 1331, 1833];

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Antigen,
    Pcr,
}

impl Kind {
    /// The LOINC code.
    pub(super) const fn loinc(self) -> &'static str {
        match self {
            Kind::Antigen => "94558-4",
            Kind::Pcr => "94500-6",
        }
    }
}

/// One test of one person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) subject: Subject,
    pub(super) person: Person,
    pub(super) kind: Kind,
    /// Of an antigen test.
    pub(super) device: Option<u16>,
    /// The scenario's day, from whose midnight the times count, in seconds.
    pub(super) day: Day,
    pub(super) sampled: i64,
    pub(super) analysed: i64,
    pub(super) entered: i64,
    pub(super) positive: bool,
}

impl Facts {
    pub(super) fn of(kind: Kind, context: &Context<'_>, subject: Subject) -> Self {
        let person = Person::of(context.seed, subject);
        let key = person.key().word("test");
        let entered = context.arrived.div_euclid(1_000_000_000);
        let (sampled, analysed) = times(kind, entered, key);
        let device = || DEVICES[key.word("device").below(DEVICES.len() as u64) as usize];
        Self {
            subject,
            person,
            kind,
            device: (kind == Kind::Antigen).then(device),
            // A scenario's date is checked when it is read; the day before the epoch would be seen at once.
            day: Day::parse(context.date).unwrap_or(Day(-1)),
            sampled,
            analysed,
            entered,
            positive: key.word("result").unit() < POSITIVE_SHARE,
        }
    }

    /// The code of the result in SNOMED CT, and what it is called there.
    pub(super) const fn snomed(&self) -> (&'static str, &'static str) {
        if self.positive { ("260373001", "Detected") } else { ("260415000", "Not detected") }
    }
}

/// When the sample was taken and analysed, in seconds after midnight, before the entry at `entered`.
///
/// Antigen: read 15 to 20 minutes after the swab, typed within the hour. PCR: validated within the hour, sampled 4 to 24
/// hours before that (the median in January 2022 was half a day).
fn times(kind: Kind, entered: i64, key: Key) -> (i64, i64) {
    let between = |word: &str, from: u64, to: u64| (from + key.word(word).below(to - from)) as i64;
    let analysed = entered - between("analysed", MINUTE, HOUR);
    let sampled = match kind {
        Kind::Antigen => analysed - between("sampled", 15 * MINUTE, 20 * MINUTE),
        Kind::Pcr => analysed - between("sampled", 4 * HOUR, 24 * HOUR),
    };
    (sampled, analysed)
}
