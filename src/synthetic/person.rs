//! Invented people.

use super::calendar::Day;
use super::json::{close, digits, plain_field, string};
use crate::rng::Key;
use crate::scenario::Subject;

/// Names that nobody has. A family has one of them or two with a hyphen.
const FAMILY: [&str; 32] = [
    "ALEATOIRE",
    "ANONYME",
    "BROUILLON",
    "CALIBRE",
    "CANEVAS",
    "CHIMERE",
    "EBAUCHE",
    "ECHANTILLON",
    "EPROUVETTE",
    "ESQUISSE",
    "ESSAI",
    "ETALON",
    "EXEMPLE",
    "FACTICE",
    "FICTIF",
    "FIGURANT",
    "GABARIT",
    "HYPOTHESE",
    "IMAGINE",
    "INVENTE",
    "JALON",
    "LEURRE",
    "MANNEQUIN",
    "MAQUETTE",
    "MODELE",
    "PROTOTYPE",
    "PSEUDONYME",
    "SIMULACRE",
    "SPECIMEN",
    "SYNTHETIQUE",
    "TESTEUR",
    "VIRTUEL",
];

const GIVEN: [&str; 16] = [
    "Essaïe",
    "Fictive",
    "Gédéon-Test",
    "Hypothésine",
    "Inventin",
    "Jalonne",
    "Maquettin",
    "Modélie",
    "Noël-Fictif",
    "Prototypine",
    "Simulin",
    "Spécimène",
    "Synthétie",
    "Testine",
    "Virtuelle",
    "Zoé-Test",
];

const BORN_FROM: Day = Day::new(1930, 1, 1);
const BORN_TO: Day = Day::new(2018, 12, 31);

/// A person who does not exist, in test number ranges.
///
/// All of it is drawn from the seed and the subject, so a sender and a reader who share a reference mean the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    family: (u8, Option<u8>),
    given: u8,
    born: Day,
    sex: Sex,
    mobile: u16,
    identifier: u64,
    key: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sex {
    Female,
    Male,
    Unknown,
}

impl Person {
    /// The person that an entry is about.
    pub fn of(seed: u64, subject: Subject) -> Self {
        let key = subject_key(Key::root(seed).word("person"), subject);
        let name = |word: &str| key.word(word).below(FAMILY.len() as u64) as u8;
        // The share of unknown sex is an assumption; it makes the rare value occur.
        let sex = match key.word("sex").below(200) {
            0 => Sex::Unknown,
            n if n % 2 == 0 => Sex::Female,
            _ => Sex::Male,
        };
        let born = Day(BORN_FROM.0 + key.word("born").below((BORN_TO.0 - BORN_FROM.0 + 1) as u64) as i64);
        Self {
            family: (name("family"), (key.word("double").below(2) == 0).then(|| name("second family"))),
            given: key.word("given").below(GIVEN.len() as u64) as u8,
            born,
            sex,
            mobile: key.word("mobile").below(10_000) as u16,
            identifier: identifier(sex, born, key.word("identifier")),
            key,
        }
    }

    /// Appends the family name: capital letters and hyphens of ASCII, at least four letters.
    pub fn write_family_name(&self, out: &mut Vec<u8>) {
        let (first, second) = self.family;
        out.extend_from_slice(FAMILY[usize::from(first)].as_bytes());
        if let Some(second) = second {
            out.push(b'-');
            out.extend_from_slice(FAMILY[usize::from(second)].as_bytes());
        }
    }

    /// The beginning of the family name that a professional types to find the person: four letters.
    pub fn search(&self) -> &'static str {
        &FAMILY[usize::from(self.family.0)][..4]
    }

    /// The given name; it may hold letters beyond ASCII.
    pub fn given_name(&self) -> &'static str {
        GIVEN[usize::from(self.given)]
    }

    /// Appends the birth date, `1985-05-14`.
    pub fn write_birth_date(&self, out: &mut Vec<u8>) {
        self.born.write(out);
    }

    /// Appends the birth date, `19850514`.
    pub(super) fn write_compact_birth_date(&self, out: &mut Vec<u8>) {
        self.born.write_compact(out);
    }

    /// Appends a date of the same month that is not the birth date: a slip of the finger, by one draw.
    pub fn write_wrong_birth_date(&self, slip: Key, out: &mut Vec<u8>) {
        let (year, month, day) = self.born.civil();
        // Every month has 28 days: of these, any but the right one.
        let other = 1 + slip.below(if day <= 28 { 27 } else { 28 }) as i64;
        let other = if other >= day { other % 28 + 1 } else { other };
        Day::new(year, month, other).write(out);
    }

    /// `F`, `M` or `U`.
    pub const fn sex(&self) -> &'static str {
        match self.sex {
            Sex::Female => "F",
            Sex::Male => "M",
            Sex::Unknown => "U",
        }
    }

    /// Appends the mobile number: +33 6 39 98 00 00 to 99 99, which the French regulator keeps for fiction.
    pub fn write_mobile(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"+3363998");
        digits(out, u64::from(self.mobile), 4);
    }

    /// Appends the national health identifier, 15 digits, of the test range.
    pub fn write_identifier(&self, out: &mut Vec<u8>) {
        digits(out, self.identifier, 15);
    }

    /// Appends the person as a JSON object.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        plain_field(out, "family_name", |out| self.write_family_name(out));
        out.extend_from_slice(b"\"given_name\":");
        string(out, self.given_name());
        out.push(b',');
        plain_field(out, "birth_date", |out| self.write_birth_date(out));
        plain_field(out, "sex", |out| out.extend_from_slice(self.sex().as_bytes()));
        plain_field(out, "mobile", |out| self.write_mobile(out));
        plain_field(out, "identifier", |out| self.write_identifier(out));
        close(out);
    }

    /// The root of what else is drawn about this entry.
    pub(super) const fn key(&self) -> Key {
        self.key
    }
}

/// The key of a subject below another.
pub(super) const fn subject_key(key: Key, subject: Subject) -> Key {
    key.with(subject.population as u64).with(subject.journey).with(subject.item as u64)
}

/// A NIR in the shape of the INS test set, with its key: sex, year, month, department 99 with the unattributed commune
/// 999, order number, 97 - (number mod 97). Nobody has it.
fn identifier(sex: Sex, born: Day, key: Key) -> u64 {
    let (year, month, _) = born.civil();
    let sex = match sex {
        Sex::Male => 1,
        Sex::Female => 2,
        Sex::Unknown => 1 + key.word("sex").below(2),
    };
    let number = (sex * 100 + (year % 100) as u64) * 100 + month as u64;
    let number = (number * 100_000 + 99_999) * 1_000 + 1 + key.word("order").below(999);
    number * 100 + (97 - number % 97)
}
