//! What is let in as HL7 and what is said about the rest.

use proptest::prelude::*;

use super::{entry, envelope};
use crate::entry::{Entry, Outcome, Sex, TestKind};
use crate::moment::Moment;
use crate::problem::Problem;

const NOW: Moment = Moment::from_millis(1_800_000_000_000);

fn good() -> String {
    include_str!("../../tests/data/oru_r01.hl7").to_owned()
}

fn read(text: &str) -> Result<Entry, Vec<Problem>> {
    entry::read(text.as_bytes(), NOW).map_err(|rejected| rejected.problems)
}

fn paths(text: &str) -> Vec<String> {
    read(text).unwrap_err().into_iter().map(|problem| problem.path).collect()
}

fn batch(messages: &[&str], said: &str) -> String {
    format!("FHS|^~\\&|\rBHS|^~\\&|||||||||B-1\r{}BTS|{said}\rFTS|1\r", messages.concat())
}

#[test]
fn a_good_message_is_read_whole() {
    let entry = read(&good()).unwrap();
    assert_eq!((entry.reference.as_str(), entry.sample.as_str()), ("PHARM-000007-000001", "FILLER-7"));
    let (patient, test) = (entry.record.patient, entry.record.test);
    assert_eq!((patient.family_name.as_str(), patient.given_name.as_str()), ("Lefèvre", "Anne-Lise"));
    assert_eq!((patient.birth_date.as_str(), patient.sex), ("1985-05-14", Sex::F));
    assert_eq!((patient.mobile.as_str(), patient.identifier.as_str()), ("+33639980007", "285057500100164"));
    assert_eq!((test.kind, test.result), (TestKind::Antigen, Outcome::Negative));
    assert_eq!((test.loinc.as_str(), test.device.as_deref()), ("94558-4", Some("1232")));
    assert_eq!(test.sampled_at, "2022-01-05T17:40:00+01:00");
    assert_eq!(test.analysed_at, "2022-01-05T18:00:00+01:00");
}

#[test]
fn other_separators_and_line_ends_say_the_same() {
    let swapped = |text: &str| {
        let swap = |letter| match letter {
            '|' => '#',
            '^' => '*',
            '~' => '!',
            '\\' => '?',
            '&' => '%',
            other => other,
        };
        text.chars().map(swap).collect::<String>()
    };
    assert_eq!(read(&swapped(&good())), read(&good()));
    assert_eq!(read(&good().replace('\r', "\r\n")), read(&good()));
    assert_eq!(read(&good().replace('\r', "\n")), read(&good()));
}

#[test]
fn every_problem_of_a_message_is_found_with_its_field() {
    let bad = good()
        .replace("|T|2.5.1", "|P|2.3")
        .replace("1.4.10", "1.4.8")
        .replace("+33639980007", "+33612345678")
        .replace("|19850514|F", "|19850230|X")
        .replace("260415000^", "1^")
        .replace("20220105180000+0100", "20220105180000");
    let mut found = paths(&bad);
    found.sort();
    assert_eq!(found, ["MSH-11", "MSH-12", "OBX-19", "OBX-5", "PID-13", "PID-3", "PID-7", "PID-8"]);
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(paths("MSH|^~\\&|A|B|C|D|1||ORU^R01||T|2.5.1"), ["MSH-10", "OBR-3", "PID", "OBX"]);
    let found = paths(&good().replace("ORU^R01^ORU_R01", "ADT^A01"));
    assert_eq!(found, ["MSH-9"]);
    for (name, path) in [("PID", "PID"), ("OBX", "OBX")] {
        let line = good().split('\r').find(|line| line.starts_with(name)).unwrap().to_owned();
        assert_eq!(paths(&(good() + &line)), [path], "{name} twice");
    }
}

#[test]
fn a_message_that_is_not_text_or_declares_no_separators_is_refused() {
    assert_eq!(paths(&good().replace("|^~\\&|", "|^^\\&|")), ["MSH-2"]);
    let mut bytes = good().into_bytes();
    let at = bytes.iter().position(|byte| *byte == 0xc3).unwrap();
    bytes.remove(at);
    let rejected = entry::read(&bytes, NOW).unwrap_err();
    assert!(rejected.problems.iter().any(|problem| problem.path == "MSH-18"), "{rejected:?}");
    // The separators of another system than the header says.
    assert!(paths(&good().replacen("|^~\\&|", "#^~\\&#", 1)).contains(&"MSH-10".to_owned()));
}

#[test]
fn a_batch_gives_its_messages_and_one_that_was_broken_off_none() {
    let (one, count) =
        (good(), |text: &str| envelope::read(text.as_bytes(), 3).map(|read| read.messages.len()));
    assert_eq!(count(&one), Ok(1));
    assert_eq!(count(&format!("{one}{one}")), Ok(2));
    let whole = batch(&[&one, &one], "2");
    assert_eq!(count(&whole), Ok(2));
    assert_eq!(count(&batch(&[&one, &one], "")), Ok(2));
    for wrong in [
        batch(&[&one], "2"),
        batch(&[&one], "99999999999999999999"),
        batch(&[one.as_str(); 4], "4"),
        batch(&[], "0"),
    ] {
        assert!(count(&wrong).is_err(), "{wrong}");
    }
    for end in 1..whole.len() {
        // Only the number of batches in the file may be cut.
        let Some(cut) = whole.get(..end) else { continue };
        assert_eq!(count(cut).is_err(), !cut.contains("\rFTS"), "{cut}");
    }
    assert!(count("").is_err() && count("hello\r").is_err() && count("PID|1\rMSH|\r").is_err());
}

#[test]
fn a_message_cut_short_is_no_entry() {
    let good = good();
    let result_ends = good.find("\rOBX|2").unwrap();
    for cut in (0..result_ends).filter_map(|end| good.get(..end)) {
        assert!(read(cut).is_err(), "{cut}");
    }
    assert_eq!(read(&good[..result_ends]), read(&good));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body: Vec<u8>) {
        let _ = super::is_batch(&body);
        let _ = envelope::read(&body, 10);
        let _ = entry::read(&body, NOW);
    }

    #[test]
    fn a_good_message_with_a_part_replaced_is_read_without_a_panic(
        at in 0..900_usize, length in 0..40_usize, text in "[|^~&\\\\\r\\PC]{0,20}",
    ) {
        let good = good();
        let boundary = |at: usize| (at.min(good.len())..=good.len()).find(|at| good.is_char_boundary(*at)).unwrap();
        let changed = format!("{}{text}{}", &good[..boundary(at)], &good[boundary(at + length)..]);
        let _ = envelope::read(changed.as_bytes(), 10);
        let _ = entry::read(changed.as_bytes(), NOW);
    }
}
