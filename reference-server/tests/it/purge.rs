//! After a purge, nothing of what was erased is in any file of the data folder.

use std::collections::HashSet;
use std::path::Path;

use reference_server::link::LinkKey;
use reference_server::moment::Moment;
use reference_server::store::{Birth, Expired, NewMessage, NewResult, Store};
use sha2::{Digest, Sha256};

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

/// The marks that stand anywhere in the files of a folder.
fn marks_in(folder: &Path, numbers: u32) -> HashSet<u32> {
    let marks: std::collections::HashMap<_, _> =
        (0..numbers).map(|number| (mark(number).into_bytes(), number)).collect();
    let mut found = HashSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        found.extend(bytes.windows(12).filter_map(|window| marks.get(window)));
    }
    found
}

#[tokio::test]
async fn no_file_has_a_byte_of_what_was_purged() {
    const RESULTS: u32 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::sqlite(folder.path()).unwrap();
    for first in (0..RESULTS).step_by(100) {
        let received = if first < RESULTS / 2 { OLD } else { NEW };
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
    assert_eq!(marks_in(folder.path(), RESULTS).len(), RESULTS as usize);
    // Old ones that are not positive have expired.
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
        (0..RESULTS).filter(|number| *number >= RESULTS / 2 || number.is_multiple_of(5)).collect();
    assert_eq!(purged, RESULTS as usize - kept.len());
    let found = marks_in(folder.path(), RESULTS);
    let residue: Vec<_> = found.difference(&kept).collect();
    assert!(residue.is_empty(), "{} of {purged} have left something: {residue:?}", residue.len());
    assert_eq!(found, kept, "what is kept is still there");
    store.close().await;
}
