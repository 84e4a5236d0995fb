//! One queue before its servers, looked ahead: what becomes of a request is known the moment it comes.
//!
//! First come first served means that nobody who comes later can change when a request's turn is. So its turn, its end
//! and its client's patience are worked out on arrival, and no event is needed for any of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::clients::NEVER;
use super::meter::End;
use super::peak::Peak;
use super::workers::Workers;
use crate::scenario::server_model::{Dispatch, Leaving, StationModel};
use crate::units::Span;

/// A station's instance, looked ahead.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// `None`: as many servers as come.
    workers: Option<Workers>,
    /// The turns of those who came last, in order, one more than ever waited at the same time: those of them that are after
    /// an instant are the turns of those who wait then. None is taken out because it has come: how many have between two
    /// requests is nobody's guess.
    turns: VecDeque<i64>,
    /// When those leave who will not wait for their turn.
    leavers: BinaryHeap<Reverse<i64>>,
    /// When the last of both no longer waits.
    last: i64,
    /// Changes of the number of servers to come.
    capacity: VecDeque<(i64, u32)>,
    places: usize,
    leaving: Leaving,
    longest_wait: i64,
    /// When those who are here leave; kept only where a dispatcher asks how many they are.
    here: Option<BinaryHeap<Reverse<i64>>>,
    peak: Peak,
    /// When the first leaves of those who were as many as ever.
    leaves: i64,
}

/// What a request will find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// When its service begins; `None`: it is not served.
    pub(super) start: Option<i64>,
    /// When it leaves the station.
    pub(super) left: i64,
    /// How.
    pub(super) end: End,
    /// When its client is answered, or loses patience.
    pub(super) told: i64,
    /// Whether the client lost patience.
    pub(super) gone: bool,
}

impl Line {
    /// An empty line.
    pub(super) fn new(station: &StationModel, start: i64) -> Self {
        Self {
            workers: station.servers.map(|servers| Workers::new(servers, start)),
            turns: VecDeque::new(),
            leavers: BinaryHeap::new(),
            last: i64::MIN,
            capacity: station.capacity.iter().copied().collect(),
            places: station.queue.map_or(usize::MAX, |places| places as usize),
            leaving: station.abandoned,
            longest_wait: nanos(station.longest_wait),
            here: matches!(station.dispatch, Dispatch::ShortestQueue | Dispatch::PowerOf(_))
                .then(BinaryHeap::new),
            peak: Peak::new(start),
            leaves: NEVER,
        }
    }

    /// How many requests are here just before one comes at `at`, where the dispatcher needs to know it.
    pub(super) fn present(&mut self, at: i64) -> usize {
        let Some(here) = &mut self.here else { return 0 };
        while here.peek().is_some_and(|Reverse(left)| *left <= at) {
            here.pop();
        }
        here.len()
    }

    /// A request of `work` nanoseconds comes, whose client's patience does not end before `least`; `deadline` tells when it
    /// does.
    #[inline(always)]
    pub(super) fn join(
        &mut self,
        at: i64,
        work: i64,
        (least, until_start): (i64, bool),
        deadline: impl FnOnce() -> i64,
    ) -> Fate {
        let fate = self.fate(at, work, (least, until_start), deadline);
        if let Some(here) = &mut self.here
            && fate.end != End::Full
        {
            here.push(Reverse(fate.left));
        }
        fate
    }

    #[inline(always)]
    fn fate(
        &mut self,
        at: i64,
        work: i64,
        (least, until_start): (i64, bool),
        deadline: impl FnOnce() -> i64,
    ) -> Fate {
        let turn = self.turn(at);
        let start = turn.unwrap_or(at);
        let finish = start.saturating_add(work);
        let deadline = if least < finish { deadline() } else { least };
        if let Some(turn) = turn
            && let Some(fate) = self.wait(at, turn, deadline)
        {
            return fate;
        }
        let fate = served(start, finish, deadline, until_start, self.leaving);
        if let Some(workers) = &mut self.workers {
            workers.engage(fate.left);
        }
        fate
    }

    /// One joins the queue whose turn is at once or later; the fate of one that is not to be served.
    #[inline(always)]
    fn wait(&mut self, at: i64, turn: i64, deadline: i64) -> Option<Fate> {
        let waits = turn > at;
        if self.places <= self.turns.len() + self.leavers.len() && waits && self.is_full(at) {
            return Some(Fate { start: None, left: at, end: End::Full, told: at, gone: false });
        }
        let gone = deadline < turn;
        if gone && waits && self.leaving == Leaving::Drop {
            self.joins(at, waits, deadline);
            self.leavers.push(Reverse(deadline));
            return Some(Fate { start: None, left: deadline, end: End::Abandoned, told: deadline, gone });
        }
        self.joins(at, waits, turn);
        self.turns.push_back(turn);
        if self.turns.len() as u64 > self.peak.most + 1 {
            self.turns.pop_front();
        }
        if turn.saturating_sub(at) > self.longest_wait {
            return Some(Fate { start: None, left: turn, end: End::Late, told: turn.min(deadline), gone });
        }
        (turn == NEVER).then_some(Fate {
            start: None,
            left: NEVER,
            end: End::Abandoned,
            told: deadline,
            gone,
        })
    }

    /// One joins who `waits` until it leaves the queue. Whether it does is as likely as not, so there is no branch on it.
    #[inline(always)]
    fn joins(&mut self, at: i64, waits: bool, leaves: i64) {
        let nobody_waits = self.last <= at;
        if nobody_waits {
            self.peak.emptied(self.last);
        }
        self.peak.begins(nobody_waits & waits, at);
        self.last = self.last.max(leaves);
        let most = self.peak.most as usize;
        if (most <= 1 || self.do_wait(most - 1, at) || !self.leavers.is_empty()) && waits {
            self.count(at, leaves);
        }
    }

    /// Whether at least so many wait for their turns, where that is not nobody.
    #[inline(always)]
    fn do_wait(&self, count: usize, at: i64) -> bool {
        let first = self.turns.len().checked_sub(count).and_then(|first| self.turns.get(first));
        first.is_some_and(|turn| *turn > at)
    }

    fn is_full(&mut self, at: i64) -> bool {
        if self.leavers.is_empty() {
            self.places == 0 || self.do_wait(self.places, at)
        } else {
            self.waiting(at).0 >= self.places
        }
    }

    /// How many wait at `at`, and when the first of them leaves.
    fn waiting(&mut self, at: i64) -> (usize, i64) {
        while self.leavers.peek().is_some_and(|Reverse(left)| *left <= at) {
            self.leavers.pop();
        }
        // Where it is asked, nearly as many wait as ever.
        let most = self.peak.most as usize;
        let many = [most, most.saturating_sub(1)].into_iter().find(|count| self.do_wait(*count, at));
        let turns = many.unwrap_or_else(|| self.turns.len() - self.turns.partition_point(|turn| *turn <= at));
        let leaver = self.leavers.peek().map_or(NEVER, |Reverse(left)| *left);
        let first = self.turns.get(self.turns.len() - turns).map_or(leaver, |turn| leaver.min(*turn));
        (turns + self.leavers.len(), first)
    }

    /// One more comes to wait, and that may be as many as ever: they are until the next one leaves, unless they grow more.
    #[inline(never)]
    fn count(&mut self, at: i64, leaves: i64) {
        let (others, next_to_leave) = self.waiting(at);
        let waiting = others as u64 + 1;
        self.peak.joined(waiting, at);
        if waiting == self.peak.most && self.peak.until.is_none() {
            self.leaves = next_to_leave.min(leaves);
        }
    }

    /// The longest queue until `end`.
    pub(super) fn peak(&mut self, end: i64) -> Peak {
        if self.last <= end {
            self.peak.emptied(self.last);
        }
        if self.leaves <= end {
            self.peak.last = self.leaves;
        }
        self.peak
    }

    /// When the turn of one who comes at `at` is; `None` where nobody ever waits.
    #[inline(always)]
    fn turn(&mut self, at: i64) -> Option<i64> {
        let workers = self.workers.as_mut()?;
        while let Some((change, servers)) = self.capacity.front() {
            // Nobody's turn comes before the turns of those before, so the change may be made now.
            if *change > at && *change > workers.turn(at) {
                break;
            }
            workers.resize(*servers, *change);
            self.capacity.pop_front();
        }
        Some(workers.turn(at))
    }
}

/// The fate of one whose service begins.
#[inline]
fn served(start: i64, finish: i64, deadline: i64, until_start: bool, leaving: Leaving) -> Fate {
    let patience_ends = if until_start { start } else { finish };
    let gone = deadline < patience_ends;
    let told = if gone { deadline } else { finish };
    if gone && !until_start && leaving == Leaving::Drop {
        return Fate { start: Some(start), left: deadline, end: End::Abandoned, told, gone };
    }
    Fate { start: Some(start), left: finish, end: End::Served, told, gone }
}

fn nanos(span: Option<Span>) -> i64 {
    span.map_or(NEVER, |span| i64::try_from(span.nanos()).unwrap_or(NEVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: impl FnOnce(&mut StationModel)) -> Line {
        let mut station = StationModel::new("s", Some(1));
        change(&mut station);
        Line::new(&station, 0)
    }

    #[test]
    fn one_server_serves_one_after_the_other() {
        let mut line = line(|station| station.dispatch = Dispatch::ShortestQueue);
        assert_eq!(line.join(0, 10, (NEVER, false), || NEVER).left, 10);
        assert_eq!(line.join(5, 10, (NEVER, false), || NEVER).left, 20);
        assert_eq!(line.present(5), 2);
        assert_eq!(line.present(10), 1);
        assert_eq!(line.join(30, 1, (NEVER, false), || NEVER).start, Some(30));
        let peak = line.peak(100);
        assert_eq!((peak.most, peak.at, peak.last, peak.until), (1, 5, 10, Some(10)));
    }

    #[test]
    fn a_full_queue_turns_away_and_a_place_is_free_when_a_turn_comes() {
        let mut line = line(|station| station.queue = Some(1));
        for _ in 0..2 {
            line.join(0, 10, (NEVER, false), || NEVER);
        }
        assert_eq!(line.join(9, 10, (NEVER, false), || NEVER).end, End::Full);
        assert_eq!(line.join(10, 10, (NEVER, false), || NEVER).start, Some(20));
    }

    #[test]
    fn who_leaves_early_gives_back_the_place_or_wastes_the_work() {
        let mut drop = line(|station| {
            station.queue = Some(1);
            station.abandoned = Leaving::Drop;
        });
        drop.join(0, 10, (NEVER, false), || NEVER);
        let fate = drop.join(1, 10, (5, false), || 5);
        assert_eq!((fate.left, fate.end, fate.gone), (5, End::Abandoned, true));
        assert_eq!(drop.join(5, 10, (NEVER, false), || NEVER).start, Some(10));
        let mut serve = line(|_| {});
        serve.join(0, 10, (NEVER, false), || NEVER);
        let fate = serve.join(1, 10, (5, false), || 5);
        assert_eq!((fate.left, fate.end, fate.told, fate.gone), (20, End::Served, 5, true));
    }

    #[test]
    fn servers_that_leave_finish_first_and_servers_that_come_start_at_once() {
        let mut line = line(|station| station.capacity = vec![(5, 0), (50, 2)]);
        assert_eq!(line.join(0, 10, (NEVER, false), || NEVER).left, 10);
        assert_eq!(line.join(1, 10, (NEVER, false), || NEVER).start, Some(50));
        assert_eq!(line.join(2, 10, (NEVER, false), || NEVER).start, Some(50));
        assert_eq!(line.join(3, 10, (NEVER, false), || NEVER).start, Some(60));
    }

    #[test]
    fn who_has_waited_too_long_is_turned_away_at_its_turn() {
        let mut line = line(|station| station.longest_wait = Some(Span::from_nanos(4)));
        line.join(0, 10, (NEVER, false), || NEVER);
        let fate = line.join(5, 10, (NEVER, false), || NEVER);
        assert_eq!((fate.end, fate.told), (End::Late, 10));
        assert_eq!(line.join(6, 10, (NEVER, false), || NEVER).start, Some(10));
    }
}
