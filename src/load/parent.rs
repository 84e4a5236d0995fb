//! A generator that another process started: what it is told on standard input, and what it answers on standard output.
//!
//! Lines of JSON both ways. When its standard input ends, whoever started it is gone, and so is it.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::abort::Counts;
use super::interrupt;
use super::progress::{Phase, Progress};
use super::recorder::Ends;
use super::request::RunError;
use crate::scenario::Shard;
use crate::units::{Offset, Span};

/// What a generator is to play: the first that it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which part of the plan.
    pub shard: Shard,
    /// Name of the system under test.
    pub server: String,
    /// Where it is, if it was started for this run; else the command line says so.
    pub url: Option<String>,
    /// The certificate by which it is trusted, where it was started for this run and speaks TLS.
    pub ca: Option<String>,
    /// The folder of this generator's own run.
    pub folder: PathBuf,
    /// The core that is this generator's own.
    pub core: Option<usize>,
    /// Lanes of a population that names none, of all generators together.
    pub lanes: usize,
    /// The system has entries of before the run.
    pub preloaded: bool,
}

/// What a generator is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    Order(Order),
    /// The run-in begins so long after the Unix epoch.
    Start(Duration),
    /// A message of the system that brings somebody of this shard.
    Message(String),
    /// Release no more, for this reason; none: somebody wants it.
    Stop(Option<String>),
}

/// What a generator answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// All lanes are idle.
    Ready,
    /// What happened in a second.
    Second(Second),
    /// What the abort rules count in a second that is over.
    Counted(i64, Counts),
}

/// The last second of a generator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Second {
    pub(super) draining: bool,
    pub(super) at_nanos: i64,
    pub(super) offered: u64,
    pub(super) ok: u64,
    pub(super) good: u64,
    pub(super) shed: u64,
    pub(super) failed: u64,
    pub(super) response_p99: Option<u64>,
    pub(super) lag_p99: Option<u64>,
}

/// Whoever started this generator.
#[derive(Debug)]
pub struct Parent {
    order: Order,
    start: Mutex<Option<oneshot::Receiver<SystemTime>>>,
    messages: Mutex<Option<mpsc::UnboundedReceiver<Bytes>>>,
    ends: Ends,
}

impl Parent {
    /// Takes over standard input: reads the order, and listens from then on. The process ends with 130 when the input does.
    ///
    /// # Errors
    /// The input is no order.
    pub fn listen() -> io::Result<Arc<Self>> {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        let Ok(Word::Order(order)) = serde_json::from_str(&line) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the first line of the input is no order",
            ));
        };
        let (start, started) = oneshot::channel();
        let (message, messages) = mpsc::unbounded_channel();
        let ends = Ends::default();
        let ended = Arc::clone(&ends);
        std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
            let mut start = Some(start);
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(Word::Start(at)) => {
                        // Whoever waited for it may have given up.
                        let _ = start.take().map(|start| start.send(SystemTime::UNIX_EPOCH + at));
                    }
                    Ok(Word::Message(body)) => drop(message.send(Bytes::from(body))),
                    Ok(Word::Stop(None)) => interrupt::press(),
                    // The first reason counts.
                    Ok(Word::Stop(Some(reason))) => drop(ended.set(reason)),
                    Ok(Word::Order(_)) | Err(_) => {}
                }
            }
            std::process::exit(interrupt::INTERRUPTED);
        })?;
        let (start, messages) = (Mutex::new(Some(started)), Mutex::new(Some(messages)));
        Ok(Arc::new(Self { order, start, messages, ends }))
    }

    /// What is to be played.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Says that all is ready, and waits for the word to start.
    pub(super) async fn start(&self) -> Result<SystemTime, RunError> {
        say(&Answer::Ready);
        let start = self.start.lock().unwrap_or_else(PoisonError::into_inner).take();
        match start {
            Some(start) => start.await.map_err(|error| RunError::Lanes(error.to_string())),
            None => Err(RunError::Lanes("a generator plays one system".to_owned())),
        }
    }

    /// The messages for this generator, once.
    pub(super) fn messages(&self) -> Option<mpsc::UnboundedReceiver<Bytes>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where it says that the run is to end, and why.
    pub(super) fn ends(&self) -> Ends {
        Arc::clone(&self.ends)
    }

    /// Passes on what the abort rules count in a second that is over.
    pub(super) fn count(&self, second: i64, counts: Counts) {
        say(&Answer::Counted(second, counts));
    }

    /// Passes on how the run goes.
    pub fn hear(&self, progress: &Progress) {
        let micros = |span: Option<Span>| span.map(Span::micros);
        say(&Answer::Second(Second {
            draining: progress.phase == Phase::Draining,
            at_nanos: progress.at.nanos(),
            offered: progress.offered,
            ok: progress.ok,
            good: progress.good,
            shed: progress.shed,
            failed: progress.failed,
            response_p99: micros(progress.response_p99),
            lag_p99: micros(progress.lag_p99),
        }));
    }
}

impl Second {
    /// The second of several generators together. Counts add up; of the quantiles the worst is kept, above which is no more
    /// than 1 % of all.
    pub(super) fn together(seconds: &[Self]) -> Self {
        seconds.iter().fold(Self { draining: true, at_nanos: i64::MIN, ..Self::default() }, |sum, second| {
            Self {
                draining: sum.draining && second.draining,
                at_nanos: sum.at_nanos.max(second.at_nanos),
                offered: sum.offered + second.offered,
                ok: sum.ok + second.ok,
                good: sum.good + second.good,
                shed: sum.shed + second.shed,
                failed: sum.failed + second.failed,
                response_p99: sum.response_p99.max(second.response_p99),
                lag_p99: sum.lag_p99.max(second.lag_p99),
            }
        })
    }

    /// As a listener hears it.
    pub(super) fn progress(self, server: &str, end: Offset) -> Progress {
        let at = Offset::from_nanos(self.at_nanos);
        let micros = |micros: u64| Span::from_nanos(micros.saturating_mul(1_000));
        Progress {
            server: server.to_owned(),
            phase: if self.draining { Phase::Draining } else { Phase::Playing },
            at,
            left: end.since(at),
            offered: self.offered,
            ok: self.ok,
            good: self.good,
            shed: self.shed,
            failed: self.failed,
            response_p99: self.response_p99.map(micros),
            lag_p99: self.lag_p99.map(micros),
        }
    }
}

fn say(answer: &Answer) {
    let Ok(mut line) = serde_json::to_string(answer) else { return };
    line.push('\n');
    // Whoever listened is gone: the input ends too, and the process with it.
    let mut out = io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_several_generators_add_up_and_the_worst_quantile_is_kept() {
        let one =
            Second { offered: 5, ok: 4, shed: 1, response_p99: Some(900), at_nanos: 3, ..Second::default() };
        let other = Second { offered: 2, failed: 2, lag_p99: Some(70), at_nanos: 4, draining: true, ..one };
        let sum = Second::together(&[one, other]);
        assert_eq!((sum.offered, sum.ok, sum.shed, sum.failed, sum.at_nanos), (7, 8, 2, 2, 4));
        assert_eq!((sum.response_p99, sum.lag_p99, sum.draining), (Some(900), Some(70), false));
    }

    #[test]
    fn a_word_stays_on_one_line() {
        let word = Word::Message("{\n\"ref\": \"x\"\n}".to_owned());
        let line = serde_json::to_string(&word).unwrap();
        assert!(!line.contains('\n'));
        assert!(matches!(serde_json::from_str(&line).unwrap(), Word::Message(body) if body.contains('\n')));
    }
}
