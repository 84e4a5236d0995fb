//! The queue of a waiting room: places by number, called at a rate, void when nobody shows them any more.
//!
//! It reads no clock: whoever asks says what time it is, as the time since an instant of its own. So a simulation can have
//! the same queue.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

/// A place is void when it has not been shown for so many polls; a page comes back within two.
pub(super) const VOID: u32 = 3;

/// What a waiting room asks of those who come: whose place it is.
pub trait Subject: ToOwned<Owned: Hash + Eq + Default + Debug> + Hash + Eq + Debug {}

impl<S: ToOwned<Owned: Hash + Eq + Default + Debug> + Hash + Eq + Debug + ?Sized> Subject for S {}

/// Who waits, and who has been called and not come yet.
///
/// Permits flow in at the rate, of which at most those of a second are kept while nobody waits. A permit calls the first
/// that waits; who is called goes in the next time the ticket is shown. A place that nobody shows any more is void: those
/// behind it move up, and if it had been called, its permit calls another one.
#[derive(Debug)]
pub struct Queue<S: Subject + ?Sized> {
    /// Permits per second.
    rate: f64,
    places: usize,
    void_after: Duration,
    permits: f64,
    flowed_at: Duration,
    swept_at: Duration,
    next_number: u64,
    /// In the order of their numbers.
    waiting: VecDeque<Place<S::Owned>>,
    called: BTreeMap<u64, Called<S::Owned>>,
    /// The place of each subject.
    of: HashMap<S::Owned, u64>,
    admitted: u64,
    void: u64,
    /// Since when those had waited whose places were found to be void the last time that somebody came.
    voided: Vec<Duration>,
}

#[derive(Debug)]
struct Place<O> {
    number: u64,
    subject: O,
    since: Duration,
    shown: Duration,
}

#[derive(Debug)]
struct Called<O> {
    subject: O,
    since: Duration,
    at: Duration,
}

/// Where somebody stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// The session begins, after so long in the queue.
    In {
        /// From the first time that somebody came for this place.
        waited: Duration,
    },
    /// At a place of the queue.
    Waits {
        /// The number of the place.
        number: u64,
        /// How many are ahead.
        ahead: usize,
        /// For about so long.
        left: Duration,
    },
    /// Every place is taken.
    NoPlace,
}

impl<S: Subject + ?Sized> Queue<S> {
    /// Nobody waits. Sessions begin at `rate` per second, above 0; so many places; a page asks again after `poll` to twice
    /// that.
    pub fn new(rate: f64, places: usize, poll: Duration, now: Duration) -> Self {
        Queue {
            rate,
            places,
            void_after: poll * VOID,
            permits: rate.max(1.0),
            flowed_at: now,
            swept_at: now,
            next_number: 0,
            waiting: VecDeque::new(),
            called: BTreeMap::new(),
            of: HashMap::new(),
            admitted: 0,
            void: 0,
            voided: Vec::new(),
        }
    }

    /// Somebody comes, with the number of a good ticket or without one.
    pub fn stand(&mut self, subject: &S, ticket: Option<u64>, now: Duration) -> Standing {
        self.voided.clear();
        self.flow(now);
        if let Some(number) = ticket.or_else(|| self.of.get(subject).copied())
            && let Some(standing) = self.shown(number, now)
        {
            return standing;
        }
        if self.waiting.is_empty() && self.permits >= 1.0 {
            self.permits -= 1.0;
            self.admitted += 1;
            return Standing::In { waited: Duration::ZERO };
        }
        if self.waiting.len() + self.called.len() >= self.places {
            return Standing::NoPlace;
        }
        let number = self.next_number;
        self.next_number += 1;
        // One subject has one place; an older one, of which the ticket was not shown, becomes void by itself.
        self.of.insert(subject.to_owned(), number);
        self.waiting.push_back(Place { number, subject: subject.to_owned(), since: now, shown: now });
        self.waits(number, self.waiting.len() - 1)
    }

    /// Where the one with this number stands; `None`: the place is void or was used.
    fn shown(&mut self, number: u64, now: Duration) -> Option<Standing> {
        if let Some(called) = self.called.remove(&number) {
            self.forget(called.subject.borrow(), number);
            self.admitted += 1;
            return Some(Standing::In { waited: now.saturating_sub(called.since) });
        }
        let at = self.waiting.binary_search_by_key(&number, |place| place.number).ok()?;
        self.waiting[at].shown = now;
        Some(self.waits(number, at))
    }

    fn waits(&self, number: u64, ahead: usize) -> Standing {
        #[expect(clippy::cast_precision_loss, reason = "a room has a million places at most")]
        let left = ((ahead + 1) as f64 - self.permits).max(0.0) / self.rate;
        Standing::Waits { number, ahead, left: Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX) }
    }

    /// Lets permits flow in up to now, gives up void places, and calls who is next.
    fn flow(&mut self, now: Duration) {
        self.permits += self.rate * now.saturating_sub(self.flowed_at).as_secs_f64();
        self.flowed_at = now;
        // All places are looked at once in a third of the time in which one becomes void.
        if now.saturating_sub(self.swept_at) * VOID >= self.void_after {
            self.swept_at = now;
            self.sweep(now);
        }
        while self.permits >= 1.0
            && let Some(Place { number, subject, since, .. }) = self.waiting.pop_front()
        {
            self.permits -= 1.0;
            self.called.insert(number, Called { subject, since, at: now });
        }
        if self.waiting.is_empty() {
            self.permits = self.permits.min(self.rate.max(1.0));
        }
    }

    fn sweep(&mut self, now: Duration) {
        let void_after = self.void_after;
        let is_void = |since: Duration| now.saturating_sub(since) > void_after;
        let before = self.waiting.len() + self.called.len();
        let mut gone = Vec::new();
        self.waiting.retain_mut(|place| {
            let void = is_void(place.shown);
            if void {
                gone.push((std::mem::take(&mut place.subject), place.number));
                self.voided.push(place.since);
            }
            !void
        });
        let called = self.called.len();
        self.called.retain(|number, called| {
            let void = is_void(called.at);
            if void {
                gone.push((std::mem::take(&mut called.subject), *number));
                self.voided.push(called.since);
            }
            !void
        });
        #[expect(clippy::cast_precision_loss, reason = "a room has a million places at most")]
        let freed = (called - self.called.len()) as f64;
        self.permits += freed;
        self.void += (before - self.waiting.len() - self.called.len()) as u64;
        for (subject, number) in gone {
            self.forget(subject.borrow(), number);
        }
    }

    /// Forgets the place of a subject, unless it has another one by now.
    fn forget(&mut self, subject: &S, number: u64) {
        if self.of.get(subject) == Some(&number) {
            self.of.remove(subject);
        }
    }

    /// Since when all stand who wait, or have been called and not come yet.
    pub fn since(&self) -> impl Iterator<Item = Duration> + '_ {
        let waiting = self.waiting.iter().map(|place| place.since);
        waiting.chain(self.called.values().map(|called| called.since))
    }

    /// Since when those had stood whose places were found to be void the last time that somebody came.
    pub fn voided(&self) -> &[Duration] {
        &self.voided
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many have been called and not come yet.
    pub fn called(&self) -> usize {
        self.called.len()
    }

    /// Sessions begun.
    pub fn admitted(&self) -> u64 {
        self.admitted
    }

    /// Places that became void.
    pub fn void(&self) -> u64 {
        self.void
    }
}
