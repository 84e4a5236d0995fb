//! The parts of a scenario, as types whose every value is sound.

use super::{Abort, Curve, Feeder, Incident, Law, Network, Presence, Template, Timeline};
use crate::units::{Rate, Span, TimeOfDay};

/// A whole scenario: one day, its populations, its servers and its promises.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Name of the file without `.toml`.
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// The day that is played, for people and for dates in synthetic data (`2022-01-05`).
    pub date: String,
    /// The root of every random draw.
    pub seed: u64,
    /// What a day is counted in, and how many there are: "1.85 M tests".
    pub unit: Option<Unit>,
    /// What `run` plays of the day.
    pub run: RunPlan,
    /// The kinds of clients. Indexes into this list are stable through a run, `--only` included.
    pub populations: Vec<Population>,
    /// The configurations that are compared.
    pub servers: Vec<ServerEntry>,
    /// The base URL when the scenario is about a server that already runs (`--target` overrides it).
    pub target: Option<String>,
    /// Tables whose rows go into templates.
    pub feeders: Vec<Feeder>,
    /// The certificates (PEM) that the target's is checked against; `None`: those that the system trusts.
    pub ca: Option<String>,
    /// The promises.
    pub slos: Vec<super::slo::Slo>,
    /// The request that shows that an acknowledged thing is there, once.
    pub audit: Option<Audit>,
    /// The messages that the system under test sends, and what they bring.
    pub messages: Option<Messages>,
    /// What happens at a time of the day, in the order of the day.
    pub incidents: Vec<Incident>,
    /// When a run is ended before its time.
    pub aborts: Vec<Abort>,
}

/// What a day is counted in.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The singular: "test".
    pub name: String,
    /// How many in the day.
    pub volume: Rate,
}

/// What `run` plays of the day; `simulate` plays the whole day unless flags say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct RunPlan {
    /// The measured part, in scenario time.
    pub from: TimeOfDay,
    /// End of the measured part, in scenario time.
    pub to: TimeOfDay,
    /// How many times faster scenario time runs than wall time, at least 1. Rates stay, counts are divided.
    pub time_warp: f64,
    /// Multiplies every planned rate.
    pub scale: f64,
    /// Wall time before the measured part, recorded and not judged.
    pub run_in: Span,
    /// Longest wall time after the measured part in which answers are still awaited.
    pub drain: Span,
    /// Journeys are judged that arrive at least this long (wall time) before the end of the measured part.
    pub settle: Span,
    /// How the load engine waits for an instant; the simulation waits for none.
    pub pacer: Pacing,
}

/// How the load engine waits for the instant at which something is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pacing {
    /// It sleeps until a timer of the kernel wakes it: some 50 µs late, and the processor rests.
    #[default]
    Timerfd,
    /// It sleeps until shortly before and then looks again and again: a few µs late, and a whole processor busy.
    Spin,
    /// It sleeps for at least half a millisecond, and what becomes due meanwhile is sent together: up to that late, for less
    /// processor time a request.
    Bunch,
}

impl RunPlan {
    /// The two clocks of a run of this plan.
    pub fn timeline(&self) -> Timeline {
        let Self { from, to, time_warp, scale, run_in, drain, settle: _, pacer: _ } = *self;
        Timeline { from, to, warp: time_warp, scale, run_in, drain }
    }

    /// This plan with a measured part of so much wall time from its beginning; `None` when that is nothing, or reaches
    /// past 24:00.
    #[must_use]
    pub fn lasting(self, duration: Span) -> Option<Self> {
        let to = TimeOfDay::from_nanos(self.from.nanos() + duration.scaled(self.time_warp).nanos())?;
        (to > self.from).then_some(Self { to, ..self })
    }
}

/// A kind of client.
#[derive(Debug, Clone)]
pub struct Population {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// False for clients that the operator does not want (robots, attackers).
    pub legitimate: bool,
    /// How its journeys come.
    pub arrivals: Arrivals,
    /// When it comes at all: incidents start and stop populations.
    pub presence: Presence,
    /// The pool of accounts its journeys are made with; without one every journey is its own.
    pub accounts: Option<Accounts>,
    /// Whose a connection is.
    pub connection: Connection,
    /// How its connections are opened, from where, and how fast they are read from.
    pub network: Network,
    /// Most requests of this population under way at once; `None` lets the engine choose more than the server can hold.
    pub lanes: Option<u32>,
    /// A client's patience with one request, from the time it is sent; drawn once a journey. Wall time.
    pub timeout: Law,
    /// Time between an answer and the next request, unless the step says otherwise. Wall time.
    pub think: Law,
    /// What a client does when a request does not succeed; `None`: gives up.
    pub retry: Option<Retry>,
    /// The whole journey's patience, wall time from its arrival: no retry starts later.
    pub patience: Option<Law>,
    /// What is done, in order; `next` may leave the order.
    pub steps: Vec<Step>,
}

/// How the journeys of a population come.
#[derive(Debug, Clone)]
pub enum Arrivals {
    /// A non-homogeneous Poisson process along a curve of the day.
    Curve {
        /// The shape.
        curve: Curve,
        /// Journeys in the whole day (after shares and batches), before warp and scale.
        per_day: f64,
    },
    /// A Poisson process of constant rate.
    Rate {
        /// Journeys per second.
        rate: Rate,
    },
    /// Journeys that another's success brings: the readers of a message.
    After(After),
}

/// Journeys that something brings.
#[derive(Debug, Clone)]
pub struct After {
    /// What brings them.
    pub cause: Cause,
    /// Share of the causes that bring anything, 0 to 1.
    pub share: f64,
    /// Mean journeys of a cause that brings any, at least 1: the whole part is certain, the rest is drawn.
    pub journeys: f64,
    /// When they come; weights are relative.
    pub delays: Vec<(f64, Delay)>,
}

/// What brings journeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A message of the system under test ([`Messages`]).
    Message,
    /// The success of a step of another population.
    Step {
        /// Index of the population.
        population: u16,
        /// Index of the step.
        step: u16,
    },
}

/// How long after its cause a journey comes, in scenario time.
#[derive(Debug, Clone)]
pub enum Delay {
    /// So long after the cause.
    After(Law),
    /// At a time of day of triangular density, but after the cause: the law is cut off at the cause's time and drawn
    /// from what is left. A cause after the end of the law comes at once.
    AtTimeOfDay {
        /// Earliest.
        from: TimeOfDay,
        /// Most frequent.
        mode: TimeOfDay,
        /// Latest.
        to: TimeOfDay,
    },
}

/// A pool of accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// How many in life; a warped run has 1/K of them, as it has of the journeys.
    pub count: u32,
    /// The kind of account, a word that templates see as `${account.kind}` and from which ids are made.
    pub kind: String,
}

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Opened by each journey, closed at its end.
    New,
    /// Kept by the account over journeys (by the lane, where there are no accounts).
    Kept,
    /// One of a lane's, whoever uses it.
    Pool,
    /// One of so many that the whole population shares; whoever finds none free waits.
    PoolOf(u32),
}

/// What a client does when a request does not succeed.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Tries of the journey after the first before it pauses or gives up; `None`: for ever.
    pub attempts: Option<u32>,
    /// From which step it goes on.
    pub from: RetryFrom,
    /// Time before the next try, wall time.
    pub backoff: Backoff,
    /// When the attempts are used up: a pause in scenario time, after which they start anew; `None`: gives up.
    pub pause: Option<Law>,
    /// Waits at least as long as the server's Retry-After says.
    pub honour_retry_after: bool,
}

/// From which step a retry goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryFrom {
    /// The first step: a form starts over.
    Start,
    /// The step that did not succeed.
    Step,
}

/// The time before a retry.
#[derive(Debug, Clone)]
pub enum Backoff {
    /// Drawn anew from the same law each time.
    Law(Law),
    /// Uniform between zero and min(cap, base x 2^attempt): exponential with full jitter.
    FullJitter {
        /// Bound of the first.
        base: Span,
        /// Bound of all.
        cap: Span,
    },
}

/// One request of a journey, as data.
#[derive(Debug, Clone)]
pub struct Step {
    /// `[a-z0-9-]+`, unique in its population.
    pub name: String,
    /// The server's class of work (hold law, lane, priority); the step's name unless said otherwise.
    pub class: String,
    /// What is sent.
    pub request: Request,
    /// What is remembered of the answer.
    pub keep: Vec<Keep>,
    /// What counts as success.
    pub success: Success,
    /// Think time before this step (not before the journey's first request); `None`: the population's.
    pub think: Option<Law>,
    /// Patience with this request; `None`: the population's.
    pub timeout: Option<Law>,
    /// Chance that the step is played at all when the journey comes to it, 0 to 1.
    pub chance: f64,
    /// Played only when the account's last success of this step is this many journeys ago (or there was none).
    pub every: Option<u32>,
    /// Where the journey goes after a success; weights are relative. Empty: to the following step.
    pub next: Vec<(f64, Target)>,
    /// Where it goes when the request did not succeed.
    pub on_failure: OnFailure,
    /// Latency within which a success is good (goodput).
    pub slo: Option<Span>,
    /// Counts as a request of the unit in sizing: false for what does not go through the worker slots (sign-in).
    pub counted: bool,
    /// Messages that a success makes the system send (one an entry); the simulation sends them, a run receives them.
    pub messages: u32,
    /// Where the answer says the receipts of what it acknowledged.
    pub acknowledges: Option<Extract>,
}

/// Where a journey goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To the step of this index.
    Step(u16),
    /// To its end: completed.
    End,
}

/// Where a journey goes when a request did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// As the population's retry says.
    Retry,
    /// On as after a success, though the journey is no longer clean.
    Continue,
    /// To its end: gave up.
    GiveUp,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST, ...
    pub method: String,
    /// Path and query below the target's base URL, starting with `/`.
    pub path: Template,
    /// Name and value of each header.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Body,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// A text with variables (from the scenario or, read at load, from a file).
    Text(Template),
    /// Made by a named generator of synthetic data.
    Generated {
        /// Its name.
        generator: String,
        /// How many items it holds.
        items: u16,
    },
}

/// Something remembered of an answer.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The variable that it is in templates, `${name}`.
    pub name: String,
    /// Where it stands in the answer.
    pub from: Extract,
    /// Remembered by the account over journeys, or by the journey.
    pub by_account: bool,
}

/// Where something stands in an answer.
#[derive(Debug, Clone)]
pub enum Extract {
    /// JSON pointer (RFC 6901) into the body, where `*` stands for every element of an array.
    Json(String),
    /// Value of a response header.
    Header(String),
    /// Value of a cookie that the answer sets.
    Cookie(String),
    /// The first group (the whole match, where there is none) of a regular expression over the body.
    Regex(regex::Regex),
}

/// What counts as success.
#[derive(Debug, Clone)]
pub struct Success {
    /// Inclusive ranges of status codes.
    pub status: Vec<(u16, u16)>,
    /// Text that the body must contain.
    pub contains: Option<String>,
}

/// A server configuration of the scenario.
#[derive(Debug, Clone)]
pub struct ServerEntry {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Whether it is there to hold or to be seen falling.
    pub expect: Expect,
    /// Text of the server configuration (TOML, the reference server's own format), or of the model.
    pub config: String,
    /// The model, where it is one: for the simulation only.
    pub model: Option<super::ServerModel>,
}

/// What is expected of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// All SLOs pass.
    Hold,
    /// At least one SLO fails.
    Fail,
}

/// The request that shows that an acknowledged thing is there, once. `${receipt}` is the receipt.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Path with `${receipt}`.
    pub path: Template,
    /// JSON pointer to the state.
    pub state: String,
    /// The state of a thing that is there.
    pub stored: String,
    /// JSON pointer to the number of copies; more than one is a duplicate.
    pub copies: Option<String>,
}

/// The messages of the system under test: JSON objects that it posts to the tool.
#[derive(Debug, Clone)]
pub struct Messages {
    /// JSON pointer to the sender's reference (a [`super::Subject`]).
    pub reference: String,
    /// What the journeys that a message brings remember of it.
    pub keep: Vec<Keep>,
    /// The longest that the server may hold a message back when healthy; what the simulation uses.
    pub delay: Span,
    /// Generator of what the server is preloaded with: entries of earlier in the day whose readers come in the run.
    pub preload: Option<String>,
}
