//! From the generator's thread to the record's files: a thread of its own, so that no file makes a request late.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::abort::Rules;
use super::progress::{Phase, Tally};
use crate::record::{Event, JourneyEvent, Resources, Sample, Writer};
use crate::units::Offset;

/// Entries in a batch. At 50,000 requests a second a batch is full every 5 ms.
const BATCH: usize = 1_024;
/// Batches that may wait for the recorder. Beyond them the generator waits too: it is late, says so, and keeps its
/// memory.
const WAITING: usize = 256;

/// Something for the record.
#[derive(Debug)]
pub(super) enum Entry {
    /// A request became due.
    Offered { population: u16, step: u16, intended: Offset },
    /// A lane took a request up.
    Sent { population: u16, step: u16, at: Offset },
    /// Nothing more will happen to a request.
    Ended(Sample),
    /// Something happened to a journey.
    Journey { population: u16, arrived: Offset, event: JourneyEvent },
    /// Something else happened.
    Event(Box<Event>),
    /// What was seen of an error.
    Example(Box<Example>),
    /// What a process used.
    Resources(Box<Resources>),
    /// The server acknowledged these.
    Receipts(Vec<String>),
    /// Another part of the run began.
    Phase(Phase),
    /// Somebody wants to read the receipts: they are written, and the word is passed back.
    Spooled(SyncSender<()>),
}

/// One of the first of a kind of error.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) at: Offset,
    pub(super) population: u16,
    pub(super) step: u16,
    /// The kind.
    pub(super) error: String,
    /// What was seen.
    pub(super) detail: String,
}

/// Where it is said that a run is to end before its time, and why.
pub(super) type Ends = Arc<OnceLock<String>>;

#[derive(Debug)]
struct Batch {
    entries: Vec<Entry>,
    /// Everything before this instant has been handed over; `None`: nothing is known about that.
    upto: Option<Offset>,
}

/// The generator's end: collects entries and hands them over in batches.
#[derive(Debug)]
pub(super) struct Feed {
    batch: Vec<Entry>,
    to: Option<SyncSender<Batch>>,
    broken: bool,
    aborted: Ends,
}

impl Feed {
    /// Adds an entry.
    pub(super) fn push(&mut self, entry: Entry, now: Offset) {
        self.batch.push(entry);
        if self.batch.len() >= BATCH {
            self.hand_over(now);
        }
    }

    /// Hands over what there is, and says that all before `now` has been handed over.
    pub(super) fn hand_over(&mut self, now: Offset) {
        let entries = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if let Some(to) = &self.to {
            self.broken |= to.send(Batch { entries, upto: Some(now) }).is_err();
        }
    }

    /// Gives up this end; what has not been handed over is lost.
    pub(super) fn close(&mut self) {
        self.to = None;
    }

    /// Why the run is to end before its time, where a rule or the target says so.
    pub(super) fn aborted(&self) -> Option<&str> {
        self.aborted.get().map(String::as_str)
    }

    /// Where others say that the run is to end, and why: the first reason counts.
    pub(super) fn ends(&self) -> Ends {
        Arc::clone(&self.aborted)
    }

    /// True when the record can no longer be written.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }
}

/// The end of those who have a word now and then: the sampler of resources, the audit.
#[derive(Debug, Clone)]
pub(super) struct Aside(SyncSender<Batch>);

impl Aside {
    /// Adds an entry. Nothing happens when the record can no longer be written: the generator notices that.
    pub(super) fn push(&self, entry: Entry) {
        drop(self.0.send(Batch { entries: vec![entry], upto: None }));
    }

    /// Waits until all receipts that were handed over are written; false when the record is broken.
    pub(super) fn spooled(&self) -> bool {
        let (tell, told) = sync_channel(1);
        self.push(Entry::Spooled(tell));
        told.recv().is_ok()
    }

    /// Adds an event.
    pub(super) fn event(&self, event: Event) {
        self.push(Entry::Event(Box::new(event)));
    }
}

/// The other end, until the recorder is started.
#[derive(Debug)]
pub(super) struct Waiting(Receiver<Batch>, Ends);

/// Both ends. The generator's end may be given away before the recorder is started, as what the record says of the
/// beginning is known only when the lanes are ready. `aborted` is where a rule says that the run ends, and perhaps others.
pub(super) fn channel(aborted: Ends) -> (Feed, Aside, Waiting) {
    let (to, from) = sync_channel(WAITING);
    let batch = Vec::with_capacity(BATCH);
    let feed = Feed { batch, to: Some(to.clone()), broken: false, aborted: Arc::clone(&aborted) };
    (feed, Aside(to), Waiting(from, aborted))
}

#[cfg(test)]
impl Waiting {
    /// All entries, once all feeds are gone.
    pub(super) fn entries(self) -> Vec<Entry> {
        self.0.into_iter().flat_map(|batch| batch.entries).collect()
    }
}

/// The running recorder.
#[derive(Debug)]
pub(super) struct Recorder {
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Starts the thread. `receipts` is where receipts are spooled, one a line.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(super) fn start(
        waiting: Waiting,
        writer: Writer,
        receipts: impl Write + Send + 'static,
        tally: Tally,
        rules: Rules,
    ) -> io::Result<Self> {
        let Waiting(from, aborted) = waiting;
        let receipts = BufWriter::new(receipts);
        let mut at_work = AtWork { writer, receipts, tally, rules, aborted, flushed: i64::MIN };
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            // Where generator and server leave no core free, the record waits, not they.
            let _ = rustix::process::setpriority_process(None, 10);
            let upto = at_work.record(&from)?;
            at_work.receipts.flush()?;
            at_work.writer.finish(upto)
        })?;
        Ok(Self { thread })
    }

    /// Waits until everything is written; all feeds must be gone.
    ///
    /// # Errors
    /// The record could not be written.
    pub(super) fn finish(self) -> io::Result<()> {
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the recorder's thread panicked")))
    }
}

struct AtWork<W: Write> {
    writer: Writer,
    receipts: BufWriter<W>,
    tally: Tally,
    rules: Rules,
    /// Where the generator sees that a rule holds.
    aborted: Ends,
    /// The second that was flushed last.
    flushed: i64,
}

impl<W: Write> AtWork<W> {
    /// Writes what comes until all feeds are gone; the instant up to which everything is there.
    fn record(&mut self, from: &Receiver<Batch>) -> io::Result<Offset> {
        let mut last = Offset::from_nanos(i64::MIN);
        for batch in from {
            for entry in batch.entries {
                self.write(entry)?;
            }
            let Some(upto) = batch.upto else { continue };
            last = last.max(upto);
            if last.second() > self.flushed {
                self.flushed = last.second();
                self.receipts.flush()?;
                self.writer.flush(last)?;
                self.tally.second(last);
                if let Some(reason) = self.rules.broken(last) {
                    // The first reason is the one that counts.
                    let _ = self.aborted.set(reason);
                }
            }
        }
        Ok(last)
    }

    fn write(&mut self, entry: Entry) -> io::Result<()> {
        match entry {
            Entry::Offered { population, step, intended } => {
                self.tally.offered();
                self.writer.offered(population, step, intended);
            }
            Entry::Sent { population, step, at } => self.writer.sent(population, step, at),
            Entry::Ended(sample) => {
                self.tally.ended(&sample);
                self.rules.ended(&sample);
                self.writer.ended(&sample);
            }
            Entry::Journey { population, arrived, event } => self.writer.journey(population, arrived, event),
            Entry::Event(event) => self.writer.event(&event),
            Entry::Example(example) => {
                let Example { at, population, step, error, detail } = *example;
                self.writer.example(at, population, step, &error, &detail);
            }
            Entry::Resources(row) => self.writer.resources(&row),
            Entry::Receipts(receipts) => {
                for receipt in receipts {
                    writeln!(self.receipts, "{receipt}")?;
                }
            }
            Entry::Phase(phase) => self.tally.phase(phase),
            Entry::Spooled(tell) => {
                self.receipts.flush()?;
                // Whoever asked may have given up.
                let _ = tell.send(());
            }
        }
        Ok(())
    }
}
