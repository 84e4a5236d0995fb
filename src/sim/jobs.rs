//! The requests that are at a station, in the event engine.

use super::clients::{NEVER, Request};

/// A request at a station.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<W> {
    /// The request; its deadline is exact where the end of patience was foreseen, and [`NEVER`] once patience no longer
    /// matters.
    pub(super) request: Request<W>,
    /// When it came.
    pub(super) at: i64,
    /// The instance it is at.
    pub(super) desk: u32,
    /// All of its work, in nanoseconds.
    pub(super) work: i64,
    /// What is left of it when service began last.
    pub(super) left: i64,
    /// When service began last; [`NEVER`] while it waits.
    pub(super) started: i64,
    /// Its client has lost patience.
    pub(super) gone: bool,
    /// It is not accepted, as too much is.
    pub(super) refused: bool,
    /// It has got all that it needs.
    pub(super) settled: bool,
    /// The job in service that needs this one; `None`: a client does.
    pub(super) parent: Option<Ticket>,
    /// The one that it needs now.
    pub(super) child: Option<Ticket>,
    /// How many of those that it needs have begun.
    pub(super) begun: u8,
    /// Counts interruptions, so that an end that was foreseen before one is known to be void.
    pub(super) epoch: u32,
}

/// A reference to a job that may have left since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    place: u32,
    generation: u32,
}

impl Ticket {
    /// The ticket as words, the first of which is never the highest number.
    pub(super) const fn to_words(self) -> [u32; 2] {
        [self.place, self.generation]
    }

    /// The ticket that [`Self::to_words`] told.
    pub(super) const fn from_words([place, generation]: [u32; 2]) -> Self {
        Self { place, generation }
    }
}

/// Places for jobs, used again; a place's generation tells its holders apart.
#[derive(Debug)]
pub(super) struct Jobs<W> {
    places: Vec<(u32, Option<Job<W>>)>,
    free: Vec<u32>,
}

impl<W: Copy> Jobs<W> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// A job comes.
    #[inline]
    pub(super) fn add(&mut self, job: Job<W>) -> Ticket {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() as u32 - 1
        });
        let (generation, slot) = &mut self.places[place as usize];
        *slot = Some(job);
        Ticket { place, generation: *generation }
    }

    /// The job of this ticket, unless it has left.
    #[inline]
    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Job<W>> {
        let (generation, slot) = self.places.get_mut(ticket.place as usize)?;
        if *generation == ticket.generation { slot.as_mut() } else { None }
    }

    /// The job of this ticket leaves.
    #[inline]
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Job<W>> {
        let (generation, slot) = self.places.get_mut(ticket.place as usize)?;
        if *generation != ticket.generation {
            return None;
        }
        let job = slot.take()?;
        // 2^32 jobs in the same place are more than a run has.
        *generation = generation.wrapping_add(1);
        self.free.push(ticket.place);
        Some(job)
    }

    /// The tickets of those who are there, in the order of their places.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        let of = |(place, (generation, job)): (u32, &(u32, Option<Job<W>>))| {
            job.is_some().then_some(Ticket { place, generation: *generation })
        };
        (0..).zip(&self.places).filter_map(of).collect()
    }

    /// Those who are still there, in the order of their places.
    pub(super) fn remaining(&self) -> impl Iterator<Item = &Job<W>> {
        self.places.iter().filter_map(|(_, job)| job.as_ref())
    }
}

impl<W> Job<W> {
    /// Whether its client still waits, and would leave at `at`.
    #[inline]
    pub(super) fn loses_patience(&self, at: i64) -> bool {
        !self.gone && self.request.deadline == at
    }

    /// Whether it waits for service.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.started == NEVER
    }
}
