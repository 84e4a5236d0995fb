//! An entry: one test result as a sender hands it in, checked.

use serde::{Deserialize, Serialize};

/// A checked entry. What is in it has the form that `validate` lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The sender's reference, unique per sender.
    pub reference: String,
    /// The sender's number of the sample.
    pub sample: String,
    /// Everything that is stored as the body of the result.
    pub record: Record,
}

/// Who was tested and what came out: the body of a stored result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who.
    pub patient: Patient,
    /// What.
    pub test: Test,
}

/// The person who was tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Family name as it was written.
    pub family_name: String,
    /// Given names as they were written.
    pub given_name: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// As the administration has it.
    pub sex: Sex,
    /// Mobile number, of the range set aside for fiction.
    pub mobile: String,
    /// Identity number in the format of the INS, test identities only.
    pub identifier: String,
}

/// Sex as the administration has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
    /// Unknown.
    U,
}

/// The test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// What kind of test.
    pub kind: TestKind,
    /// LOINC code of the test.
    pub loinc: String,
    /// Number of an antigen test in the list of the European Commission's Joint Research Centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When the sample was taken, RFC 3339.
    pub sampled_at: String,
    /// When it was analysed, RFC 3339.
    pub analysed_at: String,
    /// What came out.
    pub result: Outcome,
}

/// What kind of test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestKind {
    /// Rapid antigen test.
    Antigen,
    /// Nucleic acid amplification.
    Pcr,
}

impl TestKind {
    /// LOINC codes of this kind of test (loinc.org; those of SI-DEP itself are not public).
    pub const fn loinc(self) -> &'static [&'static str] {
        match self {
            TestKind::Antigen => &["94558-4", "97097-0", "95209-3"],
            TestKind::Pcr => &["94500-6", "94309-2", "94531-1", "94845-5"],
        }
    }
}

/// What came out of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The virus was not detected.
    Negative,
    /// It was detected.
    Positive,
    /// Neither can be said.
    Indeterminate,
}

/// A letter that names may have: one that a certificate can write in the capitals of travel documents, of Latin scripts or
/// Cyrillic.
pub fn is_letter(letter: char) -> bool {
    matches!(letter,
        'A'..='Z' | 'a'..='z' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ķ' | 'Ĺ'..='ž' | 'Ș'..='ț' | 'ẞ'
        | 'А'..='я' | 'Ё' | 'ё' | 'Є' | 'є' | 'І' | 'і' | 'Ї' | 'ї' | 'Ј' | 'ј' | 'Ґ' | 'ґ')
}

/// A name as it is searched for: upper case, accents off, everything else but letters and digits one space.
pub fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' => {
                folded.push('A')
            }
            'ç' | 'Ç' => folded.push('C'),
            'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => folded.push('E'),
            'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => folded.push('I'),
            'ñ' | 'Ñ' => folded.push('N'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' => {
                folded.push('O')
            }
            'ù' | 'ú' | 'û' | 'ü' | 'Ù' | 'Ú' | 'Û' | 'Ü' => folded.push('U'),
            'ý' | 'ÿ' | 'Ý' | 'Ÿ' => folded.push('Y'),
            'æ' | 'Æ' => folded.push_str("AE"),
            'œ' | 'Œ' => folded.push_str("OE"),
            letter if letter.is_alphanumeric() => folded.extend(letter.to_uppercase()),
            _ if folded.ends_with(' ') || folded.is_empty() => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_to_what_people_type() {
        for (name, folded) in [
            ("Lefèvre", "LEFEVRE"),
            ("d'Été-Ñoño", "D ETE NONO"),
            (" Œuvrard  Müller ", "OEUVRARD MULLER"),
            ("ß", "SS"),
            ("-", ""),
        ] {
            assert_eq!(fold(name), folded);
            assert_eq!(fold(folded), folded);
        }
    }
}
