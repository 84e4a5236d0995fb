//! Which slots a class goes through: the server's, the issuer's, or those of a lane.

use crate::class::Class;
use crate::config::Config;
use crate::slots::Slots;

/// All slots of a server, by name.
#[derive(Debug)]
pub(crate) struct Lanes {
    all: Vec<(String, Slots)>,
    /// For each class, where its slots are in `all`.
    of: [usize; Class::ALL.len()],
}

/// Positions of the slots that there always are.
const MAIN: usize = 0;
const ISSUER: usize = 1;

impl Lanes {
    pub(crate) fn new(config: &Config) -> Lanes {
        let issuer = Slots::fifo(config.issuer.workers, config.issuer.queue);
        let mut all =
            vec![("main".to_owned(), Slots::new(config.slots.clone())), ("issuer".to_owned(), issuer)];
        all.extend(config.lane.iter().map(|(name, lane)| (name.clone(), Slots::new(lane.slots.clone()))));
        let of = Class::ALL.map(|class| match (class, config.lane_of(class)) {
            (Class::SignIn, _) => ISSUER,
            (_, None) => MAIN,
            (_, Some((name, _))) => all.iter().position(|(lane, _)| lane == name).unwrap_or(MAIN),
        });
        Lanes { all, of }
    }

    /// The slots that requests of this class go through.
    pub(crate) fn of(&self, class: Class) -> &Slots {
        &self.all[self.of[class.index()]].1
    }

    /// All slots with their names: main, issuer, then the lanes.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Slots)> {
        self.all.iter().map(|(name, slots)| (name.as_str(), slots))
    }

    /// Completes when no slot is in use.
    pub(crate) async fn idle(&self) {
        for (_, slots) in &self.all {
            slots.idle().await;
        }
    }
}
