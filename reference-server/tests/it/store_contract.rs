//! What every store must do, whatever it is made of. Each law holds for every backend.

use std::time::Duration;

use reference_server::link::LinkKey;
use reference_server::moment::Moment;
use reference_server::store::{
    Attempt, Birth, Expired, Fingerprint, Lockout, NewAccepted, NewMessage, NewResult, Saved, Store,
    StoreError,
};
use tempfile::TempDir;

use crate::postgres::Databases;

/// A place for a store that can be opened, closed and opened again.
trait Backend {
    async fn open(&self) -> Store;
}

struct Sqlite(TempDir);

impl Backend for Sqlite {
    async fn open(&self) -> Store {
        Store::sqlite(self.0.path()).unwrap()
    }
}

/// The URL of an empty database.
struct Postgres(String);

impl Backend for Postgres {
    async fn open(&self) -> Store {
        Store::postgres(&self.0).await.unwrap()
    }
}

/// One test a law for SQLite. For PostgreSQL one for all of them: it takes a second to make a server, and little to make it
/// another database.
macro_rules! contract {
    ($($law:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $law() {
                super::$law(super::Sqlite(tempfile::tempdir().unwrap())).await;
            })+
        }

        #[tokio::test]
        async fn every_law_holds_on_postgres() {
            let mut databases = Databases::start().await;
            $(
                println!("{}", stringify!($law));
                $law(Postgres(databases.fresh().await)).await;
            )+
        }
    };
}

contract! {
    a_result_is_read_back_as_it_was_stored,
    a_reference_and_an_idempotency_key_are_stored_once_per_sender,
    a_batch_may_repeat_itself,
    what_is_stored_twice_at_once_is_stored_once,
    ids_grow_over_restarts,
    copies_are_counted_by_sender_and_sample,
    names_are_found_by_their_beginning_for_their_sender,
    failures_are_counted_and_survive_a_restart,
    messages_are_kept_until_they_are_delivered,
    a_message_put_off_is_due_later,
    a_message_is_due_when_it_says_and_not_before,
    what_was_accepted_is_kept_until_it_is_settled,
    how_it_ended_is_erased_by_the_time_of_its_receipt,
    the_first_certificate_of_a_result_is_kept_for_good,
    what_has_expired_is_erased_with_all_that_leads_to_it,
    a_purge_goes_step_by_step_and_leaves_the_rest,
    many_at_once_are_all_answered,
    a_closed_store_says_so,
}

const NOW: Moment = Moment::from_millis(1_641_405_600_000);

const LOCKOUT: Lockout = Lockout { lock_after: 2, lock_for: Duration::from_secs(60), dead_after: 4 };

fn link(number: u32) -> LinkKey {
    let mut key = [0; 20];
    key[16..].copy_from_slice(&number.to_be_bytes());
    LinkKey(key)
}

fn result(number: u32) -> NewResult {
    NewResult {
        sender: "sw-1".into(),
        reference: format!("ref-{number}"),
        sample: format!("sample-{number}"),
        idempotency: None,
        name: format!("NAME {number:04}"),
        link: link(number),
        birth: Birth([7; 16]),
        body: format!("{{\"number\":{number}}}").into_bytes(),
        positive: false,
        received: NOW,
        message: Some(NewMessage { to: "+33639980042".to_owned(), link: format!("link-{number}"), due: NOW }),
    }
}

async fn save(store: &Store, result: NewResult) -> Saved {
    store.save_results(vec![result]).await.unwrap().remove(0)
}

async fn a_result_is_read_back_as_it_was_stored(backend: impl Backend) {
    let store = backend.open().await;
    let saved = save(&store, result(1)).await;
    assert!(saved.fresh);
    store.close().await;
    let store = backend.open().await;
    let read = store.result(saved.id).await.unwrap().unwrap();
    assert_eq!((&*read.sender, &*read.reference, &*read.sample), ("sw-1", "ref-1", "sample-1"));
    assert_eq!((read.received, &*read.body), (NOW, &b"{\"number\":1}"[..]));
    assert_eq!(store.result_by_link(link(1)).await.unwrap(), Some(read));
    assert_eq!(store.result(saved.id + 1).await.unwrap(), None);
    assert_eq!(store.result_by_link(link(2)).await.unwrap(), None);
}

async fn a_reference_and_an_idempotency_key_are_stored_once_per_sender(backend: impl Backend) {
    let store = backend.open().await;
    let keyed = |number: u32, key: &str| NewResult {
        idempotency: Some(Fingerprint::idempotency("sw-1", key, 0)),
        ..result(number)
    };
    let first = save(&store, keyed(1, "a")).await;
    for again in [result(1), keyed(1, "b"), keyed(2, "a")] {
        // A link of its own, as every attempt draws one.
        let saved = save(&store, NewResult { link: link(100), ..again }).await;
        assert_eq!(saved, Saved { fresh: false, ..first.clone() });
    }
    let other = NewResult { sender: "sw-2".into(), link: link(2), ..result(1) };
    assert_ne!(save(&store, other).await.id, first.id);
    store.close().await;
    let store = backend.open().await;
    assert_eq!(save(&store, keyed(3, "a")).await, Saved { fresh: false, ..first });
    assert_eq!(store.stats().pending(), 2);
}

async fn a_batch_may_repeat_itself(backend: impl Backend) {
    let store = backend.open().await;
    let saved = store.save_results(vec![result(1), result(2), result(1)]).await.unwrap();
    assert_eq!(saved.iter().map(|saved| saved.fresh).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(saved[0].id, saved[2].id);
    assert_eq!(store.stats().rows(), 2);
}

async fn what_is_stored_twice_at_once_is_stored_once(backend: impl Backend) {
    let store = backend.open().await;
    let keyed = |number: u32, attempt: u32| NewResult {
        idempotency: number
            .is_multiple_of(2)
            .then(|| Fingerprint::idempotency("sw-1", &number.to_string(), 0)),
        link: link(number * 10 + attempt),
        ..result(number)
    };
    let saves: Vec<_> = (0..300)
        .map(|number| {
            let (store, result) = (store.clone(), keyed(number / 3, number % 3));
            tokio::spawn(async move { save(&store, result).await })
        })
        .collect();
    let mut all = Vec::new();
    for save in saves {
        all.push(save.await.unwrap());
    }
    for same in all.chunks(3) {
        assert!(same.iter().all(|saved| saved.id == same[0].id), "{same:?}");
        assert_eq!(same.iter().filter(|saved| saved.fresh).count(), 1, "{same:?}");
    }
    let (due, _) = store.due(NOW, 1_000).await.unwrap();
    assert_eq!((store.stats().rows(), store.stats().pending(), due.len()), (100, 100, 100));
    // The message of each leads to it.
    for message in due {
        let number: u32 = message.reference.strip_prefix("ref-").unwrap().parse().unwrap();
        let of_one =
            (0..3).map(async |attempt| store.result_by_link(link(number * 10 + attempt)).await.unwrap());
        let mut found = 0;
        for result in of_one {
            found += u32::from(result.await.is_some_and(|result| result.id == message.due.id));
        }
        assert!(found >= 1);
    }
}

async fn ids_grow_over_restarts(backend: impl Backend) {
    let mut last = 0;
    for round in 0..3_u32 {
        let store = backend.open().await;
        for number in 0..5 {
            // The clock goes back from round to round.
            let received = Moment::from_millis(NOW.millis() - i64::from(round) * 1_000);
            let saved = save(&store, NewResult { received, ..result(round * 10 + number) }).await;
            assert!(saved.id > last, "{} after {last}", saved.id);
            last = saved.id;
        }
        let draft = store.save_draft("sw-1".into(), b"{}".to_vec(), NOW).await.unwrap();
        assert!(draft > last);
        last = draft;
        store.close().await;
    }
}

async fn copies_are_counted_by_sender_and_sample(backend: impl Backend) {
    let store = backend.open().await;
    save(&store, result(1)).await;
    save(&store, NewResult { sample: "sample-1".to_owned(), ..result(2) }).await;
    save(&store, NewResult { sender: "sw-2".into(), link: link(3), ..result(1) }).await;
    assert_eq!(store.copies("sw-1", "sample-1").await.unwrap(), 2);
    assert_eq!(store.copies("sw-2", "sample-1").await.unwrap(), 1);
    assert_eq!(store.copies("sw-1", "sample-2").await.unwrap(), 0);
}

async fn names_are_found_by_their_beginning_for_their_sender(backend: impl Backend) {
    let store = backend.open().await;
    store.save_results((0..30).map(result).collect()).await.unwrap();
    save(&store, NewResult { sender: "sw-2".into(), link: link(99), ..result(1) }).await;
    let search = async |sender: &str, prefix: &str, limit| {
        let found = store.search(sender.into(), prefix.to_owned(), limit).await.unwrap();
        found.into_iter().map(|result| result.reference).collect::<Vec<_>>()
    };
    assert_eq!(search("sw-1", "NAME 0001", 20).await, ["ref-1"]);
    assert_eq!(search("sw-1", "NAME 001", 3).await, ["ref-10", "ref-11", "ref-12"]);
    assert_eq!(search("sw-1", "NAME", 100).await.len(), 30);
    assert_eq!(search("sw-2", "NAME", 100).await, ["ref-1"]);
    assert!(search("sw-1", "NAMES", 100).await.is_empty());
    // The wildcards of SQL mean nothing.
    assert!(search("sw-1", "%", 100).await.is_empty());
}

async fn failures_are_counted_and_survive_a_restart(backend: impl Backend) {
    let mut store = backend.open().await;
    let saved = save(&store, result(1)).await;
    let (right, wrong) = (Birth([7; 16]), Birth([8; 16]));
    let later = |seconds| NOW.after(Duration::from_secs(seconds));
    for (at, birth, outcome) in [
        (0, right, Attempt::Right(saved.id)),
        (0, wrong, Attempt::Wrong),
        (0, wrong, Attempt::Wrong),
        (59, right, Attempt::Locked),
        (61, right, Attempt::Right(saved.id)),
        (61, wrong, Attempt::Wrong),
        (62, right, Attempt::Locked),
        (200, wrong, Attempt::Wrong),
        (100_000, right, Attempt::Locked),
    ] {
        assert_eq!(
            store.try_birth_date(link(1), birth, later(at), LOCKOUT).await.unwrap(),
            outcome,
            "at {at}"
        );
        store.close().await;
        store = backend.open().await;
    }
    // An unknown link behaves like a known one with a wrong date, the lock included, and a restart forgets neither.
    for (link, outcome) in [3, 4].into_iter().flat_map(|number| {
        [Attempt::Wrong, Attempt::Wrong, Attempt::Locked].map(|outcome| (link(number), outcome))
    }) {
        assert_eq!(store.try_birth_date(link, right, NOW, LOCKOUT).await.unwrap(), outcome);
        store.close().await;
        store = backend.open().await;
    }
}

async fn messages_are_kept_until_they_are_delivered(backend: impl Backend) {
    let store = backend.open().await;
    store.save_results((0..3).map(result).collect()).await.unwrap();
    save(&store, NewResult { message: None, ..result(3) }).await;
    store.messages_stored().await;
    let (due, next) = store.due(NOW, 10).await.unwrap();
    let references: Vec<_> = due.iter().map(|message| &*message.reference).collect();
    assert_eq!((references, next), (vec!["ref-0", "ref-1", "ref-2"], None));
    assert_eq!(store.first_due(NOW).await.unwrap(), Some(NOW));
    assert_eq!(store.first_due(Moment::from_millis(NOW.millis() - 1)).await.unwrap(), None);
    assert_eq!((&*due[1].to, &*due[1].link, due[1].attempts), ("+33639980042", "link-1", 0));
    assert_eq!(store.due(NOW, 2).await.unwrap().0, due[..2]);
    store.delivered(due[0].due).await.unwrap();
    store.delivered(due[0].due).await.unwrap();
    assert_eq!(store.stats().pending(), 2);
    store.close().await;
    let store = backend.open().await;
    assert_eq!(store.due(NOW, 10).await.unwrap().0, due[1..]);
    assert_eq!(store.stats().pending(), 2);
}

async fn a_message_put_off_is_due_later(backend: impl Backend) {
    let store = backend.open().await;
    store.save_results((0..2).map(result).collect()).await.unwrap();
    let (due, _) = store.due(NOW, 1).await.unwrap();
    let until = NOW.after(Duration::from_secs(5));
    store.postpone(due[0].due, until).await.unwrap();
    let (now_due, next) = store.due(NOW, 10).await.unwrap();
    assert_eq!((now_due.len(), &*now_due[0].reference, next), (1, "ref-1", Some(until)));
    let (later, next) = store.due(until, 10).await.unwrap();
    assert_eq!((later.len(), &*later[1].reference, later[1].attempts, next), (2, "ref-0", 1, None));
}

async fn a_message_is_due_when_it_says_and_not_before(backend: impl Backend) {
    let (store, later) = (backend.open().await, NOW.after(Duration::from_secs(60)));
    let mut result = result(1);
    result.message.as_mut().unwrap().due = later;
    store.save_results(vec![result]).await.unwrap();
    let (due, next) = store.due(NOW, 10).await.unwrap();
    assert_eq!((due.len(), next), (0, Some(later)));
    assert_eq!(store.due(later, 10).await.unwrap().0[0].due.at, later);
    store.close().await;
}

fn accepted(number: u32, entries: u32) -> NewAccepted {
    NewAccepted {
        sender: "sw-1".into(),
        key: (number == 1).then(|| "key".to_owned()),
        entries,
        received: NOW,
        body: number.to_string().into_bytes(),
    }
}

async fn what_was_accepted_is_kept_until_it_is_settled(backend: impl Backend) {
    let store = backend.open().await;
    let first = store.accept(accepted(1, 3)).await.unwrap();
    let second = store.accept(accepted(2, 1)).await.unwrap();
    assert!(second >= first + 3, "each entry has an id of its own");
    store.close().await;

    let store = backend.open().await;
    assert_eq!(store.stats().accepted(), 2);
    let third = store.accept(accepted(3, 1)).await.unwrap();
    assert!(third > second);
    let waiting = store.accepted(2).await.unwrap();
    assert_eq!(waiting.iter().map(|message| message.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(
        (waiting[0].key.as_deref(), waiting[0].entries, &*waiting[0].body),
        (Some("key"), 3, &b"1"[..])
    );
    assert_eq!((waiting[1].key.as_deref(), &*waiting[1].sender, waiting[1].received), (None, "sw-1", NOW));
    for _ in 0..2 {
        store.settle(first, 3, "[0,1,2]".to_owned()).await.unwrap();
    }
    assert_eq!(store.accepted(10).await.unwrap()[0].id, second);
    assert_eq!(store.stats().accepted(), 2);
    for (receipt, expected) in [
        (first - 1, None),
        (first, Some((first, Some("[0,1,2]".to_owned())))),
        (first + 2, Some((first, Some("[0,1,2]".to_owned())))),
        (second, Some((second, None))),
        (third + 1, None),
    ] {
        assert_eq!(store.acceptance(receipt).await.unwrap(), expected, "{receipt}");
    }
    store.close().await;
}

async fn how_it_ended_is_erased_by_the_time_of_its_receipt(backend: impl Backend) {
    let store = backend.open().await;
    let at = |number: u32| NOW.after(Duration::from_secs(number.into()));
    let mut receipts = Vec::new();
    for number in 0..8 {
        let id = store.accept(NewAccepted { received: at(number), ..accepted(number, 2) }).await.unwrap();
        // The last one waits for ever.
        if number < 7 {
            store.settle(id, 2, "[0,1]".to_owned()).await.unwrap();
        }
        receipts.push(id);
    }
    let expired = Expired { receipts: at(5), ..all_before(NOW) };
    let mut steps = Vec::new();
    loop {
        let purged = store.purge(expired, 2).await.unwrap();
        steps.push(purged.receipts);
        if !purged.more {
            break;
        }
    }
    assert_eq!(steps, [2, 2, 1]);
    for (number, id) in receipts.iter().enumerate() {
        assert_eq!(store.acceptance(id + 1).await.unwrap().is_some(), number >= 5, "{number}");
    }
    // What waits is kept, however old it is.
    assert_eq!(store.purge(all_before(at(100)), 9).await.unwrap().receipts, 2);
    assert_eq!(store.acceptance(receipts[7]).await.unwrap(), Some((receipts[7], None)));
    assert_eq!((store.accepted(9).await.unwrap().len(), store.stats().accepted()), (1, 1));
    store.close().await;
}

async fn many_at_once_are_all_answered(backend: impl Backend) {
    let store = backend.open().await;
    let saves: Vec<_> = (0..500)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { save(&store, result(number)).await.id })
        })
        .collect();
    let mut ids = Vec::new();
    for save in saves {
        ids.push(save.await.unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 500);
    assert_eq!(store.stats().rows(), 500);
    assert!(store.stats().commits() <= 500);
}

async fn a_closed_store_says_so(backend: impl Backend) {
    let store = backend.open().await;
    store.close().await;
    assert!(matches!(store.save_results(vec![result(1)]).await, Err(StoreError::Closed)));
    assert!(matches!(store.result(1).await, Err(StoreError::Closed)));
}

async fn the_first_certificate_of_a_result_is_kept_for_good(backend: impl Backend) {
    let store = backend.open().await;
    let (one, two) = (save(&store, result(1)).await.id, save(&store, result(2)).await.id);
    assert_eq!(store.certificate(one).await.unwrap(), None);
    assert_eq!(store.keep_certificate(one, "first".to_owned()).await.unwrap(), "first");
    assert_eq!(store.keep_certificate(one, "second".to_owned()).await.unwrap(), "first");
    assert_eq!(store.keep_certificate(two, "other".to_owned()).await.unwrap(), "other");
    store.close().await;
    let store = backend.open().await;
    assert_eq!(store.certificate(one).await.unwrap().as_deref(), Some("first"));
}

/// Everything that was received before this moment, whatever came out.
fn all_before(moment: Moment) -> Expired {
    Expired { results: moment, positives: moment, drafts: moment, receipts: moment }
}

async fn what_has_expired_is_erased_with_all_that_leads_to_it(backend: impl Backend) {
    let store = backend.open().await;
    let keyed = |number| NewResult {
        idempotency: Some(Fingerprint::idempotency("sw-1", &format!("key-{number}"), 0)),
        ..result(number)
    };
    store.save_draft("sw-1".into(), b"{}".to_vec(), NOW).await.unwrap();
    let old = save(&store, keyed(1)).await.id;
    let day = Duration::from_secs(86_400);
    let kept = save(&store, NewResult { received: NOW.after(day), ..keyed(2) }).await.id;
    for id in [old, kept] {
        store.keep_certificate(id, format!("certificate of {id}")).await.unwrap();
    }
    store.try_birth_date(link(1), Birth([8; 16]), NOW, LOCKOUT).await.unwrap();

    let purged = store.purge(all_before(NOW.after(day)), 10).await.unwrap();
    assert_eq!((purged.results, purged.positives, purged.drafts), (vec![old], 0, 1));
    assert_eq!((purged.messages, purged.more), (1, false));
    store.scrub().await.unwrap();
    store.close().await;

    let store = backend.open().await;
    assert_eq!(store.result(old).await.unwrap(), None);
    assert_eq!(store.result_by_link(link(1)).await.unwrap(), None);
    assert_eq!(store.certificate(old).await.unwrap(), None);
    assert_eq!(store.copies("sw-1", "sample-1").await.unwrap(), 0);
    assert!(store.search("sw-1".into(), "NAME 0001".to_owned(), 9).await.unwrap().is_empty());
    assert_eq!(store.due(NOW.after(day), 9).await.unwrap().0.len(), 1);
    assert_eq!(store.stats().pending(), 1);
    // A certificate that was under way is handed out and not kept.
    assert_eq!(store.keep_certificate(old, "late".to_owned()).await.unwrap(), "late");
    assert_eq!(store.certificate(old).await.unwrap(), None);
    // Its reference and its key are free again, those of the other one are not.
    let again = save(&store, NewResult { received: NOW.after(day), ..keyed(1) }).await;
    assert!(again.fresh && again.id != kept);
    assert!(!save(&store, keyed(2)).await.fresh);
    assert!(store.certificate(kept).await.unwrap().is_some());
}

async fn a_purge_goes_step_by_step_and_leaves_the_rest(backend: impl Backend) {
    let store = backend.open().await;
    let at = |number: u32| NOW.after(Duration::from_secs(number.into()));
    let results =
        (0..20).map(|number| NewResult { received: at(number), positive: number % 2 == 0, ..result(number) });
    let ids: Vec<_> =
        store.save_results(results.collect()).await.unwrap().iter().map(|saved| saved.id).collect();
    let expired = Expired { results: at(15), positives: at(5), ..all_before(NOW) };
    let (mut erased, mut steps) = (Vec::new(), 0);
    loop {
        let purged = store.purge(expired, 3).await.unwrap();
        assert!(purged.results.len() <= 3);
        erased.extend(purged.results);
        steps += 1;
        if !purged.more {
            break;
        }
    }
    erased.sort_unstable();
    let expected = (0..20).filter(|number| *number < if number % 2 == 0 { 5 } else { 15 });
    assert_eq!(erased, expected.map(|number| ids[number]).collect::<Vec<_>>());
    assert_eq!(steps, 4);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(store.result(*id).await.unwrap().is_none(), erased.contains(id), "{number}");
    }
    // Positive ones whose time comes later are found then, also those that earlier steps went past.
    let later = store.purge(all_before(at(20)), 100).await.unwrap();
    assert_eq!((later.results.len(), later.positives), (10, 7));
}
