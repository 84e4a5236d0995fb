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
    /// Turns to come of those who wait, in order.
    turns: VecDeque<i64>,
    /// When those leave who will not wait for their turn.
    leavers: BinaryHeap<Reverse<i64>>,
    /// When the first of both no longer waits.
    next_to_leave: i64,
    /// Changes of the number of servers to come.
    capacity: VecDeque<(i64, u32)>,
    places: u64,
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
            next_to_leave: NEVER,
            capacity: station.capacity.iter().copied().collect(),
            places: station.queue.map_or(u64::MAX, u64::from),
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
        if let Some(turn) = turn {
            self.advance(at);
            if turn > at
                && let Some(fate) = self.wait(at, turn, deadline)
            {
                return fate;
            }
        }
        let fate = served(start, finish, deadline, until_start, self.leaving);
        if let Some(workers) = &mut self.workers {
            workers.engage(fate.left);
        }
        fate
    }

    /// One whose turn is later joins the queue; the fate of one that is not to be served.
    #[inline]
    fn wait(&mut self, at: i64, turn: i64, deadline: i64) -> Option<Fate> {
        if self.waiting() as u64 >= self.places {
            return Some(Fate { start: None, left: at, end: End::Full, told: at, gone: false });
        }
        let gone = deadline < turn;
        if gone && self.leaving == Leaving::Drop {
            self.leavers.push(Reverse(deadline));
            self.next_to_leave = self.next_to_leave.min(deadline);
            self.joins(at);
            return Some(Fate { start: None, left: deadline, end: End::Abandoned, told: deadline, gone });
        }
        self.turns.push_back(turn);
        self.next_to_leave = self.next_to_leave.min(turn);
        self.joins(at);
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

    /// One has joined the queue. Where it is as long as ever it stays so until the next one leaves, unless it grows.
    #[inline]
    fn joins(&mut self, at: i64) {
        let waiting = self.waiting() as u64;
        self.peak.joined(waiting, at);
        if waiting == self.peak.most && self.peak.until.is_none() {
            self.leaves = self.next_to_leave;
        }
    }

    /// The longest queue until `end`.
    pub(super) fn peak(&mut self, end: i64) -> Peak {
        self.advance(end);
        if self.leaves <= end {
            self.peak.last = self.leaves;
        }
        self.peak
    }

    fn waiting(&self) -> usize {
        self.turns.len() + self.leavers.len()
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

    /// Those whose turn has come, or who have left, no longer wait at `at`.
    #[inline]
    fn advance(&mut self, at: i64) {
        if self.next_to_leave <= at {
            self.let_go(at);
        }
    }

    #[inline]
    fn let_go(&mut self, at: i64) {
        if !self.leavers.is_empty() {
            return self.let_all_go(at);
        }
        let mut last = NEVER;
        while let Some(turn) = self.turns.front().copied() {
            self.next_to_leave = turn;
            if turn > at {
                return;
            }
            last = turn;
            self.turns.pop_front();
        }
        self.next_to_leave = NEVER;
        if last != NEVER {
            self.peak.emptied(last);
        }
    }

    #[inline(never)]
    fn let_all_go(&mut self, at: i64) {
        let mut last = None;
        while let Some(turn) = self.turns.front().copied().filter(|turn| *turn <= at) {
            last = Some(turn);
            self.turns.pop_front();
        }
        while let Some(Reverse(left)) = self.leavers.peek().copied().filter(|Reverse(left)| *left <= at) {
            last = last.max(Some(left));
            self.leavers.pop();
        }
        if let Some(last) = last
            && self.turns.is_empty()
            && self.leavers.is_empty()
        {
            self.peak.emptied(last);
        }
        let leaver = self.leavers.peek().map_or(NEVER, |Reverse(left)| *left);
        self.next_to_leave = self.turns.front().map_or(leaver, |turn| leaver.min(*turn));
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
