//! What the server has from earlier in the day, so that readers of earlier entries have something to read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::plan::Plan;
use super::vars::Vars;
use crate::arrivals::{self, Earlier};
use crate::journey::account_of;
use crate::scenario::{Arrival, Body, Messages};
use crate::synthetic::{self, AccountId, Context};

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Preloaded {
    pub(super) entries: u64,
    /// Entries that could not be made, for want of an account or of a generator that knows how.
    pub(super) left_out: u64,
    /// The readers, with what they remember of the message that they got before the run.
    pub(super) visits: Vec<(Vec<Arrival>, Arc<Vars>)>,
}

/// Writes the entries of before the run whose readers come in it to `path`, a line each; at most so many.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(plan: &Plan, messages: &Messages, path: &Path, most: u64) -> io::Result<Preloaded> {
    let mut preloaded = Preloaded::default();
    let mut file = BufWriter::new(File::create(path)?);
    let link = messages.keep.first().map_or("link", |keep| keep.name.as_str());
    for earlier in arrivals::earlier(&plan.scenario, &plan.timeline, plan.seed) {
        if !earlier.visits.iter().any(|visit| plan.plays(visit)) {
            continue;
        }
        let Some((value, line)) = line(plan, messages, &earlier) else {
            preloaded.left_out += 1;
            continue;
        };
        file.write_all(&line)?;
        file.write_all(b"\n")?;
        preloaded.entries += 1;
        let mut vars = Vars::default();
        vars.set(link, value);
        preloaded.visits.push((earlier.visits, Arc::new(vars)));
        if preloaded.entries >= most {
            break;
        }
    }
    file.flush()?;
    Ok(preloaded)
}

fn line(plan: &Plan, messages: &Messages, earlier: &Earlier) -> Option<(String, Vec<u8>)> {
    let population = plan.population(earlier.subject.population);
    // What the population enters in the run it entered before it too.
    let own =
        population.steps.iter().filter(|step| step.messages > 0).find_map(|step| match &step.request.body {
            Body::Generated { generator, .. } => Some(generator.as_str()),
            Body::Empty | Body::Text(_) => None,
        });
    let index = account_of(population, &plan.timeline, earlier.key)?;
    let kind = population.accounts.as_ref().map_or("", |accounts| &accounts.kind);
    let context = Context {
        seed: plan.seed,
        subject: earlier.subject,
        key: earlier.key,
        visit: earlier.key,
        step: 0,
        account: Some(AccountId { kind, population: earlier.subject.population, index }),
        date: &plan.scenario.date,
        arrived: earlier.entered,
    };
    own.into_iter()
        .chain(messages.preload.as_deref())
        .find_map(|generator| synthetic::preload_line(generator, &context))
}
