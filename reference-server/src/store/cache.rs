//! Results in memory, for patients who look again: bounded in number and in age.
//!
//! What is here was read from the database and never changes there; it can only be erased, by this process, which forgets
//! everything then, or by another instance, so that nothing is believed for longer than its lifetime. That there is
//! nothing behind a link is not kept: it may come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::StoredResult;
use crate::config;
use crate::link::LinkKey;

/// Results by their links.
#[derive(Debug)]
pub(crate) struct ResultCache {
    results: Cache<LinkKey, (Instant, StoredResult)>,
    lifetime: Duration,
    hits: AtomicU64,
    misses: AtomicU64,
    /// How often everything was forgotten.
    forgotten: AtomicU64,
}

/// What is read now may be kept, unless everything is forgotten meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading(u64);

impl ResultCache {
    pub(super) fn new(config: &config::Cache) -> ResultCache {
        ResultCache {
            results: Cache::new(config.results),
            lifetime: config.lifetime,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
        }
    }

    /// The result behind a link, if it is here.
    ///
    /// # Errors
    /// It is not: then it is to be read.
    pub(super) fn get(&self, link: &LinkKey, now: Instant) -> Result<StoredResult, Reading> {
        match self.results.get(link) {
            Some((read, result)) if now.saturating_duration_since(read) < self.lifetime => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                Ok(result)
            }
            _ => {
                self.misses.fetch_add(1, Ordering::Relaxed);
                Err(Reading(self.forgotten.load(Ordering::SeqCst)))
            }
        }
    }

    /// Keeps what was read.
    pub(super) fn keep(&self, reading: Reading, link: LinkKey, result: &StoredResult, now: Instant) {
        self.results.insert(link, (now, result.clone()));
        // Forgotten while it was read: it may have been erased.
        if self.forgotten.load(Ordering::SeqCst) != reading.0 {
            self.results.remove(&link);
        }
    }

    /// Forgets everything: results were erased.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.results.clear();
    }

    /// How many are here, and how often one was and was not.
    pub(crate) fn counts(&self) -> (usize, u64, u64) {
        (self.results.len(), self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;

    fn result(id: i64) -> StoredResult {
        let received = Moment::from_millis(id);
        let text = String::new;
        StoredResult { id, sender: text(), reference: text(), sample: text(), received, body: Vec::new() }
    }

    #[test]
    fn a_result_is_believed_for_its_lifetime_and_no_longer_than_it_is_not_erased() {
        let config = config::Cache { results: 100, lifetime: Duration::from_secs(60) };
        let (cache, begin, link) = (ResultCache::new(&config), Instant::now(), LinkKey([1; 20]));
        let reading = cache.get(&link, begin).unwrap_err();
        cache.keep(reading, link, &result(1), begin);
        assert_eq!(cache.get(&link, begin + Duration::from_secs(59)).unwrap(), result(1));
        let reading = cache.get(&link, begin + Duration::from_secs(60)).unwrap_err();
        cache.keep(reading, link, &result(1), begin);
        cache.forget();
        let reading = cache.get(&link, begin).unwrap_err();
        // Erased while it was being read.
        cache.forget();
        cache.keep(reading, link, &result(1), begin);
        assert!(cache.get(&link, begin).is_err());
        assert_eq!(cache.counts(), (0, 1, 4));
    }

    #[test]
    fn no_more_are_kept_than_it_may() {
        let config = config::Cache { results: 64, lifetime: Duration::from_secs(60) };
        let (cache, now) = (ResultCache::new(&config), Instant::now());
        for number in 0..10_000_u32 {
            let mut key = [0; 20];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let reading = cache.get(&LinkKey(key), now).unwrap_err();
            cache.keep(reading, LinkKey(key), &result(i64::from(number)), now);
        }
        // It is split into parts, each of which rounds up.
        assert!(cache.counts().0 <= 2 * 64, "{:?}", cache.counts());
    }
}
