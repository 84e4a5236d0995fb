//! One system under test and all that is set up around it: prepared, played against, and cleared away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reference_server::config::Config;
use tokio::time::Instant;

use super::attack::{Attack, Carry, Crew};
use super::clock::{Clock, span};
use super::conduct::{Ended, conduct};
use super::connection::Dial;
use super::cpus::{self, Placement};
use super::dispatch::Dispatch;
use super::findings;
use super::lane::Floor;
use super::pacer::Pacer;
use super::plan::Plan;
use super::progress::Tally;
use super::recorder::{Aside, Recorder, Waiting, channel};
use super::request::{RunError, RunRequest, System, file, system};
use super::sampler::{Sampler, Subjects};
use super::under_test::UnderTest;
use crate::record::{Event, Layout, What, Writer};
use crate::units::{Offset, Span};

/// Lanes of a population that names none, against a system whose bounds are not known.
const LANES_OF_A_TARGET: usize = 1_024;
/// The most lanes that a population gets without naming a number. A lane costs some 9 kB.
const MOST_LANES: usize = 8_192;
/// From the moment when all lanes are ready to the first instant of the plan.
const LEAD: Span = Span::from_millis(50);
/// The longest time in which goose starts the lanes: it starts 20,000 in a quarter of a second.
const LANES_WITHIN: Duration = Duration::from_secs(30);

/// A system that will be played against.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) placement: Placement,
    plan: Arc<Plan>,
    system: System,
    dir: PathBuf,
    descriptors: Option<u64>,
}

impl Stage {
    /// Finds everything that can be wrong before something is started.
    ///
    /// # Errors
    /// The server's configuration is wrong, or the scenario cannot be sent.
    pub(super) fn new(request: &RunRequest, of: &System, descriptors: Option<u64>) -> Result<Self, RunError> {
        let (lanes, wish) = match of {
            System::Running { .. } => (LANES_OF_A_TARGET, Vec::new()),
            System::Started(entry) => {
                let config = Config::parse(&entry.config).map_err(|errors| RunError::Configuration {
                    name: entry.name.clone(),
                    problems: errors.to_string(),
                })?;
                (lanes(&config), config.cpus)
            }
        };
        let scenario = Arc::clone(&request.scenario);
        let plan = Plan::new(scenario, request.timeline, request.seed, &request.only, lanes)?;
        Ok(Self {
            placement: match of {
                System::Started(_) => Placement::choose(&cpus::available(), &wish),
                // Where a running system runs is not known: the generator stays where the system puts it.
                System::Running { .. } => Placement { generator: None, server: Vec::new() },
            },
            plan: Arc::new(plan),
            system: of.clone(),
            dir: request.run_dir.join(of.name()),
            descriptors,
        })
    }

    /// Plays against the system and writes its record.
    ///
    /// # Errors
    /// The tool fails; the system under test is stopped all the same.
    pub(super) async fn play(self, request: &RunRequest, layout: &Layout) -> Result<(), RunError> {
        std::fs::create_dir_all(&self.dir).map_err(file(&self.dir))?;
        let under_test = UnderTest::start(request, &self.system, &self.placement, &self.dir).await?;
        let (feed, aside, waiting) = channel();
        let dispatch = Dispatch::new(Arc::clone(&self.plan), self.lanes(), feed);
        let dial = Dial::Tcp(under_test.target().addresses.clone());
        let floor = Arc::new(Floor::new(Arc::clone(&self.plan), under_test.target().clone(), dial, dispatch));

        let attack = self.man(&floor).await?;
        let clock = Clock::reading(self.plan.timeline.start() - LEAD);
        let recorder = self.recorder(request, layout, &clock, waiting)?;
        let ended = self.perform(&floor, clock, attack, &under_test, &aside).await;
        under_test.stop(&clock, &aside).await;
        findings::tell(&floor, self.descriptors, clock.now(), &aside);
        if let Ok(Ended::Interrupted) = ended {
            let reason = "interrupted: what was measured until then is kept".to_owned();
            aside.event(Event { at: clock.now(), what: What::Aborted { reason } });
        }
        drop(aside);
        floor.dispatch().feed.close();
        let written = recorder.finish();
        ended?;
        written.map_err(|source| RunError::Record { path: self.dir.clone(), source })
    }

    /// Starts the lanes and waits until all are idle.
    async fn man(&self, floor: &Arc<Floor>) -> Result<Attack, RunError> {
        let played: Vec<u16> =
            (0..).zip(&self.plan.populations).filter(|(_, of)| of.played).map(|(index, _)| index).collect();
        let crews = played.iter().map(|index| Crew {
            name: self.plan.population(*index).name.clone(),
            lanes: self.plan.populations[usize::from(*index)].lanes,
        });
        let crews: Vec<Crew> = crews.collect();
        let carry: Carry = {
            let floor = Arc::clone(floor);
            Arc::new(move |crew, lane| {
                let (floor, population) = (Arc::clone(&floor), played[crew]);
                Box::pin(async move { floor.carry(population, lane).await })
            })
        };
        let attack =
            Attack::start(&crews, carry).await.map_err(|error| RunError::Lanes(error.to_string()))?;
        let until = Instant::now() + LANES_WITHIN;
        while floor.dispatch().idle() < self.lanes() {
            if attack.has_ended() || Instant::now() > until {
                let idle = floor.dispatch().idle();
                return Err(RunError::Lanes(format!("{idle} of {} started", self.lanes())));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(attack)
    }

    fn recorder(
        &self,
        request: &RunRequest,
        layout: &Layout,
        clock: &Clock,
        waiting: Waiting,
    ) -> Result<Recorder, RunError> {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let zero = span(since_epoch) + Offset::ZERO.since(clock.now());
        let writer = Writer::create(&self.dir, layout, zero).map_err(file(&self.dir))?;
        let receipts = self.dir.join("receipts.txt");
        let spool = std::fs::File::create(&receipts).map_err(file(receipts))?;
        let tally = Tally::new(self.system.name(), self.plan.timeline, request.progress.clone());
        Recorder::start(waiting, writer, spool, tally).map_err(system("start the recorder"))
    }

    /// The run itself.
    async fn perform(
        &self,
        floor: &Arc<Floor>,
        clock: Clock,
        attack: Attack,
        under_test: &UnderTest,
        aside: &Aside,
    ) -> Result<Ended, RunError> {
        let pacer = Pacer::timerfd().map_err(system("make a timer"))?;
        let subjects = Subjects {
            generator: rustix::thread::gettid().as_raw_nonzero().get(),
            server: under_test.process(),
        };
        let sampler =
            Sampler::start(subjects, clock, aside.clone()).map_err(system("start the sampler's thread"))?;
        under_test.tell(&clock, aside);
        // Nothing fails here: the clock is set once.
        let _ = floor.clock.set(clock);
        let ended = conduct(floor, &clock, pacer).await.map_err(system("set the timer"));
        floor.over.give();
        sampler.stop();
        let stopped = attack.stop().await.map_err(|error| RunError::Lanes(error.to_string()));
        let ended = ended?;
        stopped.map(|()| ended)
    }

    /// Lanes of all populations that play.
    fn lanes(&self) -> usize {
        self.plan.populations.iter().filter(|of| of.played).map(|of| of.lanes).sum()
    }
}

/// More lanes than the server has slots and waiting places, sign-in included, or the generator would be the queue.
fn lanes(config: &Config) -> usize {
    let places = config.slots.workers + config.slots.queue + config.issuer.workers;
    (places + places / 10 + 64).min(MOST_LANES)
}
