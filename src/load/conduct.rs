//! The course of a run: releases what is due until the end of the measured part, awaits the last answers, and gives up
//! what is left.

use std::io;
use std::time::Duration;

use super::clock::Clock;
use super::interrupt;
use super::lane::Floor;
use super::pacer::Pacer;
use super::progress::Phase;
use super::recorder::Entry;
use crate::record::{Event, What};
use crate::units::{Offset, Span};

/// The longest time for which the record hears nothing. The beats fall on whole multiples of it, so that a second that
/// is over is on disk at once: a kill may cost the last second and no more.
const HEARTBEAT: Span = Span::from_millis(100);

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The measured part is over.
    Planned,
    /// Somebody wanted it.
    Interrupted,
    /// A rule of the scenario said so, or the target.
    Aborted,
    /// The record cannot be written any more.
    RecordBroken,
}

/// Plays the plan from now until nothing is under way any more; `drain` bounds the wait for the last answers.
///
/// # Errors
/// The kernel refuses the pacer's timer.
pub(super) async fn conduct(floor: &Floor, clock: &Clock, mut pacer: Pacer) -> io::Result<Ended> {
    floor.dispatch().feed.push(Entry::Phase(Phase::Playing), clock.now());
    let ended = release(floor, clock, &mut pacer).await?;
    let cut = clock.now();
    {
        let mut dispatch = floor.dispatch();
        dispatch.cut(cut);
        dispatch.feed.push(Entry::Phase(Phase::Draining), cut);
        let reason = match ended {
            Ended::Interrupted => Some("interrupted: what was measured until then is kept".to_owned()),
            Ended::Aborted => dispatch.feed.aborted().map(str::to_owned),
            Ended::Planned | Ended::RecordBroken => None,
        };
        if let Some(reason) = reason {
            // At the instant from which on nothing was offered: there the measured part ends for statistics.
            let event = Event { at: cut, what: What::Aborted { reason } };
            dispatch.feed.push(Entry::Event(Box::new(event)), cut);
        }
    }
    if ended != Ended::RecordBroken {
        drain(floor, clock, cut + floor.plan.timeline.drain).await;
    }
    let now = clock.now();
    let mut dispatch = floor.dispatch();
    dispatch.abandon(now);
    dispatch.feed.hand_over(now);
    dispatch.wake_all();
    drop(dispatch);
    floor.over.give();
    Ok(ended)
}

async fn release(floor: &Floor, clock: &Clock, pacer: &mut Pacer) -> io::Result<Ended> {
    let end = floor.plan.timeline.end();
    let mut beat = beat_after(clock.now());
    loop {
        let now = clock.now();
        let next = {
            let mut dispatch = floor.dispatch();
            dispatch.release(now);
            if now >= beat {
                dispatch.feed.hand_over(now);
                dispatch.rounds.go_on();
                beat = beat_after(now);
            }
            if dispatch.feed.is_broken() {
                return Ok(Ended::RecordBroken);
            }
            if now >= end {
                return Ok(Ended::Planned);
            }
            if dispatch.feed.aborted().is_some() {
                return Ok(Ended::Aborted);
            }
            let rests_until = now + pacer.rest();
            let next = dispatch.next_due().unwrap_or(end).max(rests_until).min(end).min(beat);
            dispatch.arm(next, rests_until);
            next
        };
        tokio::select! {
            biased;
            woken = pacer.until(clock, next) => woken?,
            () = floor.sooner.notified() => {}
            () = interrupt::wait() => return Ok(Ended::Interrupted),
            () = floor.over.wait() => return Ok(Ended::Interrupted),
        }
    }
}

/// The first beat after an instant.
fn beat_after(now: Offset) -> Offset {
    let length = HEARTBEAT.nanos() as i64;
    Offset::from_nanos((now.nanos().div_euclid(length) + 1) * length)
}

async fn drain(floor: &Floor, clock: &Clock, until: Offset) {
    while clock.now() < until && floor.dispatch().in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = clock.now();
        floor.dispatch().feed.hand_over(now);
    }
}
