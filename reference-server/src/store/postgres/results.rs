//! Stores results: once each, with their keys, their link and their message.
//!
//! Three steps, each of which may be done twice, and each of rows that may live on a machine of their own:
//!
//! 1. *claim*: the fingerprints of reference and idempotency key, in `keys`, for the id that the result is to have. Where
//!    another id holds one, the result is there already, or somebody began to store it and did not end: then it is stored under
//!    that id.
//! 2. *link*: the hash of the link, in `links`, leads to the id.
//! 3. *store*: result and message, both keyed by the id, in one statement: the moment from which on it exists.
//!
//! A crash in between leaves a claim that the sender's next try takes over, and a link that nobody was told. The first two need
//! not be on disk before the third is: the log is written in order.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use tokio_postgres::Row;

use super::desk::{self, Clerk};
use super::ids::Ids;
use super::session::{Line, Server};
use crate::store::command::Reply;
use crate::store::stats::Change;
use crate::store::{Fingerprint, NewResult, Saved, Shared, StoreError};

const CLAIM: &str = "
INSERT INTO keys (key, id) SELECT * FROM unnest($1::bytea[], $2::bigint[]) ON CONFLICT DO NOTHING";
const HELD: &str = "
SELECT key, keys.id, results.reference FROM keys LEFT JOIN results ON results.id = keys.id WHERE key = ANY ($1::bytea[])";
pub(super) const RELEASE: &str = "
DELETE FROM keys USING unnest($1::bytea[], $2::bigint[]) AS gone (key, id)
WHERE keys.key = gone.key AND keys.id = gone.id";
const MOVE: &str = "
UPDATE keys SET id = new.id FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS new (key, old, id)
WHERE keys.key = new.key AND keys.id = new.old";
/// The update changes nothing; without it a link that is there already, by an earlier try, would not count.
const LINK: &str = "
INSERT INTO links (link, id, birth) SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[])
ON CONFLICT (link) DO UPDATE SET link = excluded.link WHERE links.id = excluded.id";
const STORE: &str = "
WITH stored AS (
    INSERT INTO results
        (id, sender, reference, sample, received, body, sample_key, name, positive, link, idempotency)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::text[],
        $14::boolean[], $15::bytea[], $16::bytea[])
    ON CONFLICT (id) DO NOTHING RETURNING id
), sent AS (
    INSERT INTO outbox (id, due, attempts, phone, reference, link)
    SELECT new.id, due, 0, phone, reference, link
    FROM unnest($9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[]) AS new (id, due, phone, reference, link)
    JOIN stored ON stored.id = new.id
)
SELECT id FROM stored";

/// [`Write::Results`](crate::store::command::Write::Results).
#[derive(Debug)]
pub(super) struct Save {
    pub(super) results: Vec<NewResult>,
    pub(super) reply: Reply<Vec<Saved>>,
}

#[derive(Debug)]
pub(super) struct Results {
    claims: Line,
    rows: Line,
    ids: Rc<Ids>,
    shared: Arc<Shared>,
}

/// What is known of one result on its way.
#[derive(Debug)]
struct Entry<'r> {
    result: &'r NewResult,
    /// What nobody else may have; the first one that is held by another decides.
    keys: Vec<Fingerprint>,
    /// Under which it was claimed.
    own: i64,
    place: Place,
}

/// Where a result is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// To be stored under this id.
    New(i64),
    /// There already, under this id and reference.
    There(i64, String),
    /// The same as an earlier one of the group.
    Same(usize),
}

impl Results {
    pub(super) fn new(server: &Server, shared: &Arc<Shared>, ids: &Rc<Ids>) -> Results {
        Results {
            claims: server.relaxed_line(),
            rows: server.line(),
            ids: Rc::clone(ids),
            shared: Arc::clone(shared),
        }
    }

    /// Stores a group, and says how many messages are among it.
    async fn save(&mut self, results: &[&NewResult]) -> Result<(Vec<Saved>, Change), StoreError> {
        let first = self.ids.take(results.len()).await?;
        let mut entries = entries(results, first);
        self.claim(&mut entries).await?;
        let fresh = if new(&entries).next().is_some() {
            self.link(&entries).await?;
            self.store(&entries).await?
        } else {
            HashSet::new()
        };
        let mut change = Change::default();
        let mut saved: Vec<Saved> = Vec::with_capacity(entries.len());
        for Entry { result, place, .. } in &entries {
            saved.push(match place {
                Place::New(id) => {
                    let fresh = fresh.contains(id);
                    change.rows += u64::from(fresh);
                    change.messages += i64::from(fresh && result.message.is_some());
                    Saved { id: *id, reference: result.reference.clone(), fresh }
                }
                Place::There(id, reference) => Saved { id: *id, reference: reference.clone(), fresh: false },
                Place::Same(earlier) => Saved { fresh: false, ..saved[*earlier].clone() },
            });
        }
        Ok((saved, change))
    }

    async fn claim(&mut self, entries: &mut [Entry<'_>]) -> Result<(), StoreError> {
        let new = entries.iter().filter(|entry| matches!(entry.place, Place::New(_)));
        let mut claims: Vec<_> =
            new.flat_map(|entry| entry.keys.iter().map(|key| (key.0, entry.own))).collect();
        // One order for all, so that two instances never wait for each other.
        claims.sort_unstable();
        let keys: Vec<&[u8]> = claims.iter().map(|(key, _)| &key[..]).collect();
        let ids: Vec<i64> = claims.iter().map(|(_, id)| *id).collect();
        let claimed = self.claims.run(async |session| session.execute(CLAIM, &[&keys, &ids]).await).await?;
        if claimed == keys.len() as u64 {
            return Ok(());
        }
        let rows = self.claims.run(async |session| session.query(HELD, &[&keys]).await).await?;
        let held: HashMap<&[u8], &Row> = rows.iter().map(|row| (row.get(0), row)).collect();
        let (mut gone, mut moved) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new()));
        for entry in entries.iter_mut().filter(|entry| matches!(entry.place, Place::New(_))) {
            let holder = |key: &Fingerprint| held.get(&key.0[..]).map_or(entry.own, |row| row.get(1));
            let Some(key) = entry.keys.iter().find(|key| holder(key) != entry.own) else { continue };
            let (id, stored) = held.get(&key.0[..]).map_or((entry.own, None), |row| (row.get(1), row.get(2)));
            for own in entry.keys.iter().filter(|key| holder(key) == entry.own) {
                if stored.is_some() {
                    gone.0.push(own.0.to_vec());
                    gone.1.push(entry.own);
                } else {
                    moved.0.push(own.0.to_vec());
                    moved.1.push(entry.own);
                    moved.2.push(id);
                }
            }
            entry.place = stored.map_or(Place::New(id), |reference| Place::There(id, reference));
        }
        self.claims
            .run(async |session| {
                if !gone.0.is_empty() {
                    session.execute(RELEASE, &[&gone.0, &gone.1]).await?;
                }
                if !moved.0.is_empty() {
                    session.execute(MOVE, &[&moved.0, &moved.1, &moved.2]).await?;
                }
                Ok(())
            })
            .await
    }

    async fn link(&mut self, entries: &[Entry<'_>]) -> Result<(), StoreError> {
        let mut links: Vec<_> =
            new(entries).map(|(id, result)| (&result.link.0[..], id, &result.birth.0[..])).collect();
        links.sort_unstable();
        let keys: Vec<&[u8]> = links.iter().map(|(link, ..)| *link).collect();
        let ids: Vec<i64> = links.iter().map(|(_, id, _)| *id).collect();
        let births: Vec<&[u8]> = links.iter().map(|(.., birth)| *birth).collect();
        let linked = self.claims.run(async |session| session.execute(LINK, &[&keys, &ids, &births]).await);
        if linked.await? == keys.len() as u64 {
            Ok(())
        } else {
            Err(StoreError::Failed("a link leads to another result already".to_owned()))
        }
    }

    /// Returns the ids under which something was stored: not those of what somebody else has stored meanwhile.
    async fn store(&mut self, entries: &[Entry<'_>]) -> Result<HashSet<i64>, StoreError> {
        let (ids, results): (Vec<i64>, Vec<&NewResult>) = new(entries).unzip();
        let senders: Vec<&str> = results.iter().map(|result| &*result.sender).collect();
        let references: Vec<&str> = results.iter().map(|result| &*result.reference).collect();
        let samples: Vec<&str> = results.iter().map(|result| &*result.sample).collect();
        let received: Vec<i64> = results.iter().map(|result| result.received.millis()).collect();
        let bodies: Vec<&[u8]> = results.iter().map(|result| &*result.body).collect();
        let sample_keys = results.iter().map(|result| Fingerprint::sample(&result.sender, &result.sample).0);
        let sample_keys: Vec<_> = sample_keys.collect();
        let sample_keys: Vec<&[u8]> = sample_keys.iter().map(|key| &key[..]).collect();
        let names: Vec<&str> = results.iter().map(|result| &*result.name).collect();
        let positives: Vec<bool> = results.iter().map(|result| result.positive).collect();
        let result_links: Vec<&[u8]> = results.iter().map(|result| &result.link.0[..]).collect();
        let idempotency = results.iter().map(|result| result.idempotency.as_ref().map(|key| &key.0[..]));
        let idempotency: Vec<Option<&[u8]>> = idempotency.collect();
        let messages: Vec<_> =
            new(entries).filter_map(|(id, result)| Some((id, result, result.message.as_ref()?))).collect();
        let message_ids: Vec<i64> = messages.iter().map(|(id, ..)| *id).collect();
        let due: Vec<i64> = messages.iter().map(|(.., message)| message.due.millis()).collect();
        let phones: Vec<&str> = messages.iter().map(|(.., message)| &*message.to).collect();
        let message_references: Vec<&str> =
            messages.iter().map(|(_, result, _)| &*result.reference).collect();
        let links: Vec<&str> = messages.iter().map(|(.., message)| &*message.link).collect();
        let rows = self.rows.run(async |session| {
            session
                .query(
                    STORE,
                    &[
                        &ids,
                        &senders,
                        &references,
                        &samples,
                        &received,
                        &bodies,
                        &sample_keys,
                        &names,
                        &message_ids,
                        &due,
                        &phones,
                        &message_references,
                        &links,
                        &positives,
                        &result_links,
                        &idempotency,
                    ],
                )
                .await
        });
        Ok(rows.await?.iter().map(|row| row.get(0)).collect())
    }
}

/// The results of a group with the ids that they are claimed for. One that is there twice is claimed once.
fn entries<'r>(results: &[&'r NewResult], first: i64) -> Vec<Entry<'r>> {
    let mut places: HashMap<Fingerprint, usize> = HashMap::with_capacity(2 * results.len());
    let mut entries: Vec<Entry<'r>> = Vec::with_capacity(results.len());
    for (own, &result) in (first..).zip(results) {
        let reference = Fingerprint::reference(&result.sender, &result.reference);
        let keys: Vec<Fingerprint> = result.idempotency.into_iter().chain([reference]).collect();
        let earlier = keys.iter().find_map(|key| places.get(key).copied());
        if earlier.is_none() {
            places.extend(keys.iter().map(|key| (*key, entries.len())));
        }
        entries.push(Entry { result, keys, own, place: earlier.map_or(Place::New(own), Place::Same) });
    }
    entries
}

/// Those that are to be stored, each under its id.
fn new<'e, 'r>(entries: &'e [Entry<'r>]) -> impl Iterator<Item = (i64, &'r NewResult)> + use<'e, 'r> {
    entries.iter().filter_map(|entry| match entry.place {
        Place::New(id) => Some((id, entry.result)),
        _ => None,
    })
}

impl Clerk for Results {
    type Command = Save;

    fn rows(command: &Save) -> usize {
        command.results.len()
    }

    async fn serve(&mut self, group: Vec<Save>) {
        let results: Vec<&NewResult> = group.iter().flat_map(|save| &save.results).collect();
        let outcome = self.save(&results).await;
        let change = outcome.as_ref().map_or_else(|_| Change::default(), |(_, change)| *change);
        self.shared.stats.ended(&outcome, change);
        if change.messages > 0 {
            self.shared.messages.notify_one();
        }
        let counts: Vec<usize> = group.iter().map(|save| save.results.len()).collect();
        let replies = group.into_iter().map(|save| save.reply);
        let parts = outcome.map(|(saved, _)| {
            let mut saved = saved.into_iter();
            counts.into_iter().map(move |count| saved.by_ref().take(count).collect())
        });
        desk::answer(&self.shared, replies, parts);
    }
}
