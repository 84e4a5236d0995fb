//! Small scenarios for tests, built as values: every field set, to be changed where a test cares.

use super::*;
use crate::units::{Span, TimeOfDay};

/// A step that is always played, followed by the next.
pub(crate) fn step(name: &str) -> Step {
    Step {
        name: name.to_owned(),
        class: name.to_owned(),
        request: Request {
            method: "GET".to_owned(),
            path: Template::default(),
            headers: Vec::new(),
            body: Body::Empty,
        },
        keep: Vec::new(),
        success: Success { status: vec![(200, 299)], contains: None },
        think: None,
        timeout: None,
        chance: 1.0,
        every: None,
        next: Vec::new(),
        on_failure: OnFailure::Retry,
        slo: None,
        counted: true,
        messages: 0,
        acknowledges: None,
    }
}

/// A population of one journey a second that thinks for 2 s, waits for 20 s and never tries again.
pub(crate) fn population(name: &str, steps: Vec<Step>) -> Population {
    Population {
        name: name.to_owned(),
        legitimate: true,
        arrivals: Arrivals::Rate { rate: crate::units::Rate::per_sec(1.0) },
        presence: Presence::default(),
        accounts: None,
        connection: Connection::New,
        network: Network::default(),
        lanes: None,
        timeout: Law::Constant(Span::from_secs(20)),
        think: Law::Constant(Span::from_secs(2)),
        retry: None,
        patience: None,
        steps,
    }
}

/// One journey for each message, after a second.
pub(crate) fn brought_by_messages() -> Arrivals {
    Arrivals::After(After {
        cause: Cause::Message,
        share: 1.0,
        journeys: 1.0,
        delays: vec![(1.0, Delay::After(Law::Constant(Span::from_secs(1))))],
    })
}

/// A scenario of these populations on 5 January 2022, with no servers and no promises.
pub(crate) fn scenario(populations: Vec<Population>) -> Scenario {
    Scenario {
        name: "example".to_owned(),
        about: String::new(),
        date: "2022-01-05".to_owned(),
        seed: 1,
        unit: None,
        run: RunPlan {
            from: TimeOfDay::MIDNIGHT,
            to: TimeOfDay::END,
            time_warp: 1.0,
            scale: 1.0,
            run_in: Span::ZERO,
            drain: Span::ZERO,
            settle: Span::ZERO,
            pacer: Pacing::Timerfd,
        },
        populations,
        servers: Vec::new(),
        target: None,
        feeders: Vec::new(),
        ca: None,
        slos: Vec::new(),
        audit: None,
        messages: None,
        incidents: Vec::new(),
        aborts: Vec::new(),
    }
}

/// A part of the day at a warp, after a run-in of 15 s.
pub(crate) fn timeline(from: &str, to: &str, warp: f64) -> Timeline {
    let time = |text: &str| text.parse().unwrap();
    Timeline {
        from: time(from),
        to: time(to),
        warp,
        scale: 1.0,
        run_in: Span::from_secs(15),
        drain: Span::from_secs(5),
    }
}

/// A day with all its volume between 08:00 and 24:00, most of it in the early evening.
pub(crate) fn evening() -> Curve {
    let mut hours = [0.0; 24];
    hours[8..24].copy_from_slice(&[
        1.0, 4.0, 6.0, 7.0, 6.0, 4.0, 6.0, 7.0, 8.0, 11.0, 14.0, 13.0, 8.0, 3.0, 1.5, 0.5,
    ]);
    Curve::from_hours(&hours).unwrap()
}
