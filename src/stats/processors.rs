//! Whether the generator had the processors that it needed.

use std::io;

use super::Cohort;
use crate::record::{Machine, Resources, ServerRecord, Who};
use crate::units::Offset;

const BUSY_MEAN: f64 = 0.8;
const BUSY_SOME: f64 = 0.95;
const SOME_SECONDS: f64 = 10.0;
const STOLEN: f64 = 0.05;

/// A row about the generator: when, and of the time since the row before the CPU seconds that count.
#[derive(Debug, Clone, Copy)]
struct Used {
    at: f64,
    cpu: f64,
    stolen: f64,
}

/// What accuses the machine, as (code, detail).
pub(super) fn findings(
    record: &ServerRecord,
    cohort: &Cohort,
    machine: &Machine,
) -> io::Result<Vec<(&'static str, String)>> {
    let mut rows = Vec::new();
    for row in record.resources()? {
        let row = row?;
        if row.who == Who::Generator && row.at > Offset::ZERO && row.at <= cohort.end {
            rows.push(used(&row, machine));
        }
    }
    let Some(last) = rows.last() else {
        let detail =
            "nobody watched the processors of the generator: whether it kept up shows only in its send lag";
        return Ok(vec![("no-resources", detail.to_owned())]);
    };
    let mut found = Vec::new();
    let mean = rows.iter().map(|row| row.cpu).sum::<f64>() / last.at;
    let busiest = busiest(&rows);
    if mean > BUSY_MEAN || busiest > BUSY_SOME {
        let detail = format!(
            "what sends was busy {:.0} % of the time and {:.0} % of the busiest {SOME_SECONDS} s: response times may \
             be the generator's own; give it a processor of its own, or less load",
            100.0 * mean,
            100.0 * busiest
        );
        found.push(("generator-cpu", detail));
    }
    let stolen = rows.iter().map(|row| row.stolen).sum::<f64>() / last.at / f64::from(machine.cores.max(1));
    if stolen > STOLEN {
        let detail = format!(
            "the host of this machine took {:.0} % of its processors for others: play again when it is quiet",
            100.0 * stolen
        );
        found.push(("stolen-cpu", detail));
    }
    Ok(found)
}

/// What sends is one thread, where the row tells of it; else it is the share of the processors that it may use.
fn used(row: &Resources, machine: &Machine) -> Used {
    let metric = |name: &str| row.metrics.iter().find(|metric| metric.0 == name).map(|metric| metric.1);
    let processors = match machine.generator_cpus.len() {
        0 => f64::from(machine.cores.max(1)),
        some => some as f64,
    };
    Used {
        at: row.at.secs_f64(),
        cpu: metric("thread_cpu").unwrap_or(row.cpu / processors),
        stolen: metric("stolen_cpu").unwrap_or(0.0),
    }
}

/// The largest share in any [`SOME_SECONDS`].
fn busiest(rows: &[Used]) -> f64 {
    let mut busiest = 0.0_f64;
    let mut first = 0;
    for (last, row) in rows.iter().enumerate() {
        // A row is about the time since the one before it.
        let begin = |first: usize| if first == 0 { 0.0 } else { rows[first - 1].at };
        while row.at - begin(first + 1) >= SOME_SECONDS && first < last {
            first += 1;
        }
        let seconds = row.at - begin(first);
        if seconds >= 0.9 * SOME_SECONDS {
            busiest = busiest.max(rows[first..=last].iter().map(|row| row.cpu).sum::<f64>() / seconds);
        }
    }
    busiest
}
