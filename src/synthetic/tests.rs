//! Laws of the synthetic data: test ranges only, sound JSON, and the same again for the same reference.

use super::*;
use crate::rng::Key;
use crate::scenario::Subject;
use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use serde_json::Value;

const ARRIVED: i64 = 68_000_000_000_000;

fn subject(journey: u64) -> Subject {
    Subject { population: 2, journey, item: 0 }
}

fn context(seed: u64, subject: Subject) -> Context<'static> {
    Context {
        seed,
        subject,
        key: Key::root(seed).with(subject.journey),
        visit: Key::root(seed).word("visit"),
        step: 3,
        account: Some(AccountId { kind: "person", population: 2, index: 41 }),
        date: "2022-01-05",
        arrived: ARRIVED,
    }
}

fn text(name: &str, context: &Context<'_>) -> String {
    let mut out = String::new();
    assert!(value(name, context, &mut out), "{name}");
    out
}

fn body(generator: &str, items: u16, context: &Context<'_>) -> Value {
    let mut out = Vec::new();
    assert_eq!(generate(generator, items, context, &mut out), Some("application/json"));
    serde_json::from_slice(&out).unwrap()
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_patient(patient: &Value) {
    let field = |name: &str| patient[name].as_str().unwrap();
    assert_eq!(patient.as_object().unwrap().len(), 6);
    let mobile = field("mobile").strip_prefix("+3363998").unwrap();
    assert!(is_digits(mobile, 4), "{mobile}");
    let number = field("identifier");
    assert!(is_digits(number, 15), "{number}");
    let (nir, key) = number.split_at(13);
    assert_eq!(key.parse::<u64>().unwrap(), 97 - nir.parse::<u64>().unwrap() % 97);
    let born: NaiveDate = field("birth_date").parse().unwrap();
    assert_eq!(number[1..5], born.format("%y%m").to_string());
    assert_eq!(&number[5..10], "99999", "no department or country");
    match field("sex") {
        "M" => assert_eq!(&number[..1], "1"),
        "F" => assert_eq!(&number[..1], "2"),
        sex => assert_eq!(sex, "U"),
    }
    let years = NaiveDate::from_ymd_opt(1930, 1, 1).unwrap()..=NaiveDate::from_ymd_opt(2018, 12, 31).unwrap();
    assert!(years.contains(&born), "{born}");
    assert!(field("family_name").chars().all(|c| c.is_ascii_uppercase() || c == '-'));
    assert!(!field("given_name").is_empty());
}

fn check_entry(entry: &Value, kind: &str) {
    check_patient(&entry["patient"]);
    let test = &entry["test"];
    let time = |name: &str| DateTime::parse_from_rfc3339(test[name].as_str().unwrap()).unwrap();
    // 2022-01-05 at 68,000 s after midnight in Paris.
    let entered = 1_641_337_200 + ARRIVED / 1_000_000_000;
    let (sampled, analysed) = (time("sampled_at").timestamp(), time("analysed_at").timestamp());
    assert!(sampled < analysed && analysed < entered && entered - sampled < 25 * 3_600 + 3_600);
    assert_eq!(time("sampled_at").offset().local_minus_utc(), 3_600);
    assert_eq!(test["kind"], kind);
    assert!(matches!(test["result"].as_str(), Some("positive" | "negative")));
    if kind == "antigen" {
        assert_eq!(test["loinc"], "94558-4");
        assert!(DEVICES.contains(&test["device"].as_str().unwrap().parse().unwrap()));
    } else {
        assert_eq!((&test["loinc"], &test["device"]), (&Value::from("94500-6"), &Value::Null));
    }
    assert_eq!(entry.as_object().unwrap().len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn entries_are_sound_json_of_invented_people(seed: u64, journey in 0..1_u64 << 49, items in 1..60_u16) {
        let context = context(seed, subject(journey));
        check_entry(&body("entry", 1, &context), "antigen");
        check_patient(&body("draft", 1, &context));
        let batch = body("entries", items, &context);
        let entries = batch["entries"].as_array().unwrap();
        prop_assert_eq!(entries.len(), usize::from(items));
        for (item, entry) in (0..).zip(entries) {
            check_entry(entry, "pcr");
            let reference: Subject = entry["ref"].as_str().unwrap().parse().unwrap();
            prop_assert_eq!(reference, Subject { item, ..context.subject });
        }
    }

    #[test]
    fn a_reader_finds_the_birth_date_by_the_reference_of_the_message(seed: u64, journey in 0..1_u64 << 49, item in 0..50_u16) {
        let sender = context(seed, subject(journey));
        let entry = &body("entries", 50, &sender)["entries"][usize::from(item)];
        let reader = Context {
            key: Key::root(99),
            visit: Key::root(98),
            account: None,
            arrived: 0,
            ..context(seed, entry["ref"].as_str().unwrap().parse().unwrap())
        };
        prop_assert_eq!(text("person.birth_date", &reader), entry["patient"]["birth_date"].as_str().unwrap());
        prop_assert_eq!(text("ref", &reader), entry["ref"].as_str().unwrap());
        prop_assert_eq!(text("sample", &reader), entry["sample"].as_str().unwrap());
    }

    #[test]
    fn a_wrong_birth_date_is_a_date_and_wrong(seed: u64, journey in 0..1_u64 << 48, visit: u64) {
        let context = Context { visit: Key::root(visit), ..context(seed, subject(journey)) };
        let (right, wrong) = (text("person.birth_date", &context), text("person.wrong_birth_date", &context));
        prop_assert!(wrong.parse::<NaiveDate>().is_ok(), "{}", wrong);
        prop_assert_ne!(&right, &wrong);
        prop_assert_eq!(&right[..7], &wrong[..7]);
    }

    #[test]
    fn a_search_is_the_beginning_of_the_name(seed: u64, journey in 0..1_u64 << 48) {
        let context = context(seed, subject(journey));
        prop_assert!(text("person.family_name", &context).starts_with(&text("search", &context)));
        prop_assert_eq!(text("search", &context).len(), 4);
    }
}

#[test]
fn a_repeated_try_sends_the_same_and_another_journey_something_else() {
    let names = ["ref", "sample", "idempotency_key", "person.identifier"];
    let values = |context: &Context<'_>| names.map(|name| text(name, context));
    let first = context(1, subject(5));
    let again = Context { visit: Key::root(77), ..first };
    assert_eq!(values(&first), values(&again));
    assert_eq!(body("entry", 1, &first), body("entry", 1, &again));
    assert_ne!(text("random", &first), text("random", &again));
    for (other, name) in values(&context(1, subject(6))).iter().zip(names) {
        assert_ne!(*other, text(name, &first), "{name}");
    }
    // Another step of the journey is another request, another run another day.
    assert_ne!(text("idempotency_key", &first), text("idempotency_key", &Context { step: 4, ..first }));
    let other_seed = context(2, subject(5));
    assert_ne!(text("sample", &first), text("sample", &other_seed));
    assert_ne!(text("idempotency_key", &first), text("idempotency_key", &other_seed));
}

#[test]
fn idempotency_keys_are_uuids_that_do_not_repeat() {
    let keys: std::collections::BTreeSet<String> =
        (0..10_000).map(|journey| text("idempotency_key", &context(1, subject(journey)))).collect();
    assert_eq!(keys.len(), 10_000);
    for key in &keys {
        let groups: Vec<&str> = key.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(groups[2].starts_with('8') && groups[3].starts_with(['8', '9', 'a', 'b']), "{key}");
    }
}

#[test]
fn as_many_tests_are_positive_as_that_week() {
    let n = 20_000;
    let positive = (0..n)
        .filter(|&journey| body("entry", 1, &context(1, subject(journey)))["test"]["result"] == "positive")
        .count();
    // Standard deviation of the share: sqrt(0.197 x 0.803 / n) = 0.28 %.
    assert!((positive as f64 / n as f64 - POSITIVE_SHARE).abs() < 0.014, "{positive}");
}

#[test]
fn accounts_have_ids_of_their_kind_and_the_secret_that_follows_from_it() {
    let account = |kind, index| AccountId { kind, population: 3, index };
    assert_eq!(account("person", 41).id(), "89903000041");
    assert_eq!(account("software", 41).id(), "sw-03-000041");
    assert_eq!(account("lab", 0).id(), "lab-03-000000");
    // printf 'peakday-synthetic:89903000041' | sha256sum | cut -c 1-32
    assert_eq!(account("person", 41).secret(), "e8299b09c9dc1268d126ffca2f1aebb8");
}

#[test]
fn every_name_is_known_and_no_other() {
    let context = context(1, subject(1));
    for name in VALUES {
        assert!(is_value(name) && !text(name, &context).is_empty(), "{name}");
    }
    let mut out = String::new();
    for name in ["", "person", "person.age", "account.password", "token"] {
        assert!(!is_value(name) && !value(name, &context, &mut out), "{name}");
    }
    let nobody = Context { account: None, ..context };
    assert!(!value("account.id", &nobody, &mut out));
    assert!(out.is_empty());
    let mut bytes = Vec::new();
    for name in GENERATORS {
        assert!(is_generator(name) && generate(name, 1, &context, &mut bytes).is_some(), "{name}");
        assert!(!std::mem::take(&mut bytes).is_empty(), "{name}");
    }
    assert!(!is_generator("x"));
    assert_eq!((generate("x", 1, &context, &mut bytes), bytes.len()), (None, 0));
    assert_eq!(body("entries", 0, &context)["entries"], Value::Array(Vec::new()));
}

#[test]
fn a_preloaded_entry_has_its_sender_and_a_link_of_its_own() {
    let earlier =
        |journey| Context { arrived: -3_600_000_000_000, ..context(1, subject(Subject::EARLIER | journey)) };
    let (link, line) = preload_line("entry", &earlier(1)).unwrap();
    let value: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value["sender"], "89902000041");
    assert_eq!(value["link"], *link);
    assert_eq!(value["entry"]["ref"], earlier(1).subject.to_string());
    check_patient(&value["entry"]["patient"]);
    assert!(!line.contains(&b'\n'));
    // 23:00 of 4 January in Paris.
    assert_eq!(u64::from_str_radix(&link[..8], 16).unwrap(), 1_641_333_600);
    assert!(link.len() == 40 && link.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(link, preload_line("entry", &earlier(2)).unwrap().0);
    assert_eq!(preload_line("draft", &earlier(1)), None);
    assert_eq!(preload_line("entry", &Context { account: None, ..earlier(1) }), None);
}
