//! The queue of a waiting room: places by number, called at a rate, void when nobody shows them any more.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::config;

/// A place is void when it has not been shown for so many polls; a page comes back within two.
pub(super) const VOID: u32 = 3;

/// Who waits, and who has been called and not come yet.
///
/// Permits flow in at the rate, of which at most those of a second are kept while nobody waits. A permit calls the first
/// that waits; who is called goes in the next time the ticket is shown. A place that nobody shows any more is void: those
/// behind it move up, and if it had been called, its permit calls another one.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Permits per second.
    rate: f64,
    places: usize,
    void_after: Duration,
    permits: f64,
    flowed_at: Instant,
    swept_at: Instant,
    next_number: u64,
    /// In the order of their numbers.
    waiting: VecDeque<Place>,
    called: BTreeMap<u64, Called>,
    /// The place of each subject.
    of: HashMap<Box<str>, u64>,
    admitted: u64,
    void: u64,
}

#[derive(Debug)]
struct Place {
    number: u64,
    subject: Box<str>,
    shown: Instant,
}

#[derive(Debug)]
struct Called {
    subject: Box<str>,
    at: Instant,
}

/// Where somebody stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The session begins.
    In,
    /// At this place, with so many ahead, for about so long.
    Waits { number: u64, ahead: usize, left: Duration },
    /// Every place is taken.
    NoPlace,
}

impl Queue {
    pub(super) fn new(config: &config::WaitingRoom, now: Instant) -> Queue {
        Queue {
            rate: config.rate.get(),
            places: config.places,
            void_after: config.poll * VOID,
            permits: config.rate.get().max(1.0),
            flowed_at: now,
            swept_at: now,
            next_number: 0,
            waiting: VecDeque::new(),
            called: BTreeMap::new(),
            of: HashMap::new(),
            admitted: 0,
            void: 0,
        }
    }

    /// Somebody comes, with the number of a good ticket or without one.
    pub(super) fn stand(&mut self, subject: &str, ticket: Option<u64>, now: Instant) -> Standing {
        self.flow(now);
        if let Some(number) = ticket.or_else(|| self.of.get(subject).copied())
            && let Some(standing) = self.shown(number, now)
        {
            return standing;
        }
        if self.waiting.is_empty() && self.permits >= 1.0 {
            self.permits -= 1.0;
            self.admitted += 1;
            return Standing::In;
        }
        if self.waiting.len() + self.called.len() >= self.places {
            return Standing::NoPlace;
        }
        let number = self.next_number;
        self.next_number += 1;
        // One subject has one place; an older one, of which the ticket was not shown, becomes void by itself.
        self.of.insert(subject.into(), number);
        self.waiting.push_back(Place { number, subject: subject.into(), shown: now });
        self.waits(number, self.waiting.len() - 1)
    }

    /// Where the one with this number stands; `None`: the place is void or was used.
    fn shown(&mut self, number: u64, now: Instant) -> Option<Standing> {
        if let Some(called) = self.called.remove(&number) {
            self.forget(&called.subject, number);
            self.admitted += 1;
            return Some(Standing::In);
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
    fn flow(&mut self, now: Instant) {
        self.permits += self.rate * now.saturating_duration_since(self.flowed_at).as_secs_f64();
        self.flowed_at = now;
        // All places are looked at once in a third of the time in which one becomes void.
        if now.saturating_duration_since(self.swept_at) * VOID >= self.void_after {
            self.swept_at = now;
            self.sweep(now);
        }
        while self.permits >= 1.0
            && let Some(Place { number, subject, .. }) = self.waiting.pop_front()
        {
            self.permits -= 1.0;
            self.called.insert(number, Called { subject, at: now });
        }
        if self.waiting.is_empty() {
            self.permits = self.permits.min(self.rate.max(1.0));
        }
    }

    fn sweep(&mut self, now: Instant) {
        let void_after = self.void_after;
        let is_void = |since: Instant| now.saturating_duration_since(since) > void_after;
        let before = self.waiting.len() + self.called.len();
        let mut gone = Vec::new();
        self.waiting.retain_mut(|place| {
            let void = is_void(place.shown);
            if void {
                gone.push((std::mem::take(&mut place.subject), place.number));
            }
            !void
        });
        let called = self.called.len();
        self.called.retain(|number, called| {
            let void = is_void(called.at);
            if void {
                gone.push((std::mem::take(&mut called.subject), *number));
            }
            !void
        });
        #[expect(clippy::cast_precision_loss, reason = "a room has a million places at most")]
        let freed = (called - self.called.len()) as f64;
        self.permits += freed;
        self.void += (before - self.waiting.len() - self.called.len()) as u64;
        for (subject, number) in gone {
            self.forget(&subject, number);
        }
    }

    /// Forgets the place of a subject, unless it has another one by now.
    fn forget(&mut self, subject: &str, number: u64) {
        if self.of.get(subject) == Some(&number) {
            self.of.remove(subject);
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many have been called and not come yet.
    pub(crate) fn called(&self) -> usize {
        self.called.len()
    }

    /// Sessions begun.
    pub(crate) fn admitted(&self) -> u64 {
        self.admitted
    }

    /// Places that became void.
    pub(crate) fn void(&self) -> u64 {
        self.void
    }
}
