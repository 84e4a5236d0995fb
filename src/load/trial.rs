//! One journey, played at once and shown request by request: how a scenario is tried before it is run.

use std::sync::Arc;

use tokio::time::Instant;

use super::answer::Headers;
use super::connection::Connection;
use super::fault::Fault;
use super::judge::{Judged, judge};
use super::lane::exchange;
use super::live::Keeper;
use super::opener::{Opener, Places};
use super::plan::Plan;
use super::recorder::{Ends, channel};
use super::render::{Rendered, Sender, render};
use super::request::{RunError, RunRequest, System, file, system};
use super::under_test::UnderTest;
use super::vars::Vars;
use super::{clock, excerpt, preload};
use crate::arrivals;
use crate::journey::{Answer, Due, Ending, Journey, Next, account_of};
use crate::record::mask;
use crate::rng::Key;
use crate::scenario::{Arrival, Arrivals, Cause, Outcome, Subject};
use crate::units::{Offset, Span};

/// Characters of a body that are shown.
const BODY: usize = 2_000;
/// Requests after which a journey that loops is left.
const MOST_REQUESTS: u32 = 100;

/// A request and what became of it, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Name of the step.
    pub step: String,
    /// Request line and headers, a line each, and the beginning of the body.
    pub request: Vec<String>,
    /// The same of the answer; what went wrong where there was none.
    pub answer: Vec<String>,
    /// From the sending to the last byte of the answer.
    pub service_time: Span,
    /// What it counts as.
    pub outcome: Outcome,
    /// Why it is no success.
    pub fault: Option<String>,
    /// Names of what is kept of the answer.
    pub kept: Vec<String>,
    /// What the client would think before this request in a run; not waited for here.
    pub think: Span,
}

/// How a journey that was tried ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// It came to its end.
    Completed,
    /// A request was no success: a run would try again or give up.
    Failed,
    /// It was left after a hundred requests: it loops.
    Left,
}

/// Plays one journey of a population against the request's first system and shows every exchange as it ends.
///
/// Nothing is waited for (think times are told instead), nothing is tried again, and no record is written. The readers of a
/// message need something to read, so the server that is started for them has one earlier entry.
///
/// # Errors
/// As for a run; and a population that reads messages cannot be tried against a system that runs already.
pub fn try_one(
    request: &RunRequest,
    population: u16,
    show: &mut dyn FnMut(&Exchange),
) -> Result<Trial, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(system("start a runtime"))?.block_on(play(request, population, show))
}

async fn play(
    request: &RunRequest,
    population: u16,
    show: &mut dyn FnMut(&Exchange),
) -> Result<Trial, RunError> {
    let name = request.scenario.populations[usize::from(population)].name.clone();
    let scenario = Arc::clone(&request.scenario);
    let plan = Plan::new(scenario, request.timeline, request.seed, std::slice::from_ref(&name), 1)?;
    let of = &request.systems[0];
    std::fs::create_dir_all(&request.run_dir).map_err(file(&request.run_dir))?;
    let (arrival, vars, preload) = first(&plan, population, of, request)?;
    let under_test = UnderTest::start(request, of, &[], &request.run_dir, None, preload).await?;
    let dial = under_test.dial(&plan.scenario)?;
    let opener =
        Opener::new(dial, Places::within(None), plan.population(population)).map_err(RunError::Tls)?;
    let mut tried = Tried {
        opener,
        under_test: &under_test,
        plan: &plan,
        vars: Vars::clone(&vars),
        keeper: Keeper::default(),
        connection: None,
    };
    let ended = tried.journey(arrival, show).await;
    let (_, aside, _) = channel(Ends::default());
    under_test.stop(&clock::Clock::reading(Offset::ZERO), &aside, false).await;
    Ok(ended)
}

/// The journey that is played, what it remembers of a message, and what the server must have for it.
fn first(
    plan: &Plan,
    population: u16,
    of: &System,
    request: &RunRequest,
) -> Result<(Arrival, Arc<Vars>, Option<std::path::PathBuf>), RunError> {
    let invented = Arrival {
        at: plan.timeline.start(),
        population,
        subject: Subject { population, journey: 0, item: 0 },
        key: Key::root(plan.seed).word("trial").with(u64::from(population)),
    };
    match &plan.population(population).arrivals {
        Arrivals::After(after) if after.cause == Cause::Message => {
            let messages = plan.scenario.messages.as_ref().filter(|messages| messages.preload.is_some());
            let (System::Started(_), Some(messages)) = (of, messages) else {
                return Err(RunError::NothingToRead { population: plan.population(population).name.clone() });
            };
            let path = request.run_dir.join("preload.jsonl");
            let preloaded = preload::write(plan, messages, &path, 1).map_err(file(&path))?;
            let (visits, vars) = preloaded.visits.into_iter().next().ok_or_else(|| {
                RunError::NothingToRead { population: plan.population(population).name.clone() }
            })?;
            let visit = visits.into_iter().find(|visit| visit.population == population).unwrap_or(invented);
            Ok((visit, vars, Some(path)))
        }
        Arrivals::After(_) => Ok((invented, Arc::default(), None)),
        Arrivals::Curve { .. } | Arrivals::Rate { .. } => {
            let mut planned = arrivals::planned(&plan.scenario, &plan.timeline, plan.seed);
            let arrival = planned.find(|arrival| arrival.population == population).unwrap_or(invented);
            Ok((arrival, Arc::default(), None))
        }
    }
}

/// A journey that is being tried.
struct Tried<'a> {
    plan: &'a Plan,
    under_test: &'a UnderTest,
    opener: Opener,
    vars: Vars,
    keeper: Keeper,
    connection: Option<Connection>,
}

impl Tried<'_> {
    async fn journey(&mut self, arrival: Arrival, show: &mut dyn FnMut(&Exchange)) -> Trial {
        let population = self.plan.population(arrival.population);
        let script = &self.plan.populations[usize::from(arrival.population)].script;
        let account = account_of(population, &self.plan.timeline, arrival.key);
        let keeper = |keeper: &mut Keeper| account.map(|_| std::mem::take(&mut keeper.account));
        let mut state = keeper(&mut self.keeper);
        let (mut journey, mut next) = Journey::begin(script, arrival, state.as_mut());
        let mut now = arrival.at;
        for _ in 0..MOST_REQUESTS {
            let due = match next {
                Next::Request(due) => due,
                Next::End(Ending::Completed) => return Trial::Completed,
                Next::End(Ending::GaveUp) => return Trial::Failed,
            };
            let exchanged = self.request(&journey, account, &due, due.at.since(now)).await;
            show(&exchanged);
            if exchanged.outcome != Outcome::Ok {
                return Trial::Failed;
            }
            now = due.at + exchanged.service_time;
            let answer = Answer { outcome: Outcome::Ok, at: now, retry_after: None };
            next = journey.answered(script, state.as_mut(), answer);
        }
        Trial::Left
    }

    async fn request(&mut self, journey: &Journey, account: Option<u32>, due: &Due, think: Span) -> Exchange {
        let step = self.plan.step(journey.population(), due.step);
        let sender =
            Sender { journey, vars: &self.vars, account: account.map(|index| (index, &self.keeper.vars)) };
        let rendered = render(self.plan, self.under_test.target(), sender, due);
        let shown = rendered.as_ref().map_or_else(|fault| vec![fault.name().into_owned()], shown);
        let begun = Instant::now();
        let connection = self.connection.take();
        let target = self.under_test.target();
        let sending = async { exchange(&self.opener, target, 0, connection, &rendered?).await };
        let script = &self.plan.populations[usize::from(journey.population())].script;
        let answer = tokio::time::timeout(journey.timeout(script).into(), sending)
            .await
            .unwrap_or(Err(Fault::TimedOut));
        let service_time = clock::span(begun.elapsed());
        let (judged, answer) = match answer {
            Ok((answered, connection)) => {
                self.connection = connection;
                let mut lines = vec![format!("{}", answered.status)];
                lines.extend(headers(&answered.headers));
                lines.extend(body(&answered.body));
                (judge(step, &answered), lines)
            }
            Err(fault) => {
                let line = fault.name().into_owned();
                (Judged::without_answer(fault), vec![line])
            }
        };
        let mut kept = Vec::new();
        for (keep, value) in step.keep.iter().zip(judged.kept) {
            let vars =
                if keep.by_account && account.is_some() { &mut self.keeper.vars } else { &mut self.vars };
            vars.set(&keep.name, value);
            kept.push(keep.name.clone());
        }
        Exchange {
            step: step.name.clone(),
            request: shown,
            answer,
            service_time,
            outcome: judged.outcome,
            fault: judged.fault.map(|fault| fault.name().into_owned()),
            kept,
            think,
        }
    }
}

fn shown(rendered: &Rendered) -> Vec<String> {
    let mut lines = vec![mask(&rendered.line())];
    lines.extend(rendered.fields().iter().map(|field| mask(field)));
    lines.extend(body(rendered.body()));
    lines
}

fn headers(headers: &Headers) -> impl Iterator<Item = String> {
    headers.iter().map(|(name, value)| {
        let [name, value] = [name, value].map(String::from_utf8_lossy);
        mask(&format!("{}: {value}", name.to_ascii_lowercase()))
    })
}

/// The beginning of a body below an empty line; nothing of an empty one.
fn body(body: &[u8]) -> Vec<String> {
    if body.is_empty() { Vec::new() } else { vec![String::new(), excerpt::excerpt(body, BODY)] }
}
