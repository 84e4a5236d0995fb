//! Open arrivals for an attack that somebody wrote with goose: transactions are called when they are due, not when a
//! user is free.
//!
//! The dispatcher, the backlog, the pacer and the record are those of every run: a stream of arrivals is a population of
//! one step, and a goose user is a lane.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::goose::goose::{GooseUser, Transaction, TransactionError, TransactionResult};
use ::goose::metrics::GooseMetrics;
use ::goose::{GooseAttack, GooseError, is_killswitch_triggered, trigger_killswitch};
use tokio::task::JoinHandle;

use super::abort::Rules;
use super::clock::span;
use super::conduct::conduct;
use super::dispatch::{Dispatch, Work};
use super::judge::Judged;
use super::lane::Floor;
use super::opener::{Dial, Places};
use super::pacer::Pacer;
use super::plan::Plan;
use super::progress::Tally;
use super::recorder::{Aside, Ends, Entry, Example, Recorder, Waiting, channel};
use super::request::{About, RunError, RunRequest, Share, System, file, system};
use super::sampler::{Sampler, Subjects};
use super::{Launch, Target, attack, run, start};
use crate::record::{Sample, Writer};
use crate::scenario::file::Context;
use crate::scenario::{self, Outcome, Pacing};
use crate::synthetic;
use crate::units::{Offset, Rate, Span};

/// The longest time for which a user without work keeps goose from stopping it.
const PARKED: Duration = Duration::from_millis(200);
/// The longest time in which goose starts the users.
const USERS_WITHIN: Duration = Duration::from_secs(60);
/// Name of what is played against, in the record.
const TARGET: &str = "target";

/// What an open run plays.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPlan {
    /// A name for the run, `[a-z0-9-]+`.
    pub name: String,
    /// What arrives.
    pub streams: Vec<Stream>,
    /// Goose's users: the most transactions at once. With fewer than the system serves at once, the users are the queue,
    /// and the record says so.
    pub users: usize,
    /// Wall time before the measured part, recorded and not judged.
    pub run_in: Span,
    /// Wall time of the measured part.
    pub measured: Span,
    /// The longest wait for the last answers.
    pub drain: Span,
    /// The root of all draws: the same seed brings the same arrivals, to the nanosecond.
    pub seed: u64,
    /// The run's folder; must hold no run yet.
    pub dir: PathBuf,
}

/// A Poisson process of transactions.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name, `[a-z0-9-]+`.
    pub name: String,
    /// Arrivals per second.
    pub rate: Rate,
    /// Response time within which one counts as goodput.
    pub slo: Option<Span>,
}

/// An attack with open arrivals: wrap its transactions, then execute it.
///
/// Each call of a wrapped transaction is one arrival. Its **response time** counts from the instant at which it was due,
/// its **service time** from the moment at which a user took it up, both to the transaction's return; the **send lag** is
/// the difference. All three are in the HDR interval logs of a record that `peakday report`, [`crate::record::open`] and
/// [`crate::report::write`] read. What no user is free for waits in a backlog, is sent late and counted late; what still
/// waits at the end is recorded as not sent.
///
/// A transaction that returns `Ok` was a success. Goose's `user.get(...)` is `Ok` whatever the server says, and returns at
/// the headers; so look at the answer and read its body, as in
/// `user.get("/").await?.response?.error_for_status()?.bytes().await?`. An error of status 429 or 503 was shed, a time-out
/// timed out, all else failed.
///
/// The run ends with its measured part, or earlier with goose's own `run_time`, its kill switch or Ctrl-C: then the record
/// says that it was cut short. Goose's counts of transactions include the turns in which a user found nothing due;
/// its requests are those that were sent. Goose's kill switch belongs to the process: one attack at a time.
#[derive(Debug)]
pub struct Open {
    floor: Arc<Floor>,
    request: RunRequest,
    aside: Aside,
    waiting: Waiting,
    users: usize,
}

impl Open {
    /// Prepares a run. To be executed by one attack, with as many users as the plan says.
    ///
    /// # Errors
    /// A name, rate or time in the plan that makes no sense: every problem.
    pub fn new(plan: &OpenPlan) -> Result<Self, RunError> {
        let text = scenario(plan);
        let context = Context {
            read: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
            values: &synthetic::VALUES,
            generators: &synthetic::GENERATORS,
        };
        let scenario = scenario::file::load(&text, &plan.name, &context)
            .map_err(|problems| RunError::Lanes(format!("the plan: {problems}")))?;
        // Where requests go is the attack's business: nothing is ever sent there by us.
        let target =
            Target::parse("http://127.0.0.1:9").map_err(|error| RunError::Lanes(error.to_string()))?;
        let timeline = scenario.run.timeline();
        let scenario = Arc::new(scenario);
        let prepared = Plan::new(Arc::clone(&scenario), timeline, plan.seed, &[], plan.users)?;
        let (feed, aside, waiting) = channel(Ends::default());
        let prepared = Arc::new(prepared);
        let dispatch = Dispatch::new(Arc::clone(&prepared), plan.users, feed);
        let dial = Dial::Tcp(target.addresses.clone());
        let request = RunRequest {
            scenario,
            timeline,
            seed: plan.seed,
            only: Vec::new(),
            systems: vec![System::Running { name: TARGET.to_owned(), target: target.clone() }],
            run_dir: plan.dir.clone(),
            about: About {
                run_id: plan
                    .dir
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
                command: std::env::args().collect(),
                scenario_text: text,
            },
            messages: None,
            share: Share::default(),
            progress: None,
            launch: Launch { program: PathBuf::new(), arguments: Vec::new() },
            keep_data: false,
        };
        let floor = Floor::new(prepared, target, &dial, Places::within(None), dispatch);
        let floor = Arc::new(floor.map_err(RunError::Tls)?);
        Ok(Self { floor, request, aside, waiting, users: plan.users })
    }

    /// An ordinary goose transaction, called once for each arrival of a stream. Register it in a goose scenario of its own,
    /// without wait time, so that no other transaction keeps its users.
    ///
    /// # Errors
    /// The plan has no stream of this name.
    pub fn transaction(&self, stream: &str, of: Transaction) -> Result<Transaction, RunError> {
        let populations = &self.request.scenario.populations;
        let index = populations.iter().position(|population| population.name == stream);
        let population = index
            .and_then(|index| u16::try_from(index).ok())
            .ok_or_else(|| RunError::Lanes(format!("the plan has no stream {stream:?}")))?;
        let (floor, function) = (Arc::clone(&self.floor), of.function);
        let function: ::goose::goose::TransactionFunction = Arc::new(move |user: &mut GooseUser| {
            let (floor, function) = (Arc::clone(&floor), Arc::clone(&function));
            Box::pin(async move {
                let lane = user.weighted_users_index;
                let Ok(taken) = tokio::time::timeout(PARKED, floor.take(population, lane)).await else {
                    floor.dispatch().leave(population, lane);
                    return Ok(());
                };
                let Some((clock, work)) = taken else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    return Ok(());
                };
                let sample = floor.dispatch().sent(lane, &work, clock.now());
                let result = function(user).await;
                ended(&floor, (lane, work), Sample { done: clock.now(), ..sample }, &result);
                result
            })
        });
        Ok(Transaction { function, ..Transaction::new(Arc::new(|_| Box::pin(async { Ok(()) }))) })
    }

    /// Runs the attack until the measured part and its drain are over, and writes the record. Goose's own metrics come back
    /// beside it.
    ///
    /// # Errors
    /// Goose fails, starts fewer users than the plan says, or the record cannot be written.
    pub async fn execute(self, attack: GooseAttack) -> Result<GooseMetrics, RunError> {
        let Self { floor, request, aside, waiting, users } = self;
        let _alone = attack::alone().await;
        let layout = run::layout(&request);
        let dir = request.run_dir.join(TARGET);
        fs::create_dir_all(&dir).map_err(file(&dir))?;
        run::header(&request, &layout, None).write(&request.run_dir)?;
        let mut running = tokio::spawn(attack.execute());
        let until = tokio::time::Instant::now() + USERS_WITHIN;
        while floor.dispatch().idle() < users {
            if running.is_finished() || tokio::time::Instant::now() > until {
                let idle = floor.dispatch().idle();
                stop(&floor, &mut running).await?;
                return Err(RunError::Lanes(format!("{idle} of {users} users came for work")));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let clock = start::clock(&request.timeline, None).await?;
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let zero = span(since_epoch) + Offset::ZERO.since(clock.now());
        let writer = Writer::create(&dir, &layout, zero).map_err(file(&dir))?;
        let spool = dir.join("receipts.txt");
        let spool = File::create(&spool).map_err(file(&spool))?;
        let tally = Tally::new(TARGET, &layout, None);
        let rules = Rules::new(&request.scenario, request.timeline.start());
        let recorder =
            Recorder::start(waiting, writer, spool, tally, rules).map_err(system("start the recorder"))?;
        let subjects = Subjects { generator: rustix::thread::gettid().as_raw_nonzero().get(), server: None };
        let sampler =
            Sampler::start(subjects, clock, aside.clone()).map_err(system("start the sampler's thread"))?;
        // Nothing fails here: the clock is set once.
        let _ = floor.clock.set(clock);
        let pacer = Pacer::new(Pacing::Timerfd).map_err(system("make a timer"))?;
        let conducted = {
            let conduct = conduct(&floor, &clock, pacer);
            tokio::pin!(conduct);
            tokio::select! {
                ended = &mut conduct => ended,
                () = stopped(&running) => {
                    floor.over.give();
                    conduct.await
                }
            }
        };
        let metrics = stop(&floor, &mut running).await;
        sampler.stop();
        drop(aside);
        {
            let mut dispatch = floor.dispatch();
            dispatch.feed.hand_over(clock.now());
            dispatch.feed.close();
        }
        recorder.finish().map_err(|source| RunError::Record { path: dir, source })?;
        conducted.map_err(system("set the timer"))?;
        metrics
    }
}

/// Returns when goose stops by itself: its run time is over, or somebody pressed its kill switch.
async fn stopped(attack: &JoinHandle<Result<GooseMetrics, GooseError>>) {
    while !attack.is_finished() && !is_killswitch_triggered() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Stops the attack and waits for its end.
async fn stop(
    floor: &Floor,
    attack: &mut JoinHandle<Result<GooseMetrics, GooseError>>,
) -> Result<GooseMetrics, RunError> {
    floor.over.give();
    floor.dispatch().wake_all();
    loop {
        // Goose clears the switch when a run starts, so it is pressed until the run has ended.
        if !attack.is_finished() {
            trigger_killswitch("the run is over");
        }
        match tokio::time::timeout(Duration::from_millis(100), &mut *attack).await {
            Ok(Ok(result)) => return result.map_err(|error| RunError::Lanes(error.to_string())),
            Ok(Err(join)) => return Err(RunError::Lanes(join.to_string())),
            Err(_) => {}
        }
    }
}

/// Notes what became of an arrival.
fn ended(floor: &Floor, (lane, work): (usize, Work), sample: Sample, result: &TransactionResult) {
    let (outcome, kind) = judge(result);
    let sample = Sample { outcome, ..sample };
    let mut dispatch = floor.dispatch();
    if !dispatch.ended(lane, sample) {
        return;
    }
    if let (Some(error), Err(detail)) = (kind, result) {
        let example = Example {
            at: sample.done,
            population: sample.population,
            step: sample.step,
            error,
            detail: detail.to_string(),
        };
        dispatch.feed.push(Entry::Example(Box::new(example)), sample.done);
    }
    let judged = Judged { outcome, fault: None, kept: Vec::new(), receipts: Vec::new(), retry_after: None };
    floor.go_on(&mut dispatch, work, judged, sample.done);
}

/// The outcome of a transaction, and the kind of its error.
fn judge(result: &TransactionResult) -> (Outcome, Option<String>) {
    let of_status = |status: u16| {
        let outcome = if matches!(status, 429 | 503) { Outcome::Shed } else { Outcome::Failed };
        (outcome, Some(format!("status {status}")))
    };
    match result.as_ref().map_err(|error| &**error) {
        Ok(()) => (Outcome::Ok, None),
        Err(TransactionError::Reqwest(error)) if error.is_timeout() => {
            (Outcome::TimedOut, Some("timed out".to_owned()))
        }
        Err(TransactionError::Reqwest(error)) => match error.status() {
            Some(status) => of_status(status.as_u16()),
            None if error.is_connect() => (Outcome::Failed, Some("no connection".to_owned())),
            None => (Outcome::Failed, Some("the exchange broke off".to_owned())),
        },
        Err(TransactionError::RequestFailed { raw_request }) if raw_request.status_code > 0 => {
            of_status(raw_request.status_code)
        }
        Err(_) => (Outcome::Failed, Some("the transaction failed".to_owned())),
    }
}

/// The plan as a scenario: what a record says of itself.
fn scenario(plan: &OpenPlan) -> String {
    let OpenPlan { run_in, measured, drain, .. } = plan;
    let mut text = format!(
        "about = \"An attack of goose with open arrivals\"\n\n[run]\nduration = \"{measured}\"\nrun_in = \"{run_in}\"\n\
         drain = \"{drain}\"\n"
    );
    for Stream { name, rate, slo } in &plan.streams {
        let slo = slo.map(|slo| format!("slo = \"{slo}\"\n")).unwrap_or_default();
        text.push_str(&format!(
            "\n[[population]]\nname = \"{name}\"\narrivals = {{ rate = \"{rate}\" }}\ntimeout = \"1h\"\n[[population.step]]\n\
             name = \"transaction\"\nget = \"/\"\n{slo}"
        ));
    }
    text
}
