//! A test bench: a small scenario, a server that does what it is told, lanes without goose.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::load::clock::Clock;
use crate::load::conduct::{Ended, conduct};
use crate::load::dispatch::Dispatch;
use crate::load::guard::Target;
use crate::load::lane::Floor;
use crate::load::opener::{Dial, Places};
use crate::load::pacer::Pacer;
use crate::load::plan::Plan;
use crate::load::recorder::{Ends, Entry, channel};
use crate::record::{JourneyEvent, Sample};
use crate::scenario::{
    Arrivals, Body, Connection, Law, Network, OnFailure, Outcome, Pacing, Population, Presence,
    Request as Asked, RunPlan, Scenario, Step, Success, Template, Timeline,
};
use crate::units::{Offset, Rate, Span};

/// A step that gets `/` and wants a 200.
pub(super) fn step(name: &str) -> Step {
    Step {
        name: name.to_owned(),
        class: name.to_owned(),
        request: Asked {
            method: "GET".to_owned(),
            path: Template::parse("/").unwrap(),
            headers: Vec::new(),
            body: Body::Empty,
        },
        keep: Vec::new(),
        success: Success { status: vec![(200, 299)], contains: None },
        think: None,
        timeout: None,
        chance: 1.0,
        every: None,
        next: Vec::new(),
        on_failure: OnFailure::Retry,
        slo: None,
        counted: true,
        messages: 0,
        acknowledges: None,
    }
}

/// A population of one step at a constant rate, on connections of its lanes.
pub(super) fn population(per_second: f64, lanes: u32) -> Population {
    Population {
        name: "visitor".to_owned(),
        legitimate: true,
        arrivals: Arrivals::Rate { rate: Rate::per_sec(per_second) },
        presence: Presence::default(),
        accounts: None,
        connection: Connection::Pool,
        network: Network::default(),
        lanes: Some(lanes),
        timeout: Law::Constant(Span::from_secs(30)),
        think: Law::Constant(Span::from_secs(1)),
        retry: None,
        patience: None,
        steps: vec![step("home")],
    }
}

pub(super) fn scenario(populations: Vec<Population>) -> Scenario {
    let run = RunPlan {
        from: "12:00".parse().unwrap(),
        to: "12:01".parse().unwrap(),
        time_warp: 1.0,
        scale: 1.0,
        run_in: Span::ZERO,
        drain: Span::from_secs(5),
        settle: Span::ZERO,
        pacer: Pacing::Timerfd,
    };
    Scenario {
        name: "bench".to_owned(),
        about: String::new(),
        date: "2022-01-05".to_owned(),
        seed: 1,
        unit: None,
        run,
        populations,
        servers: Vec::new(),
        target: None,
        feeders: Vec::new(),
        ca: None,
        slos: Vec::new(),
        audit: None,
        messages: None,
        incidents: Vec::new(),
        aborts: Vec::new(),
    }
}

/// The first `measured` of the scenario's run, after a run-in.
pub(super) fn timeline(run_in: Span, measured: Span) -> Timeline {
    let from = "12:00".parse().unwrap();
    let to = Timeline { from, to: from, warp: 1.0, scale: 1.0, run_in, drain: Span::from_secs(5) };
    let end = u64::try_from(to.scenario_nanos(Offset::ZERO + measured)).unwrap();
    Timeline { to: crate::units::TimeOfDay::from_nanos(end).unwrap(), ..to }
}

/// A server in this process that answers every request with what `answer` makes of it.
pub(super) fn server<F, A>(answer: F) -> Dial
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    Dial::Memory(Arc::new(move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            // A client that leaves is no error of this server's.
            let _ = http.serve_connection(TokioIo::new(theirs), service).await;
        });
        ours
    }))
}

/// The same server, and how many connections to it were opened.
pub(super) fn counted(dial: Dial) -> (Dial, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let Dial::Memory(open) = dial else { panic!("a server in this process") };
    let dial = Dial::Memory(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        open()
    }));
    (dial, opened)
}

pub(super) fn ok() -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(b"ok")))
}

/// Everything that a run said to the record.
pub(super) struct Played {
    pub(super) entries: Vec<Entry>,
    pub(super) ended: Ended,
}

impl Played {
    pub(super) fn samples(&self) -> Vec<Sample> {
        let ended = self.entries.iter().filter_map(|entry| match entry {
            Entry::Ended(sample) => Some(*sample),
            _ => None,
        });
        ended.collect()
    }

    pub(super) fn offered(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Offered { .. })).count()
    }

    /// How many journeys this happened to.
    pub(super) fn journeys(&self, what: JourneyEvent) -> usize {
        let is = |entry: &&Entry| matches!(entry, Entry::Journey { event, .. } if *event == what);
        self.entries.iter().filter(is).count()
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.samples().iter().filter(|sample| sample.outcome == outcome).count()
    }
}

/// Plays a scenario in virtual time.
pub(super) async fn play(scenario: Scenario, timeline: Timeline, dial: Dial) -> Played {
    play_only(scenario, &[], timeline, dial).await
}

/// Plays some populations of a scenario in virtual time.
pub(super) async fn play_only(scenario: Scenario, only: &[&str], timeline: Timeline, dial: Dial) -> Played {
    play_within(Places::within(None), scenario, only, timeline, dial).await
}

/// Plays some populations of a scenario in virtual time, with places for so many connections.
pub(super) async fn play_within(
    places: Places,
    scenario: Scenario,
    only: &[&str],
    timeline: Timeline,
    dial: Dial,
) -> Played {
    let seed = scenario.seed;
    let only: Vec<String> = only.iter().map(ToString::to_string).collect();
    let plan = Arc::new(Plan::new(Arc::new(scenario), timeline, seed, &only, 8).unwrap());
    let lanes: usize = plan.populations.iter().map(|population| population.lanes).sum();
    let (feed, aside, waiting) = channel(Ends::default());
    drop(aside);
    let floor = Floor::new(
        Arc::clone(&plan),
        Target::parse("http://127.0.0.1:9").unwrap(),
        &dial,
        places,
        Dispatch::new(Arc::clone(&plan), lanes, feed),
    );
    let floor = Arc::new(floor.unwrap());
    let mut number = 0;
    for (population, prepared) in (0..).zip(&plan.populations) {
        for _ in 0..prepared.lanes {
            let (floor, lane) = (Arc::clone(&floor), number);
            tokio::spawn(async move {
                while !floor.over.is_given() {
                    floor.carry(population, lane).await;
                }
            });
            number += 1;
        }
    }
    // The channel is bounded: a thread takes the entries while the run goes on.
    let taken = std::thread::spawn(move || waiting.entries());
    let clock = Clock::reading(timeline.start());
    floor.clock.set(clock).unwrap();
    let ended = conduct(&floor, &clock, Pacer::Runtime).await.unwrap();
    floor.dispatch().feed.close();
    Played { entries: taken.join().unwrap(), ended }
}
