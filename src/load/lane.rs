//! What a lane does with a request: takes it up, sends it, judges the answer, and lets the journey go on.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::answer::Answered;
use super::clock::Clock;
use super::connection::Connection;
use super::dispatch::{Dispatch, Work};
use super::errors::{Errors, describe};
use super::fault::Fault;
use super::guard::Target;
use super::judge::{Judged, judge};
use super::opener::{Dial, Opener, Places};
use super::patience::Patience;
use super::plan::Plan;
use super::pool::Lent;
use super::recorder::Entry;
use super::render::{Rendered, Sender, render};
use super::vars::Vars;
use crate::journey::{self, Answer};
use crate::record::{JourneyEvent, Sample};
use crate::scenario::{self, Arrival, Outcome, Subject};
use crate::units::Offset;

/// What all lanes of a run share. One thread uses it, so its lock is never waited for.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) plan: Arc<Plan>,
    pub(super) target: Target,
    /// How each population opens its connections, and the places that all of them share.
    pub(super) openers: Vec<Opener>,
    pub(super) places: Places,
    /// Set when the lanes are ready; until then nothing is due.
    pub(super) clock: OnceLock<Clock>,
    pub(super) dispatch: Mutex<Dispatch>,
    pub(super) errors: Mutex<Errors>,
    /// Something is due earlier than the dispatcher knew.
    pub(super) sooner: Notify,
    /// The run is over: whatever is under way is given up.
    pub(super) over: Over,
}

/// A signal that stays given.
#[derive(Debug, Default)]
pub(super) struct Over {
    given: std::sync::atomic::AtomicBool,
    wake: Notify,
}

impl Over {
    pub(super) fn give(&self) {
        self.given.store(true, std::sync::atomic::Ordering::Relaxed);
        self.wake.notify_waiters();
    }

    pub(super) fn is_given(&self) -> bool {
        self.given.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(super) async fn wait(&self) {
        let wake = self.wake.notified();
        if !self.is_given() {
            wake.await;
        }
    }
}

impl Floor {
    /// # Errors
    /// TLS with nothing that can be trusted.
    pub(super) fn new(
        plan: Arc<Plan>,
        target: Target,
        dial: &Dial,
        places: Places,
        dispatch: Dispatch,
    ) -> Result<Self, String> {
        let open = |population| Opener::new(dial.clone(), places.clone(), population);
        Ok(Self {
            openers: plan.scenario.populations.iter().map(open).collect::<Result<_, _>>()?,
            places,
            plan,
            target,
            clock: OnceLock::new(),
            dispatch: Mutex::new(dispatch),
            errors: Mutex::default(),
            sooner: Notify::new(),
            over: Over::default(),
        })
    }

    pub(super) fn dispatch(&self) -> MutexGuard<'_, Dispatch> {
        // A panic elsewhere ends the run; until then the state is as good as it was.
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request after the other, of whichever journey is due, until the run is over.
    pub(super) async fn carry(&self, population: u16, lane: usize) {
        let requests = async {
            let mut patience = Patience::new();
            while let Some((clock, work)) = self.take(population, lane).await {
                self.request(&clock, lane, work, &mut patience).await;
            }
        };
        tokio::select! {
            biased;
            () = requests => {}
            () = self.over.wait() => {}
        }
        // Goose stops a user only between two transactions; without this pause it would start them in a loop.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    /// Brings the journeys of those who read a message.
    pub(super) fn bring_by_message(&self, subject: Subject, vars: &Arc<Vars>, now: Offset) {
        let mut dispatch = self.dispatch();
        dispatch.bring(&self.plan.brought_by_message, subject, Some(vars), now);
        if dispatch.is_sooner() {
            self.sooner.notify_one();
        }
    }

    /// What is due next, for a lane that has nothing to do; `None` when the run is over.
    pub(super) async fn take(&self, population: u16, lane: usize) -> Option<(Clock, Work)> {
        loop {
            if self.over.is_given() {
                return None;
            }
            let clock = self.clock.get().copied();
            let now = clock.map_or(Offset::from_nanos(i64::MIN), |clock| clock.now());
            let taken = self.dispatch().take(population, lane, now);
            match (taken, clock) {
                (Ok(work), Some(clock)) => return Some((clock, work)),
                // Nothing is due at the beginning of time.
                (Ok(_), None) => return None,
                (Err(wake), _) => wake.notified().await,
            }
        }
    }

    /// Waits until the ceiling of the target lets a request pass; `None`: the end has come meanwhile.
    async fn let_pass(&self, lane: usize, work: Work) -> Option<Work> {
        let Some(at) = self.target.reserve() else { return Some(work) };
        self.dispatch().wait(lane, work);
        tokio::time::sleep_until(at).await;
        self.dispatch().waited(lane)
    }

    async fn request(&self, clock: &Clock, lane: usize, work: Work, patience: &mut Patience) {
        let Some(mut work) = self.let_pass(lane, work).await else { return };
        let sent = clock.now();
        let (sample, rendered, connection) = {
            let mut dispatch = self.dispatch();
            let sample = dispatch.sent(lane, &work, sent);
            let rendered = self.render(&dispatch, &work);
            (sample, rendered, self.connection(&dispatch, lane, &work))
        };
        let script = &self.plan.populations[usize::from(work.live.journey.population())].script;
        let deadline = clock.instant(sent + work.live.journey.timeout(script));
        let opener = &self.openers[usize::from(work.live.journey.population())];
        let client = if opener.tells_clients_apart() { self.client(&work) } else { 0 };
        let answer = match &rendered {
            Ok(rendered) => {
                let exchange = exchange(opener, &self.target, client, connection, rendered);
                patience.until(deadline, exchange).await.unwrap_or(Err(Fault::TimedOut))
            }
            Err(fault) => Err(fault.clone()),
        };
        let done = clock.now();
        let population = work.live.journey.population();
        let step = self.plan.step(population, work.due.step);
        let (judged, answered, connection) = match answer {
            Ok((answered, connection)) => (judge(step, &answered), Some(answered), connection),
            Err(fault) => (Judged::without_answer(fault), None, None),
        };
        let sample = Sample { outcome: judged.outcome, done, ..sample };
        let mut dispatch = self.dispatch();
        if !dispatch.ended(lane, sample) {
            return;
        }
        if let Some(fault) = &judged.fault
            && self.errors().wants(population, work.due.step, fault)
        {
            let example = describe(&sample, fault, rendered.as_ref().ok(), answered.as_ref());
            dispatch.feed.push(Entry::Example(Box::new(example)), done);
        }
        self.give_back(&mut dispatch, lane, &mut work, connection);
        self.go_on(&mut dispatch, work, judged, done);
        if dispatch.is_sooner() {
            self.sooner.notify_one();
        }
    }

    fn render(&self, dispatch: &Dispatch, work: &Work) -> Result<Rendered, Fault> {
        let population = usize::from(work.live.journey.population());
        let keeper =
            work.live.account.and_then(|index| Some((index, dispatch.accounts[population].get(&index)?)));
        let sender = Sender {
            journey: &work.live.journey,
            vars: &work.live.vars,
            account: keeper.map(|(index, keeper)| (index, &keeper.vars)),
        };
        render(&self.plan, &self.target, sender, &work.due)
    }

    /// The number by which a client's own address is chosen.
    fn client(&self, work: &Work) -> u64 {
        let Arrival { population, subject, .. } = work.live.journey.arrival();
        journey::client_of(self.plan.seed, population, work.live.account, subject)
    }

    /// The open connection that this request goes over, if there is one.
    fn connection(&self, dispatch: &Dispatch, lane: usize, work: &Work) -> Option<Connection> {
        let population = work.live.journey.population();
        match (self.plan.population(population).connection, work.live.account) {
            (scenario::Connection::New, _) => work.live.connection.take(),
            (scenario::Connection::Kept, Some(account)) => {
                dispatch.accounts[usize::from(population)].get(&account)?.connections.take()
            }
            (scenario::Connection::Kept, None) | (scenario::Connection::Pool, _) => dispatch.kept(lane),
            (scenario::Connection::PoolOf(_), _) => None,
        }
    }

    fn give_back(
        &self,
        dispatch: &mut Dispatch,
        lane: usize,
        work: &mut Work,
        connection: Option<Connection>,
    ) {
        let Some(connection) = connection.filter(Connection::is_open) else { return };
        let population = work.live.journey.population();
        match (self.plan.population(population).connection, work.live.account) {
            (scenario::Connection::New, _) => work.live.connection.put(connection, &mut dispatch.rounds),
            (scenario::Connection::Kept, Some(account)) => {
                let accounts = &mut dispatch.accounts[usize::from(population)];
                let keep = &mut accounts.entry(account).or_default().connections;
                keep.put(connection, &mut dispatch.rounds);
            }
            (scenario::Connection::Kept, None) | (scenario::Connection::Pool, _) => {
                dispatch.keep(lane, connection);
            }
            // Its opener has it back already.
            (scenario::Connection::PoolOf(_), _) => {}
        }
    }

    /// Keeps what the answer says, brings whom it brings, and asks the journey what comes next.
    pub(super) fn go_on(&self, dispatch: &mut Dispatch, work: Work, judged: Judged, done: Offset) {
        let Work { mut live, due, .. } = work;
        let arrival = live.journey.arrival();
        let prepared = &self.plan.populations[usize::from(arrival.population)];
        let step = self.plan.step(arrival.population, due.step);
        let accounts = &mut dispatch.accounts[usize::from(arrival.population)];
        let mut keeper = live.account.map(|account| accounts.entry(account).or_default());
        if judged.outcome == Outcome::Ok {
            for (keep, value) in step.keep.iter().zip(judged.kept) {
                match &mut keeper {
                    Some(keeper) if keep.by_account => keeper.vars.set(&keep.name, value),
                    _ => live.vars.set(&keep.name, value),
                }
            }
        }
        let answer = Answer { outcome: judged.outcome, at: done, retry_after: judged.retry_after };
        let account = keeper.map(|keeper| &mut keeper.account);
        let next = live.journey.answered(&prepared.script, account, answer);
        if judged.outcome == Outcome::Ok {
            if !judged.receipts.is_empty() {
                dispatch.feed.push(Entry::Receipts(judged.receipts), done);
            }
            let brings = &prepared.steps[usize::from(due.step)].brings;
            dispatch.bring(brings, arrival.subject, None, done);
        } else if !live.marred {
            live.marred = true;
            dispatch.journey(&live.journey, JourneyEvent::Marred, done);
        }
        dispatch.go_on(live, next, done);
    }

    pub(super) fn errors(&self) -> MutexGuard<'_, Errors> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request over an open connection, or over a new one where there is none. The connection comes back where it is
/// its user's.
pub(super) async fn exchange(
    opener: &Opener,
    target: &Target,
    client: u64,
    connection: Option<Connection>,
    request: &Rendered,
) -> Result<(Answered, Option<Connection>), Fault> {
    let Lent { connection: lent, turn } = opener.lend(client).await?;
    let (answered, connection) = over(opener, target, client, connection.or(lent), request).await?;
    let connection = opener.take_back(connection);
    drop(turn);
    Ok((answered, connection))
}

/// A connection that has carried requests before and ends before the first byte of an answer was, as far as a client
/// can tell, closed while it was idle: every HTTP client opens another and sends the request again, once. So does this
/// one; it is one request, whose clock goes on.
async fn over(
    opener: &Opener,
    target: &Target,
    client: u64,
    connection: Option<Connection>,
    request: &Rendered,
) -> Result<(Answered, Connection), Fault> {
    if let Some(mut connection) = connection
        && connection.is_still_open()
    {
        let used = connection.is_used();
        match connection.exchange(request).await {
            Ok(answered) => return Ok((answered, connection)),
            // The second one goes over the wire too.
            Err(broken) if used && broken.is_idle_close() => target.pass().await,
            Err(broken) => return Err(broken.fault),
        }
    }
    let mut connection = opener.open(client).await?;
    match connection.exchange(request).await {
        Ok(answered) => Ok((answered, connection)),
        Err(broken) => Err(broken.fault),
    }
}
