//! One system under test and all that is set up around it: prepared, played against, and cleared away.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reference_server::config::Config;
use tokio::time::Instant;

use super::abort::Rules;
use super::attack::{Attack, Carry, Crew};
use super::clock::{Clock, span};
use super::conduct::{Ended, conduct};
use super::cpus::{self, Placement};
use super::dispatch::Dispatch;
use super::gateway::{Desk, Gateway};
use super::incidents::Act;
use super::lane::Floor;
use super::opener::{Opener, Places};
use super::pacer::Pacer;
use super::parent::Parent;
use super::plan::Plan;
use super::preload::Preloaded;
use super::progress::{Phase, Tally};
use super::recorder::{Aside, Entry, Recorder, Waiting, channel};
use super::request::{RunError, RunRequest, System, file, system};
use super::sampler::{Sampler, Subjects};
use super::under_test::UnderTest;
use super::vigil::Vigil;
use super::{audit, findings, incidents, peak, preload, start};
use crate::record::{Layout, Writer};
use crate::scenario::{Incident, IncidentKind, Scenario};
use crate::units::Offset;

/// Lanes of a population that names none, against a system whose bounds are not known.
const LANES_OF_A_TARGET: usize = 1_024;
/// The most lanes that a population gets without naming a number. A lane costs some 9 kB.
const MOST_LANES: usize = 8_192;
/// The longest time in which goose starts the lanes: it starts 20,000 in a quarter of a second.
const LANES_WITHIN: Duration = Duration::from_secs(30);

/// A system that will be played against.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) placement: Placement,
    pub(super) plan: Arc<Plan>,
    pub(super) system: System,
    pub(super) dir: PathBuf,
    /// The cores that this process may use, before any of its threads keeps to one.
    pub(super) available: Vec<usize>,
    lanes: usize,
    descriptors: Option<u64>,
}

impl Stage {
    /// Finds everything that can be wrong before something is started.
    ///
    /// # Errors
    /// The server's configuration is wrong, or the scenario cannot be sent.
    pub(super) fn new(request: &RunRequest, of: &System, descriptors: Option<u64>) -> Result<Self, RunError> {
        let order = request.share.parent.as_deref().map(Parent::order);
        let (lanes, wish) = match of {
            System::Running { .. } => (order.map_or(LANES_OF_A_TARGET, |order| order.lanes), Vec::new()),
            System::Started(entry) => {
                let config = Config::parse(&entry.config).map_err(|errors| RunError::Configuration {
                    name: entry.name.clone(),
                    problems: errors.to_string(),
                })?;
                (lanes(&config), config.cpus)
            }
        };
        let scenario = Arc::clone(&request.scenario);
        // What happens to the system is the business of whoever started it.
        if order.is_none() {
            possible(&scenario, of)?;
        }
        below_the_ceiling(request, of)?;
        let plan = Plan::new(scenario, request.timeline, request.seed, &request.only, lanes)?
            .of_shard(request.share.shard);
        Ok(Self {
            placement: match of {
                System::Started(_) => Placement::choose(&cpus::available(), &wish),
                // Where a running system runs is not known: the generator stays where the system puts it.
                System::Running { .. } => {
                    Placement { generator: order.and_then(|order| order.core), server: Vec::new() }
                }
            },
            available: cpus::available(),
            lanes,
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
        let gateway = self.gateway(request).await?;
        let begun = Instant::now();
        let preload = self.preload()?;
        let mut under_test = UnderTest::start(
            request,
            &self.system,
            &self.placement.server,
            &self.dir,
            gateway.as_ref().and_then(Gateway::url),
            preload.as_ref().map(|(file, _)| file.clone()),
        )
        .await?;
        let took = begun.elapsed();
        let ends = request.share.parent.as_ref().map(|parent| parent.ends()).unwrap_or_default();
        let (feed, aside, waiting) = channel(ends);
        let mut dispatch = Dispatch::new(Arc::clone(&self.plan), self.lanes(), feed);
        let preloaded = preload.map(|(path, preloaded)| {
            // The server has read it.
            let _ = std::fs::remove_file(path);
            for (visits, vars) in &preloaded.visits {
                dispatch.foresee(visits.iter().copied(), vars);
            }
            (preloaded.entries, preloaded.left_out)
        });
        if let Some(parent) = &request.share.parent
            && parent.order().preloaded
        {
            // Whoever started this generator has given the server the entries; here only their readers are wanted.
            let readers = self.entries_of_before(Path::new("/dev/null"))?.unwrap_or_default();
            for (visits, vars) in &readers.visits {
                dispatch.foresee(visits.iter().copied(), vars);
            }
        }
        let dial = under_test.dial(&self.plan.scenario)?;
        let floor = Arc::new(
            Floor::new(
                Arc::clone(&self.plan),
                under_test.target().clone(),
                &dial,
                Places::within(self.descriptors),
                dispatch,
            )
            .map_err(RunError::Tls)?,
        );

        let attack = self.man(&floor).await?;
        let start_at = match &request.share.parent {
            Some(parent) => Some(parent.start().await?),
            None => request.share.start_at,
        };
        let clock = start::clock(&self.plan.timeline, start_at).await?;
        let recorder = self.recorder(request, layout, &clock, waiting)?;
        under_test.tell(clock.now(), &aside);
        if let Some(counts) = preloaded {
            findings::preloaded(counts, took, clock.now(), &aside);
        }
        let gateway = gateway.map(|gateway| gateway.open(Desk::of(&floor, &request.share)));
        // What happens to the system is done and told by whoever started it.
        let acts = match &request.share.parent {
            Some(_) => Vec::new(),
            None => incidents::acts(&self.plan),
        };
        let ended = self.perform(&floor, clock, attack, &mut under_test, &aside, acts).await;
        let audited = match ended {
            // Whoever started this generator audits for all.
            Ok(_) if request.share.parent.is_none() => self.audit(&mut under_test, &clock, &aside).await,
            Ok(_) => Ok(()),
            Err(_) => Ok(()),
        };
        under_test.stop(&clock, &aside, request.keep_data).await;
        if let Some(gateway) = gateway {
            gateway.close(clock.now(), &aside);
        }
        findings::tell(&floor, self.descriptors, clock.now(), &aside);
        drop(aside);
        {
            let mut dispatch = floor.dispatch();
            dispatch.feed.hand_over(clock.now());
            dispatch.feed.close();
        }
        let written = recorder.finish();
        ended?;
        audited?;
        written.map_err(|source| RunError::Record { path: self.dir.clone(), source })
    }

    /// Where the system's messages come in, if the scenario has any.
    pub(super) async fn gateway(&self, request: &RunRequest) -> Result<Option<Gateway>, RunError> {
        if let Some(parent) = &request.share.parent {
            let wanted = self.plan.scenario.messages.is_some();
            return Ok(parent.messages().filter(|_| wanted).map(Gateway::Parent));
        }
        let address = match self.system {
            System::Started(_) => None,
            System::Running { .. } if request.messages.is_none() => return Ok(None),
            System::Running { .. } => request.messages,
        };
        if self.plan.scenario.messages.is_none() {
            return Ok(None);
        }
        Gateway::bind(address).await.map(Some).map_err(system("listen for the system's messages"))
    }

    /// What the server is to have from earlier in the day; `None` where it is to have nothing.
    pub(super) fn preload(&self) -> Result<Option<(PathBuf, Preloaded)>, RunError> {
        let System::Started(_) = &self.system else { return Ok(None) };
        let path = self.dir.join("preload.jsonl");
        Ok(self.entries_of_before(&path)?.map(|preloaded| (path, preloaded)))
    }

    /// Writes the entries of before the run, and whom they bring in it; `None` where the server is to have none.
    fn entries_of_before(&self, path: &Path) -> Result<Option<Preloaded>, RunError> {
        let messages = self.plan.scenario.messages.as_ref().filter(|messages| messages.preload.is_some());
        let write = |messages| preload::write(&self.plan, messages, path, u64::MAX).map_err(file(path));
        messages.map(write).transpose()
    }

    /// Asks again for everything that was acknowledged. A server that has ended by itself is started once more: what
    /// it acknowledged must have outlived it.
    async fn audit(&self, under_test: &mut UnderTest, clock: &Clock, to: &Aside) -> Result<(), RunError> {
        let Some(audit) = &self.plan.scenario.audit else {
            return Ok(());
        };
        if under_test.target().withdrawn().is_some() {
            findings::not_audited(clock.now(), to);
            return Ok(());
        }
        to.push(Entry::Phase(Phase::Auditing));
        // A record that is broken is told of elsewhere.
        if !to.spooled() {
            return Ok(());
        }
        under_test.heal(clock, to);
        under_test.revive(clock, to).await?;
        let path = self.receipts();
        let receipts = BufReader::new(File::open(&path).map_err(file(&path))?);
        let dial = under_test.dial(&self.plan.scenario)?;
        let opener = Opener::plain(dial).map_err(RunError::Tls)?;
        let found = audit::audit(audit, under_test.target(), opener, receipts).await.map_err(file(&path))?;
        findings::audited(&found, clock.now(), to);
        Ok(())
    }

    /// Lanes of a population that names none.
    pub(super) const fn default_lanes(&self) -> usize {
        self.lanes
    }

    /// The file in which receipts are spooled.
    pub(super) fn receipts(&self) -> PathBuf {
        self.dir.join("receipts.txt")
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
        let spool = File::create(self.receipts()).map_err(file(self.receipts()))?;
        let tally = Tally::new(self.system.name(), layout, request.progress.clone());
        let rules = Rules::new(&self.plan.scenario, self.plan.timeline.start());
        let rules = rules.judged_by(request.share.parent.clone());
        Recorder::start(waiting, writer, spool, tally, rules).map_err(system("start the recorder"))
    }

    /// The run itself.
    async fn perform(
        &self,
        floor: &Arc<Floor>,
        clock: Clock,
        attack: Attack,
        under_test: &mut UnderTest,
        aside: &Aside,
        acts: Vec<Act>,
    ) -> Result<Ended, RunError> {
        let pacer = Pacer::new(self.plan.scenario.run.pacer).map_err(system("make a timer"))?;
        let subjects = Subjects {
            generator: rustix::thread::gettid().as_raw_nonzero().get(),
            server: under_test.process(),
        };
        let sampler =
            Sampler::start(subjects, clock, aside.clone()).map_err(system("start the sampler's thread"))?;
        let ends = floor.dispatch().feed.ends();
        let vigil =
            Vigil::start(&floor.target, ends).map_err(system("start the thread that asks for consent"))?;
        // Nothing fails here: the clock is set once.
        let _ = floor.clock.set(clock);
        let ended = tokio::select! {
            biased;
            ended = conduct(floor, &clock, pacer) => ended.map_err(system("set the timer")),
            never = under_test.live(&clock, aside, acts) => match never {},
        };
        floor.over.give();
        drop(vigil);
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

/// Whether the plan stays below what the target consents to; one of several generators takes its part of that.
fn below_the_ceiling(request: &RunRequest, of: &System) -> Result<(), RunError> {
    let System::Running { target, .. } = of else { return Ok(()) };
    let Some(consent) = target.consent() else { return Ok(()) };
    consent.ceiling.divide(request.share.shard.of());
    let populations = &request.scenario.populations;
    let plays = |index: usize| request.only.is_empty() || request.only.contains(&populations[index].name);
    let planned = peak::planned(&request.scenario, &request.timeline, plays);
    let allowed = consent.ceiling.per_second();
    if planned <= allowed {
        Ok(())
    } else {
        Err(RunError::AboveConsent { planned, url: target.url(), allowed })
    }
}

/// Whether every incident can be played on this system.
fn possible(scenario: &Scenario, of: &System) -> Result<(), RunError> {
    let impossible = |incident: &Incident| {
        Some(match (of, &incident.kind) {
            _ if !incident.is_of_server() => return None,
            (System::Running { .. }, _) => {
                "the tool has not started it; leave the incident out, or name a --server"
            }
            (System::Started(entry), IncidentKind::InstanceLeaves { instances })
                if stay(&entry.config, *instances) == 0 =>
            {
                "one of its instances has to stay"
            }
            (System::Started(_), _) => return None,
        })
    };
    let found = scenario.incidents.iter().find_map(|incident| Some((incident, impossible(incident)?)));
    found.map_or(Ok(()), |(incident, problem)| {
        Err(RunError::Incident {
            at: incident.at,
            what: incident.kind.to_string(),
            name: of.name().to_owned(),
            problem: problem.to_owned(),
        })
    })
}

/// How many of the server's instances are left when so many leave; its configuration has been read before.
fn stay(config: &str, leaving: u32) -> usize {
    let count = Config::parse(config).map_or(1, |config| config.instances.count);
    count.saturating_sub(usize::try_from(leaving).unwrap_or(usize::MAX))
}

/// More lanes than the server has slots and waiting places, sign-in included, or the generator would be the queue.
fn lanes(config: &Config) -> usize {
    let lanes = config.lane.values().map(|lane| lane.slots.workers + lane.slots.queue);
    let places = config.slots.workers + config.slots.queue + config.issuer.workers + lanes.sum::<usize>();
    let places = places * config.instances.count;
    (places + places / 10 + 64).min(MOST_LANES)
}
