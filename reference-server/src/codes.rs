//! Codes of LOINC and SNOMED CT that HL7 and FHIR write, as an entry says them.

use crate::entry::TestKind;

/// What to write for a result.
pub(crate) const RESULT_HINT: &str =
    "SNOMED CT: 260373001 detected, 260415000 not detected, 419984006 inconclusive";

/// The authority of test identities (INS-NIR-TEST), the only one that is accepted here.
pub(crate) const TEST_IDENTITIES: &str = "1.2.250.1.213.1.4.10";

/// The kind of test of a LOINC code, as an entry writes it.
pub(crate) fn kind(loinc: &str) -> Option<&'static str> {
    if TestKind::Antigen.loinc().contains(&loinc) {
        Some("antigen")
    } else if TestKind::Pcr.loinc().contains(&loinc) {
        Some("pcr")
    } else {
        None
    }
}

/// The result of a SNOMED CT code, as an entry writes it.
pub(crate) fn result(snomed: &str) -> Option<&'static str> {
    match snomed {
        "260373001" => Some("positive"),
        "260415000" => Some("negative"),
        "419984006" | "82334004" => Some("indeterminate"),
        _ => None,
    }
}
