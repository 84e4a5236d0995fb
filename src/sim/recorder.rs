//! What an engine of journeys tells: to the record of a run, or to nobody.

use crate::arrivals::Conformance;
use crate::record::{JourneyEvent, Sample, Writer};
use crate::stats::LiveWindows;
use crate::units::Offset;

/// Takes in what happens to requests and journeys.
pub(super) trait Recorder {
    /// A request is due.
    fn offered(&mut self, population: u16, step: u16, intended: Offset);
    /// A request is sent.
    fn sent(&mut self, population: u16, step: u16, at: Offset);
    /// A request is due and sent at once.
    #[inline(always)]
    fn sent_when_due(&mut self, population: u16, step: u16, at: Offset) {
        self.offered(population, step, at);
        self.sent(population, step, at);
    }
    /// A request has ended, or will at `sample.done`.
    fn ended(&mut self, sample: &Sample);
    /// Something happened to a journey that arrived at `arrived`.
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent);
    /// Nothing more will be told of what ends before this instant.
    fn passed(&mut self, now: Offset);
}

/// The record on disk, flushed once an interval; what cannot be written is told at the end.
#[derive(Debug)]
pub(super) struct ToDisk<'a> {
    writer: &'a mut Writer,
    interval: i64,
    next: i64,
    /// The first error of a write.
    pub(super) broken: Option<std::io::Error>,
}

impl<'a> ToDisk<'a> {
    /// Flushes every `interval` nanoseconds.
    pub(super) const fn new(writer: &'a mut Writer, interval: i64) -> Self {
        Self { writer, interval, next: i64::MIN, broken: None }
    }
}

impl Recorder for ToDisk<'_> {
    fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        self.writer.offered(population, step, intended);
    }

    fn sent(&mut self, population: u16, step: u16, at: Offset) {
        self.writer.sent(population, step, at);
    }

    #[inline(always)]
    fn sent_when_due(&mut self, population: u16, step: u16, at: Offset) {
        self.writer.sent_when_due(population, step, at);
    }

    #[inline(always)]
    fn ended(&mut self, sample: &Sample) {
        self.writer.ended(sample);
    }

    #[inline]
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        self.writer.journey(population, arrived, event);
    }

    fn passed(&mut self, now: Offset) {
        if now.nanos() >= self.next {
            self.next = now.nanos() + self.interval;
            if let Err(error) = self.writer.flush(now) {
                self.broken.get_or_insert(error);
            }
        }
    }
}

/// Both listen.
impl<A: Recorder, B: Recorder> Recorder for (A, B) {
    fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        self.0.offered(population, step, intended);
        self.1.offered(population, step, intended);
    }

    fn sent(&mut self, population: u16, step: u16, at: Offset) {
        self.0.sent(population, step, at);
        self.1.sent(population, step, at);
    }

    #[inline(always)]
    fn sent_when_due(&mut self, population: u16, step: u16, at: Offset) {
        self.0.sent_when_due(population, step, at);
        self.1.sent_when_due(population, step, at);
    }

    #[inline(always)]
    fn ended(&mut self, sample: &Sample) {
        self.0.ended(sample);
        self.1.ended(sample);
    }

    #[inline]
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        self.0.journey(population, arrived, event);
        self.1.journey(population, arrived, event);
    }

    fn passed(&mut self, now: Offset) {
        self.0.passed(now);
        self.1.passed(now);
    }
}

/// Nobody may be listening.
impl<R: Recorder> Recorder for Option<R> {
    fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        if let Some(recorder) = self {
            recorder.offered(population, step, intended);
        }
    }

    fn sent(&mut self, population: u16, step: u16, at: Offset) {
        if let Some(recorder) = self {
            recorder.sent(population, step, at);
        }
    }

    #[inline(always)]
    fn ended(&mut self, sample: &Sample) {
        if let Some(recorder) = self {
            recorder.ended(sample);
        }
    }

    #[inline]
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        if let Some(recorder) = self {
            recorder.journey(population, arrived, event);
        }
    }

    fn passed(&mut self, now: Offset) {
        if let Some(recorder) = self {
            recorder.passed(now);
        }
    }
}

/// Promises about windows, judged as the run goes on. Most runs have none.
impl Recorder for Vec<LiveWindows> {
    fn offered(&mut self, population: u16, step: u16, intended: Offset) {
        self.iter_mut().for_each(|live| live.offered(population, step, intended));
    }

    fn sent(&mut self, population: u16, step: u16, at: Offset) {
        self.iter_mut().for_each(|live| live.sent(population, step, at));
    }

    #[inline(always)]
    fn sent_when_due(&mut self, population: u16, step: u16, at: Offset) {
        if !self.is_empty() {
            self.offered(population, step, at);
            self.sent(population, step, at);
        }
    }

    #[inline(always)]
    fn ended(&mut self, sample: &Sample) {
        if !self.is_empty() {
            self.iter_mut().for_each(|live| live.ended(sample));
        }
    }

    fn journey(&mut self, _: u16, _: Offset, _: JourneyEvent) {}

    fn passed(&mut self, now: Offset) {
        self.iter_mut().for_each(|live| live.passed(now));
    }
}

/// Whether those who come are the planned process.
impl Recorder for Conformance {
    fn offered(&mut self, _: u16, _: u16, _: Offset) {}

    fn sent(&mut self, _: u16, _: u16, _: Offset) {}

    #[inline(always)]
    fn ended(&mut self, _: &Sample) {}

    #[inline]
    fn journey(&mut self, population: u16, arrived: Offset, event: JourneyEvent) {
        if matches!(event, JourneyEvent::Planned) {
            self.came(population, arrived);
        }
    }

    fn passed(&mut self, _: Offset) {}
}
