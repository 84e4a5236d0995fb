//! After a purge, nothing of what was erased is in any file of the data folder; in PostgreSQL, in no file of its tables after a
//! rewrite.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use reference_server::link::LinkKey;
use reference_server::moment::Moment;
use reference_server::store::{Birth, Expired, NewMessage, NewResult, Store};
use sha2::{Digest, Sha256};

use crate::postgres::{self, Databases};
use crate::server::bytes_below;

const OLD: Moment = Moment::from_millis(1_641_405_600_000);
const NEW: Moment = Moment::from_millis(1_651_405_600_000);

/// Fields of a result that are found in no other one, in no order.
fn result(number: u32, received: Moment) -> NewResult {
    let mark = mark(number);
    let mut link = [0; 20];
    link.copy_from_slice(&Sha256::digest(&mark)[..20]);
    NewResult {
        sender: "lab-1".into(),
        reference: format!("ref{mark}"),
        sample: format!("sample{mark}"),
        idempotency: None,
        name: format!("{mark} NAME"),
        link: LinkKey(link),
        birth: Birth([7; 16]),
        body: format!("{{\"body\":\"{mark}\",\"padding\":\"{}\"}}", "x".repeat(300)).into_bytes(),
        positive: number.is_multiple_of(5),
        received,
        message: Some(NewMessage { to: format!("+{mark}"), link: format!("link{mark}"), due: received }),
    }
}

/// Twelve letters that stand for a result.
fn mark(number: u32) -> String {
    let digest = Sha256::digest(number.to_be_bytes());
    digest[..12].iter().map(|byte| char::from(b'G' + byte % 20)).collect()
}

/// The marks that stand anywhere in the files below a folder.
fn marks_in(folder: &Path, numbers: u32) -> HashSet<u32> {
    let marks: HashMap<_, _> = (0..numbers).map(|number| (mark(number).into_bytes(), number)).collect();
    let bytes = bytes_below(folder);
    bytes.windows(12).filter_map(|window| marks.get(window).copied()).collect()
}

/// Stores so many results, half of them old, with certificates and messages of which some are delivered.
async fn fill(store: &Store, results: u32) {
    for first in (0..results).step_by(100) {
        let received = if first < results / 2 { OLD } else { NEW };
        let saved = store.save_results((first..first + 100).map(|number| result(number, received)).collect());
        for saved in saved.await.unwrap() {
            if saved.id % 20 == 0 {
                store.keep_certificate(saved.id, format!("HC1:{}", saved.reference)).await.unwrap();
            }
        }
        let (due, _) = store.due(NEW, 20).await.unwrap();
        for message in due {
            store.delivered(message.due).await.unwrap();
        }
    }
}

/// Erases the old ones that are not positive, and returns those that are left.
async fn purge(store: &Store, results: u32) -> HashSet<u32> {
    let expired = Expired { results: NEW, positives: OLD, drafts: OLD, receipts: OLD };
    let mut purged = 0;
    loop {
        let step = store.purge(expired, 64).await.unwrap();
        purged += step.results.len();
        if !step.more {
            break;
        }
    }
    store.scrub().await.unwrap();
    let kept: HashSet<_> =
        (0..results).filter(|number| *number >= results / 2 || number.is_multiple_of(5)).collect();
    assert_eq!(purged, results as usize - kept.len());
    kept
}

#[tokio::test]
async fn no_file_has_a_byte_of_what_was_purged() {
    const RESULTS: u32 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::sqlite(folder.path()).unwrap();
    fill(&store, RESULTS).await;
    assert_eq!(marks_in(folder.path(), RESULTS).len(), RESULTS as usize);
    let kept = purge(&store, RESULTS).await;
    only(&marks_in(folder.path(), RESULTS), &kept);
    store.close().await;
}

fn only(found: &HashSet<u32>, kept: &HashSet<u32>) {
    let residue: Vec<_> = found.difference(kept).collect();
    assert!(residue.is_empty(), "{} have left something: {residue:?}", residue.len());
    assert_eq!(found, kept, "what is kept is still there");
}

#[tokio::test]
async fn no_table_of_postgres_has_a_byte_of_what_was_purged_once_they_are_written_anew() {
    const RESULTS: u32 = 1_000;
    let databases = Databases::start().await;
    let url = databases.server.url("postgres");
    let (store, client) = (Store::postgres(&url).await.unwrap(), postgres::connect(&url).await);
    fill(&store, RESULTS).await;
    // The planner keeps samples of values, names among them.
    client.batch_execute("ANALYZE").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let files = databases.files();
    let tables = files.join("base");
    assert_eq!(marks_in(&tables, RESULTS).len(), RESULTS as usize);

    let kept = purge(&store, RESULTS).await;
    for statement in ["VACUUM", "CHECKPOINT"] {
        client.batch_execute(statement).await.unwrap();
    }
    let found = marks_in(&tables, RESULTS);
    assert!(found.len() > kept.len(), "its own vacuum is enough: then a rewrite is not needed any more");

    store.rewrite().await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    only(&marks_in(&tables, RESULTS), &kept);
    // Its log is another matter, and nothing else is.
    let elsewhere = std::fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path());
    for folder in elsewhere.filter(|path| path.is_dir() && !path.ends_with("pg_wal")) {
        assert!(marks_in(&folder, RESULTS).is_subset(&kept), "{}", folder.display());
    }
    assert_eq!(store.copies("lab-1", &format!("sample{}", mark(0))).await.unwrap(), 1);
    store.close().await;
}
