//! A run that several processes of this machine play: this one starts the system and them, hands out messages, audits,
//! and adds up.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::abort::Rules;
use super::gateway::{Desk, Gateway};
use super::opener::Opener;
use super::parent::{Order, Word};
use super::progress::Tally;
use super::recorder::{Aside, Ends, Recorder, channel};
use super::request::{RunError, RunRequest, System, file, system};
use super::sampler::{Sampler, Subjects};
use super::stage::Stage;
use super::team::Team;
use super::under_test::UnderTest;
use super::{audit, clock, findings, incidents, interrupt, start};
use crate::record::{self, Event, Layout, Run, RunHeader, Severity, What, Writer};
use crate::scenario::Shard;
use crate::stats;
use crate::units::Offset;

/// From the moment when all generators are ready to the beginning of the run-in.
const LEAD: Duration = Duration::from_millis(500);
/// How often it is seen how the generators are.
const LOOK: Duration = Duration::from_millis(50);

impl Stage {
    /// Plays against the system with `generators` processes and writes the sum of their records.
    ///
    /// # Errors
    /// The tool or a generator fails; the system under test and the generators are stopped all the same.
    pub(super) async fn direct(
        self,
        request: &RunRequest,
        layout: &Layout,
        header: &RunHeader,
    ) -> Result<(), RunError> {
        let shards = self.dir.join("shards");
        let own = shards.join("parent");
        std::fs::create_dir_all(&own).map_err(file(&own))?;
        let mut own_header = header.clone();
        own_header.servers.retain(|server| server.name == self.system.name());
        own_header.write(&own)?;
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
        let started = matches!(self.system, System::Started(_));
        let url = started.then(|| under_test.target().url());
        let ca = under_test.certificate()?;
        let preloaded = preload.map(|(path, preloaded)| {
            // The server has read it.
            let _ = std::fs::remove_file(path);
            (preloaded.entries, preloaded.left_out)
        });
        let of = request.share.generators;
        let orders = (1..=of).filter_map(|number| Shard::new(number, of)).map(|shard| Order {
            shard,
            server: self.system.name().to_owned(),
            url: url.clone(),
            ca: ca.clone(),
            folder: shards.join(shard.number().to_string()),
            core: self.own_core(shard),
            preloaded: preloaded.is_some(),
            lanes: self.default_lanes(),
        });
        let orders: Vec<Order> = orders.collect();
        let launch = request.share.launch.as_ref();
        let launch =
            launch.ok_or_else(|| RunError::Lanes("it is not said which program plays a shard".to_owned()))?;
        let mut team = Team::start(launch, orders, &self.cores_of_generators()).await?;
        team.ready().await?;
        let at = SystemTime::now() + LEAD;
        team.tell(&Word::Start(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()));
        let clock = start::clock(&self.plan.timeline, Some(at)).await?;

        let (mut feed, aside, waiting) = channel(Ends::default());
        let folder = own.join(self.system.name());
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let zero = clock::span(since_epoch) + Offset::ZERO.since(clock.now());
        let writer = Writer::create(&folder, layout, zero).map_err(file(&folder))?;
        let spool = File::create(self.receipts()).map_err(file(self.receipts()))?;
        let tally = Tally::new(self.system.name(), layout, None);
        // No request ends here: the rules are judged on what the generators count.
        let recorder = Recorder::start(waiting, writer, spool, tally, Rules::default())
            .map_err(system("start the recorder"))?;
        under_test.tell(clock.now(), &aside);
        let cores = self.cores_of_generators();
        if cores.len() < of as usize {
            let detail =
                format!("{of} generators share the cores {cores:?}: their send lag says what that costs");
            let what = What::Finding { code: "generators".to_owned(), detail, severity: Severity::Note };
            aside.event(Event { at: clock.now(), what });
        }
        if let Some(counts) = preloaded {
            findings::preloaded(counts, took, clock.now(), &aside);
        }
        let desk = Desk::Team(Arc::clone(&self.plan), team.pigeonholes());
        let gateway = gateway.map(|gateway| gateway.open(desk));
        let subjects = Subjects {
            generator: rustix::thread::gettid().as_raw_nonzero().get(),
            server: under_test.process(),
        };
        let sampler =
            Sampler::start(subjects, clock, aside.clone()).map_err(system("start the sampler's thread"))?;
        let played: Result<(), RunError> = {
            let playing = async {
                let mut rules = Rules::new(&self.plan.scenario, self.plan.timeline.start());
                let (mut told, mut stopping) = (i64::MIN, false);
                loop {
                    let playing = team.playing()?;
                    if playing == 0 {
                        break;
                    }
                    // A target that withdraws its consent ends the part of one: then the others end theirs.
                    let cut = playing < team.count() && clock.now() < self.plan.timeline.end();
                    let mut stop = (interrupt::pressed() || cut).then_some(None);
                    while let Some((second, counts)) = team.counted() {
                        rules.add(second, &counts);
                        stop = stop.or_else(|| rules.broken_before(second + 1).map(Some));
                    }
                    if let Some(reason) = stop
                        && !stopping
                    {
                        stopping = true;
                        team.tell(&Word::Stop(reason));
                    }
                    feed.hand_over(clock.now());
                    if let (Some(second), Some(listener)) = (team.second(), &request.progress)
                        && second.at_nanos > told
                    {
                        told = second.at_nanos;
                        listener(&second.progress(self.system.name(), self.plan.timeline.end()));
                    }
                    tokio::time::sleep(LOOK).await;
                }
                Ok(())
            };
            tokio::select! {
                biased;
                played = playing => played,
                never = under_test.live(&clock, &aside, incidents::acts(&self.plan)) => match never {},
            }
        };
        sampler.stop();
        if team.was_refused()
            && let System::Running { target, .. } = &self.system
            && let Some(consent) = target.consent()
        {
            // The generators' records say what it said.
            let _ = consent.withdrawn.set("a generator was told so".to_owned());
        }
        let audited = match &played {
            Ok(()) => self.audit_all(&mut under_test, &clock, &aside, of).await,
            Err(_) => Ok(()),
        };
        under_test.stop(&clock, &aside, request.keep_data).await;
        if let Some(gateway) = gateway {
            gateway.close(clock.now(), &aside);
        }
        drop(aside);
        feed.hand_over(clock.now());
        feed.close();
        let written = recorder.finish();
        drop(team);
        played?;
        audited?;
        written.map_err(|source| RunError::Record { path: folder, source })?;
        self.add_up(of, layout)
    }

    /// The cores that the server leaves, highest first; all where it leaves none.
    fn cores_of_generators(&self) -> Vec<usize> {
        let all = || self.available.iter().rev().copied();
        let free: Vec<usize> = all().filter(|core| !self.placement.server.contains(core)).collect();
        if free.is_empty() { all().collect() } else { free }
    }

    /// The core of a shard's generator, where there are enough that each has its own.
    fn own_core(&self, shard: Shard) -> Option<usize> {
        let cores = self.cores_of_generators();
        let enough = cores.len() >= shard.of() as usize;
        enough.then(|| cores[shard.number() as usize - 1])
    }

    async fn audit_all(
        &self,
        under_test: &mut UnderTest,
        clock: &clock::Clock,
        to: &Aside,
        of: u32,
    ) -> Result<(), RunError> {
        let Some(audit) = &self.plan.scenario.audit else { return Ok(()) };
        if under_test.target().withdrawn().is_some() {
            findings::not_audited(clock.now(), to);
            return Ok(());
        }
        under_test.heal(clock, to);
        under_test.revive(clock, to).await?;
        let mut receipts: Box<dyn Read + Send> = Box::new(std::io::empty());
        for number in 1..=of {
            let path = self.shard_folder(number).join(self.system.name()).join("receipts.txt");
            receipts = Box::new(receipts.chain(File::open(&path).map_err(file(&path))?));
        }
        let opener = Opener::plain(under_test.dial(&self.plan.scenario)?).map_err(RunError::Tls)?;
        let found = audit::audit(audit, under_test.target(), opener, BufReader::new(receipts)).await;
        findings::audited(&found.map_err(file(&self.dir))?, clock.now(), to);
        Ok(())
    }

    fn shard_folder(&self, number: u32) -> PathBuf {
        self.dir.join("shards").join(number.to_string())
    }

    fn add_up(&self, of: u32, layout: &Layout) -> Result<(), RunError> {
        let name = self.system.name();
        let failed =
            |error: String| RunError::Record { path: self.dir.clone(), source: std::io::Error::other(error) };
        let open =
            |number: u32| record::open(&self.shard_folder(number)).map_err(|error| failed(error.to_string()));
        let runs: Vec<Run> = (1..=of).map(open).collect::<Result<_, _>>()?;
        let own = record::open(&self.dir.join("shards/parent")).map_err(|error| failed(error.to_string()))?;
        let numbers = (1..=of).filter_map(|number| Shard::new(number, of));
        let shards: Vec<(Shard, &Run)> = numbers.zip(&runs).collect();
        stats::merge_server(name, of, &shards, own.servers.first(), layout, &self.dir)
            .map_err(|error| failed(error.to_string()))
    }
}
