//! The customers of a plain queueing system, as clients of an engine.

use super::calendar::{Calendar, Ranked};
use super::clients::{Clients, Horizon, NEVER, Reply, Request};
use super::profile::Inverse;
use super::shelf::Kept;
use crate::rng::{Key, KeyRng};
use crate::scenario::queueing::{Batch, Coming, Customers, Profile, Queueing};
use crate::scenario::table::Laws;
use crate::scenario::{Law, Outcome, Table, Work};
use crate::units::Span;
use rand::RngExt;

/// All customers of a run.
#[derive(Debug)]
pub(super) struct Crowd {
    groups: Vec<Group>,
    /// The group whose next customers come first, and when.
    next: (i64, usize),
    /// Those of the present batch who have not come yet.
    batch: u32,
    measured: (i64, i64),
    /// By class of work: customers between two tries x nanoseconds, over the measured part.
    pub(super) orbit: Vec<u128>,
    /// By class of work: how many tries were tries again.
    pub(super) retries: Vec<u64>,
}

/// A customer under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    number: u64,
    group: u16,
    leg: u16,
    /// Counts the visits to stations; names the draws of each.
    visit: u32,
    /// Tries again at this leg.
    tries: u32,
}

impl Kept for Customer {
    fn save(&self, words: &mut Vec<u32>) {
        let Self { number, group, leg, visit, tries } = *self;
        let place = u32::from(group) << 16 | u32::from(leg);
        number.save(words);
        words.extend([place, visit, tries]);
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        let (number, place) = (u64::load(next), next());
        Self { number, group: (place >> 16) as u16, leg: place as u16, visit: next(), tries: next() }
    }
}

impl Ranked for Customer {
    /// By group, then by number.
    #[inline]
    fn rank(&self) -> u64 {
        u64::from(self.group) << 48 | self.number
    }
}

#[derive(Debug)]
struct Group {
    source: Source,
    /// When the next batch comes.
    next: i64,
    batch: Batch,
    count: u64,
    draws: Key,
    legs: Vec<Leg>,
    patience: Option<(Table, bool)>,
    retry: Option<(Table, f64, u32)>,
    think: Option<Table>,
}

#[derive(Debug)]
struct Leg {
    class: u16,
    /// Running sums of normalized weights.
    next: Vec<(f64, Option<u16>)>,
}

#[derive(Debug)]
enum Source {
    /// Independent gaps.
    Gaps(Table, KeyRng),
    /// The integral of a rate reaches a count; exponential steps of it or steps of one.
    Counts { inverse: Inverse, reached: f64, steps: Option<(Table, KeyRng)> },
    /// None but those who were there at the start.
    None,
}

impl Crowd {
    /// The customers of replication `replication`; those who are there at the start are entered in the calendar.
    pub(super) fn new(
        system: &Queueing,
        laws: &Laws,
        replication: u32,
        (start, horizon): (i64, Horizon),
        later: &mut Calendar<Customer>,
    ) -> Self {
        let root = Key::root(system.seed).word("queueing").with(u64::from(replication));
        let mut groups: Vec<Group> = (0..)
            .zip(&system.customers)
            .map(|(index, customers)| Group::new(customers, laws, root.with(index), start))
            .collect();
        let classes = system.model.classes.len();
        for (index, (group, customers)) in groups.iter_mut().zip(&system.customers).enumerate() {
            for _ in 0..customers.initial {
                let customer = group.another(index as u16);
                later.enter(start, customer);
            }
            if let Coming::Closed { count, .. } = customers.arrivals {
                for _ in 0..count {
                    let customer = group.another(index as u16);
                    later.enter(start + group.think(customer), customer);
                }
            }
        }
        let mut crowd = Self {
            groups,
            next: (NEVER, 0),
            batch: 0,
            measured: (0, horizon.end),
            orbit: vec![0; classes],
            retries: vec![0; classes],
        };
        crowd.find_next();
        crowd
    }

    #[inline]
    fn find_next(&mut self) {
        let first = self.groups.iter().enumerate().map(|(index, group)| (group.next, index)).min();
        self.next = first.unwrap_or((NEVER, 0));
        self.batch = 0;
    }

    #[inline(always)]
    fn request(&self, who: Customer, at: i64) -> Request<Customer> {
        let group = &self.groups[usize::from(who.group)];
        let mut key = group.draws.with(who.number);
        if who.visit > 0 {
            key = key.with(u64::from(who.visit));
        }
        let (deadline, until_start) = match &group.patience {
            None => (NEVER, false),
            Some((law, until_start)) => {
                (at.saturating_add_unsigned(law.draw(key.word("patience"))), *until_start)
            }
        };
        let class = group.legs[usize::from(who.leg)].class;
        Request { class, key, deadline, until_start, entries: 1, who }
    }
}

impl Clients for Crowd {
    type Who = Customer;

    #[inline]
    fn planned_at(&self) -> i64 {
        self.next.0
    }

    #[inline(always)]
    fn arrive(&mut self, _: &mut Calendar<Customer>) -> Option<Request<Customer>> {
        let (at, index) = self.next;
        let group = &mut self.groups[index];
        if self.batch == 0 {
            self.batch = group.batch_size();
        }
        let customer = group.another(index as u16);
        self.batch -= 1;
        if self.batch == 0 {
            group.advance();
            self.next.0 = group.next;
            if self.groups.len() > 1 {
                self.find_next();
            }
        }
        Some(self.request(customer, at))
    }

    fn due(&mut self, who: Customer, at: i64, _: &mut Calendar<Customer>) -> Option<Request<Customer>> {
        Some(self.request(who, at))
    }

    #[inline]
    fn answered(&mut self, who: Customer, reply: Reply, later: &mut Calendar<Customer>) {
        let group = &self.groups[usize::from(who.group)];
        let leaves = group.legs[usize::from(who.leg)].next.is_empty() && group.think.is_none();
        if !(reply.outcome == Outcome::Ok && leaves) {
            self.go_on(who, reply, later);
        }
    }

    #[inline]
    fn told_in_order(&self, _: &Customer, _: Outcome) -> bool {
        false
    }
}

impl Crowd {
    /// What a customer does that does not leave for good.
    fn go_on(&mut self, who: Customer, reply: Reply, later: &mut Calendar<Customer>) {
        let group = &self.groups[usize::from(who.group)];
        let leg = &group.legs[usize::from(who.leg)];
        match reply.outcome {
            Outcome::Ok => {
                let key = group.draws.with(who.number).with(u64::from(who.visit)).word("next");
                let next = Customer { visit: who.visit + 1, tries: 0, ..who };
                match leg.choose(key) {
                    Some(leg) => later.enter(reply.at, Customer { leg, ..next }),
                    None if group.think.is_some() => {
                        let at = reply.at.saturating_add(group.think(next));
                        later.enter(at, Customer { leg: 0, ..next });
                    }
                    None => {}
                }
            }
            Outcome::Shed | Outcome::TimedOut => {
                let next = Customer { visit: who.visit + 1, ..who };
                let Some((after, persistence, attempts)) = &group.retry else {
                    if group.think.is_some() {
                        let at = reply.at.saturating_add(group.think(next));
                        later.enter(at, Customer { leg: 0, tries: 0, ..next });
                    }
                    return;
                };
                let key = group.draws.with(who.number).with(u64::from(who.visit)).word("retry");
                if who.tries >= *attempts || key.word("persists").unit() >= *persistence {
                    return;
                }
                let wait = after.draw(key).max(reply.retry_after);
                let at = reply.at.saturating_add_unsigned(wait);
                let (from, to) = self.measured;
                let area = (at.min(to) - reply.at.max(from)).max(0);
                self.orbit[usize::from(leg.class)] += area as u128;
                self.retries[usize::from(leg.class)] += 1;
                later.enter(at, Customer { tries: who.tries + 1, ..next });
            }
            Outcome::Failed | Outcome::NotSent | Outcome::InFlight => {}
        }
    }
}

/// The law of the gaps of a Poisson process of constant rate, and true; else the law of the steps of its integral.
fn gaps_of(profile: &Profile) -> (Work, bool) {
    match profile {
        Profile::Constant(rate) if *rate > 0.0 => {
            (Work::Law(Law::Exponential(Span::from_secs_f64(1.0 / rate))), true)
        }
        _ => (Work::Law(Law::Exponential(Span::from_secs(1))), false),
    }
}

/// All laws of the customers of a system, made ready.
pub(super) fn laws(system: &Queueing) -> Laws {
    let mut laws = Laws::default();
    for customers in &system.customers {
        match &customers.arrivals {
            Coming::Poisson(profile) => laws.add(&gaps_of(profile).0),
            Coming::Renewal(work) | Coming::Closed { think: work, .. } => laws.add(work),
            Coming::Even(_) => {}
        }
        let patience = customers.patience.iter().map(|patience| &patience.law);
        patience.chain(customers.retry.iter().map(|retry| &retry.after)).for_each(|law| laws.add(law));
    }
    laws
}

impl Group {
    fn new(customers: &Customers, laws: &Laws, root: Key, start: i64) -> Self {
        let gaps = root.word("gaps").rng();
        let begin = start as f64 / 1e9;
        let counts = |profile: &Profile, steps| {
            let inverse = Inverse::new(profile, begin);
            Source::Counts { inverse, reached: 0.0, steps }
        };
        let source = match &customers.arrivals {
            Coming::Poisson(profile) => match gaps_of(profile) {
                (law, true) => Source::Gaps(laws.table(&law), gaps),
                (unit, false) => counts(profile, Some((laws.table(&unit), gaps))),
            },
            Coming::Even(profile) => counts(profile, None),
            Coming::Renewal(work) => Source::Gaps(laws.table(work), gaps),
            Coming::Closed { .. } => Source::None,
        };
        let count = customers.route.len();
        let legs = customers.route.iter().enumerate().map(|(index, leg)| Leg {
            class: leg.class,
            next: running_sums(&leg.next, (index + 1 < count).then_some(index as u16 + 1)),
        });
        let mut group = Self {
            source,
            next: start,
            batch: customers.batch,
            count: 0,
            draws: root.word("draws"),
            legs: legs.collect(),
            patience: customers
                .patience
                .as_ref()
                .map(|patience| (laws.table(&patience.law), patience.until_service)),
            retry: customers.retry.as_ref().map(|retry| {
                (laws.table(&retry.after), retry.persistence, retry.attempts.unwrap_or(u32::MAX))
            }),
            think: match &customers.arrivals {
                Coming::Closed { think, .. } => Some(laws.table(think)),
                _ => None,
            },
        };
        group.advance();
        group
    }

    #[inline]
    fn another(&mut self, group: u16) -> Customer {
        let number = self.count;
        self.count += 1;
        Customer { number, group, leg: 0, visit: 0, tries: 0 }
    }

    /// When the next batch comes.
    #[inline(always)]
    fn advance(&mut self) {
        self.next = match &mut self.source {
            Source::Gaps(law, rng) => self.next.saturating_add_unsigned(law.at(rng.random())),
            Source::Counts { inverse, reached, steps } => {
                *reached += match steps {
                    Some((unit, rng)) => unit.at(rng.random()) as f64 / 1e9,
                    None => 1.0,
                };
                inverse.instant(*reached).unwrap_or(NEVER)
            }
            Source::None => NEVER,
        };
    }

    #[inline]
    fn batch_size(&self) -> u32 {
        match self.batch {
            Batch::Fixed(size) => size.max(1),
            Batch::Geometric(mean) if mean > 1.0 => {
                // The next customer's number tells the batch. P(X > k) = (1 - 1/mean)^k.
                let draw = 1.0 - self.draws.word("batch").with(self.count).unit();
                let size = (draw.ln() / (1.0 - 1.0 / mean).ln()).ceil();
                (size as u32).max(1)
            }
            Batch::Geometric(_) => 1,
        }
    }

    fn think(&self, who: Customer) -> i64 {
        let key = self.draws.with(who.number).with(u64::from(who.visit)).word("think");
        self.think.as_ref().map_or(0, |law| law.draw(key) as i64)
    }
}

impl Leg {
    fn choose(&self, key: Key) -> Option<u16> {
        match self.next.as_slice() {
            [] => None,
            [(_, only)] => *only,
            several => {
                let draw = key.unit();
                several.iter().find(|(sum, _)| draw < *sum).or(several.last()).and_then(|(_, leg)| *leg)
            }
        }
    }
}

fn running_sums(next: &[(f64, Option<u16>)], following: Option<u16>) -> Vec<(f64, Option<u16>)> {
    let total: f64 = next.iter().map(|(weight, _)| weight).sum();
    if total <= 0.0 {
        return following.map(|leg| (1.0, Some(leg))).into_iter().collect();
    }
    let mut sum = 0.0;
    next.iter()
        .map(|(weight, leg)| {
            sum += weight / total;
            (sum, *leg)
        })
        .collect()
}
