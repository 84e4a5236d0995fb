//! What a journey or an account remembers of answers: the variables of templates.

use std::sync::Arc;

/// Names and values. A handful at most, so a list is the fastest map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vars(Vec<(Arc<str>, String)>);

impl Vars {
    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| **of == *name).map(|(_, value)| value.as_str())
    }

    /// Sets a variable, over what it was before.
    pub(super) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(of, _)| **of == *name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }
}
