//! Faults that whoever started the server can order while it serves: sign-in down or slow, a slow store.
//!
//! An order is a line of JSON on standard input, which only the process that started the server can write to; there is no
//! route to it. It says the whole state, so that an order that is given twice changes nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;

use crate::class::Class;

/// The faults of a running server; none at its start.
#[derive(Debug, Default)]
pub struct Faults {
    issuer_down: AtomicBool,
    sign_in: AtomicU64,
    commit: AtomicU64,
    read: AtomicU64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    issuer_down: bool,
    sign_in_us: u64,
    commit_us: u64,
    read_us: u64,
}

impl Faults {
    /// Puts the state of the order in the place of the present one; false, and nothing is changed, when it is none.
    pub fn obey(&self, line: &[u8]) -> bool {
        let Ok(order) = serde_json::from_slice::<Order>(line) else { return false };
        self.issuer_down.store(order.issuer_down, Ordering::Relaxed);
        self.sign_in.store(order.sign_in_us, Ordering::Relaxed);
        self.commit.store(order.commit_us, Ordering::Relaxed);
        self.read.store(order.read_us, Ordering::Relaxed);
        true
    }

    /// Whether sign-in is refused.
    pub(crate) fn issuer_down(&self) -> bool {
        self.issuer_down.load(Ordering::Relaxed)
    }

    /// How much longer than its hold time a request of this class keeps its slot.
    pub(crate) fn longer(&self, class: Class) -> Duration {
        match class {
            Class::SignIn => Duration::from_micros(self.sign_in.load(Ordering::Relaxed)),
            _ => Duration::ZERO,
        }
    }

    /// How much longer a commit takes.
    pub(crate) fn commit(&self) -> Duration {
        Duration::from_micros(self.commit.load(Ordering::Relaxed))
    }

    /// How much longer a read takes.
    pub(crate) fn read(&self) -> Duration {
        Duration::from_micros(self.read.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_the_whole_state_and_what_is_none_changes_nothing() {
        let faults = Faults::default();
        let order = br#"{"issuer_down":true,"sign_in_us":0,"commit_us":50000,"read_us":0}"#;
        assert!(faults.obey(order) && faults.issuer_down());
        assert_eq!(faults.commit(), Duration::from_millis(50));
        assert!(!faults.obey(b"hello") && !faults.obey(br#"{"issuer_down":false}"#));
        assert!(faults.issuer_down(), "what is no order changes nothing");
        assert!(faults.obey(br#"{"issuer_down":false,"sign_in_us":7,"commit_us":0,"read_us":0}"#));
        assert_eq!(faults.longer(Class::SignIn), Duration::from_micros(7));
        assert_eq!(faults.longer(Class::Form) + faults.commit(), Duration::ZERO);
    }
}
