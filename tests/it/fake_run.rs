//! An invented run for tests of the report: the evening through two small queues, written as a real record.
//!
//! It is what a load run would leave, but made in virtual time: one configuration that saturates, one that holds.
//! The same size gives the same bytes.

use std::collections::{BinaryHeap, VecDeque};
use std::path::Path;

use peakday::record::{
    Engine, Event, JourneyEvent, Layout, Machine, PopulationLayout, Resources, RunHeader, Sample,
    ServerHeader, Severity, StepLayout, What, Who, Writer, digest,
};
use peakday::scenario::{Expect, Outcome, Timeline};
use peakday::units::{Offset, Span};

/// How large the run is, and what is done to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Part of the evening's rates and slots, 0 to 1.
    pub(crate) scale: f64,
    /// The configurations.
    pub(crate) servers: &'static [Server],
    /// Length of the measured part in wall seconds.
    pub(crate) seconds: u64,
    /// The tool is killed at this second of the last configuration: no drain, no end of the record.
    pub(crate) killed_at: Option<f64>,
}

/// A configuration: so many worker slots in front of a queue of ten times as many places.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) slots: f64,
    pub(crate) expect: Expect,
}

/// The two of the evening.
pub(crate) const EVENING: &[Server] = &[
    Server { name: "flat-3m", slots: 33.0, expect: Expect::Fail },
    Server { name: "x4", slots: 132.0, expect: Expect::Hold },
];

/// Name, journeys per second at the peak, steps with their SLO in milliseconds, hold in milliseconds.
struct Kind {
    name: &'static str,
    rate: f64,
    steps: &'static [(&'static str, u64)],
    hold: f64,
    retries: u32,
    patience: f64,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "pharmacist",
        rate: 30.0,
        steps: &[("form", 2_000), ("search", 2_000), ("save", 2_000), ("validate", 2_000), ("print", 2_000)],
        hold: 100.0,
        retries: 4,
        patience: 25.0,
    },
    Kind {
        name: "software",
        rate: 16.0,
        steps: &[("submit", 5_000)],
        hold: 100.0,
        retries: 9,
        patience: 1.02,
    },
    Kind { name: "lab", rate: 0.5, steps: &[("batch", 10_000)], hold: 400.0, retries: 9, patience: 30.0 },
    Kind {
        name: "patient",
        rate: 83.0,
        steps: &[("landing", 2_000), ("birth-date", 2_000), ("result", 2_000), ("certificate", 2_000)],
        hold: 100.0,
        retries: 4,
        patience: 25.0,
    },
];

/// The promises of the run.
pub(crate) const SLOS: [&str; 5] = [
    "clean{legitimate=true} >= 99%",
    "p99(response_time{population=pharmacist}) < 2s",
    "p99(response_time{population=patient}) < 2s",
    "p90(response_time{population=software}) < 5s",
    "lost_acknowledged == 0",
];

/// Writes the whole run's folder.
pub(crate) fn write(dir: &Path, size: Size) {
    let layout = layout(size);
    header(&layout, size).write(dir).expect("a header");
    for (at, server) in size.servers.iter().enumerate() {
        let mut writer =
            Writer::create(&dir.join(server.name), &layout, Span::from_secs(1_641_405_000)).expect("files");
        let killed = size.killed_at.filter(|_| at + 1 == size.servers.len());
        Play::new(&layout, server, size, at as u64).run(&mut writer, killed);
        match killed {
            Some(_) => drop(writer),
            None => writer.finish(layout.timeline.end() + layout.timeline.drain).expect("a finished record"),
        }
    }
}

fn layout(size: Size) -> Layout {
    let from = "18:50".parse::<peakday::units::TimeOfDay>().expect("a time");
    let to = peakday::units::TimeOfDay::from_nanos(from.nanos() + size.seconds * 60_000_000_000)
        .expect("in the day");
    let population = |kind: &Kind| PopulationLayout {
        name: kind.name.to_owned(),
        legitimate: true,
        played: true,
        expected: None,
        steps: kind
            .steps
            .iter()
            .map(|(name, slo)| StepLayout { name: (*name).to_owned(), slo: Some(Span::from_millis(*slo)) })
            .collect(),
    };
    Layout {
        interval: Span::from_secs(1),
        settle: Span::from_secs(size.seconds.min(80) / 4),
        timeline: Timeline {
            from,
            to,
            warp: 60.0,
            scale: 1.0,
            run_in: Span::from_secs(15),
            drain: Span::from_secs(5),
        },
        populations: KINDS.iter().map(population).collect(),
    }
}

fn header(layout: &Layout, size: Size) -> RunHeader {
    let text = "about = \"an invented evening\"\n";
    RunHeader {
        record_version: RunHeader::VERSION,
        tool_version: "0.0.0-test".to_owned(),
        scenario: "invented-evening".to_owned(),
        scenario_digest: digest(text),
        engine: Engine::Load,
        run_id: "2022-01-05T17-00-00Z-7".to_owned(),
        seed: 7,
        started_at: "2022-01-05T17:00:00Z".to_owned(),
        shard: None,
        command: vec!["peakday".to_owned(), "run".to_owned(), "invented-evening".to_owned()],
        slos: SLOS.map(str::to_owned).to_vec(),
        scenario_text: text.to_owned(),
        machine: Machine {
            cores: 2,
            cpu: "An invented processor".to_owned(),
            kernel: "Linux 6.1".to_owned(),
            governor: "performance".to_owned(),
            memory_bytes: 8 << 30,
            generator_cpus: vec![0],
            server_cpus: vec![1],
        },
        servers: size
            .servers
            .iter()
            .map(|server| ServerHeader {
                name: server.name.to_owned(),
                config_digest: digest(server.name),
                expect: server.expect,
            })
            .collect(),
        layout: layout.clone(),
    }
}

/// Draws from a fixed sequence (splitmix64); the report's looks need no better.
struct Draws(u64);

impl Draws {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Positive, with this mean and a long tail; no logarithm, whose last bit differs between machines.
    fn skewed(&mut self, mean: f64) -> f64 {
        let unit = self.unit();
        mean * 3.0 * unit * unit
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A request of the journey is due.
    Due(usize),
    /// A request of the journey ends.
    Ends(usize),
}

#[derive(Debug, Clone)]
struct Journey {
    kind: usize,
    step: usize,
    tries: u32,
    arrived: Offset,
    marred: bool,
    under_way: Option<Sample>,
}

struct Play<'a> {
    layout: &'a Layout,
    server: &'a Server,
    size: Size,
    draws: Draws,
    journeys: Vec<Journey>,
    /// Earliest first: negated nanoseconds, then the order of making.
    turns: BinaryHeap<(i64, i64, Turn)>,
    made: i64,
    /// When each slot is free, earliest first (negated).
    slots: BinaryHeap<i64>,
    /// When each waiting request will have its slot.
    waiting: VecDeque<i64>,
}

impl<'a> Play<'a> {
    fn new(layout: &'a Layout, server: &'a Server, size: Size, seed: u64) -> Self {
        let slots = (server.slots * size.scale).ceil() as usize;
        let mut play = Self {
            layout,
            server,
            size,
            draws: Draws(seed),
            journeys: Vec::new(),
            turns: BinaryHeap::new(),
            made: 0,
            slots: std::iter::repeat_n(i64::MAX, slots).collect(),
            waiting: VecDeque::new(),
        };
        for kind in 0..KINDS.len() {
            play.arrivals(kind);
        }
        play
    }

    /// Arrivals under a hump, by thinning.
    fn arrivals(&mut self, kind: usize) {
        let (from, to) = (self.layout.timeline.start().secs_f64(), self.layout.timeline.end().secs_f64());
        let most = KINDS[kind].rate * self.size.scale;
        let mut t = from;
        loop {
            t += self.draws.skewed(1.0 / most);
            if t >= to {
                return;
            }
            let off = (t - to * 0.45) / (to * 0.75);
            let hump = 0.55 + 0.45 * (1.0 - off * off).max(0.0);
            if self.draws.unit() < hump {
                let arrived = Offset::from_secs_f64(t);
                let journey = Journey { kind, step: 0, tries: 0, arrived, marred: false, under_way: None };
                self.journeys.push(journey);
                self.turn(arrived, Turn::Due(self.journeys.len() - 1));
            }
        }
    }

    fn turn(&mut self, at: Offset, turn: Turn) {
        self.made += 1;
        self.turns.push((-at.nanos(), -self.made, turn));
    }

    fn run(mut self, writer: &mut Writer, killed: Option<f64>) {
        let start = self.layout.timeline.start();
        let url = "http://127.0.0.1:40001".to_owned();
        let command = vec!["peakday".to_owned(), "serve".to_owned()];
        writer.event(&Event { at: start, what: What::ServerStarted { url, pid: Some(4_242), command } });
        writer.event(&Event { at: start, what: What::Preloaded { entries: 1_200, seconds: 0.4 } });
        let end = self.layout.timeline.end() + self.layout.timeline.drain;
        let mut second = start.second();
        while let Some((at, _, turn)) = self.turns.pop() {
            let at = Offset::from_nanos(-at);
            if at > end || killed.is_some_and(|killed| at.secs_f64() > killed) {
                break;
            }
            while at.second() > second {
                second += 1;
                self.resources(writer, second);
                writer.flush(Offset::from_nanos(second * 1_000_000_000)).expect("a flushed second");
            }
            match turn {
                Turn::Due(journey) => self.due(writer, journey, at),
                Turn::Ends(journey) => self.ends(writer, journey),
            }
        }
        if self.server.slots == 0.0 {
            let at = Offset::from_secs_f64(3.0);
            let status = "signal: 9 (SIGKILL)".to_owned();
            writer.event(&Event { at, what: What::ServerExited { status, wanted: false } });
            let (name, detail) = ("robots-arrive".to_owned(), "begins".to_owned());
            writer.event(&Event { at, what: What::Incident { name, detail } });
        }
        if killed.is_none() {
            self.close(writer, end);
        }
    }

    fn resources(&mut self, writer: &mut Writer, second: i64) {
        let at = Offset::from_nanos(second * 1_000_000_000);
        let row = |who, cpu, rss_bytes| Resources {
            at,
            who,
            cpu,
            rss_bytes,
            threads: 4,
            fds: 300,
            metrics: vec![],
        };
        writer.resources(&row(Who::Generator, 0.31 * self.size.scale, 90 << 20));
        let server = Resources {
            metrics: vec![("queue".to_owned(), self.waiting.len() as f64)],
            ..row(Who::Server, 0.62 * self.size.scale, 140 << 20)
        };
        writer.resources(&server);
    }

    /// A request comes to the queue: it is refused, or it is known at once when it will end.
    fn due(&mut self, writer: &mut Writer, number: usize, at: Offset) {
        if at >= self.layout.timeline.end() {
            return;
        }
        let Journey { kind, step, tries, arrived, .. } = self.journeys[number];
        let population = kind as u16;
        if step == 0 && tries == 0 {
            writer.journey(population, arrived, JourneyEvent::Planned);
            writer.journey(population, arrived, JourneyEvent::Started);
        }
        let busy = self.waiting.len() as f64 / (self.server.slots * self.size.scale * 10.0);
        let pacer = 60_000.0 + self.draws.skewed(180_000.0);
        let lane = 4_000.0 + self.draws.skewed(9_000.0 * (1.0 + 40.0 * busy));
        let released = at + Span::from_nanos(pacer as u64);
        let sent = released + Span::from_nanos(lane as u64);
        let (outcome, done) = self.serve(kind, sent);
        writer.offered(population, step as u16, at);
        writer.sent(population, step as u16, sent);
        let sample = Sample { population, step: step as u16, outcome, intended: at, released, sent, done };
        self.journeys[number].under_way = Some(sample);
        self.turn(done, Turn::Ends(number));
    }

    fn serve(&mut self, kind: usize, at: Offset) -> (Outcome, Offset) {
        let kind = &KINDS[kind];
        let now = at.nanos();
        while self.waiting.front().is_some_and(|start| *start <= now) {
            self.waiting.pop_front();
        }
        if self.draws.unit() < 0.000_3 {
            return (Outcome::Failed, at + Span::from_millis(3));
        }
        let places = (self.server.slots * self.size.scale * 10.0) as usize;
        if self.waiting.len() >= places {
            return (Outcome::Shed, at + Span::from_nanos(400_000 + self.draws.skewed(500_000.0) as u64));
        }
        let free = -self.slots.pop().expect("a slot");
        let start = free.max(now);
        let hold = (kind.hold * 0.3 + self.draws.skewed(kind.hold * 0.7)) * 1e6;
        let end = start + hold as i64;
        self.slots.push(-end);
        if start > now {
            self.waiting.push_back(start);
        }
        let patience = (kind.patience * 1e9) as i64;
        if end - now > patience {
            (Outcome::TimedOut, Offset::from_nanos(now + patience))
        } else {
            (Outcome::Ok, Offset::from_nanos(end))
        }
    }

    fn ends(&mut self, writer: &mut Writer, number: usize) {
        let sample = self.journeys[number].under_way.take().expect("a request under way");
        writer.ended(&sample);
        let think = self.draws.unit() * 2.0 + 1.0;
        let backoff = 5.0 + self.draws.unit() * 25.0;
        let journey = &mut self.journeys[number];
        let kind = &KINDS[journey.kind];
        let (population, arrived) = (journey.kind as u16, journey.arrived);
        let after = |seconds: f64| sample.done + Span::from_secs_f64(seconds);
        if sample.outcome == Outcome::Ok {
            journey.step += 1;
            if journey.step == kind.steps.len() {
                let clean = !journey.marred;
                writer.journey(population, arrived, JourneyEvent::Completed { clean });
            } else {
                self.turn(after(think), Turn::Due(number));
            }
            return;
        }
        if !journey.marred {
            journey.marred = true;
            writer.journey(population, arrived, JourneyEvent::Marred);
        }
        let (error, detail) = match sample.outcome {
            Outcome::Shed => {
                ("status 503", "POST /v1/results: 503, Retry-After: 5, \"queue <full> & closed\"")
            }
            Outcome::TimedOut => ("time-out", "no answer within the client's patience"),
            _ => ("connection reset", "connection closed before the message completed"),
        };
        writer.example(sample.done, population, sample.step, error, detail);
        journey.tries += 1;
        if journey.tries > kind.retries {
            writer.journey(population, arrived, JourneyEvent::GaveUp);
            return;
        }
        if kind.name == "pharmacist" {
            journey.step = 0;
        }
        self.turn(after(if kind.retries > 4 { backoff / 3.0 } else { backoff }), Turn::Due(number));
    }

    /// What is still under way at the end, and what was found afterwards.
    fn close(&mut self, writer: &mut Writer, end: Offset) {
        for journey in &self.journeys {
            if let Some(sample) = journey.under_way {
                writer.ended(&Sample { outcome: Outcome::InFlight, done: end, ..sample });
            }
        }
        let acknowledged = (1_400.0 * self.size.scale) as u64;
        writer.event(&Event { at: end, what: What::Audit { acknowledged, lost: 0, duplicated: 0 } });
        let detail = "the generator and the server shared 2 processors: see the send lag".to_owned();
        let code = "few-cores".to_owned();
        writer.event(&Event { at: end, what: What::Finding { code, detail, severity: Severity::Note } });
        writer.event(&Event {
            at: end,
            what: What::ServerExited { status: "exit status: 0".to_owned(), wanted: true },
        });
    }
}
