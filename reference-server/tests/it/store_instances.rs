//! What holds when several instances serve from one PostgreSQL, and when that is restarted.

use std::collections::HashSet;
use std::time::Duration;

use reference_server::link::LinkKey;
use reference_server::moment::Moment;
use reference_server::postgres::OwnPostgres;
use reference_server::store::{Attempt, Birth, Fingerprint, Lockout, NewMessage, NewResult, Store};

use crate::postgres::{self, Databases};

const NOW: Moment = Moment::from_millis(1_641_405_600_000);

const LOCKOUT: Lockout = Lockout { lock_after: 5, lock_for: Duration::from_secs(3_600), dead_after: 10 };

fn link(number: u32) -> LinkKey {
    let mut key = [0; 20];
    key[16..].copy_from_slice(&number.to_be_bytes());
    LinkKey(key)
}

fn result(number: u32, attempt: u32) -> NewResult {
    NewResult {
        sender: "sw-1".into(),
        reference: format!("ref-{number}"),
        sample: format!("sample-{number}"),
        idempotency: Some(Fingerprint::idempotency("sw-1", &format!("key-{number}"), 0)),
        name: "NAME".to_owned(),
        link: link(number * 10 + attempt),
        birth: Birth([7; 16]),
        positive: false,
        body: b"{}".to_vec(),
        received: NOW,
        message: Some(NewMessage { to: "+33639980042".to_owned(), link: format!("link-{number}"), due: NOW }),
    }
}

async fn instances<const N: usize>(url: &str) -> [Store; N] {
    let opening: Vec<_> = (0..N)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move { Store::postgres(&url).await.unwrap() })
        })
        .collect();
    let mut stores = Vec::new();
    for store in opening {
        stores.push(store.await.unwrap());
    }
    stores.try_into().unwrap()
}

#[tokio::test]
async fn several_instances_share_a_database() {
    let mut databases = Databases::start().await;
    entries_sent_to_several_at_once_are_stored_once(&databases.fresh().await).await;
    ids_of_several_never_meet(&databases.fresh().await).await;
    guesses_sent_to_several_at_once_are_all_counted(&databases.fresh().await).await;
    a_message_that_one_has_claimed_is_not_given_to_another(&databases.fresh().await).await;
    a_claim_without_a_result_is_taken_over(&databases.fresh().await).await;
    a_database_of_a_later_version_is_refused(&databases.fresh().await).await;
}

/// Four instances that make the tables at once, and are sent everything.
async fn entries_sent_to_several_at_once_are_stored_once(url: &str) {
    let stores: [Store; 4] = instances(url).await;
    let saves: Vec<_> = (0..400_u32)
        .map(|number| {
            let store = stores[(number % 4) as usize].clone();
            // Each instance has its own order.
            let number = if number.is_multiple_of(2) { number / 4 } else { 99 - number / 4 };
            tokio::spawn(async move {
                let saved = store.save_results(vec![result(number, 0)]).await;
                (number, saved.unwrap().remove(0))
            })
        })
        .collect();
    let mut ids = vec![HashSet::new(); 100];
    let mut fresh = vec![0; 100];
    for save in saves {
        let (number, saved) = save.await.unwrap();
        ids[number as usize].insert(saved.id);
        fresh[number as usize] += u32::from(saved.fresh);
    }
    assert!(ids.iter().all(|ids| ids.len() == 1), "{ids:?}");
    assert_eq!(fresh, vec![1; 100]);
    for number in 0..100 {
        assert_eq!(stores[0].copies("sw-1", &format!("sample-{number}")).await.unwrap(), 1);
    }
}

async fn ids_of_several_never_meet(url: &str) {
    let stores: [Store; 3] = instances(url).await;
    let mut ids = HashSet::new();
    for round in 0..10 {
        for (number, store) in (0..).zip(&stores) {
            let results = (0..20).map(|entry| result(round * 1_000 + number * 100 + entry, 0)).collect();
            ids.extend(store.save_results(results).await.unwrap().iter().map(|saved| saved.id));
            ids.insert(store.save_draft("sw-1".into(), b"{}".to_vec(), NOW).await.unwrap());
        }
    }
    assert_eq!(ids.len(), 10 * 3 * 21);
}

/// A hundred guesses, the right one in their middle: five are judged, whichever instance they reach. An unknown link looks the same.
async fn guesses_sent_to_several_at_once_are_all_counted(url: &str) {
    let stores: [Store; 2] = instances(url).await;
    stores[0].save_results(vec![result(1, 0)]).await.unwrap();
    for link in [link(10), link(77)] {
        let guesses: Vec<_> = (0..100_u8)
            .map(|guess| {
                let store = stores[usize::from(guess % 2)].clone();
                let date = if guess == 50 { 7 } else { guess.max(8) };
                tokio::spawn(async move {
                    store.try_birth_date(link, Birth([date; 16]), NOW, LOCKOUT).await.unwrap()
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for guess in guesses {
            outcomes.push(guess.await.unwrap());
        }
        let wrong = outcomes.iter().filter(|outcome| **outcome == Attempt::Wrong).count();
        let locked = outcomes.iter().filter(|outcome| **outcome == Attempt::Locked).count();
        assert_eq!((wrong, locked), (5, 95));
    }
    // Neither another instance nor a new one knows less.
    let [third] = instances(url).await;
    let right = Birth([7; 16]);
    let soon = NOW.after(Duration::from_secs(3_599));
    assert_eq!(third.try_birth_date(link(10), right, soon, LOCKOUT).await.unwrap(), Attempt::Locked);
    let later = NOW.after(Duration::from_secs(3_601));
    assert!(matches!(
        third.try_birth_date(link(10), right, later, LOCKOUT).await.unwrap(),
        Attempt::Right(_)
    ));
}

async fn a_message_that_one_has_claimed_is_not_given_to_another(url: &str) {
    let [one, other] = instances(url).await;
    one.save_results((0..50).map(|number| result(number, 0)).collect()).await.unwrap();
    let (claimed, _) = one.due(NOW, 20).await.unwrap();
    let (rest, _) = other.due(NOW, 100).await.unwrap();
    assert_eq!((claimed.len(), rest.len()), (20, 30));
    assert!(rest.iter().all(|message| !claimed.contains(message)));
    // It keeps them, also when it asks again; one that it puts off is anybody's.
    assert_eq!(one.due(NOW, 100).await.unwrap().0, claimed);
    let until = NOW.after(Duration::from_secs(1));
    one.postpone(claimed[0].due, until).await.unwrap();
    assert_eq!(other.due(until, 100).await.unwrap().0.len(), 31);
    other.delivered(rest[0].due).await.unwrap();
    // What one leaves behind the other is given.
    one.close().await;
    assert_eq!(other.due(until, 100).await.unwrap().0.len(), 49);
    // And of one that was killed, when it has been silent for half a minute.
    let [third] = instances(url).await;
    assert!(third.due(until, 100).await.unwrap().0.is_empty());
    let client = postgres::connect(url).await;
    client.batch_execute("UPDATE instances SET seen = seen - interval '31 seconds'").await.unwrap();
    assert_eq!(third.due(until, 100).await.unwrap().0.len(), 49);
}

/// An instance that died between the first and the last step of storing.
async fn a_claim_without_a_result_is_taken_over(url: &str) {
    let [store] = instances(url).await;
    let client = postgres::connect(url).await;
    let orphan = |key: Fingerprint, id: i64| {
        format!("INSERT INTO keys VALUES ('\\x{}', {id})", key.0.map(|byte| format!("{byte:02x}")).concat())
    };
    let reference = Fingerprint::reference("sw-1", "ref-1");
    client.batch_execute(&orphan(reference, 41)).await.unwrap();
    let saved = store.save_results(vec![result(1, 0), result(2, 0)]).await.unwrap();
    assert_eq!((saved[0].id, saved[0].fresh, saved[1].fresh), (41, true, true));
    assert_eq!(store.result_by_link(link(10)).await.unwrap().unwrap().id, 41);
    let again =
        store.save_results(vec![NewResult { reference: "ref-x".to_owned(), ..result(1, 1) }]).await.unwrap();
    assert_eq!((again[0].id, again[0].fresh, &*again[0].reference), (41, false, "ref-1"));
    // The reference of that attempt is free again.
    let free = NewResult { idempotency: None, reference: "ref-x".to_owned(), ..result(3, 0) };
    assert!(store.save_results(vec![free]).await.unwrap()[0].fresh);
    assert_eq!(store.due(NOW, 10).await.unwrap().0.len(), 3);
}

async fn a_database_of_a_later_version_is_refused(url: &str) {
    let [store] = instances(url).await;
    store.close().await;
    let client = postgres::connect(url).await;
    client.batch_execute("INSERT INTO migrations VALUES (1000, now())").await.unwrap();
    let refused = Store::postgres(url).await.unwrap_err().to_string();
    assert!(refused.contains("version 1000"), "{refused}");
}

/// What is under way when PostgreSQL goes is done once, or refused; never acknowledged and lost.
#[tokio::test]
async fn a_crash_and_a_restart_of_postgres_under_load_lose_nothing_and_store_nothing_twice() {
    let mut databases = Databases::start().await;
    let [store] = instances(&databases.server.url("postgres")).await;
    let senders: Vec<_> = (0..8_u32)
        .map(|sender| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in sender * 1_000..sender * 1_000 + 300 {
                    // As a client does: again, until it is acknowledged.
                    let saved = loop {
                        if let Ok(mut saved) = store.save_results(vec![result(number, 0)]).await {
                            break saved.remove(0);
                        }
                    };
                    acknowledged.push((number, saved.id));
                }
                acknowledged
            })
        })
        .collect();
    for (goal, end) in [(300, OwnPostgres::crash as fn(&mut OwnPostgres)), (900, OwnPostgres::stop)] {
        while store.stats().rows() < goal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        end(&mut databases.server);
        databases.server.start_again().unwrap();
    }
    for sender in senders {
        for (number, id) in sender.await.unwrap() {
            assert_eq!(store.result(id).await.unwrap().unwrap().reference, format!("ref-{number}"));
            assert_eq!(store.copies("sw-1", &format!("sample-{number}")).await.unwrap(), 1);
        }
    }
    assert_eq!(store.due(NOW, 10_000).await.unwrap().0.len(), 2_400);
}
