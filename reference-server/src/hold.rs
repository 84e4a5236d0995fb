//! Draws how long a request holds its slot at least: the modelled part of a back end that is not there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::class::Class;
use crate::config::Law;

/// The laws of all classes, each with a stream of its own: the n-th request of a class holds the same in every run with
/// the same seed, whatever the other classes do.
#[derive(Debug)]
pub(crate) struct Holds {
    laws: Vec<Option<(Law, Mutex<Xoshiro256PlusPlus>)>>,
}

impl Holds {
    pub(crate) fn new(seed: u64, law: impl Fn(Class) -> Option<Law>) -> Holds {
        let stream = |class: Class| {
            // Neighbouring seeds give unrelated streams: the generator spreads them (SplitMix64).
            let seed = seed.wrapping_mul(Class::ALL.len() as u64).wrapping_add(class.index() as u64);
            Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed))
        };
        let laws = Class::ALL.map(|class| law(class).map(|law| (law, stream(class))));
        Holds { laws: laws.into() }
    }

    /// The next hold time of a class; zero where none is modelled.
    pub(crate) fn draw(&self, class: Class) -> Duration {
        match &self.laws[class.index()] {
            Some((law, stream)) => law.sample(&mut *stream.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(seed: u64) -> Holds {
        Holds::new(seed, |class| match class {
            Class::SignIn => None,
            Class::Lab => Some(Law::Constant(Duration::from_secs(4))),
            _ => Some(Law::Exponential { mean: Duration::from_secs(1) }),
        })
    }

    #[test]
    fn a_class_draws_the_same_whatever_the_others_draw() {
        let (one, other) = (holds(1), holds(1));
        let alone: Vec<_> = (0..20).map(|_| one.draw(Class::Form)).collect();
        let mixed: Vec<_> = (0..20)
            .map(|_| {
                other.draw(Class::Landing);
                other.draw(Class::Form)
            })
            .collect();
        assert_eq!(alone, mixed);
        assert_ne!(alone[0], holds(2).draw(Class::Form));
        assert_ne!(alone[0], holds(1).draw(Class::Landing));
    }

    #[test]
    fn classes_use_their_own_law() {
        assert_eq!(holds(1).draw(Class::Lab), Duration::from_secs(4));
        assert_eq!(holds(1).draw(Class::SignIn), Duration::ZERO);
    }
}
