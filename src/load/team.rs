//! The generators that this process starts for one run, each a process that plays a shard; none outlives it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::abort::Counts;
use super::child::{Launch, describe, spawn_on};
use super::parent::{Answer, Order, Second, Word};
use super::request::RunError;

/// How often it is seen how they are.
const LOOK: Duration = Duration::from_millis(20);
/// The longest time in which a generator reads its scenario and starts its lanes.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Exit code of a generator whose system withdrew its consent.
const REFUSED: i32 = 96;
/// The most of a log that is read for its last words.
const LOG: u64 = 1 << 20;

/// The generators of a run. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Team {
    members: Vec<Member>,
    board: Board,
}

#[derive(Debug)]
struct Member {
    order: Order,
    child: Child,
    /// Its standard input, by way of a thread: a generator that does not read must not stop the others.
    words: Sender<String>,
    log: PathBuf,
    ended: bool,
    /// The system withdrew its consent.
    refused: bool,
}

/// What the generators said last, by place.
type Board = Arc<Mutex<Vec<Told>>>;

#[derive(Debug, Clone, Default)]
struct Told {
    ready: bool,
    second: Option<Second>,
    /// What the abort rules counted, second by second, until it is added up.
    counted: VecDeque<(i64, Counts)>,
}

/// Where messages are put for the shard that they concern.
#[derive(Debug, Clone)]
pub(super) struct Pigeonholes(Vec<Sender<String>>);

impl Pigeonholes {
    /// How many shards there are.
    pub(super) fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// Puts a message where the shard of this number, from 1, finds it.
    pub(super) fn put(&self, shard: u32, body: &[u8]) {
        let of = self.0.get((shard as usize).saturating_sub(1));
        if let (Some(of), Ok(body)) = (of, std::str::from_utf8(body)) {
            // One that has ended takes no more messages; its end is noticed elsewhere.
            let _ = of.send(line(&Word::Message(body.to_owned())));
        }
    }
}

impl Team {
    /// Starts a generator for each order, all free to run on `cores`.
    ///
    /// # Errors
    /// One cannot be started; those before it are killed.
    pub(super) async fn start(
        launch: &Launch,
        orders: Vec<Order>,
        cores: &[usize],
    ) -> Result<Self, RunError> {
        let board = Board::default();
        let mut team = Self { members: Vec::new(), board: Arc::clone(&board) };
        for (place, order) in orders.into_iter().enumerate() {
            let failed = |source| RunError::System { doing: "start a generator", source };
            std::fs::create_dir_all(&order.folder).map_err(failed)?;
            let log = order.folder.join("generator.log");
            let mut command = Command::new(&launch.program);
            command.args(&launch.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
            command.stderr(File::create(&log).map_err(failed)?);
            // Ctrl-C goes to the whole group of the terminal; a generator stops when it is told to.
            command.process_group(0);
            let mut child = spawn_on(cores, command).await.map_err(failed)?;
            board.lock().unwrap_or_else(PoisonError::into_inner).push(Told::default());
            let (words, heard) = channel();
            speak(child.stdin.take(), heard);
            listen(child.stdout.take(), place, Arc::clone(&board));
            // The order is the first that it reads.
            let _ = words.send(line(&Word::Order(order.clone())));
            team.members.push(Member { order, child, words, log, ended: false, refused: false });
        }
        Ok(team)
    }

    /// Waits until all are ready to start.
    ///
    /// # Errors
    /// One ends instead, or says nothing.
    pub(super) async fn ready(&mut self) -> Result<(), RunError> {
        let until = tokio::time::Instant::now() + READY_WITHIN;
        while !self.told().iter().all(|told| told.ready) {
            for member in &mut self.members {
                if member.look()? {
                    return Err(member.failed("it ended before it was ready"));
                }
            }
            if tokio::time::Instant::now() > until {
                return Err(RunError::Lanes(format!(
                    "the generators are not ready after {} s",
                    READY_WITHIN.as_secs()
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Tells all of them.
    pub(super) fn tell(&self, word: &Word) {
        for member in &self.members {
            let _ = member.words.send(line(word));
        }
    }

    /// Where messages for them are put.
    pub(super) fn pigeonholes(&self) -> Pigeonholes {
        Pigeonholes(self.members.iter().map(|member| member.words.clone()).collect())
    }

    /// How many are still playing.
    ///
    /// # Errors
    /// One has failed.
    pub(super) fn playing(&mut self) -> Result<usize, RunError> {
        let mut playing = 0;
        for member in &mut self.members {
            playing += usize::from(!member.look()?);
        }
        Ok(playing)
    }

    /// Whether one ended because the system withdrew its consent.
    pub(super) fn was_refused(&self) -> bool {
        self.members.iter().any(|member| member.refused)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    /// The last second of all of them together, once each has told of one.
    pub(super) fn second(&self) -> Option<Second> {
        let seconds: Option<Vec<Second>> = self.told().iter().map(|told| told.second).collect();
        seconds.map(|seconds| Second::together(&seconds))
    }

    /// What the abort rules counted in the next second of which all have told that still play, added up.
    pub(super) fn counted(&self) -> Option<(i64, Counts)> {
        let mut board = self.told();
        let waits = |(told, member): (&Told, &Member)| told.counted.is_empty() && !member.ended;
        if board.iter().zip(&self.members).any(waits) {
            return None;
        }
        let second = board.iter().filter_map(|told| told.counted.front()).map(|(second, _)| *second).min()?;
        let mut sum = Counts::new();
        for told in board.iter_mut() {
            if told.counted.front().is_some_and(|(of, _)| *of == second)
                && let Some((_, counts)) = told.counted.pop_front()
            {
                sum.resize(counts.len(), [0, 0]);
                sum.iter_mut().flatten().zip(counts.into_iter().flatten()).for_each(|(sum, of)| *sum += of);
            }
        }
        Some((second, sum))
    }

    fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        for member in self.members.iter_mut().filter(|member| !member.ended) {
            // Ended already, or about to: there is nobody to tell.
            let _ = member.child.kill();
            let _ = member.child.wait();
        }
    }
}

impl Member {
    /// Whether it has ended.
    fn look(&mut self) -> Result<bool, RunError> {
        if self.ended {
            return Ok(true);
        }
        match self.child.try_wait() {
            Ok(None) => Ok(false),
            Ok(Some(status)) => {
                self.ended = true;
                self.refused = status.code() == Some(REFUSED);
                if status.success() || self.refused { Ok(true) } else { Err(self.failed(&describe(status))) }
            }
            Err(source) => Err(RunError::System { doing: "await a generator", source }),
        }
    }

    fn failed(&self, how: &str) -> RunError {
        let mut said = String::new();
        let _ = File::open(&self.log).and_then(|log| log.take(LOG).read_to_string(&mut said));
        RunError::Lanes(format!("generator {}: {how}; it said:\n{}", self.order.shard, said.trim_end()))
    }
}

fn line(word: &Word) -> String {
    // Words are plain data: there is nothing in them that JSON cannot hold.
    serde_json::to_string(word).unwrap_or_default() + "\n"
}

fn speak(stdin: Option<ChildStdin>, words: Receiver<String>) {
    let spoken = move || {
        let Some(mut stdin) = stdin else { return };
        for word in words {
            if stdin.write_all(word.as_bytes()).is_err() {
                return;
            }
        }
    };
    // Without the thread the generator hears nothing and ends, which is noticed.
    let _ = std::thread::Builder::new().name("words".to_owned()).spawn(spoken);
}

fn listen(stdout: Option<ChildStdout>, place: usize, board: Board) {
    let heard = move || {
        let Some(stdout) = stdout else { return };
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
            match serde_json::from_str(&line) {
                Ok(Answer::Ready) => board[place].ready = true,
                Ok(Answer::Second(second)) => board[place].second = Some(second),
                Ok(Answer::Counted(second, counts)) => board[place].counted.push_back((second, counts)),
                Err(_) => {}
            }
        }
    };
    let _ = std::thread::Builder::new().name("answers".to_owned()).spawn(heard);
}
