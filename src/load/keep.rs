//! Idle connections of a journey, an account or a lane, and the rounds on which it is seen that the other side has closed them.
//!
//! A server closes what is idle for too long, and a browser then closes its end at once. Who does not look before the next
//! request holds a descriptor and a place for nobody: after a minute of an overloaded evening those were nearly all there are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::connection::Connection;

type Idle = Mutex<Vec<Connection>>;

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Idle connections of one user. They are closed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Keep(Option<Arc<Idle>>);

impl Keep {
    /// The one that was used last.
    pub(super) fn take(&self) -> Option<Connection> {
        lock(self.0.as_ref()?).pop()
    }

    /// Keeps a connection until it is taken.
    pub(super) fn put(&mut self, connection: Connection, rounds: &mut Rounds) {
        let idle = self.0.get_or_insert_with(|| {
            let new = Arc::default();
            rounds.keeps.push(Arc::downgrade(&new));
            new
        });
        lock(idle).push(connection);
    }
}

/// Looks after all that is kept.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    keeps: Vec<Weak<Idle>>,
    /// Where the next part of the round begins.
    at: usize,
}

/// In so many parts: nobody shall wait for a look at ten thousand connections.
const PARTS: usize = 10;

impl Rounds {
    /// Closes what the other side has closed, in one part of what is kept after the other.
    pub(super) fn go_on(&mut self) {
        let part = self.keeps.len().div_ceil(PARTS);
        for _ in 0..part {
            self.at = self.at.checked_sub(1).unwrap_or(self.keeps.len() - 1);
            match self.keeps[self.at].upgrade() {
                Some(idle) => lock(&idle).retain_mut(Connection::is_still_open),
                // The last takes its place, which has been looked at or will be.
                None => drop(self.keeps.swap_remove(self.at)),
            }
            if self.keeps.is_empty() {
                break;
            }
            self.at = self.at.min(self.keeps.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_is_given_back_and_what_was_closed_is_gone_after_a_round() {
        let (mut keep, mut rounds) = (Keep::default(), Rounds::default());
        assert!(keep.take().is_none());
        let (ours, theirs) = tokio::io::duplex(64);
        keep.put(Connection::over(ours), &mut rounds);
        (0..PARTS).for_each(|_| rounds.go_on());
        let connection = keep.take().expect("still open");
        keep.put(connection.used(), &mut rounds);
        drop(theirs);
        (0..PARTS).for_each(|_| rounds.go_on());
        assert!(keep.take().is_none());
        assert_eq!(rounds.keeps.len(), 1);
        drop(keep);
        rounds.go_on();
        assert!(rounds.keeps.is_empty());
        rounds.go_on();
    }

    proptest! {
        #[test]
        fn a_round_sees_every_keep_and_forgets_those_that_are_gone(gone in prop::collection::vec(any::<bool>(), 0..200)) {
            let mut rounds = Rounds::default();
            let (mut keeps, mut theirs) = (Vec::new(), Vec::new());
            for _ in &gone {
                let (ours, other) = tokio::io::duplex(64);
                let mut keep = Keep::default();
                keep.put(Connection::over(ours).used(), &mut rounds);
                keeps.push(Some(keep));
                theirs.push(other);
            }
            for (keep, gone) in keeps.iter_mut().zip(&gone).filter(|(_, gone)| **gone) {
                assert!(*gone && keep.take().is_some());
            }
            drop(theirs);
            (0..2 * PARTS).for_each(|_| rounds.go_on());
            let left = gone.iter().filter(|gone| !**gone).count();
            prop_assert_eq!(rounds.keeps.len(), left);
            prop_assert!(keeps.iter().flatten().all(|keep| keep.take().is_none()));
        }
    }
}
