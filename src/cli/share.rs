//! Several generators that play one plan: which part of it is this one's, and from when on.

use std::time::SystemTime;

use clap::Args;

use super::exit::Failure;
use crate::load::Share;
use crate::scenario::Shard;

/// Flags of a run that is one of several.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Several generators, one plan")]
pub(super) struct ShareArgs {
    /// Play the I-th of N parts of the plan; peakday merge adds up what the N parts recorded
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// When the run-in begins, the same for all parts: RFC 3339, as in 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    start_at: Option<String>,
}

impl ShareArgs {
    /// What this process plays against so many systems.
    ///
    /// # Errors
    /// Everything that is wrong with the flags, with exit code 2.
    pub(super) fn share(&self, systems: usize) -> Result<Share, Failure> {
        let mut problems = Vec::new();
        let start_at = self.start_at.as_deref().and_then(|text| match instant(text) {
            Ok(at) => Some(at),
            Err(problem) => {
                problems.push(format!("--start-at {text}: {problem}"));
                None
            }
        });
        if self.start_at.is_some() && systems > 1 {
            problems.push(format!(
                "--start-at names one instant, and the run has {systems} server configurations, one after the other: \
                 choose one with --server"
            ));
        }
        if problems.is_empty() {
            Ok(Share { shard: self.shard.unwrap_or(Shard::WHOLE), start_at })
        } else {
            Err(Failure::usage(problems.join("\n")))
        }
    }
}

/// An instant that is still to come.
fn instant(text: &str) -> Result<SystemTime, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("{error}: write it as 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00"))?;
    let at = SystemTime::from(time);
    match SystemTime::now().duration_since(at) {
        Ok(ago) => Err(format!(
            "that was {:.1} s ago by this machine's clock: name an instant to come",
            ago.as_secs_f64()
        )),
        Err(_) => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(start_at: &str) -> ShareArgs {
        ShareArgs { shard: None, start_at: Some(start_at.to_owned()) }
    }

    #[test]
    fn an_instant_is_read_with_its_zone_and_must_be_to_come() {
        let at = |text| args(text).share(1).map(|share| share.start_at);
        assert_eq!(at("2996-12-24T19:00:00+01:00").unwrap(), at("2996-12-24T18:00:00Z").unwrap());
        for (text, problem) in [("2006-12-24T18:00:00Z", "ago"), ("18:00", "write it as")] {
            let failure = at(text).unwrap_err();
            assert!(failure.message.contains(problem), "{}", failure.message);
        }
        let failure = args("2996-12-24T18:00:00Z").share(2).unwrap_err();
        assert!(failure.message.contains("2 server configurations"), "{}", failure.message);
    }
}
