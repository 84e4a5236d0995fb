//! The targets on the seeds and on thousands of their mutants, the same every time.

use std::fs;
use std::path::Path;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

use super::TARGETS;

/// Mutants of a target.
const MUTANTS: usize = 3_000;

/// What parsers are sensitive to.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\r",
    b"\n",
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"MSH|^~\\&|",
    b"\"resourceType\":",
    b"=",
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A change of one or a few places.
fn mutate(mut data: Vec<u8>, other: &[u8], random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=data.len());
        let end = (at + random.random_range(0..32)).min(data.len());
        match random.random_range(0..6) {
            0 if at < data.len() => data[at] = random.next_u32().to_le_bytes()[0],
            1 => drop(data.drain(at..end)),
            2 => {
                let piece = data[at..end].to_vec();
                data.splice(at..at, piece);
            }
            3 => drop(data.splice(at..end, PIECES[random.random_range(0..PIECES.len())].iter().copied())),
            4 if !other.is_empty() => {
                let from = random.random_range(0..other.len());
                let to = (from + random.random_range(0..64)).min(other.len());
                data.splice(at..end, other[from..to].iter().copied());
            }
            _ => data.truncate(at),
        }
    }
    data
}

fn run(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| target(seed));
    let root = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(root);
    for _ in 0..MUTANTS {
        let one = seeds[random.random_range(0..seeds.len())].clone();
        let other = &seeds[random.random_range(0..seeds.len())];
        let mutant = mutate(one, other, &mut random);
        target(&mutant);
    }
}

#[test]
fn mutants_of_hl7_messages_are_read_or_rejected_with_reasons() {
    run("hl7");
}

#[test]
fn mutants_of_fhir_bundles_are_read_or_rejected_with_reasons() {
    run("fhir");
}

#[test]
fn mutants_of_entries_are_read_or_rejected_with_reasons() {
    run("json");
}

#[test]
fn mutants_of_tokens_let_nobody_in() {
    run("token");
}

#[test]
fn mutants_of_certificates_are_judged() {
    run("dcc");
}

#[test]
fn mutants_of_configurations_are_read_or_refused_with_reasons() {
    run("config");
}
