//! The index through groups that commit, roll back and crash, with generations of three results.

use proptest::prelude::*;

use super::*;
use crate::link::LinkKey;
use crate::store::sqlite::results::{Results, sample_result};
use crate::store::sqlite::{results::Ids, schema};
use crate::store::stats::Change;
use crate::store::{NewResult, Saved};

/// Results in a generation here.
const THREE: usize = 3;

fn result(number: u32) -> NewResult {
    let mut link = [0; 20];
    link[16..].copy_from_slice(&number.to_be_bytes());
    NewResult {
        reference: format!("ref-{number}"),
        sample: format!("sample-{number}"),
        link: LinkKey(link),
        ..sample_result()
    }
}

/// One transaction that stores these results, committed or not.
fn transaction(connection: &Connection, index: &mut Index, numbers: &[u32], commits: bool) -> Vec<Saved> {
    let mut results = Results::prepare(connection).unwrap();
    let mut seal = Seal::prepare(connection).unwrap();
    let mut ids = Ids::load(connection).unwrap();
    index.begin();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut save = |number| results.save(&result(number), index, &mut ids, &mut Change::default()).unwrap();
    let saved = numbers.iter().map(|number| save(*number)).collect();
    index.copy(&mut seal).unwrap();
    if commits {
        connection.execute_batch("COMMIT").unwrap();
        index.committed();
    } else {
        connection.execute_batch("ROLLBACK").unwrap();
        index.rolled_back();
    }
    saved
}

fn found(connection: &Connection, index: &Index, number: u32) -> Option<i64> {
    let result = result(number);
    let reference = Fingerprint::reference(&result.sender, &result.reference);
    Uniques::prepare(connection).unwrap().find(index, reference).unwrap()
}

fn rows(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn database() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = schema::create(&folder.path().join("keys.db")).unwrap();
    (folder, connection)
}

#[test]
fn keys_go_into_the_tables_when_a_generation_is_full_and_are_found_wherever_they_are() {
    let (_folder, connection) = database();
    let mut index = Index::load_sized(&connection, THREE).unwrap();
    for number in 0..10 {
        assert_eq!(found(&connection, &index, number), None);
        assert!(transaction(&connection, &mut index, &[number], true)[0].fresh);
    }
    assert_eq!((index.generation(), index.filters.len()), (3, 3));
    assert_eq!([rows(&connection, "uniques"), rows(&connection, "links")], [9, 9]);
    let again = Index::load_sized(&connection, THREE).unwrap();
    for index in [&index, &again] {
        let ids: Vec<i64> = (0..10).map(|number| found(&connection, index, number).unwrap()).collect();
        assert!(ids.is_sorted());
        assert_eq!(found(&connection, index, 10), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Groups of any size, some rolled back, a crash after any of them: each result is stored once and found, and what
    /// was rolled back is not there.
    #[test]
    fn a_result_is_there_once_whatever_fails(
        groups in prop::collection::vec((prop::collection::vec(0..40_u32, 0..6), any::<bool>(), any::<bool>()), 1..12)
    ) {
        let (_folder, connection) = database();
        let mut index = Index::load_sized(&connection, THREE).unwrap();
        let mut stored = std::collections::BTreeMap::new();
        for (numbers, commits, crashes) in groups {
            let saved = transaction(&connection, &mut index, &numbers, commits);
            for (number, saved) in numbers.iter().zip(saved) {
                if let Some(id) = stored.get(number) {
                    prop_assert!(!saved.fresh && saved.id == *id);
                } else if commits {
                    stored.insert(*number, saved.id);
                }
            }
            if crashes {
                index = Index::load_sized(&connection, THREE).unwrap();
            }
            for number in 0..40 {
                prop_assert_eq!(found(&connection, &index, number), stored.get(&number).copied());
            }
        }
        for (number, id) in &stored {
            let link = result(*number).link.0;
            let in_memory = index.latest.read().link(link).map(|(id, _)| id);
            let in_table = connection.query_row("SELECT id FROM links WHERE link = ?1", [link], |row| row.get(0));
            prop_assert_eq!(in_memory.or(optional(in_table).unwrap()), Some(*id));
        }
        prop_assert_eq!(rows(&connection, "results"), stored.len() as i64);
    }
}
