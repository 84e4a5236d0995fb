//! The figures of a report, each with a message as its title.

mod bands;
mod flow;
mod histogram;
mod lag;
mod nines;
mod percentiles;
mod refusals;
mod served;
mod stack;
mod stations;

use super::canvas::DrawError;
use super::drawing::Drawing;
use super::facts::Facts;
use super::readout::Readout;

/// A figure.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Its file's name without `.svg`, and its anchor in the page.
    pub(super) name: &'static str,
    /// Its message, from the data: one sentence.
    pub(super) title: String,
    /// How to read it, and what it leaves out.
    pub(super) note: String,
    /// The picture; none where the title says all there is.
    pub(super) drawing: Option<Drawing>,
    /// What a pointer over it reads out.
    pub(super) readout: Option<Readout>,
}

/// All figures that this run has data for, in the order in which they are read.
///
/// # Errors
/// Only through a mistake in a figure.
pub(super) fn all(facts: &Facts) -> Result<Vec<Figure>, DrawError> {
    let figures = [
        served::figure(facts)?,
        nines::figure(facts)?,
        histogram::figure(facts)?,
        match bands::figure(facts)? {
            None => percentiles::figure(facts)?,
            bands => bands,
        },
        flow::figure(facts)?,
        refusals::figure(facts)?,
        stations::figure(facts)?,
        lag::figure(facts)?,
    ];
    Ok(figures.into_iter().flatten().collect())
}
