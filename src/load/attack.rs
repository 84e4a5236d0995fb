//! The door to goose: it starts the lanes, runs one transaction after the other in each, and stops them.
//!
//! Everything of goose that measures, prints, listens or writes is switched off: its clock starts when a request is
//! sent and stops at the headers of the answer, and its users are a closed number, so its numbers are not ours.

use std::sync::{Arc, Once};
use std::time::Duration;

use ::goose::client::GooseClientBuilder;
use ::goose::config::GooseConfiguration;
use ::goose::goose::{GooseUser, Scenario, Transaction};
use ::goose::{GooseAttack, GooseError, trigger_killswitch};
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

/// Goose's stop switch belongs to the process, so one attack runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Waits until no attack of this process is running, and keeps others from starting.
pub(super) async fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

/// What a lane does, over and over until goose stops it: given the number of its crew and its own number, which is
/// unique in the attack and counts from 0. It must come back soon once the run is over: a user is stopped only between
/// two transactions.
pub(super) type Carry = Arc<dyn Fn(usize, usize) -> BoxFuture<'static, ()> + Send + Sync>;

/// The lanes of one population.
#[derive(Debug, Clone)]
pub(super) struct Crew {
    /// A name for goose.
    pub(super) name: String,
    /// How many lanes, at least 1.
    pub(super) lanes: usize,
}

/// A running attack.
#[derive(Debug)]
pub(super) struct Attack {
    running: JoinHandle<Result<(), GooseError>>,
    _alone: MutexGuard<'static, ()>,
}

impl Attack {
    /// Starts the lanes of all crews on the present runtime.
    ///
    /// # Errors
    /// Goose refuses the configuration.
    pub(super) async fn start(crews: &[Crew], carry: Carry) -> Result<Self, GooseError> {
        let alone = alone().await;
        silence();
        let lanes = crews.iter().map(|crew| crew.lanes).sum();
        // One client that no lane uses: without it goose builds one for each user, 102 kB and 4 ms apiece.
        let mut attack = GooseAttack::initialize_with_config(configuration(lanes))?
            .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?;
        for (number, crew) in crews.iter().enumerate() {
            attack = attack.register_scenario(scenario(number, crew, &carry)?);
        }
        let running = tokio::spawn(async move { attack.execute().await.map(drop) });
        Ok(Self { running, _alone: alone })
    }

    /// Whether it has ended by itself, which it does only when goose fails.
    pub(super) fn has_ended(&self) -> bool {
        self.running.is_finished()
    }

    /// Stops the lanes, each after its present transaction, and waits until all have stopped.
    ///
    /// # Errors
    /// Goose's own, if it failed before.
    pub(super) async fn stop(mut self) -> Result<(), GooseError> {
        loop {
            // Goose clears the switch when a run starts, so it is pressed until the run has ended.
            trigger_killswitch("the run is over");
            match tokio::time::timeout(Duration::from_millis(100), &mut self.running).await {
                Ok(Ok(result)) => return result,
                Ok(Err(join)) => return Err(GooseError::TokioJoin(join)),
                Err(_) => {}
            }
        }
    }
}

fn scenario(number: usize, crew: &Crew, carry: &Carry) -> Result<Scenario, GooseError> {
    let carry = Arc::clone(carry);
    let transaction = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let request = carry(number, user.weighted_users_index);
        Box::pin(async move {
            request.await;
            Ok(())
        })
    }));
    // Goose gives users to scenarios by weight; with as many users as the weights add up to, each gets its own.
    Scenario::new(&crew.name).register_transaction(transaction).set_weight(crew.lanes)
}

fn configuration(lanes: usize) -> GooseConfiguration {
    let mut goose = GooseConfiguration::default();
    // Goose wants one; no lane asks goose for a request.
    goose.host = Some("http://127.0.0.1:9".to_owned());
    goose.users = Some(lanes);
    // The default is one user a second.
    goose.increase_rate = Some("10000000".to_owned());
    goose.no_metrics = true;
    goose.no_print_metrics = true;
    goose.no_error_summary = true;
    // Goose clears its metrics when all users have started. Told not to, it says so on standard output, where results
    // go; told to, it is silent, since it displays no metrics.
    goose.no_reset_metrics = false;
    goose.no_telnet = true;
    goose.no_gzip = true;
    goose.quiet = 2;
    goose
}

/// Goose logs through `log` and installs a logger of its own where there is none; ours drops everything. What a run
/// has to say is in its record.
fn silence() {
    struct Nowhere;
    impl log::Log for Nowhere {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }
    static SILENCE: Once = Once::new();
    // Another logger may be in place already: then whoever installed it wants to hear goose.
    SILENCE.call_once(|| drop(log::set_logger(&Nowhere)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn crews(lanes: &[usize]) -> Vec<Crew> {
        let named = |(number, lanes): (usize, &usize)| Crew { name: format!("crew {number}"), lanes: *lanes };
        lanes.iter().enumerate().map(named).collect()
    }

    /// Starts lanes that note themselves and wait, stops them, and returns who was there.
    async fn attack(lanes: &[usize]) -> BTreeSet<(usize, usize)> {
        let over = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let carry: Carry = {
            let (over, count, seen) = (Arc::clone(&over), Arc::clone(&count), Arc::clone(&seen));
            Arc::new(move |crew, lane| {
                if seen.lock().unwrap().insert((crew, lane)) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                let over = Arc::clone(&over);
                Box::pin(async move {
                    while !over.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                })
            })
        };
        let attack = Attack::start(&crews(lanes), carry).await.unwrap();
        while count.load(Ordering::Relaxed) < lanes.iter().sum() {
            assert!(!attack.has_ended());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        over.store(true, Ordering::Relaxed);
        attack.stop().await.unwrap();
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[tokio::test]
    async fn every_crew_gets_its_lanes_and_attacks_can_follow_each_other() {
        for lanes in [&[1][..], &[6, 4, 9], &[40, 3]] {
            let seen = attack(lanes).await;
            for (crew, lanes) in lanes.iter().enumerate() {
                assert_eq!(seen.iter().filter(|(of, _)| *of == crew).count(), *lanes);
            }
            let numbers: BTreeSet<usize> = seen.iter().map(|(_, lane)| *lane).collect();
            assert_eq!(numbers, (0..lanes.iter().sum()).collect());
        }
    }
}
