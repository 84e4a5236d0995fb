//! Did the promises hold, and did each server configuration do what was expected of it?

use std::io;

use super::observe::{Observed, Source};
use super::windows::{self, Window};
use super::{Audit, Cohort, Expectation, SloResult, SloUnit, ValidityState, Verdict};
use crate::record::ServerRecord;
use crate::scenario::slo::{Bound, Comparison, Slo};
use crate::units::Span;

/// Judges a promise by a record; `None` when it is only about populations that `--only` left out.
///
/// # Errors
/// When the record cannot be read.
pub fn judge(
    slo: &Slo,
    record: &ServerRecord,
    cohort: &Cohort,
    audit: Option<&Audit>,
) -> io::Result<Option<SloResult>> {
    let source = Source { layout: &record.layout, cohort, audit };
    let Some(cells) = source.cells(&slo.measure) else { return Ok(None) };
    let scale = Scale::of(slo);
    let judgement = match slo.window {
        None => scale.judge(&source.observe(&slo.measure, &cells)),
        Some(length) => match windows::observe(record, &source, &slo.measure, &cells, length)? {
            Some(windows) => scale.judge_windows(&windows, length),
            None => scale.undecided(None, "the record cannot be cut into such windows".to_owned()),
        },
    };
    Ok(Some(scale.result(slo, judgement)))
}

/// Whether a configuration did what was expected of it; `None` when that cannot be told.
pub fn as_expected(expect: Expectation, validity: ValidityState, slos: &[SloResult]) -> Option<bool> {
    if validity == ValidityState::Invalid {
        return None;
    }
    let any = |verdict| slos.iter().any(|slo| slo.verdict == verdict);
    let held = if any(Verdict::Fail) {
        Some(false)
    } else if any(Verdict::Undecided) || (slos.is_empty() && expect == Expectation::Fail) {
        None
    } else {
        // Without promises nothing failed.
        Some(true)
    };
    held.map(|held| held == (expect == Expectation::Hold))
}

/// The verdict of a run on the expectations of its configurations.
pub fn verdict(as_expected: impl IntoIterator<Item = Option<bool>>) -> Verdict {
    let mut verdict = Verdict::Pass;
    let mut any = false;
    for expected in as_expected {
        any = true;
        match expected {
            Some(false) => return Verdict::Fail,
            None => verdict = Verdict::Undecided,
            Some(true) => {}
        }
    }
    if any { verdict } else { Verdict::Undecided }
}

/// A bound as a number, and how observed numbers compare with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    comparison: Comparison,
    bound: f64,
    unit: SloUnit,
}

/// The judgements of windows so far.
#[derive(Debug, Default)]
pub(super) struct Fold {
    worst: Option<(Judgement, String)>,
    failed: u64,
    count: u64,
}

#[derive(Debug)]
struct Judgement {
    value: Option<f64>,
    detail: String,
    verdict: Verdict,
}

impl Scale {
    pub(super) fn of(slo: &Slo) -> Self {
        let (bound, unit) = match slo.bound {
            Bound::Time(span) => (span.nanos() as f64 / 1_000.0, SloUnit::Us),
            Bound::Share(share) => (share, SloUnit::Share),
            Bound::Rate(rate) => (rate.per_second(), SloUnit::PerS),
            Bound::Count(count) => (count as f64, SloUnit::Count),
        };
        Self { comparison: slo.comparison, bound, unit }
    }

    fn judge(&self, observed: &Observed) -> Judgement {
        match *observed {
            Observed::Number { value, samples, between } => {
                let words = |micros: u64| micros_in_words(micros as f64);
                let between = match between {
                    Some((low, Some(high))) => format!(", 95 %: {} to {}", words(low), words(high)),
                    Some((low, None)) => format!(", 95 %: above {}", words(low)),
                    None => String::new(),
                };
                let detail = format!("{} (n = {samples}{between})", self.words(value));
                Judgement { value: Some(value), detail, verdict: self.holds(value) }
            }
            Observed::Above { without, samples } => Judgement {
                value: None,
                detail: format!("none: {} of {samples} without an answer", percent(without)),
                verdict: self.holds(f64::INFINITY),
            },
            Observed::TooFew { samples, needed } => {
                self.undecided(None, format!("{samples} samples are too few: this quantile needs {needed}"))
            }
            Observed::Nothing(why) => self.undecided(None, why.to_owned()),
        }
    }

    /// All windows must hold; the worst one is told.
    fn judge_windows(&self, windows: &[Window], length: Span) -> Judgement {
        let mut fold = Fold::default();
        windows.iter().for_each(|window| self.fold(&mut fold, window, length));
        self.of_windows(fold)
    }

    /// Takes in one more window.
    pub(super) fn fold(&self, fold: &mut Fold, window: &Window, length: Span) {
        let judgement = match &window.observed {
            Some(observed) => self.judge(observed),
            None => Judgement {
                value: None,
                detail: "work was outstanding and nothing ended".to_owned(),
                verdict: Verdict::Fail,
            },
        };
        fold.count += 1;
        fold.failed += u64::from(judgement.verdict == Verdict::Fail);
        if fold.worst.as_ref().is_none_or(|(so_far, _)| self.is_worse(&judgement, so_far)) {
            let from = length.scaled(window.number as f64);
            let from = if from == Span::ZERO { "0s".into() } else { from.to_string() };
            fold.worst = Some((judgement, format!("the window of {length} from t = {from}")));
        }
    }

    fn of_windows(&self, fold: Fold) -> Judgement {
        let Fold { worst, failed, count } = fold;
        let Some((judgement, name)) = worst else {
            return self.undecided(None, "no window has anything to judge".to_owned());
        };
        let detail = match judgement.verdict {
            Verdict::Fail => {
                format!("{failed} of {count} windows fail; worst, {name}: {}", judgement.detail)
            }
            _ => format!("worst of {count}, {name}: {}", judgement.detail),
        };
        Judgement { detail, ..judgement }
    }

    /// The result of a promise about windows that were taken in one by one.
    pub(super) fn conclude(&self, fold: Fold, slo: &Slo) -> SloResult {
        self.result(slo, self.of_windows(fold))
    }

    fn result(&self, slo: &Slo, judgement: Judgement) -> SloResult {
        SloResult {
            expression: slo.text.clone(),
            observed: judgement.value,
            bound: self.bound,
            unit: self.unit,
            detail: judgement.detail,
            verdict: judgement.verdict,
        }
    }

    fn is_worse(&self, one: &Judgement, other: &Judgement) -> bool {
        let severity = |judgement: &Judgement| match judgement.verdict {
            Verdict::Fail => 2,
            Verdict::Undecided => 1,
            Verdict::Pass => 0,
        };
        let badness = |judgement: &Judgement| match (judgement.value, self.comparison) {
            (None, _) => f64::INFINITY,
            (Some(value), Comparison::Less | Comparison::AtMost) => value,
            (Some(value), Comparison::More | Comparison::AtLeast) => -value,
            (Some(value), Comparison::Equal) => (value - self.bound).abs(),
        };
        (severity(one), badness(one)) > (severity(other), badness(other))
    }

    fn holds(&self, value: f64) -> Verdict {
        if self.comparison.holds(value, self.bound) { Verdict::Pass } else { Verdict::Fail }
    }

    fn undecided(&self, value: Option<f64>, detail: String) -> Judgement {
        Judgement { value, detail, verdict: Verdict::Undecided }
    }

    /// A number with its unit.
    fn words(&self, value: f64) -> String {
        match self.unit {
            SloUnit::Us => micros_in_words(value),
            SloUnit::Share => percent(value),
            SloUnit::PerS => format!("{value:.3}/s"),
            SloUnit::Count => format!("{value}"),
        }
    }
}

/// Three digits, as the record tells them.
pub(super) fn micros_in_words(micros: f64) -> String {
    match micros {
        m if m >= 1e6 => format!("{} s", three_digits(m / 1e6)),
        m if m >= 1e3 => format!("{} ms", three_digits(m / 1e3)),
        m => format!("{} µs", three_digits(m)),
    }
}

/// To a thousandth of a per cent, without needless zeros.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1e5).round() / 1e3)
}

fn three_digits(value: f64) -> String {
    let whole = if value >= 1.0 { value.log10().floor() as usize + 1 } else { 1 };
    format!("{value:.*}", 3_usize.saturating_sub(whole))
}
