//! What is measured at the stations: per class of work, over the measured part and in slices of it.
//!
//! Totals are of the requests that came in the measured part, whenever they ended; slices count what happened in them.
//! Areas (numbers of requests times nanoseconds) are integers, so that Little's law can be checked to the nanosecond.

use super::clients::Horizon;
use super::histogram::Histogram;
use super::observation::Observation;

/// What became of a visit to a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Service was finished, whether or not the client still waited for it.
    Served,
    /// Turned away on arrival: no waiting place.
    Full,
    /// Turned away on arrival: the token bucket was empty.
    Limited,
    /// Told by a waiting room to ask again.
    Room,
    /// Turned away when its turn came: it had waited too long.
    Late,
    /// The client's patience ended, and it gave back its waiting place or server.
    Abandoned,
    /// Turned away at once, as its class is.
    Closed,
    /// The server was not there, or died meanwhile.
    Down,
}

/// One request's visit to a station, once it has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    /// Class of work.
    pub(super) class: u16,
    /// When it came.
    pub(super) at: i64,
    /// When it left.
    pub(super) left: i64,
    /// How long a server was busy with it, or, where several share, how much of a server's time it got.
    pub(super) worked: i64,
    /// How it ended.
    pub(super) end: End,
    /// Its client had gone before: the work was for nothing.
    pub(super) wasted: bool,
}

/// The measurements of one class in one slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slice {
    /// Requests that came.
    pub(super) arrivals: u64,
    /// Requests whose service ended.
    pub(super) served: u64,
    /// Requests that were turned away.
    pub(super) blocked: u64,
    /// Of these, by a limit on their rate or number.
    pub(super) limited: u64,
    /// Of these, by a waiting room.
    pub(super) room: u64,
    /// Of these, when their turn came.
    pub(super) late: u64,
    /// Of these, as the server or what it needs was down.
    pub(super) down: u64,
    /// Nanoseconds of work for clients that had gone, of requests that left then.
    pub(super) wasted: u64,
    /// Requests whose client left before they were served.
    pub(super) abandoned: u64,
    /// Waiting requests x nanoseconds: of millions who wait for hours more than 64 bits hold.
    pub(super) queue: u128,
    /// Requests in service x nanoseconds.
    pub(super) busy: u128,
}

/// The measurements of one class.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassMeter {
    /// Requests that came in the measured part; what follows counts these alone.
    pub(super) arrivals: u64,
    /// Served.
    pub(super) served: u64,
    /// Turned away, for want of a place.
    pub(super) full: u64,
    /// Turned away by the token bucket.
    pub(super) limited: u64,
    /// Told by a waiting room to ask again.
    pub(super) room: u64,
    /// Turned away when their turn came.
    pub(super) late: u64,
    /// Turned away, or lost, as the server or what it needs was down.
    pub(super) down: u64,
    /// Left before they were served.
    pub(super) abandoned: u64,
    /// Waited at all.
    pub(super) waited: u64,
    /// Served, though their client had gone.
    pub(super) gone: u64,
    /// Nanoseconds of work for clients that had gone.
    pub(super) wasted: u128,
    /// Waiting times of all that were let in and have left.
    pub(super) wait: Histogram,
    /// Time from coming to leaving of those served.
    pub(super) sojourn: Histogram,
    /// What happened when; never empty.
    pub(super) slices: Vec<Slice>,
}

/// All measurements of one run at the stations.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    /// By class of work.
    pub(super) classes: Vec<ClassMeter>,
    /// What is seen at instants, where asked for.
    pub(super) observation: Option<Observation>,
    from: i64,
    to: i64,
    drained: i64,
    length: i64,
    /// The slice that was needed last: its beginning, its end and number.
    recent: (i64, i64, usize),
}

impl Meter {
    /// Measures `classes` classes from `from` to the horizon's end, in slices of `length` nanoseconds, the last of which
    /// may be cut short.
    pub(super) fn new(classes: usize, from: i64, horizon: Horizon, length: i64) -> Self {
        let length = length.max(1);
        let count = ((horizon.end - from).max(1) as u64).div_ceil(length as u64) as usize;
        let class = ClassMeter { slices: vec![Slice::default(); count], ..ClassMeter::default() };
        Self {
            classes: vec![class; classes],
            observation: None,
            from,
            to: horizon.end,
            drained: horizon.drained,
            length,
            recent: (from, from, 0),
        }
    }

    /// A request comes.
    #[inline]
    pub(super) fn came(&mut self, class: u16, at: i64) {
        if let Some(slice) = self.slice(at) {
            let class = &mut self.classes[usize::from(class)];
            class.arrivals += 1;
            class.slices[slice].arrivals += 1;
        }
    }

    /// All of a visit at once, known when it begins: it waits until `start`, and is served until it leaves.
    #[inline(always)]
    pub(super) fn foresee(&mut self, visit: &Visit, start: i64) {
        let (from, to, slice) = self.recent;
        let within = from <= visit.at && visit.left < to && self.observation.is_none();
        if !within || visit.end != End::Served || visit.wasted {
            return self.foresee_any(visit, start);
        }
        let class = &mut self.classes[usize::from(visit.class)];
        let slice = &mut class.slices[slice];
        let [wait, work, sojourn] = [start - visit.at, visit.left - start, visit.left - visit.at];
        slice.arrivals += 1;
        slice.served += 1;
        slice.busy += u128::from(work as u64);
        class.arrivals += 1;
        class.served += 1;
        class.sojourn.record(sojourn as u64);
        slice.queue += u128::from(wait as u64);
        class.waited += u64::from(wait > 0);
        class.wait.record(wait as u64);
    }

    /// [`Meter::foresee`] of a visit that does not begin and end well in the slice of the one before.
    #[inline(never)]
    fn foresee_any(&mut self, visit: &Visit, start: i64) {
        self.visit(visit);
        self.waiting(visit.class, visit.at, start, 1);
        self.working(visit.class, start, visit.left, 1);
        self.came(visit.class, visit.at);
    }

    /// A visit has ended. One that ends after the last reply is awaited is still there as far as the run knows.
    #[inline]
    pub(super) fn visit(&mut self, visit: &Visit) {
        if let Some(observation) = &mut self.observation {
            observation.present(visit.class, visit.at, visit.left);
        }
        if visit.left > self.drained {
            return;
        }
        if let Some(slice) = self.slice(visit.left) {
            let slice = &mut self.classes[usize::from(visit.class)].slices[slice];
            match visit.end {
                End::Served => slice.served += 1,
                End::Full | End::Limited | End::Room | End::Late | End::Closed | End::Down => {
                    slice.blocked += 1;
                    slice.room += u64::from(visit.end == End::Room);
                    slice.limited += u64::from(visit.end == End::Limited);
                    slice.late += u64::from(visit.end == End::Late);
                    slice.down += u64::from(matches!(visit.end, End::Closed | End::Down));
                }
                End::Abandoned => slice.abandoned += 1,
            }
        }
        if visit.wasted
            && let Some(slice) = self.slice(visit.left)
        {
            self.classes[usize::from(visit.class)].slices[slice].wasted += visit.worked as u64;
        }
        if visit.at < self.from || visit.at >= self.to {
            return;
        }
        let class = &mut self.classes[usize::from(visit.class)];
        match visit.end {
            End::Full => {
                class.full += 1;
                return;
            }
            End::Limited => {
                class.limited += 1;
                return;
            }
            End::Room => {
                class.room += 1;
                return;
            }
            End::Closed | End::Down => {
                class.down += 1;
                return;
            }
            End::Served => {
                class.served += 1;
                class.sojourn.record((visit.left - visit.at) as u64);
            }
            End::Late => class.late += 1,
            End::Abandoned => class.abandoned += 1,
        }
        let wait = (visit.left - visit.at - visit.worked).max(0) as u64;
        class.waited += u64::from(wait > 0);
        class.wait.record(wait);
        if visit.wasted {
            class.wasted += visit.worked as u128;
            class.gone += u64::from(visit.end == End::Served);
        }
    }

    /// `n` requests of a class waited from `since` until `until`.
    #[inline]
    pub(super) fn waiting(&mut self, class: u16, since: i64, until: i64, n: u64) {
        self.area(since, until, |slice| &mut slice.queue, class, n);
    }

    /// `n` requests of a class were in service from `since` until `until`.
    #[inline]
    pub(super) fn working(&mut self, class: u16, since: i64, until: i64, n: u64) {
        self.area(since, until, |slice| &mut slice.busy, class, n);
    }

    /// `n` requests of a class shared servers that did `work` nanoseconds of their work between two instants; the rest
    /// of the time they waited.
    pub(super) fn shared(&mut self, class: u16, (since, until): (i64, i64), n: u64, work: u128) {
        // The work was done at an even rate, so slices get it by their length.
        let whole = (until - since).max(1) as u128;
        let (mut at, until) = (since.max(self.from), until.min(self.to));
        while at < until {
            let Some(index) = self.slice(at) else { return };
            let end = (self.from + (index as i64 + 1) * self.length).min(until);
            let part = work * (end - at) as u128 / whole;
            let slice = &mut self.classes[usize::from(class)].slices[index];
            slice.busy += part;
            slice.queue += (end - at) as u128 * u128::from(n) - part;
            at = end;
        }
    }

    /// How much of a visit lies in the measured part, in nanoseconds.
    #[inline]
    pub(super) fn presence(&self, at: i64, left: i64) -> u128 {
        (left.min(self.to) - at.max(self.from)).max(0) as u128
    }

    /// Requests present x nanoseconds over the measured part, all classes.
    pub(super) fn area_present(&self) -> u128 {
        self.classes.iter().map(|class| class.queue_area() + class.busy_area()).sum()
    }

    #[inline]
    fn area(&mut self, since: i64, until: i64, of: impl Fn(&mut Slice) -> &mut u128, class: u16, n: u64) {
        let (from, to, slice) = self.recent;
        if from <= since && until <= to {
            let slice = &mut self.classes[usize::from(class)].slices[slice];
            *of(slice) += u128::from((until - since).max(0) as u64) * u128::from(n);
        } else {
            self.area_anywhere(since, until, of, class, n);
        }
    }

    #[inline(never)]
    fn area_anywhere(
        &mut self,
        since: i64,
        until: i64,
        of: impl Fn(&mut Slice) -> &mut u128,
        class: u16,
        n: u64,
    ) {
        let (mut at, until) = (since.max(self.from), until.min(self.to));
        while at < until {
            let Some(index) = self.slice(at) else { return };
            let end = self.recent.1.min(until);
            *of(&mut self.classes[usize::from(class)].slices[index]) +=
                u128::from((end - at) as u64) * u128::from(n);
            at = end;
        }
    }

    /// The slice in which an instant of the measured part lies.
    #[inline]
    fn slice(&mut self, at: i64) -> Option<usize> {
        if self.recent.0 <= at && at < self.recent.1 {
            return Some(self.recent.2);
        }
        if at < self.from || at >= self.to {
            return None;
        }
        let index = (at - self.from) / self.length;
        let start = self.from + index * self.length;
        self.recent = (start, (start + self.length).min(self.to), index as usize);
        Some(self.recent.2)
    }
}

impl ClassMeter {
    /// Turned away for any reason.
    pub(super) fn blocked(&self) -> u64 {
        self.full + self.limited + self.room + self.late + self.down
    }

    /// Came and had not left when the run ended.
    pub(super) fn still_there(&self) -> u64 {
        self.arrivals - self.served - self.blocked() - self.abandoned
    }

    /// Adds the measurements of another replication; slices are added one by one.
    pub(super) fn add(&mut self, other: &Self) {
        self.arrivals += other.arrivals;
        self.served += other.served;
        self.full += other.full;
        self.limited += other.limited;
        self.room += other.room;
        self.late += other.late;
        self.down += other.down;
        self.abandoned += other.abandoned;
        self.waited += other.waited;
        self.wasted += other.wasted;
        self.gone += other.gone;
        self.wait.add(&other.wait);
        self.sojourn.add(&other.sojourn);
        for (to, from) in self.slices.iter_mut().zip(&other.slices) {
            to.arrivals += from.arrivals;
            to.served += from.served;
            to.blocked += from.blocked;
            to.limited += from.limited;
            to.room += from.room;
            to.late += from.late;
            to.down += from.down;
            to.wasted += from.wasted;
            to.abandoned += from.abandoned;
            to.queue += from.queue;
            to.busy += from.busy;
        }
    }

    /// The area of waiting over the measured part: requests x nanoseconds.
    pub(super) fn queue_area(&self) -> u128 {
        self.slices.iter().map(|slice| slice.queue).sum()
    }

    /// The area of service over the measured part: requests x nanoseconds.
    pub(super) fn busy_area(&self) -> u128 {
        self.slices.iter().map(|slice| slice.busy).sum()
    }
}
