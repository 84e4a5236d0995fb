//! One live line for the configuration that is played, on standard error and only on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use crate::load::{Listener, Phase, Progress};
use crate::scenario::Timeline;

/// A listener that keeps one line up to date; on anything but a terminal it says only which part begins.
pub(super) fn listener(timeline: &Timeline) -> Listener {
    let timeline = *timeline;
    let terminal = std::io::stderr().is_terminal();
    let last = std::sync::Mutex::new(None);
    Arc::new(move |progress: &Progress| {
        if terminal {
            say(&format!("\r\x1b[2K{}", line(progress, &timeline)));
            return;
        }
        let part = (progress.server.clone(), progress.phase);
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.as_ref() != Some(&part) {
            say(&format!("{}: {}\n", progress.server, name(progress.phase)));
            *last = Some(part);
        }
    })
}

/// Ends the live line.
pub(super) fn done() {
    if std::io::stderr().is_terminal() {
        say("\r\x1b[2K");
    }
}

fn say(text: &str) {
    // A closed standard error must not end a run.
    let mut stderr = std::io::stderr().lock();
    _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting the server",
        Phase::Playing => "playing",
        Phase::Draining => "waiting for the last answers",
        Phase::Auditing => "asking again for everything acknowledged",
    }
}

fn line(progress: &Progress, timeline: &Timeline) -> String {
    let Progress { server, phase, at, left, offered, ok, shed, failed, response_p99, lag_p99 } = progress;
    if *phase != Phase::Playing {
        return format!("{server}: {}", name(*phase));
    }
    let millis = |span: &Option<crate::units::Span>| {
        span.map_or_else(|| "-".to_owned(), |span| format!("{:.0} ms", span.secs_f64() * 1e3))
    };
    format!(
        "{server} {} ({:.0} s left)  offered {offered}/s  ok {ok}/s  refused {shed}/s  failed {failed}/s  p99 {}  lag {}",
        timeline.scenario_time(*at),
        left.secs_f64(),
        millis(response_p99),
        millis(lag_p99),
    )
}
