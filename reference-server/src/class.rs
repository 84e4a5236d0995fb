//! The classes of requests: what the server's configuration and a scenario's steps call the same thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of work a request is. Hold laws and counters are per class.
///
/// | class | route |
/// |---|---|
/// | `sign-in` | `POST /oidc/token` (the issuer's own slots) |
/// | `form` | `GET /pro/entry` |
/// | `search` | `GET /pro/patients?name=` |
/// | `save` | `POST /pro/drafts` |
/// | `validate` | `POST /v1/results`, one entry, with a person's token |
/// | `software` | `POST /v1/results`, one entry, with a software's token |
/// | `lab` | `POST /v1/results`, a batch (`{"entries": […]}`, HL7 with several messages, FHIR with several reports), whoever sends it |
/// | `view` | `GET /v1/results/{id}` |
/// | `print` | `GET /v1/results/{id}/certificate.txt` |
/// | `landing` | `GET /p/{link}` |
/// | `birth-date` | `POST /p/{link}` |
/// | `result` | `GET /p/{link}/result` |
/// | `certificate` | `GET /p/{link}/certificate.txt`, `.png`, `.pdf` |
///
/// Health, metrics, receipts, keys and well-known documents have no class: they never take a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// `POST /oidc/token`.
    SignIn,
    /// `GET /pro/entry`.
    Form,
    /// `GET /pro/patients?name=`.
    Search,
    /// `POST /pro/drafts`.
    Save,
    /// `POST /v1/results` with one entry and a person's token.
    Validate,
    /// `POST /v1/results` with one entry and a software's token.
    Software,
    /// `POST /v1/results` with a batch.
    Lab,
    /// `GET /v1/results/{id}`.
    View,
    /// `GET /v1/results/{id}/certificate.txt`.
    Print,
    /// `GET /p/{link}`.
    Landing,
    /// `POST /p/{link}`.
    BirthDate,
    /// `GET /p/{link}/result`.
    Result,
    /// `GET /p/{link}/certificate.txt`, `.png` or `.pdf`.
    Certificate,
}

impl Class {
    /// Every class, in the order of a journey.
    pub const ALL: [Class; 13] = [
        Class::SignIn,
        Class::Form,
        Class::Search,
        Class::Save,
        Class::Validate,
        Class::Software,
        Class::Lab,
        Class::View,
        Class::Print,
        Class::Landing,
        Class::BirthDate,
        Class::Result,
        Class::Certificate,
    ];

    /// The name in configurations, scenarios and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Class::SignIn => "sign-in",
            Class::Form => "form",
            Class::Search => "search",
            Class::Save => "save",
            Class::Validate => "validate",
            Class::Software => "software",
            Class::Lab => "lab",
            Class::View => "view",
            Class::Print => "print",
            Class::Landing => "landing",
            Class::BirthDate => "birth-date",
            Class::Result => "result",
            Class::Certificate => "certificate",
        }
    }

    /// Who is served first under `discipline = "priority"`: what is entered (0) before certificates (1) before what is looked
    /// at again (2) before searches (3).
    pub const fn priority(self) -> u8 {
        match self {
            Class::SignIn | Class::Save | Class::Validate | Class::Software | Class::Lab => 0,
            Class::Print | Class::Certificate => 1,
            Class::Form | Class::View | Class::Landing | Class::BirthDate | Class::Result => 2,
            Class::Search => 3,
        }
    }

    /// Position in [`Class::ALL`], for tables with one entry a class.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Class::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| {
            let names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
            format!("no class is called '{name}'; the classes are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_stands_at_its_own_index_and_reads_back_from_its_name() {
        for (index, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), index);
            assert_eq!(class.name().parse::<Class>().unwrap(), class);
        }
    }

    #[test]
    fn serde_uses_the_same_names() {
        for class in Class::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
    }
}
