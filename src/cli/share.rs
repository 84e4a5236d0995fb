//! Several generators that play one plan: which part of it is this one's, and from when on.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;

use super::exit::{Exit, Failure};
use super::run;
use crate::load::{self, Launch, Parent, RunOutcome, RunRequest, Share, System};
use crate::scenario::{Arrivals, Cause, Scenario, Shard};

/// Flags of a run that is one of several.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Several generators, one plan")]
pub(super) struct ShareArgs {
    /// Play the I-th of N parts of the plan; peakday merge adds up what the N parts recorded
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// When the run-in begins, the same for all parts: RFC 3339, as in 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    start_at: Option<String>,

    /// Where each part awaits messages, ADDR of part 1 first; a target may send to any of them, they pass them on.
    /// To other machines only with --consent TOKEN, the same for all parts
    #[arg(long, value_name = "ADDR,ADDR...", value_delimiter = ',', requires = "shard")]
    shards: Vec<SocketAddr>,

    /// Play the run with N processes on this machine, and add up what they record
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with_all = ["shard", "start_at"],
          value_parser = clap::value_parser!(u32).range(1..=i64::from(Shard::MOST)))]
    generators: u32,

    /// Play a shard for the process that has started this one: it says the rest on standard input
    #[arg(long, hide = true)]
    generator: bool,
}

impl ShareArgs {
    /// Whoever has started this process to play a shard, if somebody has.
    ///
    /// # Errors
    /// Standard input says no order.
    pub(super) fn parent(&self) -> Result<Option<Arc<Parent>>, Failure> {
        let parent = self.generator.then(Parent::listen).transpose();
        parent.map_err(|error| anyhow::anyhow!("--generator: {error}").into())
    }

    /// What this process plays of a scenario against these systems.
    ///
    /// # Errors
    /// Everything that is wrong with the flags, with exit code 2; a shard on another machine, with 96.
    pub(super) fn share(
        &self,
        scenario: &Scenario,
        only: &[String],
        systems: &[System],
        token: Option<&str>,
    ) -> Result<Share, Failure> {
        let mut problems = self.messages(scenario, only, systems);
        let start_at = self.start_at.as_deref().and_then(|text| match instant(text) {
            Ok(at) => Some(at),
            Err(problem) => {
                problems.push(format!("--start-at {text}: {problem}"));
                None
            }
        });
        if self.start_at.is_some() && systems.len() > 1 {
            problems.push(format!(
                "--start-at names one instant, and the run has {} server configurations, one after the other: choose one \
                 with --server",
                systems.len()
            ));
        }
        if !problems.is_empty() {
            return Err(Failure::usage(problems.join("\n")));
        }
        let elsewhere = self.shards.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let (Some(address), None) = (elsewhere, token) {
            return Err(Failure::refused(format!(
                "--shards {address}: that is another machine, and nothing was sent to it. Give --consent TOKEN, the same for \
                 all shards: each asks the others with it before it passes messages on"
            )));
        }
        let launch = (self.generators > 1).then(generator).transpose();
        Ok(Share {
            shard: self.shard.unwrap_or(Shard::WHOLE),
            start_at,
            addresses: self.shards.clone(),
            token: token.map(str::to_owned),
            generators: self.generators,
            launch: launch.map_err(|error| anyhow::anyhow!("cannot find this program: {error}"))?,
            parent: None,
        })
    }

    /// Where this shard's own messages come in.
    pub(super) fn own_address(&self) -> Option<SocketAddr> {
        self.shards.get(self.shard?.number() as usize - 1).copied()
    }

    /// What is wrong with the table of shards.
    fn messages(&self, scenario: &Scenario, only: &[String], systems: &[System]) -> Vec<String> {
        let Some(shard) = self.shard else { return Vec::new() };
        let mut problems = Vec::new();
        if !self.shards.is_empty() && self.shards.len() != shard.of() as usize {
            let named = self.shards.len();
            problems
                .push(format!("--shards names {named} addresses, and --shard {shard} has {}", shard.of()));
        }
        let brought = scenario.populations.iter().filter(|population| {
            matches!(&population.arrivals, Arrivals::After(after) if after.cause == Cause::Message)
                && (only.is_empty() || only.contains(&population.name))
        });
        let brought: Vec<&str> = brought.map(|population| population.name.as_str()).collect();
        let elsewhere = systems.iter().any(|system| matches!(system, System::Running { .. }));
        if elsewhere && !shard.is_whole() && !brought.is_empty() && self.shards.is_empty() {
            problems.push(format!(
                "messages of the system bring people of scenario {:?} ({}), and each must come to the shard whose entry it \
                 is about: say where the shards listen with --shards ADDR,ADDR,..., the same for all of them",
                scenario.name,
                brought.join(", ")
            ));
        }
        problems
    }
}

/// What a generator plays that another process has started.
pub(super) fn of_parent(parent: &Arc<Parent>) -> Share {
    Share { shard: parent.order().shard, parent: Some(Arc::clone(parent)), ..Share::default() }
}

/// Plays a shard for the process that has started this one, which reports.
///
/// # Errors
/// The run fails, or the order names a system that the arguments do not.
pub(super) fn play(mut request: RunRequest, parent: Arc<Parent>) -> Result<Exit, Failure> {
    let order = parent.order().clone();
    request.systems.retain(|system| system.name() == order.server);
    if let Some(url) = &order.url {
        request.systems = vec![System::Running { name: order.server, target: run::target(url, None, None)? }];
    }
    if order.ca.is_some() {
        Arc::make_mut(&mut request.scenario).ca = order.ca;
    }
    request.messages = None;
    request.progress = Some(Arc::new(move |progress| parent.hear(progress)));
    let exit = |outcome: RunOutcome| if outcome.refused { Exit::Refused } else { Exit::Success };
    load::run(&request).map(exit).map_err(|error| run::failure(&error))
}

/// This program, with the same arguments, as a generator.
fn generator() -> std::io::Result<Launch> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    arguments.push("--generator".into());
    Ok(Launch { program: std::env::current_exe()?, arguments })
}

/// An instant that is still to come.
fn instant(text: &str) -> Result<SystemTime, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("{error}: write it as 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00"))?;
    let at = SystemTime::from(time);
    match SystemTime::now().duration_since(at) {
        Ok(ago) => Err(format!(
            "that was {:.1} s ago by this machine's clock: name an instant to come",
            ago.as_secs_f64()
        )),
        Err(_) => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Target;
    use crate::scenario::example;

    fn args(start_at: Option<&str>, shard: Option<&str>, shards: &[&str]) -> ShareArgs {
        ShareArgs {
            shard: shard.map(|shard| shard.parse().unwrap()),
            start_at: start_at.map(str::to_owned),
            shards: shards.iter().map(|address| address.parse().unwrap()).collect(),
            generators: 1,
            generator: false,
        }
    }

    fn share(args: &ShareArgs, systems: usize) -> Result<Share, Failure> {
        share_with(args, systems, None)
    }

    fn share_with(args: &ShareArgs, systems: usize, token: Option<&str>) -> Result<Share, Failure> {
        let mut readers = example::population("reader", vec![example::step("read")]);
        readers.arrivals = example::brought_by_messages();
        let target = Target::parse("http://127.0.0.1:9").unwrap();
        let systems = vec![System::Running { name: "target".to_owned(), target }; systems];
        args.share(&example::scenario(vec![readers]), &[], &systems, token)
    }

    #[test]
    fn an_instant_is_read_with_its_zone_and_must_be_to_come() {
        let at = |text, systems| share(&args(Some(text), None, &[]), systems).map(|share| share.start_at);
        assert_eq!(at("2996-12-24T19:00:00+01:00", 1).unwrap(), at("2996-12-24T18:00:00Z", 1).unwrap());
        for (text, problem) in [("2006-12-24T18:00:00Z", "ago"), ("18:00", "write it as")] {
            let failure = at(text, 1).unwrap_err();
            assert!(failure.message.contains(problem), "{}", failure.message);
        }
        let failure = at("2996-12-24T18:00:00Z", 2).unwrap_err();
        assert!(failure.message.contains("2 server configurations"), "{}", failure.message);
    }

    #[test]
    fn a_scenario_whose_people_come_by_messages_needs_to_know_where_its_shards_listen() {
        let failure = share(&args(None, Some("2/2"), &[]), 1).unwrap_err();
        assert!(failure.exit == Exit::Usage && failure.message.contains("(reader)"), "{}", failure.message);
        let failure = share(&args(None, Some("2/2"), &["127.0.0.1:1"]), 1).unwrap_err();
        assert!(failure.message.contains("names 1 addresses"), "{}", failure.message);
        let apart = args(None, Some("1/2"), &["127.0.0.1:1", "192.0.2.1:1"]);
        assert_eq!(share(&apart, 1).unwrap_err().exit, Exit::Refused);
        assert_eq!(share_with(&apart, 1, Some("secret")).unwrap().token.as_deref(), Some("secret"));
        let both = args(None, Some("2/2"), &["127.0.0.1:1", "127.0.0.1:2"]);
        assert_eq!(share(&both, 1).unwrap().addresses.len(), 2);
        assert_eq!(both.own_address(), Some("127.0.0.1:2".parse().unwrap()));
        assert!(share(&args(None, None, &[]), 1).is_ok());
    }
}
