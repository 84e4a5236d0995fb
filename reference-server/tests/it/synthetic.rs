//! Invented entries.

use serde_json::{Value, json};

/// The birth date of everybody in these tests.
pub(crate) const BIRTH_DATE: &str = "1985-05-14";

/// A good entry, different for every number.
pub(crate) fn entry(number: u32) -> Value {
    json!({
        "ref": format!("ref-{number}"), "sample": format!("sample-{number}"),
        "patient": {
            "family_name": format!("Exemple{}", letters(number)), "given_name": "Anne", "birth_date": BIRTH_DATE,
            "sex": "F", "mobile": format!("+3363998{:04}", number % 10_000), "identifier": identifier(number)
        },
        "test": {
            "kind": "antigen", "loinc": "94558-4", "device": "1232", "result": "negative",
            "sampled_at": "2022-01-05T17:40:00+01:00", "analysed_at": "2022-01-05T18:00:00+01:00"
        }
    })
}

/// A batch of entries.
pub(crate) fn batch(numbers: std::ops::Range<u32>) -> Value {
    json!({ "entries": numbers.map(entry).collect::<Vec<_>>() })
}

/// A line of a file to preload.
pub(crate) fn preload_line(number: u32, sender: &str) -> String {
    json!({ "sender": sender, "link": link(number), "entry": entry(number) }).to_string()
}

/// The link of a preloaded result.
pub(crate) fn link(number: u32) -> String {
    format!("61d5db80{number:032x}")
}

fn identifier(number: u32) -> String {
    let digits = 2_850_575_000_000 + u64::from(number % 1_000_000);
    format!("{digits}{:02}", 97 - digits % 97)
}

/// A number in letters, since names have no digits.
fn letters(number: u32) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}
