//! One thing wrong in what somebody wrote: where, what, and what to write instead.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing wrong in a configuration, an entry or a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: the path of the key (`slots.workers`, `entries/3/patient/birth_date`); empty: the text as a whole.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.problem)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}
