//! What `run` plays of the day.

use super::place::Place;
use super::shape::RunTable;
use crate::scenario::{Pacing, RunPlan};
use crate::units::{Span, TimeOfDay};

pub(super) fn read(table: RunTable, place: &Place<'_>) -> Option<RunPlan> {
    let time_warp = place.or("time_warp", table.time_warp, 1.0);
    if time_warp < 1.0 {
        let hint = "scenario time runs as fast as wall time, or faster";
        place.at("time_warp").wrong(format!("{time_warp} is below 1"), hint);
    }
    let scale = place.or("scale", table.scale, 1.0);
    if scale <= 0.0 {
        place.at("scale").wrong(format!("{scale} leaves nothing to do"), "write a number above 0");
    }
    let [run_in, drain, settle] = [
        ("run_in", table.run_in, Span::ZERO),
        ("drain", table.drain, Span::from_secs(5)),
        ("settle", table.settle, Span::ZERO),
    ]
    .map(|(key, found, default)| place.or(key, found, default));
    let pacer = place.or("pacer", table.pacer, super::leaf::Word(Pacing::Timerfd)).0;
    let given = (table.window.is_some(), table.duration.is_some());
    let (window, duration) = (place.take("window", table.window), place.take("duration", table.duration));
    if given == (false, false) {
        let hint = "say what is played: window = \"18:50-20:05\" or duration = \"30s\"";
        place.at("window").wrong("is missing", hint);
    }
    if given != (window.is_some(), duration.is_some()) || given == (false, false) {
        return None;
    }
    let (from, to) = window.map_or((TimeOfDay::MIDNIGHT, TimeOfDay::END), |window| (window.0, window.1));
    let window = RunPlan { from, to, time_warp: time_warp.max(1.0), scale, run_in, drain, settle, pacer };
    let plan = match duration {
        None => window,
        Some(duration) => window.lasting(duration).or_else(|| {
            let problem = format!("{duration} of wall time is nothing, or reaches past 24:00");
            let longest = RunPlan { to: TimeOfDay::END, ..window }.timeline().measured();
            place
                .at("duration")
                .wrong(problem, format!("from {from} at time_warp {time_warp} there are {longest}"));
            None
        })?,
    };
    let measured = plan.timeline().measured();
    if settle >= measured {
        let problem = format!("{settle} leaves no journey to judge: the measured part lasts {measured}");
        place.at("settle").wrong(problem, "make it shorter, or the window longer");
    }
    Some(plan)
}
