//! Exit codes, in one place. They are part of the interface (README) and never change meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All as expected.
    Success,
    /// The tool itself failed.
    ToolError,
    /// Wrong usage, or a scenario with problems.
    Usage,
    /// A run's numbers may not be believed.
    NotValid,
    /// The target did not consent to load.
    Refused,
    /// Neither yes nor no.
    Inconclusive,
    /// A configuration did not do what was expected of it.
    NotAsExpected,
    /// Interrupted; what was measured is kept.
    Interrupted,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::ToolError => 1,
            Self::Usage => 2,
            Self::NotValid => 3,
            Self::Refused => 96,
            Self::Inconclusive => 97,
            Self::NotAsExpected => 99,
            Self::Interrupted => 130,
        }
    }

    /// The one that is reported when several apply: 130, 1, 96, 3, 99, 97, 2, 0 in this order.
    pub(crate) fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        const ORDER: [Exit; 8] = [
            Exit::Interrupted,
            Exit::ToolError,
            Exit::Refused,
            Exit::NotValid,
            Exit::NotAsExpected,
            Exit::Inconclusive,
            Exit::Usage,
            Exit::Success,
        ];
        let rank = |exit: &Self| ORDER.iter().position(|other| other == exit);
        all.into_iter().min_by_key(rank).unwrap_or(Self::Success)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error of a command, with the exit code it stands for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, message: message.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::ToolError, message: format!("{error:#}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_outranks_a_failed_expectation() {
        assert_eq!(Exit::worst([Exit::Success, Exit::NotAsExpected, Exit::Interrupted]), Exit::Interrupted);
        assert_eq!(Exit::worst([Exit::Inconclusive, Exit::NotAsExpected]), Exit::NotAsExpected);
        assert_eq!(Exit::worst([Exit::NotValid, Exit::NotAsExpected]), Exit::NotValid);
        assert_eq!(Exit::worst([]), Exit::Success);
    }
}
