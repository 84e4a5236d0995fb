//! What a day is expected to bring, minute by minute, before anything is drawn.

use super::followers::Triangle;
use crate::rng::Key;
use crate::scenario::{After, Arrivals, Cause, Delay, Population, Scenario, Table};
use crate::units::TimeOfDay;

const MINUTES: usize = 1_440;
const MINUTE_NANOS: f64 = 60e9;
/// Draws that stand for a law of delay: its share of a minute is known within 0.4 %.
const DRAWS: u64 = 20_000;

/// Expected journeys of every population in every minute of the scenario's whole day, at the scenario's scale and
/// unwarped, if every request succeeds at once.
///
/// `causes` says how many causes of a kind one journey of a population brings in the mean (messages, successes of a
/// step). Journeys that are brought after midnight are left out.
pub fn per_minute(scenario: &Scenario, causes: &dyn Fn(u16, &Cause) -> f64) -> Vec<Vec<f64>> {
    let populations = &scenario.populations;
    let mut minutes: Vec<Option<Vec<f64>>> = populations
        .iter()
        .map(|population| match &population.arrivals {
            Arrivals::Curve { curve, per_day } => Some(
                (0..MINUTES)
                    .map(|m| (curve.share_before(minute(m + 1)) - curve.share_before(minute(m))) * per_day)
                    .map(|journeys| journeys * scenario.run.scale)
                    .collect(),
            ),
            Arrivals::Rate { rate } => Some(vec![rate.per_second() * 60.0 * scenario.run.scale; MINUTES]),
            Arrivals::After(_) => None,
        })
        .collect();
    for (minutes, population) in minutes.iter_mut().zip(populations) {
        minutes.iter_mut().for_each(|minutes| only_present(minutes, population));
    }
    // A population that is brought waits until all that bring it are known; a circle brings nothing by itself.
    for _ in 0..populations.len() {
        for (index, population) in populations.iter().enumerate() {
            let Arrivals::After(after) = &population.arrivals else { continue };
            let brings = |other: usize| u16::try_from(other).map_or(0.0, |other| causes(other, &after.cause));
            let sources: Vec<(usize, f64)> =
                (0..populations.len()).map(|o| (o, brings(o))).filter(|(_, n)| *n > 0.0).collect();
            if minutes[index].is_some() || sources.iter().any(|(other, _)| minutes[*other].is_none()) {
                continue;
            }
            let mut caused = vec![0.0; MINUTES];
            for (other, per_journey) in sources {
                for (sum, journeys) in caused.iter_mut().zip(minutes[other].iter().flatten()) {
                    *sum += journeys * per_journey;
                }
            }
            let mut brought = brought(after, &caused);
            only_present(&mut brought, population);
            minutes[index] = Some(brought);
        }
    }
    minutes.into_iter().map(|minutes| minutes.unwrap_or_else(|| vec![0.0; MINUTES])).collect()
}

/// Takes away what incidents keep away.
fn only_present(minutes: &mut [f64], population: &Population) {
    for (start, journeys) in (0..).map(|number| minute(number).nanos() as i64).zip(minutes) {
        *journeys *= population.presence.share(start, start + MINUTE_NANOS as i64);
    }
}

fn minute(number: usize) -> TimeOfDay {
    TimeOfDay::from_nanos(number as u64 * MINUTE_NANOS as u64).unwrap_or(TimeOfDay::END)
}

/// Journeys per minute that causes per minute bring.
fn brought(after: &After, caused: &[f64]) -> Vec<f64> {
    let mut journeys = vec![0.0; MINUTES];
    let weights: f64 = after.delays.iter().map(|(weight, _)| weight).sum();
    for (number, (weight, delay)) in after.delays.iter().enumerate() {
        let each = after.share * after.journeys * weight / weights;
        match delay {
            Delay::After(law) => {
                let (law, mut shares) = (Table::of(law), vec![0.0; MINUTES]);
                for draw in 0..DRAWS {
                    let key = Key::root(0).word("forecast").with(number as u64).with(draw);
                    let minutes = law.draw(key) as f64 / MINUTE_NANOS + key.word("within").unit();
                    if let Some(share) = shares.get_mut(minutes as usize) {
                        *share += 1.0 / DRAWS as f64;
                    }
                }
                for (start, causes) in caused.iter().enumerate().filter(|(_, causes)| **causes > 0.0) {
                    for (minute, share) in journeys[start..].iter_mut().zip(&shares) {
                        *minute += causes * each * share;
                    }
                }
            }
            Delay::AtTimeOfDay { from, mode, to } => {
                let triangle = Triangle([from, mode, to].map(|time| time.nanos() as f64 / MINUTE_NANOS));
                for (start, causes) in caused.iter().enumerate().filter(|(_, causes)| **causes > 0.0) {
                    let cut = start as f64 + 0.5;
                    let left = 1.0 - triangle.cdf(cut);
                    if left <= 0.0 {
                        journeys[start] += causes * each;
                        continue;
                    }
                    for (minute, journeys) in journeys.iter_mut().enumerate().skip(start) {
                        let within =
                            triangle.cdf(minute as f64 + 1.0) - triangle.cdf((minute as f64).max(cut));
                        *journeys += causes * each * within / left;
                    }
                }
            }
        }
    }
    journeys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Law, Subject, Timeline, example};
    use crate::units::{Offset, Span};

    #[test]
    fn as_many_readers_are_expected_as_are_drawn() {
        let day = Timeline {
            from: TimeOfDay::MIDNIGHT,
            to: TimeOfDay::END,
            warp: 1.0,
            scale: 1.0,
            run_in: Span::ZERO,
            drain: Span::ZERO,
        };
        let after = After {
            cause: Cause::Message,
            share: 0.85,
            journeys: 1.3,
            delays: vec![
                (0.8, Delay::After(Law::lognormal_median(Span::from_secs(240), 1.3))),
                (
                    0.2,
                    Delay::AtTimeOfDay {
                        from: "18:00".parse().unwrap(),
                        mode: "20:30".parse().unwrap(),
                        to: "23:00".parse().unwrap(),
                    },
                ),
            ],
        };
        // 40,000 messages at 19:00:30, the middle of the minute for which the forecast takes them.
        let mut caused = vec![0.0; MINUTES];
        caused[19 * 60] = 40_000.0;
        let expected = brought(&after, &caused);
        let mut readers = example::population("patient", vec![example::step("read")]);
        readers.arrivals = Arrivals::After(after);
        let senders = example::population("sender", vec![example::step("send")]);
        let scenario = example::scenario(vec![senders, readers]);
        let at = Offset::from_secs_f64((19 * 3_600 + 30) as f64);
        let mut drawn = [0.0; 24];
        let readers = crate::arrivals::Followers::new(&scenario, &day, 3, 1).unwrap();
        for journey in 0..40_000 {
            let cause = Subject { population: 0, journey, item: 0 };
            for arrival in readers.of(cause, at) {
                drawn[(arrival.at.secs_f64() / 3_600.0) as usize] += 1.0;
            }
        }
        for (hour, drawn) in drawn.iter().enumerate() {
            let expected: f64 = expected[hour * 60..(hour + 1) * 60].iter().sum();
            // Causes count 0 to 2 journeys: the variance is below 2 a journey; and the forecast's own 0.4 %.
            let bound = 5.0 * (2.0 * expected).sqrt() + 0.01 * expected + 5.0;
            assert!((drawn - expected).abs() < bound, "hour {hour}: {drawn} drawn, {expected:.0} expected");
        }
    }
}
