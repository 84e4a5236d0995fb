//! What changes at a time that is known: numbers of servers, and what incidents do.

use super::Engine;
use crate::sim::clients::Clients;
use crate::sim::desk::Desk;
use crate::sim::faults::Change;
use crate::sim::memory::Remembered;
use crate::sim::meter::End;

impl<C: Clients> Engine<'_, C> {
    /// Makes the next change.
    pub(super) fn change(&mut self, at: i64) {
        let Some((_, change)) = self.changes.pop_front() else { return };
        match change {
            Change::Servers { station, servers } => self.change_servers(station, servers, at),
            Change::Down(true) => self.die(at),
            Change::Down(false) => {
                self.down = false;
                self.doors.renew(self.model, at);
                self.rooms.renew(at);
                self.take_up(at);
            }
            Change::Closed { class, closed } => self.closed[usize::from(class)] = closed,
            Change::Longer { class, by } => self.longer[usize::from(class)] = by,
            Change::Away(instances) => self.doors.away = instances,
        }
    }

    /// The server is killed: nobody who is there is served.
    fn die(&mut self, at: i64) {
        self.down = true;
        for ticket in self.jobs.tickets() {
            let job = self.jobs.get(ticket).copied();
            let told = job.filter(|job| self.is_awaited(job)).map(|job| (job.request, job.at));
            if let Some(job) = job {
                self.keep(&job);
            }
            self.withdraw(ticket, at, End::Down);
            if let Some((request, came)) = told {
                self.reply(&request, (came, at), End::Down, false, None);
            }
        }
        self.desks.iter_mut().for_each(Desk::forget);
        self.rooms.die(at, self.meter);
        self.memories.iter_mut().for_each(Remembered::forget);
    }

    fn change_servers(&mut self, station: u16, servers: u32, at: i64) {
        let first = self.model.first[usize::from(station)];
        let count = self.model.stations[usize::from(station)].instances as usize;
        for number in first..first + count {
            self.desks[number].servers = servers;
            self.serve_next(number, at);
        }
    }
}
